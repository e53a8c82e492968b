package python

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

var conflictRule = lint.Rule{
	ID: "TM-PY-08", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
	Title:  "Lines that are installed together leave each package a version",
	Why:    "Where no version satisfies all of them the installation fails, or an installer that takes the last word installs what another line excludes; nobody can say what would run.",
	Remedy: "Change one of the lines so that some version satisfies all of them.",
	Bad:    "gradio>=5\ngradio<5\n",
	Good:   "gradio>=5\ngradio<6\n",
	Source: "https://pip.pypa.io/en/stable/topics/dependency-resolution/",
}

// The bounds on the work for one document: how many lines of one package are
// held against one another, for how many scopes, and how often lines are looked
// at altogether. What exceeds them is a gap.
const (
	conflictLines  = 256
	conflictScopes = 16
	conflictSteps  = 1 << 18
)

// demanded is one line about a package.
type demanded struct {
	component *sbom.Component
	at        sbom.Location
	set       pep440.Set
	marker    *pep508.Marker
}

// CheckTogether returns a finding, sorted, for each package of which no version
// satisfies all the declared lines of one file, or of files that the document
// says are installed together, in one of the environments; and a gap for each
// of them, because nothing can be said of a package that no version is left of.
// A line whose marker or specifier cannot be read or decided takes no part.
func CheckTogether(doc *sbom.Document, environments []pep508.Environment) ([]lint.Finding, []sbom.Gap) {
	c := &together{sets: map[string][]int{}, environments: environments}
	for n, files := range doc.Together {
		for _, file := range files {
			c.sets[file] = append(c.sets[file], n)
		}
	}
	lines := map[string][]*demanded{}
	for i := range doc.Components {
		if line := readLine(&doc.Components[i]); line != nil {
			name := line.component.NormalName()
			for _, at := range line.component.Locations {
				one := *line
				one.at = at
				lines[name] = append(lines[name], &one)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		if len(lines[name]) > 1 {
			c.check(name, lines[name])
		}
	}
	return lint.Sort(c.found), c.gaps
}

// together holds the lines of one package after the other against one another.
type together struct {
	sets         map[string][]int
	environments []pep508.Environment
	steps        int
	found        []lint.Finding
	gaps         []sbom.Gap
}

func (c *together) check(name string, lines []*demanded) {
	slices.SortFunc(lines, func(a, b *demanded) int { return sbom.CompareLocations(a.at, b.at) })
	type install struct {
		file      string
		line, set int
	}
	groups := map[install][]*demanded{}
	var order []install
	add := func(k install, l *demanded) {
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], l)
		c.steps++
	}
	for _, l := range lines {
		sets := c.sets[l.at.File]
		if c.steps+len(sets) > conflictSteps {
			c.tooMany(name, l)
			return
		}
		for _, n := range sets {
			add(install{set: n}, l)
		}
		switch {
		case len(sets) > 0:
		case isDockerfile(l.at.File):
			add(install{file: l.at.File, line: l.at.Line}, l) // each RUN installs by itself
		default:
			add(install{file: l.at.File}, l)
		}
	}
	for _, k := range order {
		if len(groups[k]) > conflictLines {
			c.tooMany(name, groups[k][0])
			continue
		}
		c.conflicts(name, groups[k])
	}
}

func (c *together) tooMany(name string, l *demanded) {
	gap := sbom.NewGap(sbom.GapTooLarge, l.at.File, l.at.Line, fmt.Sprintf("too many lines name %s: whether they exclude one another is not judged", name))
	gap.Package = name
	c.gaps = append(c.gaps, gap)
}

// isDockerfile reports whether a file is a list of commands.
func isDockerfile(file string) bool {
	base := strings.ToLower(path.Base(file))
	return strings.HasPrefix(base, "dockerfile") || strings.HasPrefix(base, "containerfile") || strings.HasSuffix(base, ".dockerfile")
}

// readLine reads a declared line that limits versions; nil for anything else.
func readLine(c *sbom.Component) *demanded {
	if c.Ecosystem != "PyPI" || c.URL != "" || c.Evidence != sbom.Declared || c.Specifier == "" || strings.HasPrefix(c.Specifier, "===") {
		return nil
	}
	specifiers, err := pep440.ParseSpecifiers(c.Specifier)
	if err != nil {
		return nil
	}
	line := &demanded{component: c, set: specifiers.Set()}
	if c.Marker != "" {
		if line.marker, err = pep508.ParseMarker(c.Marker); err != nil {
			return nil
		}
	}
	return line
}

// conflicts holds the lines of one installation against one another, for each
// scope and environment; what conflicts in several is said once.
func (c *together) conflicts(name string, lines []*demanded) {
	var scopes []string
	for _, l := range lines {
		if !slices.Contains(scopes, l.component.Scope) && len(scopes) < conflictScopes {
			scopes = append(scopes, l.component.Scope)
		}
	}
	for _, scope := range scopes {
		for _, e := range c.environments {
			who := exclusive(applied(lines, scope, e))
			if who == nil {
				continue
			}
			at, message := who[0].at, "no version satisfies "+words(who)
			c.found = append(c.found, conflictRule.New(at.File, at.Line, 0, "", message))
			gap := sbom.NewGap(sbom.GapConflict, at.File, at.Line, message)
			gap.Package = name
			c.gaps = append(c.gaps, gap)
		}
	}
}

// applied are the lines that count for a scope in an environment. An extra
// comes on top of what runs always; a group may be installed without it.
func applied(lines []*demanded, scope string, e pep508.Environment) (out []*demanded) {
	for _, l := range lines {
		own := l.component.Scope
		counts := own == scope || l.component.Constraint || strings.HasPrefix(scope, "extra:") && own == ""
		if counts && l.marker.Evaluate(e) == pep508.True {
			out = append(out, l)
		}
	}
	return out
}

// exclusive returns lines that leave no version, two if two do: nil when some
// version satisfies all of them, or none of them is a requirement.
func exclusive(lines []*demanded) []*demanded {
	rest := pep440.All()
	for i, l := range lines {
		if rest = rest.Intersect(l.set); !rest.IsEmpty() {
			continue
		}
		if !slices.ContainsFunc(lines, func(l *demanded) bool { return !l.component.Constraint }) {
			return nil
		}
		for _, other := range lines[:i] {
			if other.set.Intersect(l.set).IsEmpty() {
				return []*demanded{other, l}
			}
		}
		return lines[:i+1]
	}
	return nil
}

// words quotes lines, the first few of many.
func words(lines []*demanded) string {
	const most = 4
	var out []string
	for _, l := range lines[:min(most, len(lines))] {
		out = append(out, fmt.Sprintf("%.120s (%s:%d)", cmp.Or(l.component.Name, "?")+" "+l.component.Specifier, l.at.File, l.at.Line))
	}
	if more := len(lines) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(slices.Compact(out), " and ")
}
