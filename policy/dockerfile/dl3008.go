package dockerfile

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3008() rule {
	return rule{lint.Rule{
		ID: "DL3008", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskLow, Default: true,
		Title:  "apt-get install pins versions",
		Why:    "Two builds of the same Dockerfile then install different packages, and a regression cannot be told from a change of yours.",
		Remedy: "Write package=version, or pin the base image by digest and install from a snapshot of the archive.",
		Bad:    "FROM debian:12-slim\nRUN apt-get install -y ffmpeg\n",
		Good:   "FROM debian:12-slim\nRUN apt-get install -y ffmpeg=7:5.1.6-0+deb12u1\n",
		Source: hadolintURL("DL3008"),
	}, func(p *pass) {
		p.installs(func(s *dockerfile.Stage, _ *dockerfile.Instruction, i *dockerfile.Install) {
			if _, ok := i.Option("-t", "--target-release", "--default-release"); ok {
				return
			}
			loose := texts(i.Packages, func(w dockerfile.Word) bool {
				// "name/release" takes the version of that release; a path is a
				// local .deb.
				return !opaque(w) && !strings.ContainsAny(w.Text, "=/") && !strings.HasSuffix(w.Text, ".deb")
			})
			if len(loose) > 0 {
				p.report(s, i.Command.Line, i.Command.Column, fmt.Sprintf("apt-get installs %s without a version", listed(loose)))
			}
		}, "apt-get")
	}}
}
