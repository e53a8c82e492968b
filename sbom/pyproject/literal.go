package pyproject

import (
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// module is the source of a Python module, of which literals are read.
type module struct {
	tokens []token
	// bindings holds the expression of each name that is bound once, and used
	// in no way that could change its value.
	bindings map[string]span
	// work counts tokens that were looked at more than once.
	work int
}

// span is a range of tokens, end excluded.
type span struct{ from, end int }

// maxWork bounds how many tokens the search for constants, and then the
// evaluation, of one module may look at.
const maxWork = 10_000_000

// at returns a token; beyond the last one it is the end.
func (m *module) at(i int) token {
	if i < 0 || i >= len(m.tokens) {
		return token{}
	}
	return m.tokens[i]
}

// is reports whether token i is an operator.
func (m *module) is(i int, operator string) bool {
	t := m.at(i)
	return t.kind == operatorToken && t.text == operator
}

// closing returns the index of the bracket that closes the one at i, or the
// number of tokens if none does.
func (m *module) closing(i int) int {
	depth := 0
	for ; i < len(m.tokens); i++ {
		if t := m.tokens[i]; t.kind == operatorToken {
			switch t.text {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				if depth--; depth == 0 {
					return i
				}
			}
		}
	}
	return len(m.tokens)
}

// split cuts a range at the commas that stand outside of brackets. An empty
// last part is left out.
func (m *module) split(s span, separator string) []span {
	var out []span
	from, depth := s.from, 0
	for i := s.from; i < s.end; i++ {
		if t := m.tokens[i]; t.kind == operatorToken {
			switch t.text {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			case separator:
				if depth == 0 {
					out = append(out, span{from, i})
					from = i + 1
				}
			}
		}
	}
	if from < s.end {
		out = append(out, span{from, s.end})
	}
	return out
}

// literal evaluates an expression of literals. What is none becomes a node of
// the kind unknown, alone or inside of the list or table that it stands in.
func (m *module) literal(s span, depth int) *node {
	line := m.at(s.from).line
	m.work += s.end - s.from
	if s.from >= s.end || depth > limit.MarkerDepth || m.work > maxWork {
		return &node{kind: unknown, line: line}
	}
	if terms := m.split(s, "+"); len(terms) > 1 || terms[0].end != s.end {
		return m.sum(terms, line, depth)
	}
	first := m.at(s.from)
	switch {
	case first.kind == stringToken:
		return m.text(s)
	case first.kind == nameToken && s.end == s.from+1:
		return m.name(first, depth)
	case first.kind == operatorToken && m.closing(s.from) == s.end-1:
		inside := span{s.from + 1, s.end - 1}
		switch first.text {
		case "(":
			if parts := m.split(inside, ","); len(parts) == 1 && parts[0].end == inside.end {
				return m.literal(inside, depth+1)
			}
			return m.sequence(inside, line, depth)
		case "[":
			return m.sequence(inside, line, depth)
		case "{":
			return m.braces(inside, line, depth)
		}
	}
	return &node{kind: unknown, line: line}
}

// text evaluates strings that stand side by side.
func (m *module) text(s span) *node {
	n := &node{kind: text, line: m.at(s.from).line}
	for _, t := range m.tokens[s.from:s.end] {
		if t.kind != stringToken || !t.literal {
			return &node{kind: unknown, line: n.line}
		}
		n.text += t.text
	}
	return n
}

// name evaluates a name that is bound once, None, True or False.
func (m *module) name(t token, depth int) *node {
	switch t.text {
	case "None":
		return &node{kind: other, line: t.line, text: t.text}
	case "True":
		return &node{kind: truth, line: t.line, text: "true"}
	case "False":
		return &node{kind: truth, line: t.line, text: "false"}
	}
	bound, ok := m.bindings[t.text]
	if !ok {
		return &node{kind: unknown, line: t.line}
	}
	return m.literal(bound, depth+1)
}

// sum joins texts, or lists. A term of a sum of lists that is no literal stands
// as one unknown item.
func (m *module) sum(terms []span, line, depth int) *node {
	var items []*node
	var texts strings.Builder
	lists, strange := 0, 0
	for _, s := range terms {
		n := m.literal(s, depth+1)
		switch n.kind {
		case text:
			texts.WriteString(n.text)
		case list:
			lists++
			items = append(items, n.list...)
		default:
			strange++
			items = append(items, &node{kind: unknown, line: n.line})
		}
		if texts.Len() > limit.ManifestBytes || len(items) > limit.ManifestLines {
			return &node{kind: unknown, line: line}
		}
	}
	switch {
	case lists > 0 && texts.Len() == 0 && lists+strange == len(terms):
		return &node{kind: list, line: line, list: items}
	case lists+strange == 0:
		return &node{kind: text, line: line, text: texts.String()}
	}
	return &node{kind: unknown, line: line}
}

// sequence evaluates the items of a list or tuple.
func (m *module) sequence(s span, line, depth int) *node {
	out := &node{kind: list, line: line}
	for _, item := range m.split(s, ",") {
		if m.is(item.from, "*") {
			spread := m.literal(span{item.from + 1, item.end}, depth+1)
			if spread.kind == list {
				out.list = append(out.list, spread.list...)
				continue
			}
			out.list = append(out.list, &node{kind: unknown, line: spread.line})
			continue
		}
		out.list = append(out.list, m.literal(item, depth+1))
	}
	return out
}

// braces evaluates a dictionary or a set. A key that is no literal stands as an
// unknown value under "".
func (m *module) braces(s span, line, depth int) *node {
	items := m.split(s, ",")
	if len(items) > 0 && !m.is(items[0].from, "**") && len(m.split(items[0], ":")) != 2 {
		return m.sequence(s, line, depth)
	}
	out := &node{kind: table, line: line}
	for _, item := range items {
		parts := m.split(item, ":")
		if len(parts) != 2 {
			out.set("", &node{kind: unknown, line: m.at(item.from).line})
			continue
		}
		key := m.literal(parts[0], depth+1)
		value := m.literal(parts[1], depth+1)
		if key.kind != text {
			key, value = &node{}, &node{kind: unknown, line: m.at(item.from).line}
		}
		if key.kind == other && value.kind != unknown {
			continue
		}
		out.set(key.text, value)
	}
	return out
}
