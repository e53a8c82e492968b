package policy

import (
	"encoding/json"
	"fmt"
)

// readReason reads one element of a deny, violation, undecided or warn rule:
// a message, or an object with "message" (or conftest's "msg") and any of the
// fields of a Reason. What has no message keeps its effect and shows itself.
func readReason(effect Effect, rule string, item any) Reason {
	r := Reason{Effect: effect, Rule: rule, Evidence: []string{}}
	object, ok := item.(map[string]any)
	if !ok {
		if r.Message, ok = item.(string); !ok {
			r.Message = plain(item)
		}
		return r
	}
	text := func(name string) string {
		s, _ := object[name].(string)
		return s
	}
	if s := text("rule"); s != "" {
		r.Rule = s
	}
	r.Message = text("message")
	if r.Message == "" {
		r.Message = text("msg")
	}
	if r.Message == "" {
		r.Message = plain(item)
	}
	r.Package, r.File, r.Remedy = text("package"), text("file"), text("remedy")
	if n, ok := object["line"].(json.Number); ok {
		if line, err := n.Int64(); err == nil && line > 0 {
			r.Line = int(line)
		}
	}
	switch evidence := object["evidence"].(type) {
	case string:
		r.Evidence = append(r.Evidence, evidence)
	case []any:
		for _, e := range evidence {
			s, ok := e.(string)
			if !ok {
				s = plain(e)
			}
			r.Evidence = append(r.Evidence, s)
		}
	}
	return r
}

// plain shows a value that was expected to be a sentence.
func plain(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(data)
}
