package dockerfile

import (
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl4006() rule {
	return rule{lint.Rule{
		ID: "DL4006", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskLow, Default: true,
		Title:  "A RUN with a pipe has pipefail set",
		Why:    "The shell gives the exit code of the last command only, so a failed download or check before the pipe goes unnoticed.",
		Remedy: "Put SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"] before it, or begin the RUN with set -o pipefail.",
		Bad:    "FROM debian:12-slim\nRUN sort words.txt | head\n",
		Good:   "FROM debian:12-slim\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN sort words.txt | head\n",
		Source: hadolintURL("DL4006"),
	}, func(p *pass) {
		p.runs(func(s *dockerfile.Stage, in *dockerfile.Instruction) {
			if in.JSON || len(in.Script.Pipes) == 0 || pipefailShell(in.Shell) {
				return
			}
			pipe := in.Script.Pipes[0]
			for _, c := range in.Script.Commands {
				before := c.Line < pipe.Line || c.Line == pipe.Line && c.Column < pipe.Column
				if c.Name == "set" && before && c.Has("pipefail") {
					return
				}
			}
			p.report(s, pipe.Line, pipe.Column, "the pipe hides a failure of the commands before it, as pipefail is not set")
		})
	}}
}

// pipefailShell reports whether a SHELL sets pipefail. Plain sh does not count:
// most of its implementations do not know the option.
func pipefailShell(shell []string) bool {
	if len(shell) == 0 {
		return false
	}
	name := shell[0][strings.LastIndexByte(shell[0], '/')+1:]
	return slices.Contains([]string{"bash", "zsh", "ash", "ksh"}, name) && slices.Contains(shell, "pipefail")
}
