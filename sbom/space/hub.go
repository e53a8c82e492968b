package space

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// Hub is what the Hub says of a Space and its repository does not: its
// settings, and what the Hub's scanners found. Each is as of the day on which
// it was asked for.
type Hub struct {
	// ID is "owner/name".
	ID string
	// Visibility is "public", "private" or "protected" (the code is private, the
	// application public), "" if the answer has none; Line is where it stands.
	Visibility Setting
	// DevMode is on when the running container can be entered and changed.
	DevMode Setting
	// Hardware is what the Space runs on ("cpu-basic"), Storage what it keeps
	// files in; "" for none, or if the answer has none.
	Hardware, Storage Setting
	// Sleeps is true when the Hub stops the Space after a time without visitors.
	// It means nothing when the answer has no runtime.
	Sleeps bool
	// OAuth is true when the Space's front matter, as the Hub read it, has users
	// sign in.
	OAuth bool
	// Variables and Secrets are in the order of the answer.
	Variables, Secrets []Variable
	// Scanned is true when the answer has results of the Hub's scanners, and
	// ScansDone when they have looked at everything. Issues are the files that
	// they warn of.
	Scanned   bool
	ScansDone bool
	ScansLine int
	Issues    []Issue
}

// Setting is one setting. The zero value is one that the answer does not have.
type Setting struct {
	Value string
	// On is the value of a switch.
	On bool
	// Line counts from 1.
	Line int
}

// Variable is a variable or secret of a Space. Its value is not kept.
type Variable struct {
	Name string
	Line int
	// Set is false for a variable whose value is known to be none that could be
	// secret: it is empty, a number or a switch.
	Set bool
}

// Issue is a file that the Hub's scanners warn of.
type Issue struct {
	Path string
	// Level is "unsafe", "suspicious" or "caution", or another word of the Hub's
	// for what is not safe.
	Level string
	Line  int
}

// ReadHub reads the Hub's answer about a Space:
//
//	GET https://huggingface.co/api/spaces/OWNER/NAME
//
// The Hub tells some things elsewhere. They count when they stand in the same
// object as further members, as those addresses give them: "variables"
// (.../NAME/variables), "secrets" (.../NAME/secrets, names without values) and
// "tree" (.../NAME/tree/main?recursive=true&expand=true, which has the results
// of the scanners by file).
//
// It fails for what is no answer about a Space, and for one with a field of
// another kind than the Hub's: what cannot be read is not taken for a good
// setting. The error wraps limit.ErrTooLarge when r is larger than
// limit.ManifestBytes.
//
// https://huggingface.co/docs/huggingface_hub/package_reference/space_runtime
func ReadHub(r io.Reader) (*Hub, error) {
	data, err := limit.ReadAll(r, limit.ManifestBytes)
	if err != nil {
		return nil, err
	}
	root, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	h := &hubReader{hub: &Hub{}, seen: map[string]bool{}}
	switch {
	case !root.object:
		return nil, fmt.Errorf("line %d: not an object", root.line)
	case root.get("id") == nil && root.get("error") != nil:
		return nil, fmt.Errorf("the Hub answered %q: for a private Space it must be asked with a token", shown(root.get("error").text()))
	case root.get("id").text() == "" || root.get("sdk") == nil && root.get("runtime") == nil:
		return nil, fmt.Errorf("not the Hub's answer about a Space: it needs \"id\", and \"sdk\" or \"runtime\"")
	}
	h.read(root)
	if h.err != nil {
		return nil, h.err
	}
	return h.hub, nil
}

// hubReader is the state of one ReadHub.
type hubReader struct {
	hub *Hub
	// seen are the files among the hub's issues.
	seen map[string]bool
	// err is the first problem.
	err error
}

func (h *hubReader) wrong(v *value, name, kind string) {
	if h.err == nil {
		h.err = fmt.Errorf("line %d: %q is no %s", v.line, name, kind)
	}
}

func (h *hubReader) read(root *value) {
	h.hub.ID = shown(root.get("id").text())
	h.visibility(root)
	runtime := h.object(root, "runtime")
	h.hub.DevMode = h.flag(runtime, "devMode")
	h.hub.Hardware = h.current(runtime, "hardware")
	h.hub.Storage = h.current(runtime, "storage")
	h.hub.Sleeps = runtime.get("gcTimeout") != nil
	if volumes := runtime.get("volumes"); h.hub.Storage.Value == "" && volumes != nil {
		if !volumes.list {
			h.wrong(volumes, "volumes", "list")
		} else if len(volumes.items) > 0 {
			h.hub.Storage = Setting{Value: "volumes", Line: volumes.line}
		}
	}
	h.hub.OAuth = h.flag(h.object(root, "cardData"), "hf_oauth").On
	h.hub.Variables = h.variables(root, "variables")
	h.hub.Secrets = h.variables(root, "secrets")
	h.scans(h.object(root, "securityRepoStatus"))
	h.tree(root.get("tree"))
}

