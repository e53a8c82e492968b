package dockerfile

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3027() rule {
	return rule{lint.Rule{
		ID: "DL3027", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskLow, Default: true,
		Title:  "RUN uses apt-get or apt-cache, not apt",
		Why:    "apt is made for people: it gives no promise that its options and output stay as they are.",
		Remedy: "Write apt-get (or apt-cache) instead of apt.",
		Bad:    "FROM debian:12-slim\nRUN apt install -y ffmpeg\n",
		Good:   "FROM debian:12-slim\nRUN apt-get install -y ffmpeg\n",
		Source: hadolintURL("DL3027"),
	}, func(p *pass) {
		p.commands(func(s *dockerfile.Stage, c *dockerfile.Command) {
			if v, ok := c.Invocation(); ok && v.Manager == "apt" {
				p.report(s, c.Line, c.Column, fmt.Sprintf("RUN calls apt %s", shown(v.Verb)))
			}
		})
	}}
}
