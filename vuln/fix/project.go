package fix

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyproject"
)

// projectGrammar is that of the TOML files that name dependencies.
type projectGrammar struct{ name string }

// isProject reports whether a file is one of those.
func isProject(base string) bool { return base == "pyproject.toml" || base == "Pipfile" }

func (g projectGrammar) declared(data []byte) []declaration {
	var out []declaration
	for _, q := range pyproject.Read(oneFile{g.name, data}, g.name).Requirements {
		if q.File != g.name {
			continue
		}
		d := declare(&q.Entry)
		d.rest += " " + q.Scope + " " + q.Index
		if q.Alternatives != nil {
			d.rest += " alternatives"
		}
		out = append(out, d)
	}
	return out
}

func (g projectGrammar) sites(data []byte) []*site {
	w := &tomlWalk{data: data, lines: lineStarts(data)}
	w.parser.Reset(data)
	for w.parser.NextExpression() {
		e := w.parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			w.table, _ = keys(e)
		case unstable.KeyValue:
			w.keyValue(w.table, e)
		}
	}
	if w.parser.Error() != nil {
		return nil
	}
	return w.sites
}

// tomlWalk finds the strings of a TOML file that are requirements.
type tomlWalk struct {
	parser unstable.Parser
	data   []byte
	lines  []int
	table  []string
	sites  []*site
}

// keys returns the names of a table or key, and where the last one stands.
func keys(e *unstable.Node) (names []string, last uint32) {
	for it := e.Key(); it.Next(); {
		names = append(names, string(it.Node().Data))
		last = it.Node().Raw.Offset
	}
	return names, last
}

func (w *tomlWalk) keyValue(table []string, e *unstable.Node) {
	names, at := keys(e)
	path := slices.Concat(table, names)
	w.value(path, int(at), e.Value())
}

// value looks at what stands at a path; key is where the last name of it does.
func (w *tomlWalk) value(path []string, key int, v *unstable.Node) {
	switch v.Kind {
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			switch n := it.Node(); n.Kind {
			case unstable.String:
				w.requirement(n)
			case unstable.Array, unstable.InlineTable:
				w.value(path, key, n)
			}
		}
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			w.keyValue(path, it.Node())
		}
	case unstable.String:
		w.constraint(path, key, v)
	}
}

// requirement adds a string of a list, if it reads as a requirement.
func (w *tomlWalk) requirement(n *unstable.Node) {
	text := string(n.Data)
	r, err := pep508.Parse(text)
	if err != nil {
		return
	}
	s := w.site(n, text, locate)
	s.name = pep508.NormalizeName(r.Name)
	if r.URL != "" {
		s.refuse = "it is installed from a URL, which says the version itself: " + shown(r.URL)
	}
}

// constraint adds the string of a table of dependencies: of Poetry and Pipenv,
// 'name = "^1"' or 'name = {version = "^1"}'.
// https://python-poetry.org/docs/dependency-specification/
func (w *tomlWalk) constraint(path []string, key int, n *unstable.Node) {
	line := w.line(int(n.Raw.Offset))
	if last := len(path) - 1; last > 0 && path[last] == "version" {
		path = path[:last]
	} else if last >= 0 && slices.Contains([]string{"markers", "python", "git", "url", "path"}, path[last]) {
		return
	}
	if len(path) < 2 {
		return
	}
	table := path[len(path)-2]
	if !strings.HasSuffix(table, "dependencies") && table != "packages" && !strings.HasSuffix(table, "-packages") {
		return
	}
	for _, at := range slices.Compact([]int{line, w.line(key)}) {
		s := w.site(n, string(n.Data), locatePoetry)
		s.key = path[len(path)-1]
		s.name, s.line, s.label = pep508.NormalizeName(s.key), at, s.key+" = "
	}
}

// site adds the place of a string.
func (w *tomlWalk) site(n *unstable.Node, text string, locate func(string) (spans, error)) *site {
	from := int(n.Raw.Offset)
	to := from + int(n.Raw.Length)
	s := &site{lineName: lineName{line: w.line(from)}, text: text, from: from, to: to, locate: locate}
	w.sites = append(w.sites, s)
	raw := string(w.data[from:to])
	if len(raw) != len(text)+2 || raw[1:len(raw)-1] != text {
		s.refuse = "the string has escapes or several lines: edit it by hand"
		return s
	}
	s.offsets = consecutive(from+1, len(text))
	if text == "" {
		s.refuse = "the constraint is empty: edit it by hand"
	}
	if strings.ContainsAny(text, "\r\n") {
		s.refuse = "the string has several lines: edit it by hand"
	}
	return s
}

func (w *tomlWalk) line(offset int) int {
	i, found := slices.BinarySearch(w.lines, offset)
	if found {
		i++
	}
	return i
}
