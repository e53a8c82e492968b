package pyreq

import (
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// line is a logical line: continuations joined, the comment and the white
// space around it removed. It is never blank.
type line struct {
	// number is that of the first physical line, counting from 1.
	number int
	text   string
}

// logicalLines yields the logical lines of a requirement file in pip's order
// of work: lines are joined first and comments removed afterwards, so that a
// backslash at the end of a trailing comment joins the next line to it.
//
// https://pip.pypa.io/en/stable/reference/requirements-file-format/#structure
func logicalLines(text string) iter.Seq[line] {
	return func(yield func(line) bool) {
		for l := range joinedLines(text) {
			l.text = strings.TrimFunc(withoutComment(l.text), isSpace)
			if l.text != "" && !yield(l) {
				return
			}
		}
	}
}

// joinedLines yields lines with their continuations. A comment line ends a
// continuation and is not continued itself.
func joinedLines(text string) iter.Seq[line] {
	return func(yield func(line) bool) {
		var joined strings.Builder
		first := 0
		for number, physical := range physicalLines(text) {
			comment := isComment(physical)
			if strings.HasSuffix(physical, `\`) && !comment {
				if first == 0 {
					first = number
				}
				joined.WriteString(strings.Trim(physical, `\`))
				continue
			}
			out := line{number, physical}
			if first != 0 {
				if comment {
					joined.WriteByte(' ')
				}
				joined.WriteString(physical)
				out = line{first, joined.String()}
				joined.Reset()
				first = 0
			}
			if !yield(out) {
				return
			}
		}
		if first != 0 {
			yield(line{first, joined.String()})
		}
	}
}

// physicalLines yields the lines of text as Python's str.splitlines cuts them,
// counting from 1. A scanner that knew only "\n" would take "# x\u2028evil"
// for a comment where pip installs evil.
// https://docs.python.org/3/library/stdtypes.html#str.splitlines
func physicalLines(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for number := 1; text != ""; number++ {
			end := strings.IndexFunc(text, isLineEnd)
			if end < 0 {
				yield(number, text)
				return
			}
			one := text[:end]
			_, size := utf8.DecodeRuneInString(text[end:])
			if strings.HasPrefix(text[end:], "\r\n") {
				size = 2
			}
			text = text[end+size:]
			if !yield(number, one) {
				return
			}
		}
	}
}

func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// isSpace is Python's str.isspace.
// https://docs.python.org/3/library/stdtypes.html#str.isspace
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func isComment(physical string) bool {
	return strings.HasPrefix(strings.TrimLeftFunc(physical, isSpace), "#")
}

// withoutComment removes a comment: '#' at the start of the line, or after
// white space, and everything behind it.
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

// variable is how a requirement file names an environment variable.
// https://pip.pypa.io/en/stable/reference/requirements-file-format/#using-environment-variables
var variable = regexp.MustCompile(`\$\{([A-Z0-9_]+)\}`)

// expand replaces the variables that lookup knows. An unknown one, and one
// that is empty, stays as written, as pip does it.
func expand(text string, lookup func(string) (string, bool)) string {
	if lookup == nil {
		return text
	}
	return variable.ReplaceAllStringFunc(text, func(ref string) string {
		if value, ok := lookup(ref[2 : len(ref)-1]); ok && value != "" {
			return value
		}
		return ref
	})
}
