package dockerfile

import (
	"regexp"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/tallyman/tallyman/sbom"
)

// onlyHeredoc matches a RUN that is nothing but one here-document, whose
// content BuildKit then runs as a script.
// https://docs.docker.com/reference/dockerfile/#here-documents
var onlyHeredoc = regexp.MustCompile(`^\d*<<-?\s*\S+$`)

// script reads what an instruction would run. It is nil when there is nothing
// to read, and when it cannot be read, for which a RUN leaves a Gap.
func (b *builder) script(in *Instruction, n *parser.Node) *Script {
	words := in.Args
	if in.Name == "HEALTHCHECK" {
		if len(words) < 2 {
			return nil
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return nil
	}
	w := &walker{
		script: &Script{}, vars: b.frame.vars.clone(),
		gap: func(kind sbom.GapKind, line int, reason string) {
			if in.Name != "HEALTHCHECK" {
				b.gap(kind, line, reason)
			}
		},
	}
	if in.JSON {
		w.script.Interpreter = base(words[0])
		w.emit(words, Command{Line: in.Line, Column: in.Column})
		return w.script
	}
	w.script.Interpreter = shellName(in.Shell)
	body := b.body(in, n, words[0].Raw)
	if in.Name == "RUN" && len(n.Heredocs) > 0 {
		if body = withHeredocs(body, in, n); strings.HasPrefix(body.string, "#!") {
			return w.shebang(body)
		}
	}
	if !posix(w.script.Interpreter) {
		w.gap(sbom.GapUnsupported, in.Line, "there is no reader for the shell that runs this")
		return nil
	}
	if !w.parse(body) {
		return nil
	}
	return w.script
}

// body finds the shell text of an instruction in the file, to know the place
// of each of its bytes.
func (b *builder) body(in *Instruction, n *parser.Node, value string) text {
	logical, _ := b.source.logical(n.StartLine)
	trimmed := strings.TrimSpace(logical.string)
	if trimmed != "" && strings.HasSuffix(trimmed, value) {
		at := strings.Index(logical.string, trimmed) + len(trimmed) - len(value)
		return logical.cut(at)
	}
	return text{string: value, pieces: []piece{{0, in.Line, in.Column}}}
}

// withHeredocs returns the text that the shell gets: the content of the only
// here-document, or the command line with its documents behind it.
func withHeredocs(body text, in *Instruction, n *parser.Node) text {
	if len(n.Heredocs) == 1 && onlyHeredoc.MatchString(strings.TrimSpace(body.string)) {
		h := in.Heredocs[0]
		var out text
		line := h.Line
		for l := range strings.Lines(h.Content) {
			out.add(line, l)
			line++
		}
		return out
	}
	for i, h := range n.Heredocs {
		line := in.Heredocs[i].Line
		body.string += "\n"
		for l := range strings.Lines(h.Content) {
			body.add(line, l)
			line++
		}
		body.add(line, h.Name)
	}
	body.string += "\n"
	return body
}

// shebang reads a here-document that names its own interpreter.
func (w *walker) shebang(body text) *Script {
	first, _, _ := strings.Cut(body.string, "\n")
	fields := strings.Fields(strings.TrimPrefix(first, "#!"))
	if len(fields) == 0 {
		return w.script
	}
	name := base(Word{Text: fields[0], Known: true})
	if name == "env" {
		for _, f := range fields[1:] {
			if !strings.HasPrefix(f, "-") && !strings.Contains(f, "=") {
				name = base(Word{Text: f, Known: true})
				break
			}
		}
	}
	w.script.Interpreter = name
	line, column := body.at(0)
	if !posix(name) {
		program := Word{Raw: fields[0], Text: name, Known: true, Line: line, Column: column}
		w.emit([]Word{program}, Command{Line: line, Column: column})
		return w.script
	}
	if !w.parse(body) {
		return nil
	}
	return w.script
}

// shellName returns the base name of the shell in a SHELL, also when another
// program starts it.
func shellName(shell []string) string {
	name := ""
	for _, s := range shell {
		s = strings.ToLower(base(Word{Text: s, Known: true}))
		if name == "" {
			name = s
		}
		if posix(s) || foreign(s) {
			return s
		}
	}
	return name
}

// posix reports whether there is a reader for the language of a shell.
func posix(name string) bool {
	switch name {
	case "sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "rbash":
		return true
	}
	return false
}

// foreign reports whether it is a shell of another language.
func foreign(name string) bool {
	switch strings.ToLower(name) {
	case "powershell", "pwsh", "cmd":
		return true
	}
	return false
}
