package fix

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// requirementGrammar is that of requirement and constraint files.
// https://pip.pypa.io/en/stable/reference/requirements-file-format/
type requirementGrammar struct{ name string }

// entries are those of the file itself, without what it includes.
func (g requirementGrammar) entries(data []byte) []pyreq.Entry {
	var out []pyreq.Entry
	for _, e := range pyreq.Read(oneFile{g.name, data}, g.name, pyreq.Options{}).Entries {
		if e.File == g.name {
			out = append(out, e)
		}
	}
	return out
}

func (g requirementGrammar) declared(data []byte) []declaration {
	var out []declaration
	for _, e := range g.entries(data) {
		out = append(out, declare(&e))
	}
	return out
}

// declare is what a reader made of one requirement.
func declare(e *pyreq.Entry) declaration {
	rest := strings.Join(e.Requirement.Extras, ",") + " " + e.Link + " " + strings.Join(e.Digests(), " ")
	if e.Requirement.Marker != nil {
		rest += "; " + e.Requirement.Marker.String()
	}
	for _, o := range e.Options {
		rest += " " + o.Name + " " + o.Value
	}
	return declaration{lineName: lineName{e.Line, pep508.NormalizeName(e.Requirement.Name)}, specifier: e.Requirement.Specifiers.String(), rest: rest}
}

func (g requirementGrammar) sites(data []byte) []*site {
	by := compiledBy(data)
	lines := map[int]*logical{}
	if !wide(data) {
		lines = logicalLines(data)
	}
	var out []*site
	for _, e := range g.entries(data) {
		name, _ := e.Project()
		s := &site{lineName: lineName{e.Line, pep508.NormalizeName(name)}, locate: locate}
		out = append(out, s)
		l := lines[e.Line]
		switch {
		case len(e.Hashes) > 0 || by != "":
			s.refuse = "the line is compiled, not written: compile it anew"
			if by == "" {
				s.refuse = "the line has hashes, which an edit would make wrong: compile it anew"
			}
			s.compiled, s.by, s.hashed = true, by, len(e.Hashes) > 0
		case e.Link != "":
			s.refuse = "it is installed from a URL or a path, which says the version itself: " + shown(e.Link)
		case l == nil:
			s.refuse = "the file's encoding is not one that is edited here"
		case !s.place(l):
			s.refuse = "the requirement was not found on its line"
		}
	}
	return out
}

// wide reports whether a file's characters have more than a byte each.
func wide(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) || bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff"))
}

// place sets where the requirement of a logical line stands.
func (s *site) place(l *logical) bool {
	text := string(l.text)
	from := len(text) - len(strings.TrimLeftFunc(text, isSpace))
	text = strings.TrimRightFunc(withoutComment(text[from:]), isSpace)
	text = withoutOptions(text)
	// pip allows a semicolon with nothing behind it, PEP 508 does not.
	if before, marker, found := strings.Cut(text, ";"); found && strings.TrimSpace(marker) == "" {
		text = strings.TrimRight(before, " \t")
	}
	if text == "" || len(text) > len(l.offsets)-from {
		return false
	}
	s.text, s.offsets = text, l.offsets[from:from+len(text)]
	s.from, s.to = s.offsets[0], s.offsets[len(text)-1]+1
	return true
}

// withoutOptions cuts the options off a line: they begin at a dash behind a
// blank.
func withoutOptions(text string) string {
	for at := 0; at < len(text); {
		if text[at] == '-' {
			return strings.TrimRight(text[:at], " ")
		}
		blank := strings.IndexByte(text[at:], ' ')
		if blank < 0 {
			break
		}
		at += blank + 1
	}
	return text
}

// logical is a line with its continuations, and where each byte is from.
type logical struct {
	text    []byte
	offsets []int
}

func (l *logical) add(data []byte, from, to int) {
	for i := from; i < to; i++ {
		l.text, l.offsets = append(l.text, data[i]), append(l.offsets, i)
	}
}

// logicalLines returns the logical lines by the number of the first physical
// one, joined as pip does it: before comments are removed, but a comment line
// ends a continuation.
// https://pip.pypa.io/en/stable/reference/requirements-file-format/#structure
func logicalLines(data []byte) map[int]*logical {
	out := map[int]*logical{}
	var open *logical
	at := 0
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		at = len("\ufeff")
	}
	for number := 1; at < len(data); number++ {
		end, next := lineEnd(data, at)
		text := data[at:end]
		comment := bytes.HasPrefix(bytes.TrimLeftFunc(text, isSpace), []byte("#"))
		l := open
		if l == nil {
			l = &logical{}
			out[number] = l
		}
		if bytes.HasSuffix(text, []byte(`\`)) && !comment {
			from := at + len(text) - len(bytes.TrimLeft(text, `\`))
			l.add(data, min(from, end), max(min(from, end), at+len(bytes.TrimRight(text, `\`))))
			open = l
		} else {
			if comment && open != nil {
				l.text, l.offsets = append(l.text, ' '), append(l.offsets, at)
			}
			l.add(data, at, end)
			open = nil
		}
		at = next
	}
	return out
}

// lineEnd returns where the line that begins at a place ends, and where the
// next one begins, as Python's str.splitlines has it.
// https://docs.python.org/3/library/stdtypes.html#str.splitlines
func lineEnd(data []byte, at int) (end, next int) {
	for i := at; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch r {
		case '\r':
			if i+1 < len(data) && data[i+1] == '\n' {
				size = 2
			}
			return i, i + size
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
			return i, i + size
		}
		i += size
	}
	return len(data), len(data)
}

// isSpace is Python's str.isspace.
// https://docs.python.org/3/library/stdtypes.html#str.isspace
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// withoutComment removes a comment: '#' at the start or behind white space.
func withoutComment(text string) string {
	space := true
	for i, r := range text {
		if r == '#' && space {
			return text[:i]
		}
		space = isSpace(r)
	}
	return text
}
