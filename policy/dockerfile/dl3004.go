package dockerfile

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3004() rule {
	return rule{lint.Rule{
		ID: "DL3004", Aliases: []string{"DS-0010"}, Severity: lint.Error, Risk: lint.RiskMedium, Default: true,
		Title:  "RUN does not use sudo",
		Why:    "It needs sudo in the image, with a user that may become root without a password; whoever takes over that user may too.",
		Remedy: "Run such steps before USER, or between USER root and the final USER, without sudo.",
		Bad:    "FROM debian:12-slim\nRUN sudo mkdir /srv/app\n",
		Good:   "FROM debian:12-slim\nRUN mkdir /srv/app\n",
		Source: hadolintURL("DL3004"),
	}, func(p *pass) {
		p.commands(func(s *dockerfile.Stage, c *dockerfile.Command) {
			if c.Name == "sudo" {
				p.report(s, c.Line, c.Column, "RUN calls sudo")
			}
			for _, w := range c.Via {
				if w.Name == "sudo" {
					p.report(s, w.Line, w.Column, fmt.Sprintf("RUN calls %s with sudo", program(c.Name)))
				}
			}
		})
	}}
}
