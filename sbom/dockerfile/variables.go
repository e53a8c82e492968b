package dockerfile

import (
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// fileVariables are the environment variables that stand for -r and -c, and
// those that stand for -e.
// https://pip.pypa.io/en/stable/topics/configuration/#environment-variables
// https://docs.astral.sh/uv/reference/environment/
var (
	fileVariables     = []string{"PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_BUILD_CONSTRAINT", "UV_OVERRIDE", "UV_REQUIREMENTS"}
	editableVariables = []string{"PIP_EDITABLE"}
)

// Variables returns what an instruction puts into the environment, or into
// variables of the shell: the pairs of ENV and ARG, and of a script its
// assignments, export and env.
func (in *Instruction) Variables() []Assign {
	var out []Assign
	if in.Name == "ENV" || in.Name == "ARG" {
		for _, p := range in.Pairs {
			if p.HasValue || p.Value != "" {
				out = append(out, Assign{p.Key, Word{Text: p.Value, Raw: p.Raw, Known: p.Known || p.Value != "" && !strings.Contains(p.Value, "$"), Line: in.Line, Column: in.Column}})
			}
		}
	}
	if in.Script != nil {
		out = append(out, in.Script.Assigns...)
	}
	return out
}

// variables notes the requirement files that variables name. They hold for any
// pip that runs with them, so that it does not matter which one does.
func (c *collector) variables(in *Instruction) {
	for _, v := range in.Variables() {
		files, editable := slices.Contains(fileVariables, v.Name), slices.Contains(editableVariables, v.Name)
		if !files && !editable {
			continue
		}
		for field := range strings.FieldsSeq(v.Value.Text) {
			w := v.Value
			w.Text = field
			if w.Line == 0 {
				w.Line = in.Line
			}
			if files {
				c.include([]Word{w})
			} else {
				c.requirement(w, true, "")
			}
		}
	}
}

// start is what a stage starts.
type start struct{ entrypoint, cmd *Instruction }

// entrypoint reads what ENTRYPOINT and CMD are together, both in exec form: CMD
// is arguments then. Each alone is read in its place.
// https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
func (c *collector) entrypoint(s *Stage) {
	var now start
	if s.Parent >= 0 {
		now = c.starts[s.Parent]
	}
	inherited := now
	s.Walk(func(in *Instruction) {
		switch in.Name {
		case "ENTRYPOINT":
			now = start{in, nil}
		case "CMD":
			now.cmd = in
		}
	})
	c.starts = append(c.starts, now)
	entrypoint, cmd := now.entrypoint, now.cmd
	if now == inherited {
		return
	}
	if entrypoint == nil || cmd == nil || !entrypoint.JSON || !cmd.JSON || len(entrypoint.Args) == 0 {
		return
	}
	w := &walker{script: &Script{}, vars: scope{}, gap: func(kind sbom.GapKind, line int, reason string) { c.gap(kind, line, "", "%s", reason) }}
	words := slices.Concat(entrypoint.Args, cmd.Args)
	w.emit(words, Command{Line: cmd.Line, Column: cmd.Column})
	c.script(&Instruction{Name: "CMD", Line: cmd.Line, Script: w.script})
}
