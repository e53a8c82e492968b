package pep508

import (
	"slices"
	"strings"
)

// Marker is an environment marker: a comparison, or markers joined by "and" or
// "or". A nil Marker is true everywhere and prints as "". Markers do not change.
type Marker struct {
	// join is "and" or "or", and children at least two; "" for a comparison.
	join     string
	children []*Marker
	// grouped is true when parentheses were written around a join. Inside of
	// another join they are kept, as pypa/packaging keeps them.
	grouped bool

	left, right operand
	operator    string
}

// operand is a variable or a literal.
type operand struct {
	variable Variable // "" for a literal
	literal  string
}

func (o operand) String() string {
	switch {
	case o.variable != "":
		return string(o.variable)
	case strings.Contains(o.literal, `"`):
		return "'" + o.literal + "'"
	}
	return `"` + o.literal + `"`
}

// String returns the marker as pypa/packaging prints it: one blank between
// tokens, double quotes, variables under their present names, extras
// normalised. Parsing it gives the same marker.
func (m *Marker) String() string {
	if m == nil {
		return ""
	}
	var b strings.Builder
	m.write(&b)
	return b.String()
}

func (m *Marker) write(b *strings.Builder) {
	if m.join == "" {
		b.WriteString(m.left.String() + " " + m.operator + " " + m.right.String())
		return
	}
	for i, child := range m.children {
		if i > 0 {
			b.WriteString(" " + m.join + " ")
		}
		if child.grouped {
			b.WriteByte('(')
		}
		child.write(b)
		if child.grouped {
			b.WriteByte(')')
		}
	}
}

// Equal tells whether both markers print the same.
func (m *Marker) Equal(n *Marker) bool { return m.String() == n.String() }

// Variables returns the variables that the marker names, sorted, none twice.
func (m *Marker) Variables() []Variable {
	var names []Variable
	m.collect(&names)
	slices.Sort(names)
	return slices.Compact(names)
}

func (m *Marker) collect(names *[]Variable) {
	if m == nil {
		return
	}
	for _, o := range [...]operand{m.left, m.right} {
		if o.variable != "" {
			*names = append(*names, o.variable)
		}
	}
	for _, child := range m.children {
		child.collect(names)
	}
}

// And returns the marker that is true where both are. Either may be nil.
func (m *Marker) And(n *Marker) *Marker {
	switch {
	case m == nil:
		return n
	case n == nil:
		return m
	}
	return &Marker{join: "and", children: []*Marker{m.group(), n.group()}}
}

// group returns m with parentheses around it, if it is a join.
func (m *Marker) group() *Marker {
	if m.join == "" {
		return m
	}
	g := *m
	g.grouped = true
	return &g
}
