package pyproject

import (
	"bytes"
	"errors"
	"slices"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// kind is what a node is.
type kind int

const (
	// other is a value that names nothing (a number, a date), and the zero
	// value.
	other kind = iota
	text
	list
	table
	truth
	// unknown is an expression of Python that is no literal.
	unknown
)

// node is one value of a TOML document or a literal of Python, with its line.
// A nil node is a value that is not there.
type node struct {
	kind kind
	line int
	text string // of a text, and what was written of anything else
	list []*node
	// keys are the keys of a table in the order of writing.
	keys   []string
	values map[string]*node
}

// get follows keys through tables; nil when one is missing.
func (n *node) get(keys ...string) *node {
	for _, k := range keys {
		if n == nil || n.kind != table {
			return nil
		}
		n = n.values[k]
	}
	return n
}

// string returns the text of a string, "" for anything else.
func (n *node) string() string {
	if n == nil || n.kind != text {
		return ""
	}
	return n.text
}

// isTrue reports whether n is the value true.
func (n *node) isTrue() bool { return n != nil && n.kind == truth && n.text == "true" }

// set puts a value into a table.
func (n *node) set(key string, value *node) {
	if n.values == nil {
		n.values = map[string]*node{}
	}
	if _, there := n.values[key]; !there {
		n.keys = append(n.keys, key)
	}
	n.values[key] = value
}

// child returns the table below a table at key, made if it is not there. Of an
// array of tables it is the last.
func (n *node) child(key string, line int) *node {
	c := n.values[key]
	if c != nil && c.kind == list && len(c.list) > 0 {
		c = c.list[len(c.list)-1]
	}
	if c == nil || c.kind != table {
		c = &node{kind: table, line: line}
		n.set(key, c)
	}
	return c
}

// parseTOML returns the root table of a document. Lines count from 1 after
// skip lines, for a document inside of another file.
func parseTOML(data []byte, skip int) (root *node, line int, err error) {
	// The plain decoder refuses what the positions' parser lets pass: keys and
	// tables that are defined twice.
	var whole struct{}
	if err := toml.Unmarshal(data, &whole); err != nil {
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, _ = at.Position()
			line += skip
		}
		return nil, line, err
	}
	t := &tomlTree{skip: skip}
	for i := 0; ; {
		t.ends = append(t.ends, i)
		next := bytes.IndexByte(data[i:], '\n')
		if next < 0 {
			break
		}
		i += next + 1
	}
	t.parser.Reset(data)
	root = &node{kind: table, line: skip + 1}
	current := root
	for t.parser.NextExpression() {
		current = t.expression(root, current, t.parser.Expression())
	}
	return root, 0, t.parser.Error()
}

// tomlTree builds nodes with lines.
type tomlTree struct {
	parser unstable.Parser
	// ends are the offsets at which lines begin.
	ends []int
	skip int
}

// line returns the line of an offset.
func (t *tomlTree) line(offset uint32) int {
	i, found := slices.BinarySearch(t.ends, int(offset))
	if found {
		i++
	}
	return i + t.skip
}

// expression adds one expression and returns the table that the next key is
// put into.
func (t *tomlTree) expression(root, current *node, e *unstable.Node) *node {
	switch e.Kind {
	case unstable.KeyValue:
		t.put(current, e)
	case unstable.Table, unstable.ArrayTable:
		keys, line := t.keys(e)
		n := root
		for _, k := range keys[:len(keys)-1] {
			n = n.child(k, line)
		}
		last := keys[len(keys)-1]
		if e.Kind == unstable.Table {
			return n.child(last, line)
		}
		array := n.values[last]
		if array == nil || array.kind != list {
			array = &node{kind: list, line: line}
			n.set(last, array)
		}
		element := &node{kind: table, line: line}
		array.list = append(array.list, element)
		return element
	}
	return current
}

// put adds "a.b = value" to a table.
func (t *tomlTree) put(in *node, e *unstable.Node) {
	keys, line := t.keys(e)
	for _, k := range keys[:len(keys)-1] {
		in = in.child(k, line)
	}
	value := t.value(e.Value(), line)
	in.set(keys[len(keys)-1], value)
}

func (t *tomlTree) keys(e *unstable.Node) (keys []string, line int) {
	for it := e.Key(); it.Next(); {
		if keys == nil {
			line = t.line(it.Node().Raw.Offset)
		}
		keys = append(keys, string(it.Node().Data))
	}
	return keys, line
}

// value returns a value; line is that of its key, for what has none itself.
func (t *tomlTree) value(v *unstable.Node, line int) *node {
	n := &node{line: line, text: string(v.Data)}
	if v.Raw.Length > 0 && v.Kind != unstable.InlineTable && v.Kind != unstable.Array {
		n.line = t.line(v.Raw.Offset)
	}
	switch v.Kind {
	case unstable.String:
		n.kind = text
	case unstable.Bool:
		n.kind = truth
	case unstable.Array:
		n.kind = list
		for it := v.Children(); it.Next(); {
			item := t.value(it.Node(), n.line)
			n.list = append(n.list, item)
		}
	case unstable.InlineTable:
		n.kind = table
		for it := v.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				t.put(n, it.Node())
			}
		}
		if len(n.keys) > 0 {
			n.line = n.values[n.keys[0]].line
		}
	}
	return n
}
