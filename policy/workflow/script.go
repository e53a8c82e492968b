package workflow

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// command is one simple command of a script.
type command struct {
	// words are as written, quotes included.
	words []string
	// line is where it begins, counting from 0 in the script.
	line int
	// logged is true when what it prints goes into the log: neither into a pipe
	// nor into a file.
	logged bool
}

// expression matches what GitHub puts in before a shell sees the script.
// https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
var expression = regexp.MustCompile(`\$\{\{[^\n]*?\}\}`)

// squeeze takes blanks and quotes out of the expressions of a text, so that
// each is one word.
func squeeze(text string) string {
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		return strings.NewReplacer(" ", "", "\t", "", "'", "", `"`, "").Replace(e)
	})
}

// commandsOf parts a script of a POSIX shell into its commands. It is no
// parser: it knows quotes, comments, substitutions, here-documents and what
// separates commands, which is what tells a printed word from a piped one.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
func commandsOf(script string) []command {
	s := &splitter{text: script}
	for s.pos < len(s.text) {
		s.next()
	}
	s.end(true)
	return s.out
}

// splitter is the state of one commandsOf.
type splitter struct {
	text string
	pos  int
	line int
	word strings.Builder
	cmd  command
	out  []command
	// elsewhere is true when the command's output goes into a file.
	elsewhere bool
	// depth is how many substitutions the one that is read lies in.
	depth int
	// here are the delimiters of here-documents whose bodies are to come.
	here []string
}

// next reads one character or one quoted part.
func (s *splitter) next() {
	switch c := s.text[s.pos]; c {
	case '\\':
		s.escape()
	case '\'', '"', '`':
		s.take(s.quoted(s.pos))
	case '$':
		s.take(s.dollar(s.pos))
	case '#':
		if s.word.Len() > 0 {
			s.take(s.pos + 1)
			return
		}
		for s.pos < len(s.text) && s.text[s.pos] != '\n' {
			s.pos++
		}
	case '\n':
		s.end(true)
		s.pos++
		s.line++
		s.bodies()
	case ';', '(', ')':
		s.end(true)
		s.pos++
	case '&', '|':
		s.operator(c)
	case '<', '>':
		s.redirect(c)
	case ' ', '\t', '\r':
		s.endWord()
		s.pos++
	default:
		s.take(s.pos + 1)
	}
}

// take adds the text up to end to the word.
func (s *splitter) take(end int) {
	if s.word.Len() == 0 && len(s.cmd.words) == 0 {
		s.cmd.line = s.line
	}
	s.word.WriteString(s.text[s.pos:end])
	s.line += strings.Count(s.text[s.pos:end], "\n")
	s.pos = end
}

func (s *splitter) escape() {
	if s.pos+1 < len(s.text) && s.text[s.pos+1] == '\n' {
		s.pos += 2
		s.line++
		return
	}
	s.take(min(s.pos+2, len(s.text)))
}

// quoted returns the end of the quoted part that begins at a place.
func (s *splitter) quoted(from int) int {
	quote := s.text[from]
	for i := from + 1; i < len(s.text); i++ {
		switch {
		case s.text[i] == quote:
			return i + 1
		case s.text[i] == '\\' && quote != '\'':
			i++
		case s.text[i] == '$' && quote == '"':
			i = s.dollar(i) - 1
		}
	}
	return len(s.text)
}

// dollar returns the end of the variable, expression or substitution that
// begins at a place; of a plain variable it is the dollar alone.
func (s *splitter) dollar(from int) int {
	if from+1 == len(s.text) || s.text[from+1] != '(' && s.text[from+1] != '{' || s.depth > limit.MarkerDepth {
		return from + 1
	}
	s.depth++
	defer func() { s.depth-- }()
	depth := 0
	for i := from + 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '(', '{':
			depth++
		case ')', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '\'', '"':
			i = s.quoted(i) - 1
		case '\\':
			i++
		}
	}
	return len(s.text)
}

func (s *splitter) endWord() {
	if s.word.Len() > 0 {
		s.cmd.words = append(s.cmd.words, s.word.String())
		s.word.Reset()
	}
}

// end ends the command; logged is false when a pipe takes its output.
func (s *splitter) end(logged bool) {
	s.endWord()
	s.cmd.logged = logged && !s.elsewhere
	if s.cmd.words = s.cmd.program(); len(s.cmd.words) > 0 {
		s.out = append(s.out, s.cmd)
	}
	s.cmd, s.elsewhere = command{}, false
}

// operator reads "&", "&&", "|", "||" or "|&".
func (s *splitter) operator(c byte) {
	double := s.pos+1 < len(s.text) && s.text[s.pos+1] == c
	s.end(c == '&' || double)
	s.pos++
	if s.pos < len(s.text) && (s.text[s.pos] == c || s.text[s.pos] == '&') {
		s.pos++
	}
}

// redirect reads a redirection, and leaves its target to be read as a word.
func (s *splitter) redirect(c byte) {
	rest := s.text[s.pos:]
	if c == '<' {
		if m := hereDocument.FindStringSubmatch(rest); m != nil {
			s.here = append(s.here, strings.Trim(m[1], `'"\`))
			s.endWord()
			s.pos += len(m[0])
			return
		}
		s.endWord()
		s.pos++
		return
	}
	errors := s.word.String() == "2"
	if errors || s.word.String() == "1" {
		s.word.Reset()
	}
	s.endWord()
	m := duplicate.FindString(rest)
	switch {
	case m != "":
		s.pos += len(m)
	default:
		s.elsewhere = s.elsewhere || !errors
		s.pos += len(rest) - len(strings.TrimLeft(rest, ">|&"))
	}
}

var (
	// hereDocument is the beginning of one, and not of a here-string ("<<<").
	hereDocument = regexp.MustCompile(`^<<-?[ \t]*('[^'\n]*'|"[^"\n]*"|\\?[A-Za-z0-9_]+)`)
	// duplicate sends output to where another descriptor goes.
	duplicate = regexp.MustCompile(`^>&[0-9-]`)
)

// bodies skips the here-documents that begin on this line.
func (s *splitter) bodies() {
	for _, delimiter := range s.here {
		for s.pos < len(s.text) {
			line, _, more := strings.Cut(s.text[s.pos:], "\n")
			s.pos += len(line)
			if more {
				s.pos++
				s.line++
			}
			if strings.TrimLeft(line, "\t") == delimiter {
				break
			}
		}
	}
	s.here = nil
}

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// program returns the words from the program's name on.
func (c *command) program() []string {
	words := c.words
	for len(words) > 0 && (assignment.MatchString(words[0]) ||
		slices.Contains([]string{"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "time", "sudo", "exec", "command"}, words[0])) {
		words = words[1:]
	}
	return words
}
