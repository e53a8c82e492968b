package dockerfile

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3006() rule {
	return rule{lint.Rule{
		ID: "DL3006", Aliases: []string{"DS-0001"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "FROM names a tag",
		Why:    "Without a tag the build takes whatever is newest on the day, so it cannot be repeated and nobody has reviewed it.",
		Remedy: "Name the version as tag, and better the digest too: python:3.12-slim@sha256:...",
		Bad:    "FROM python\n",
		Good:   "FROM python:3.12-slim\n",
		Source: hadolintURL("DL3006"),
	}, func(p *pass) {
		p.bases(func(s *dockerfile.Stage) {
			// A variable may bring the tag, so it is exempt.
			if b := s.Base; b.Tag == "" && b.Digest == "" && !strings.Contains(b.Raw, "$") {
				p.at(s, s.From, fmt.Sprintf("the base image %s has no tag", shown(b.Text)))
			}
		})
	}}
}

func dl3007() rule {
	return rule{lint.Rule{
		ID: "DL3007", Aliases: []string{"DS-0001"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "FROM does not use the tag latest",
		Why:    "latest moves with every release, so the build changes without a change of yours.",
		Remedy: "Name the version as tag, and better the digest too: python:3.12-slim@sha256:...",
		Bad:    "FROM python:latest\n",
		Good:   "FROM python:3.12-slim\n",
		Source: hadolintURL("DL3007"),
	}, func(p *pass) {
		p.bases(func(s *dockerfile.Stage) {
			if b := s.Base; b.Tag == "latest" && b.Digest == "" {
				p.at(s, s.From, fmt.Sprintf("the base image %s uses the tag latest", shown(b.Text)))
			}
		})
	}}
}

// bases calls visit for each stage that is built FROM an image.
func (p *pass) bases(visit func(*dockerfile.Stage)) {
	for _, s := range p.Stages {
		if s.From != nil && s.Parent < 0 && s.Base.Text != "" && !s.Base.Scratch() {
			visit(s)
		}
	}
}
