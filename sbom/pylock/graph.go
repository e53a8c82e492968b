package pylock

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// graph finds out which packages are needed for what.
type graph struct {
	packages []Package
	byName   map[string][]int
	// roots are the needs of each scope.
	roots map[string][]Dependency
	// spend is asked before each step of work, see reader.spend; full is true
	// once it has refused one, and what the graph tells is then not all.
	spend func(steps int) bool
	full  bool
}

func newGraph(packages []Package) *graph {
	g := &graph{packages: packages, byName: map[string][]int{}, roots: map[string][]Dependency{}, spend: func(int) bool { return true }}
	for i := range packages {
		name := pep508.NormalizeName(packages[i].Name)
		g.byName[name] = append(g.byName[name], i)
	}
	return g
}

// start notes what a scope needs by itself.
func (g *graph) start(scope string, needs []Dependency) {
	g.roots[scope] = append(g.roots[scope], needs...)
}

// resolve returns the packages of the lock that a need may mean: those of the
// name, and of them those of the version or within the specifiers if there are
// any such.
func (g *graph) resolve(d Dependency) []int {
	all := g.byName[d.Name]
	if g.full = g.full || !g.spend(1+len(all)); g.full {
		return nil
	}
	if len(all) < 2 || d.Version == "" && d.Specifiers.IsEmpty() {
		return all
	}
	var out []int
	for _, i := range all {
		version := g.packages[i].Version
		if d.Version == version || d.Version == "" && d.Specifiers.ContainsText(version, pep440.PrereleasesAllowed) {
			out = append(out, i)
		}
	}
	if len(out) == 0 {
		return all
	}
	return out
}

// node is a package asked for with one extra, "" for the package itself.
type node struct {
	index int
	extra string
}

// reach returns the packages that are needed, directly or not.
func (g *graph) reach(needs []Dependency) map[int]bool {
	seen := map[node]bool{}
	var todo []node
	visit := func(n node) {
		if !seen[n] {
			seen[n] = true
			todo = append(todo, n)
		}
	}
	need := func(d Dependency) {
		for _, i := range g.resolve(d) {
			visit(node{i, ""})
			for _, x := range d.Extras {
				visit(node{i, x})
			}
		}
	}
	for _, d := range needs {
		need(d)
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		what := ""
		if n.extra != "" {
			what = "extra:" + n.extra
		}
		for _, d := range g.packages[n.index].Dependencies {
			if d.For == what {
				need(d)
			}
		}
	}
	out := map[int]bool{}
	for n := range seen {
		out[n.index] = true
	}
	return out
}

// assign sets the scopes of the packages. What the application needs to run
// has none, and so has what nothing is seen to need, or everything when the
// graph is too large.
func (g *graph) assign() {
	runtime := g.reach(g.roots[""])
	scopes := map[int][]string{}
	for _, scope := range slices.Sorted(maps.Keys(g.roots)) {
		if scope == "" {
			continue
		}
		for i := range g.reach(g.roots[scope]) {
			if !runtime[i] && !g.packages[i].Own {
				scopes[i] = append(scopes[i], scope)
			}
		}
	}
	for i, s := range scopes {
		if !g.full {
			g.packages[i].Scopes = s
		}
	}
}

// weightiest returns the scope under which a package that has several is
// judged: an extra may be installed where the application runs, a group is for
// those who work on it.
func weightiest(scopes []string) string {
	if len(scopes) == 0 {
		return ""
	}
	rank := func(s string) int {
		switch {
		case strings.HasPrefix(s, "extra:"):
			return 0
		case s == "dev":
			return 2
		}
		return 1
	}
	return slices.MinFunc(scopes, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b)) })
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
