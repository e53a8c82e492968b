package dockerfile

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3018() rule {
	return rule{lint.Rule{
		ID: "DL3018", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskLow, Default: true,
		Title:  "apk add pins versions",
		Why:    "Two builds of the same Dockerfile then install different packages, and a regression cannot be told from a change of yours.",
		Remedy: "Write package=version, or package~version for any patch of it.",
		Bad:    "FROM alpine:3.20\nRUN apk add --no-cache ffmpeg\n",
		Good:   "FROM alpine:3.20\nRUN apk add --no-cache ffmpeg=6.1.1-r8\n",
		Source: hadolintURL("DL3018"),
	}, func(p *pass) {
		p.installs(func(s *dockerfile.Stage, _ *dockerfile.Instruction, i *dockerfile.Install) {
			loose := texts(i.Packages, func(w dockerfile.Word) bool {
				return !opaque(w) && !strings.ContainsAny(w.Text, "=~<>") && !strings.HasSuffix(w.Text, ".apk")
			})
			if len(loose) > 0 {
				p.report(s, i.Command.Line, i.Command.Column, fmt.Sprintf("apk adds %s without a version", listed(loose)))
			}
		}, "apk")
	}}
}

func dl3019() rule {
	return rule{lint.Rule{
		ID: "DL3019", Aliases: []string{"DS-0025"}, Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "apk add leaves no index behind",
		Why:    "Without --no-cache the package index stays in the layer.",
		Remedy: "Add --no-cache; --update and the removal of /var/cache/apk are then not needed.",
		Bad:    "FROM alpine:3.20\nRUN apk add ffmpeg=6.1.1-r8\n",
		Good:   "FROM alpine:3.20\nRUN apk add --no-cache ffmpeg=6.1.1-r8\n",
		Source: hadolintURL("DL3019"),
	}, func(p *pass) {
		p.installs(func(s *dockerfile.Stage, in *dockerfile.Instruction, i *dockerfile.Install) {
			_, without := i.Option("--no-cache")
			if s.Reach != dockerfile.Shipped || without || mounted(in, "/var/cache/apk") || mounted(in, "/etc/apk/cache") {
				return
			}
			p.report(s, i.Command.Line, i.Command.Column, "apk add without --no-cache leaves its index in the image")
		}, "apk")
	}}
}