// object returns a member that must be an object, nil if it is not there.
func (h *hubReader) object(v *value, name string) *value {
	m := v.get(name)
	if m != nil && !m.object {
		h.wrong(m, name, "object")
		return nil
	}
	return m
}

// flag returns a member that must be true or false.
func (h *hubReader) flag(v *value, name string) Setting {
	m := v.get(name)
	if m == nil {
		return Setting{}
	}
	on, ok := m.scalar.(bool)
	if !ok {
		h.wrong(m, name, "switch")
	}
	return Setting{On: on, Line: m.line}
}

// current returns a member that is a word, or an object whose "current" is.
func (h *hubReader) current(v *value, name string) Setting {
	m := v.get(name)
	if m != nil && m.object {
		m = m.get("current")
	}
	if m == nil {
		return Setting{}
	}
	if _, ok := m.scalar.(string); !ok {
		h.wrong(m, name, "word")
	}
	return Setting{Value: shown(m.text()), Line: m.line}
}

// visibility is "visibility" where the answer has it, else what "private" says.
func (h *hubReader) visibility(root *value) {
	if h.hub.Visibility = h.current(root, "visibility"); h.hub.Visibility.Value != "" {
		return
	}
	private := h.flag(root, "private")
	h.hub.Visibility = Setting{Line: private.Line}
	switch {
	case private.On:
		h.hub.Visibility.Value = "private"
	case private.Line > 0:
		h.hub.Visibility.Value = "public"
	}
}

// variables reads an object by name, or a list of names or of objects that have
// one.
func (h *hubReader) variables(root *value, name string) []Variable {
	v := root.get(name)
	var out []Variable
	switch {
	case v == nil:
	case v.object:
		for _, m := range v.members {
			out = append(out, variable(m.name, m.line, m.value))
		}
	case v.list:
		for _, item := range v.items {
			key := item.text()
			for _, k := range []string{"name", "key"} {
				if t := item.get(k).text(); t != "" {
					key = t
				}
			}
			if key == "" {
				h.wrong(item, name, "list of names")
			}
			out = append(out, variable(key, item.line, item))
		}
	default:
		h.wrong(v, name, "object or list")
	}
	return out
}

// variable reads one variable: its value is "value", or itself where it is no
// object; what the answer does not tell may be anything.
func variable(name string, line int, v *value) Variable {
	out := Variable{Name: shown(name), Line: line, Set: true}
	content := v.get("value")
	if content == nil {
		return out
	}
	switch scalar := content.scalar.(type) {
	case bool, json.Number:
		out.Set = false
	case string:
		out.Set = !harmless(scalar)
	}
	return out
}

// harmless reports whether a value is none that anybody would keep secret.
func harmless(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	return slices.Contains([]string{"", "true", "false", "yes", "no", "on", "off", "none", "null", "auto"}, text) ||
		len(text) < 6 && strings.Trim(text, "0123456789.") == ""
}

// scans reads the results of the Hub's scanners for the repository.
// https://huggingface.co/docs/hub/security-malware
func (h *hubReader) scans(v *value) {
	if v == nil {
		return
	}
	done := h.flag(v, "scansDone")
	h.hub.Scanned, h.hub.ScansDone, h.hub.ScansLine = true, done.On, max(done.Line, v.line)
	files := v.get("filesWithIssues")
	if files == nil {
		return
	}
	if !files.list {
		h.wrong(files, "filesWithIssues", "list")
	}
	for _, item := range files.items {
		level := item.get("level").text()
		if item.get("path").text() == "" {
			h.wrong(item, "filesWithIssues", "list of files")
		}
		h.issue(item.get("path"), level, item.line)
	}
}

// tree reads the list of the repository's files, where it has results for each.
func (h *hubReader) tree(v *value) {
	if v == nil {
		return
	}
	if !v.list {
		h.wrong(v, "tree", "list")
	}
	pending := 0
	for _, item := range v.items {
		status := item.get("securityFileStatus")
		if status == nil {
			continue
		}
		level := h.current(status, "status").Value
		switch level {
		case "unscanned", "queued", "error", "":
			pending = max(pending, status.line)
		default:
			h.issue(item.get("path"), level, status.line)
		}
		if !h.hub.Scanned {
			h.hub.Scanned, h.hub.ScansDone, h.hub.ScansLine = true, true, status.line
		}
	}
	if pending > 0 {
		h.hub.ScansDone, h.hub.ScansLine = false, pending
	}
}

// issue adds a file, unless it is safe or known.
func (h *hubReader) issue(path *value, level string, line int) {
	level = strings.ToLower(level)
	name := shown(path.text())
	if level == "safe" || level == "innocuous" || h.seen[name] {
		return
	}
	h.seen[name] = true
	h.hub.Issues = append(h.hub.Issues, Issue{Path: name, Level: shown(level), Line: line})
}
