package workflow

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// workflow is what was read of one file.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
type workflow struct {
	file string
	// lines are the lines of the file as they stand in it.
	lines  [][]byte
	events []text
	grant  grant
	env    []pair
	jobs   []job
	gaps   []sbom.Gap
	// steps counts what was looked at, each step again for each alias.
	steps int
}

// text is a scalar. line is where its first line of content stands, counting
// from 1; block is true when its lines stand in the file as they are.
type text struct {
	value string
	line  int
	block bool
}

// pair is a key of a mapping with a scalar.
type pair struct {
	name  string
	value text
}

// grant is what "permissions" says.
type grant struct {
	// line is where it stands, 0 if it does not.
	line int
	// all is true for "write-all".
	all bool
}

// job is one job: steps, or the reusable workflow that it calls.
type job struct {
	name  string
	line  int
	grant grant
	cond  string
	env   []pair
	// uses is the reusable workflow, with and secrets what it is given.
	uses          text
	with, secrets []pair
	steps         []step
}

// step runs an action or a script.
type step struct {
	line      int
	cond      string
	uses, run text
	shell     string
	with, env []pair
}

// read reads a workflow. What it cannot read is a gap.
func read(file string, data []byte) *workflow {
	w := &workflow{file: file, lines: bytes.Split(data, []byte("\n"))}
	if len(data) > limit.ConfigBytes {
		w.gap(sbom.GapTooLarge, 0, "the workflow is larger than %d bytes", limit.ConfigBytes)
		w.lines = nil
		return w
	}
	var document yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		w.gap(sbom.GapUnparsed, 0, "the workflow is empty")
	case err != nil:
		w.gap(sbom.GapUnparsed, 0, "the workflow is no YAML: %s", shown(err.Error()))
	default:
		w.top(follow(document.Content[0]))
	}
	return w
}

func (w *workflow) gap(kind sbom.GapKind, line int, format string, args ...any) {
	w.gaps = append(w.gaps, sbom.NewGap(kind, w.file, line, fmt.Sprintf(format, args...)))
}

// top reads the outermost mapping.
func (w *workflow) top(n *yaml.Node) {
	jobs := false
	for key, value := range w.keys(n, "a workflow") {
		switch key.Value {
		case "on":
			w.events = events(value)
		case "permissions":
			w.grant = grantOf(key, value)
		case "env":
			w.env = w.pairs(value, "env")
		case "jobs":
			jobs = true
			for name, job := range w.keys(value, "jobs") {
				w.job(name, job)
			}
		}
	}
	if !jobs && len(w.gaps) == 0 {
		w.gap(sbom.GapUnparsed, n.Line, "the workflow has no jobs")
	}
}

func (w *workflow) job(name, n *yaml.Node) {
	j := job{name: name.Value, line: name.Line}
	for key, value := range w.keys(n, "a job") {
		switch key.Value {
		case "permissions":
			j.grant = grantOf(key, value)
		case "if":
			j.cond = value.Value
		case "env":
			j.env = w.pairs(value, "env")
		case "uses":
			j.uses = scalar(value)
		case "with":
			j.with = w.pairs(value, "with")
		case "secrets":
			if value.Kind != yaml.ScalarNode { // or the word "inherit"
				j.secrets = w.pairs(value, "secrets")
			}
		case "steps":
			j.steps = w.stepsOf(value)
		}
	}
	w.jobs = append(w.jobs, j)
}

func (w *workflow) stepsOf(n *yaml.Node) []step {
	if n.Kind != yaml.SequenceNode {
		w.gap(sbom.GapUnparsed, n.Line, "steps are no list")
		return nil
	}
	var out []step
	for _, item := range n.Content {
		if w.steps++; w.steps > limit.WorkflowSteps {
			w.gap(sbom.GapTooLarge, item.Line, "more than %d steps, the rest was not read", limit.WorkflowSteps)
			return out
		}
		s := step{line: item.Line}
		for key, value := range w.keys(follow(item), "a step") {
			switch key.Value {
			case "if":
				s.cond = value.Value
			case "uses":
				s.uses = scalar(value)
			case "run":
				s.run = scalar(value)
			case "shell":
				s.shell = value.Value
			case "with":
				s.with = w.pairs(value, "with")
			case "env":
				s.env = w.pairs(value, "env")
			}
		}
		out = append(out, s)
	}
	return out
}

// events returns the events of "on": one, a list, or the keys of a mapping.
func events(n *yaml.Node) []text {
	var out []text
	switch n.Kind {
	case yaml.ScalarNode:
		out = append(out, scalar(n))
	case yaml.SequenceNode:
		for _, item := range n.Content {
			out = append(out, scalar(follow(item)))
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			out = append(out, scalar(n.Content[i]))
		}
	}
	return out
}

// grantOf reads "permissions": a word for all scopes, or a mapping.
func grantOf(key, value *yaml.Node) grant {
	return grant{line: key.Line, all: value.Kind == yaml.ScalarNode && value.Value == "write-all"}
}

// keys yields the keys of a mapping with what they stand for. A null is empty,
// anything else a gap.
func (w *workflow) keys(n *yaml.Node, what string) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if n.Kind != yaml.MappingNode {
			if n.Tag != "!!null" {
				w.gap(sbom.GapUnparsed, n.Line, "%s is no mapping", what)
			}
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], follow(n.Content[i+1])) {
				return
			}
		}
	}
}

// pairs returns the keys of a mapping that have a scalar. An expression may
// stand for the whole of it.
func (w *workflow) pairs(n *yaml.Node, what string) []pair {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return []pair{{"", scalar(n)}}
	}
	var out []pair
	for key, value := range w.keys(n, what) {
		if value.Kind == yaml.ScalarNode {
			out = append(out, pair{key.Value, scalar(value)})
		}
	}
	return out
}

// scalar returns a scalar's text, "" for anything else. The content of a block
// begins on the line after its indicator.
// https://yaml.org/spec/1.2.2/#812-literal-style
func scalar(n *yaml.Node) text {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return text{line: n.Line}
	}
	if n.Style&yaml.LiteralStyle != 0 {
		return text{n.Value, n.Line + 1, true}
	}
	return text{value: n.Value, line: n.Line}
}

// at returns the line of the file for the line of a text, counting from 0.
func (t text) at(line int) int {
	if t.block {
		return t.line + line
	}
	return t.line
}

// follow returns what an alias stands for. Aliases are followed one at a time
// and never expanded, so that a file cannot grow by them.
func follow(n *yaml.Node) *yaml.Node {
	for range limit.IncludeDepth {
		if n.Kind != yaml.AliasNode || n.Alias == nil {
			break
		}
		n = n.Alias
	}
	return n
}
