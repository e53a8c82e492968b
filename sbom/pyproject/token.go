package pyproject

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token of Python is.
type tokenKind int

const (
	// endToken is the end of the source, and the zero value.
	endToken tokenKind = iota
	nameToken
	stringToken
	numberToken
	operatorToken
	// newlineToken ends a logical line.
	newlineToken
)

// token is one token of Python source.
type token struct {
	kind tokenKind
	// text is the name, operator or number, or the value of a string.
	text string
	// line counts from 1.
	line int
	// column is the number of bytes before it on its line.
	column int
	// literal is false for a string whose value depends on running code
	// (f"{x}"), for bytes, and for one with an escape that is not read here.
	literal bool
}

// tokenize cuts Python source into tokens, without comments. It never fails:
// what is no Python gives tokens that no rule knows.
// https://docs.python.org/3/reference/lexical_analysis.html
func tokenize(source string) []token {
	l := &lexer{source: source, line: 1}
	for l.next() {
	}
	l.emit(newlineToken, "", l.at)
	return l.tokens
}

type lexer struct {
	source string
	at     int
	line   int
	// start is the offset at which the line begins.
	start int
	// depth counts open brackets, inside of which no line ends.
	depth  int
	tokens []token
}

func (l *lexer) emit(kind tokenKind, text string, at int) *token {
	l.tokens = append(l.tokens, token{kind: kind, text: text, line: l.line, column: at - l.start})
	return &l.tokens[len(l.tokens)-1]
}

// next reads one token or skips what is none. It returns false at the end.
func (l *lexer) next() bool {
	if l.at >= len(l.source) {
		return false
	}
	c := l.source[l.at]
	switch {
	case c == '\n':
		if l.depth == 0 {
			l.emit(newlineToken, "", l.at)
		}
		l.at++
		l.line++
		l.start = l.at
	case c == ' ' || c == '\t' || c == '\f' || c == '\r':
		l.at++
	case c == '\\' && strings.HasPrefix(l.source[l.at+1:], "\n"):
		l.at += 2
		l.line++
		l.start = l.at
	case c == '#':
		if end := strings.IndexByte(l.source[l.at:], '\n'); end >= 0 {
			l.at += end
		} else {
			l.at = len(l.source)
		}
	case c == '"' || c == '\'':
		l.string("")
	case c >= '0' && c <= '9':
		end := l.at
		for end < len(l.source) && (isNamePart(rune(l.source[end])) || l.source[end] == '.') {
			end++
		}
		l.emit(numberToken, l.source[l.at:end], l.at)
		l.at = end
	default:
		l.word()
	}
	return true
}

func isNamePart(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// word reads a name, a string with a prefix, or an operator.
func (l *lexer) word() {
	end := l.at
	for end < len(l.source) {
		r, size := utf8.DecodeRuneInString(l.source[end:])
		if !isNamePart(r) {
			break
		}
		end += size
	}
	if end == l.at {
		l.operator()
		return
	}
	name := l.source[l.at:end]
	if end < len(l.source) && (l.source[end] == '"' || l.source[end] == '\'') && len(name) <= 2 && strings.Trim(strings.ToLower(name), "rbuft") == "" {
		l.at = end
		l.string(strings.ToLower(name))
		return
	}
	l.emit(nameToken, name, l.at)
	l.at = end
}

// operators of more than one character that matter here: those that assign,
// those that only look as if they did, and "**".
var operators = []string{"**=", "//=", ">>=", "<<=", "==", "!=", "<=", ">=", ":=", "->", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", "**"}

func (l *lexer) operator() {
	for _, o := range operators {
		if strings.HasPrefix(l.source[l.at:], o) {
			l.emit(operatorToken, o, l.at)
			l.at += len(o)
			return
		}
	}
	_, size := utf8.DecodeRuneInString(l.source[l.at:])
	text := l.source[l.at : l.at+size]
	switch text {
	case "(", "[", "{":
		l.depth++
	case ")", "]", "}":
		l.depth = max(0, l.depth-1)
	case ";":
		if l.depth == 0 {
			l.emit(newlineToken, "", l.at)
			l.at += size
			return
		}
	}
	l.emit(operatorToken, text, l.at)
	l.at += size
}

// string reads a string whose prefix has been read.
func (l *lexer) string(prefix string) {
	quote := l.source[l.at : l.at+1]
	if strings.HasPrefix(l.source[l.at:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	t := l.emit(stringToken, "", l.at)
	t.literal = !strings.ContainsAny(prefix, "bt")
	l.at += len(quote)
	begin := l.at
	for l.at < len(l.source) && !strings.HasPrefix(l.source[l.at:], quote) {
		switch c := l.source[l.at]; {
		case c == '\\' && l.at+1 < len(l.source):
			l.at++
			if l.source[l.at] == '\n' {
				l.line++
				l.start = l.at + 1
			}
		case c == '\n' && len(quote) == 1:
			// No string goes over the end of a line: what follows is cut anew.
			t.literal = false
			return
		case c == '\n':
			l.line++
			l.start = l.at + 1
		}
		l.at++
	}
	l.at = min(l.at, len(l.source))
	raw := l.source[begin:l.at]
	l.at = min(l.at+len(quote), len(l.source))
	if strings.Contains(prefix, "f") && strings.ContainsAny(raw, "{}") {
		t.literal = false
	}
	t.text = raw
	if !strings.Contains(prefix, "r") {
		var ok bool
		t.text, ok = unescape(raw)
		t.literal = t.literal && ok
	}
}

// unescape replaces the escapes that text may need. It returns false for one
// that it does not read.
// https://docs.python.org/3/reference/lexical_analysis.html#escape-sequences
func unescape(raw string) (string, bool) {
	if !strings.Contains(raw, `\`) {
		return raw, true
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			b.WriteByte(raw[i])
			continue
		}
		i++
		switch raw[i] {
		case '\n':
		case '\\', '\'', '"':
			b.WriteByte(raw[i])
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'a', 'b', 'f', 'v', 'x', 'u', 'U', 'N', '0', '1', '2', '3', '4', '5', '6', '7':
			return "", false
		default:
			b.WriteByte('\\')
			b.WriteByte(raw[i])
		}
	}
	return b.String(), true
}
