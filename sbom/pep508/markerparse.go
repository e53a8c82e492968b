package pep508

import (
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// operators in the order in which they are tried, the longer first.
var operators = [...]string{"===", "~=", "==", "!=", "<=", ">=", "<", ">"}

// ParseMarker reads an environment marker. The error is a *SyntaxError.
func ParseMarker(s string) (*Marker, error) {
	p := parser{text: s}
	return p.wholeMarker()
}

// wholeMarker reads a marker and the end of the text.
func (p *parser) wholeMarker() (*Marker, error) {
	m, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, p.fail(p.at, "expected \"and\", \"or\" or the end of the marker")
	}
	return m, nil
}

func (p *parser) or() (*Marker, error)  { return p.joined("or", p.and) }
func (p *parser) and() (*Marker, error) { return p.joined("and", p.atom) }

// joined reads one or more of what next reads, with the word join between.
func (p *parser) joined(join string, next func() (*Marker, error)) (*Marker, error) {
	m, err := next()
	if err != nil {
		return nil, err
	}
	children := []*Marker{m}
	for p.word(join) {
		if m, err = next(); err != nil {
			return nil, err
		}
		children = append(children, m)
	}
	if len(children) == 1 {
		return m, nil
	}
	return &Marker{join: join, children: children}, nil
}

// word takes the word if it is next and no letter or digit follows it.
func (p *parser) word(w string) bool {
	p.skipSpace()
	rest, ok := strings.CutPrefix(p.rest(), w)
	if !ok || rest != "" && isWord(rest[0]) {
		return false
	}
	p.at += len(w)
	return true
}

func isWord(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_'
}

// atom reads a comparison, or a marker in parentheses.
func (p *parser) atom() (*Marker, error) {
	p.skipSpace()
	open := p.at
	if !p.accept('(') {
		return p.comparison()
	}
	if p.depth++; p.depth > limit.MarkerDepth {
		return nil, p.fail(open, "parentheses are nested too deep")
	}
	m, err := p.or()
	if err != nil {
		return nil, err
	}
	p.skipSpace()
	if !p.accept(')') {
		return nil, p.unclosed(open, "expected \"and\", \"or\" or ')'")
	}
	p.depth--
	return m.group(), nil
}

func (p *parser) comparison() (*Marker, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	operator, err := p.operator()
	if err != nil {
		return nil, err
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	// "Extra names are normalised before they are compared" (PEP 685).
	if left.variable == Extra && right.variable == "" {
		right.literal = NormalizeName(right.literal)
	}
	if right.variable == Extra && left.variable == "" {
		left.literal = NormalizeName(left.literal)
	}
	return &Marker{left: left, operator: operator, right: right}, nil
}

func (p *parser) operator() (string, error) {
	p.skipSpace()
	for _, op := range operators {
		if strings.HasPrefix(p.rest(), op) {
			p.at += len(op)
			return op, nil
		}
	}
	from := p.at
	switch {
	case p.word("in"):
		return "in", nil
	case p.word("not"):
		if !p.skipSpace() || !p.word("in") {
			return "", p.fail(p.at, "expected \"in\" after \"not\"")
		}
		return "not in", nil
	}
	return "", p.fail(from, "expected a comparison (<, <=, !=, ==, >=, >, ~=, ===, in, not in)")
}

// operand reads a quoted text or a variable.
func (p *parser) operand() (operand, error) {
	p.skipSpace()
	rest := p.rest()
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		return p.literal(rest[0])
	}
	n := 0
	for n < len(rest) && (isWord(rest[n]) || rest[n] == '.') {
		n++
	}
	v, ok := variable(rest[:n])
	if !ok {
		return operand{}, p.fail(p.at, "expected a marker variable or a quoted text")
	}
	p.at += n
	return operand{variable: v}, nil
}

// literal reads a text in quotes. The grammar has no escapes: python_str_c
// includes neither the backslash nor line ends.
func (p *parser) literal(quote byte) (operand, error) {
	text := p.text[p.at+1:]
	n := strings.IndexByte(text, quote)
	if n < 0 {
		return operand{}, p.fail(p.at, "the quoted text never ends")
	}
	if i := strings.IndexAny(text[:n], "\\\r\n\x00"); i >= 0 {
		return operand{}, p.fail(p.at+1+i, "this character must not stand in a quoted text")
	}
	p.at += n + 2
	return operand{literal: strings.Clone(text[:n])}, nil
}
