package dockerfile

import (
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3015() rule {
	return rule{lint.Rule{
		ID: "DL3015", Aliases: []string{"DS-0029"}, Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "apt-get install takes no recommended packages",
		Why:    "Packages that nobody asked for come along, and each is one more that can have holes.",
		Remedy: "Add --no-install-recommends.",
		Bad:    "FROM debian:12-slim\nRUN apt-get install -y ffmpeg\n",
		Good:   "FROM debian:12-slim\nRUN apt-get install -y --no-install-recommends ffmpeg\n",
		Source: hadolintURL("DL3015"),
	}, func(p *pass) {
		p.installs(func(s *dockerfile.Stage, _ *dockerfile.Instruction, i *dockerfile.Install) {
			if s.Reach == dockerfile.Shipped && !withoutRecommends(i) {
				p.report(s, i.Command.Line, i.Command.Column, "apt-get install brings recommended packages along")
			}
		}, "apt-get")
	}}
}

func withoutRecommends(i *dockerfile.Install) bool {
	for _, o := range i.Options {
		setting := strings.ToLower(o.Name + " " + o.Value.Text)
		if o.Name == "--no-install-recommends" || strings.Contains(setting, "apt::install-recommends") &&
			(strings.HasSuffix(setting, "=false") || strings.HasSuffix(setting, "=0") || strings.HasSuffix(setting, "=no")) {
			return true
		}
	}
	return false
}
