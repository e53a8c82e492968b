package fix

import (
	"path"
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
	requirements := pyproject.Read(oneFile{g.name, data}, g.name).Requirements
	overrides := overridesOf(requirements)
	for _, q := range requirements {
		if q.File != g.name {
			continue
		}
		d := declare(&q.Entry)
		if overrides[d.name] > 0 && !q.Override {
			d.specifier = "" // The override's stands in its place.
		}
		d.rest += " " + q.Scope + " " + q.Index
		if q.Alternatives != nil {
			d.rest += " alternatives"
		}
		out = append(out, d)
	}
	return out
}

// overridesOf are the lines of the overrides of a project, by normal name. Of
// several the last one counts.
func overridesOf(requirements []pyproject.Requirement) map[string]int {
	out := map[string]int{}
	for i := range requirements {
		if q := &requirements[i]; q.Override {
			out[pep508.NormalizeName(q.Requirement.Name)] = q.Line
		}
	}
	return out
}

// overriding returns the line of the override that takes the place of what a
// file asks for, 0 if there is none: the edit belongs there.
func (p *planner) overriding(name, pkg string) int {
	lines, known := p.overrides[name]
	if !known && pyproject.Reads(path.Base(name)) {
		if f, err := p.load(name); err == nil {
			lines = overridesOf(pyproject.Read(oneFile{name, f.data}, name).Requirements)
		}
	}
	if p.overrides == nil {
		p.overrides = map[string]map[string]int{}
	}
	p.overrides[name] = lines
	return lines[pkg]
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
	w.value(slices.Concat(table, names), int(at), e.Value())
}

// value looks at what stands at a path; key is where the last name of it does.
func (w *tomlWalk) value(keys []string, key int, v *unstable.Node) {
	switch v.Kind {
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			switch n := it.Node(); n.Kind {
			case unstable.String:
				w.requirement(n)
			case unstable.Array, unstable.InlineTable:
				w.value(keys, key, n)
			}
		}
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			w.keyValue(keys, it.Node())
		}
	case unstable.String:
		w.constraint(keys, key, v)
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
func (w *tomlWalk) constraint(keys []string, key int, n *unstable.Node) {
	line := w.line(int(n.Raw.Offset))
	if last := len(keys) - 1; last > 0 && keys[last] == "version" {
		keys = keys[:last]
	} else if last >= 0 && slices.Contains([]string{"markers", "python", "git", "url", "path"}, keys[last]) {
		return
	}
	if len(keys) < 2 {
		return
	}
	table := keys[len(keys)-2]
	if !strings.HasSuffix(table, "dependencies") && table != "packages" && !strings.HasSuffix(table, "-packages") && !pdmOverrides(keys) {
		return
	}
	for _, at := range slices.Compact([]int{line, w.line(key)}) {
		s := w.site(n, string(n.Data), locatePoetry)
		s.key = keys[len(keys)-1]
		s.name, s.line, s.label = pep508.NormalizeName(s.key), at, s.key+" = "
	}
}

// pdmOverrides reports whether a key is one of PDM's overrides.
// https://pdm-project.org/latest/usage/dependency/#dependency-overrides
func pdmOverrides(keys []string) bool {
	return len(keys) == 5 && slices.Equal(keys[:4], []string{"tool", "pdm", "resolution", "overrides"})
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
