package space

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tallyman/tallyman/internal/limit"
)

// value is a value of JSON with the line that it ends or, for an object or a
// list, begins on. A nil *value is one that is not there.
type value struct {
	line int
	// scalar is nil, a bool, a json.Number or a string.
	scalar  any
	members []member
	items   []*value
	// object and list say what it is, if it is no scalar.
	object, list bool
}

// member is a member of an object; its line is that of its name.
type member struct {
	name  string
	line  int
	value *value
}

// parseJSON reads one value and nothing behind it.
func parseJSON(data []byte) (*value, error) {
	p := &jsonReader{data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1}
	p.decoder.UseNumber()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := p.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line %d: more than one value", p.line)
	}
	return v, nil
}

// jsonReader counts the lines of what was read.
type jsonReader struct {
	data    []byte
	decoder *json.Decoder
	offset  int
	line    int
}

func (p *jsonReader) token() (json.Token, error) {
	t, err := p.decoder.Token()
	end := int(p.decoder.InputOffset())
	p.line += bytes.Count(p.data[p.offset:end], []byte("\n"))
	p.offset = end
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", p.line, err)
	}
	return t, nil
}

func (p *jsonReader) value(depth int) (*value, error) {
	t, err := p.token()
	if err != nil {
		return nil, err
	}
	v := &value{line: p.line}
	if depth > limit.JSONDepth {
		return nil, fmt.Errorf("line %d: nested deeper than %d: %w", p.line, limit.JSONDepth, limit.ErrTooLarge)
	}
	switch t {
	case json.Delim('{'):
		v.object = true
		for p.decoder.More() {
			name, err := p.token()
			if err != nil {
				return nil, err
			}
			m := member{line: p.line}
			m.name, _ = name.(string)
			if m.value, err = p.value(depth + 1); err != nil {
				return nil, err
			}
			v.members = append(v.members, m)
		}
	case json.Delim('['):
		v.list = true
		for p.decoder.More() {
			item, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
	default:
		v.scalar = t
		return v, nil
	}
	_, err = p.token()
	return v, err
}

// get returns a member, the last of two of one name, nil if there is none or if
// it is null.
func (v *value) get(name string) *value {
	if v == nil {
		return nil
	}
	for i := len(v.members) - 1; i >= 0; i-- {
		if m := v.members[i]; m.name == name {
			if m.value.isNull() {
				return nil
			}
			return m.value
		}
	}
	return nil
}

func (v *value) isNull() bool { return v.scalar == nil && !v.object && !v.list }

// text returns a string, "" for anything else.
func (v *value) text() string {
	if v == nil {
		return ""
	}
	s, _ := v.scalar.(string)
	return s
}
