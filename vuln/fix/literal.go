package fix

import (
	"bytes"
	"path"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyproject"
)

// literalGrammar is that of the manifests in which a requirement is a literal
// on a line of its own kind of syntax: setup.py and scripts (a Python string),
// setup.cfg (a bare line), environment.yml (an item of a list). The reader of
// the inventory says which lines have one; here it is found again in the line,
// and left alone where more than one text could be meant.
type literalGrammar struct{ name string }

// isLiteral reports whether a file is one of those.
func isLiteral(base string) bool { return pyproject.Reads(base) && !isProject(base) }

func (g literalGrammar) declared(data []byte) []declaration {
	return projectGrammar(g).declared(data)
}

func (g literalGrammar) sites(data []byte) []*site {
	lines := lineStarts(data)
	seen := map[lineName]bool{}
	var out []*site
	for _, d := range g.declared(data) {
		if seen[d.lineName] || d.line < 1 || d.line > len(lines) {
			continue
		}
		seen[d.lineName] = true
		from, to := lines[d.line-1], len(data)
		if d.line < len(lines) {
			to = lines[d.line] - 1
		}
		s := &site{lineName: d.lineName, locate: locate, refuse: "the requirement is not one literal on this line: edit it by hand"}
		out = append(out, s)
		var found []span
		for _, c := range g.literals(data[from:to]) {
			if same(string(data[from+c.from:from+c.to]), d) {
				found = append(found, c)
			}
		}
		if len(found) == 1 {
			s.refuse = ""
			s.from, s.to = from+found[0].from, from+found[0].to
			s.text, s.offsets = string(data[s.from:s.to]), consecutive(s.from, s.to-s.from)
		}
	}
	return out
}

// same reports whether a text is the requirement that the reader saw.
func same(text string, d declaration) bool {
	r, err := pep508.Parse(text)
	if err != nil || pep508.NormalizeName(r.Name) != d.name || r.URL != "" {
		return false
	}
	s, err := pep440.ParseSpecifiers(d.specifier)
	return err == nil && r.Specifiers.Equal(s)
}

// span is a part of a line.
type span struct{ from, to int }

// literals are the parts of a line that may be a requirement: what stands in
// quotes, or else the whole but for a dash in front and a comment behind.
func (g literalGrammar) literals(line []byte) []span {
	var out []span
	for i := 0; i < len(line); i++ {
		if line[i] != '"' && line[i] != '\'' {
			continue
		}
		n := bytes.IndexByte(line[i+1:], line[i])
		if n < 0 {
			break
		}
		if !bytes.ContainsRune(line[i+1:i+1+n], '\\') {
			out = append(out, span{i + 1, i + 1 + n})
		}
		i += n + 1
	}
	if strings.HasSuffix(path.Base(g.name), ".py") {
		return out
	}
	text := string(line)
	if i := strings.Index(text, " #"); i >= 0 {
		text = text[:i]
	}
	from := len(text) - len(strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(text, " \t"), "- "), " \t"))
	return append(out, span{from, max(from, len(strings.TrimRight(text, " \t\r")))})
}
