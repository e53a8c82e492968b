package fix

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom/dockerfile"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// dockerGrammar is that of the words of a RUN instruction.
type dockerGrammar struct{ name string }

func (g dockerGrammar) declared(data []byte) []declaration {
	var out []declaration
	for _, c := range dockerfile.Parse(g.name, data).Document().Components {
		for _, at := range c.Locations {
			out = append(out, declaration{
				lineName: lineName{at.Line, c.NormalName()}, specifier: c.Specifier,
				rest: c.Ecosystem + " " + c.Scope + " " + c.URL + " " + c.Marker + " " + strings.Join(c.Extras, ","),
			})
		}
	}
	return out
}

func (g dockerGrammar) sites(data []byte) []*site {
	lines := lineStarts(data)
	var out []*site
	for _, stage := range dockerfile.Parse(g.name, data).Stages {
		stage.Walk(func(in *dockerfile.Instruction) {
			if in.Name != "RUN" || in.Script == nil {
				return
			}
			for _, v := range in.Script.Invocations() {
				words := slices.Clone(v.Operands)
				for _, o := range v.Options {
					if o.HasValue {
						words = append(words, o.Value)
					}
				}
				for _, w := range words {
					if s := wordSite(data, lines, in, v.Command, w); s != nil {
						out = append(out, s)
					}
				}
			}
		})
	}
	return out
}

// wordSite returns the place of a word that may be a requirement, nil if it is
// none.
func wordSite(data []byte, lines []int, in *dockerfile.Instruction, command *dockerfile.Command, w dockerfile.Word) *site {
	r, err := pep508.Parse(w.Text)
	if err != nil {
		return nil
	}
	s := &site{lineName: lineName{w.Line, pep508.NormalizeName(r.Name)}, text: w.Text, locate: locate}
	switch {
	case r.URL != "":
		s.refuse = "it is installed from a URL, which says the version itself: " + shown(r.URL)
		return s
	case !w.Known || w.Line < 1 || w.Line > len(lines) || w.Column < 1:
		s.refuse = "the word depends on a variable: edit what sets it"
		return s
	}
	s.from = lines[w.Line-1] + w.Column - 1
	s.to = s.from + len(w.Raw)
	s.nested = command.Depth > 0
	if s.to > len(data) || string(data[s.from:s.to]) != w.Raw || w.Raw == "" {
		s.nested = true
		s.inside(data, lines, in, w)
		return s
	}
	if text, raw := command.Glued(w); s.glue(data, text, raw, command.Depth > 0) {
		return s
	}
	switch {
	case strings.Contains(w.Raw, "$") && !strings.Contains(w.Text, "$"):
		s.refuse = "the version is from a variable: edit what sets it"
	case len(w.Raw) == len(w.Text)+2 && strings.ContainsRune(`"'`, rune(w.Raw[0])) && w.Raw[1:len(w.Raw)-1] == w.Text:
		s.offsets = consecutive(s.from+1, len(w.Text))
	default:
		s.write = func(text string) string { return shellWord(text, w, command.Depth > 0) }
	}
	return s
}

// glue makes a site of a requirement that was not quoted, so that the shell
// takes its bounds for redirections: the whole is replaced, in quotes, and says
// what was meant. It reports whether there is such a requirement.
func (s *site) glue(data []byte, text, raw string, nested bool) bool {
	r, err := pep508.Parse(text)
	if err != nil || len(r.Specifiers.Clauses()) == 0 || !bytes.HasPrefix(data[s.from:], []byte(raw)) {
		return false
	}
	s.glued, s.text, s.to = raw, text, s.from+len(raw)
	s.write = func(text string) string { return shellWord(text, dockerfile.Word{}, nested) }
	return true
}

// inside finds a word of a command that stands inside of another word or of a
// JSON array: the one place of the instruction where its text does.
func (s *site) inside(data []byte, lines []int, in *dockerfile.Instruction, w dockerfile.Word) {
	from, to := lines[min(in.Line, len(lines))-1], len(data)
	if in.EndLine < len(lines) {
		to = lines[in.EndLine]
	}
	const name = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
	text, at, found := data[from:to], 0, 0
	for i := range text {
		if !bytes.HasPrefix(text[i:], []byte(w.Text)) || i > 0 && strings.IndexByte(name, text[i-1]) >= 0 {
			continue
		}
		if end := i + len(w.Text); end == len(text) || strings.IndexByte(name+"<>=!~[;,", text[end]) < 0 {
			at, found = from+i, found+1
		}
	}
	if found != 1 {
		s.refuse = "the word does not stand on its line as it is run: edit it by hand"
		return
	}
	s.from, s.to = at, at+len(w.Text)
	plain := dockerfile.Word{Text: w.Text, Raw: w.Text}
	s.write = func(text string) string {
		if in.JSON && !strings.ContainsAny(text, `"\`) {
			return text
		}
		return shellWord(text, plain, true)
	}
}

// shellWord writes a requirement as a word of a shell: as it is where it was
// and still can be, else in quotes that are not those around the command.
func shellWord(text string, w dockerfile.Word, nested bool) string {
	// Characters that a shell would take for its own, beyond those that the
	// word had unquoted already.
	if w.Raw == w.Text && !strings.ContainsAny(text, "<>;()&|\"'$`\\ \t") {
		return text
	}
	if nested == strings.Contains(text, "'") {
		return `"` + text + `"`
	}
	if nested {
		return "'" + text + "'"
	}
	return `"` + text + `"`
}

// lineStarts are the offsets at which lines begin.
func lineStarts(data []byte) []int {
	out := []int{0}
	for at := 0; ; {
		next := bytes.IndexByte(data[at:], '\n')
		if next < 0 {
			return out
		}
		at += next + 1
		out = append(out, at)
	}
}

func consecutive(from, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}
