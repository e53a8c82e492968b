package dockerfile

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func grImg03() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-03", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "Images are pinned by digest",
		Why:    "A tag can be moved to other contents at any time; a digest cannot.",
		Remedy: "Append the digest to the tag (NAME:TAG@sha256:...) and let a bot update it.",
		Bad:    "FROM python:3.12-slim\n",
		Good:   "FROM python:3.12-slim@sha256:0000000000000000000000000000000000000000000000000000000000000000\n",
		Source: "https://docs.docker.com/build/building/best-practices/#pin-base-image-versions",
	}, func(p *pass) {
		p.bases(func(s *dockerfile.Stage) {
			if loose(s.Base) {
				p.at(s, s.From, fmt.Sprintf("the base image %s is not pinned by digest", shown(s.Base.Text)))
			}
		})
		for _, s := range p.Stages {
			for _, u := range s.Uses {
				if u.Stage < 0 && !u.Image.Scratch() && loose(u.Image) {
					p.at(s, u.Instruction, fmt.Sprintf("%s takes files from the image %s, which is not pinned by digest", u.Instruction.Name, shown(u.Image.Text)))
				}
			}
		}
	}}
}

// loose reports whether a reference surely lacks a digest.
func loose(i dockerfile.Image) bool {
	return i.Known && i.Text != "" && !strings.Contains(i.Digest, ":")
}
