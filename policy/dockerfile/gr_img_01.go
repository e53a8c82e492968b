package dockerfile

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func grImg01() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-01", Aliases: []string{"DL3002", "DS-0002"}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "The shipped image does not run as root",
		Why:    "Without USER a container runs as root, so one hole in the application or in what it parses is root in the container.",
		Remedy: "Create a user and end the final stage with it, by number: RUN useradd -u 1000 app and USER 1000.",
		Bad:    "FROM python:3.12-slim\nCMD [\"python\", \"app.py\"]\n",
		Good:   "FROM python:3.12-slim\nUSER 1000\nCMD [\"python\", \"app.py\"]\n",
		Source: "https://docs.docker.com/build/building/best-practices/#user",
	}, func(p *pass) {
		final := p.Final()
		if final == nil || p.dropsRoot() {
			return
		}
		s, in := p.lastUser()
		switch {
		case in != nil && isRoot(in.Args[0]):
			p.at(s, in, fmt.Sprintf("the shipped image runs as %q", in.Args[0].Text))
		case in == nil && final.From != nil && !rootless(p.origin(final).Base):
			p.at(final, final.From, "the shipped image has no USER, so it runs as root unless its base image says otherwise")
		}
	}}
}

// origin returns the stage at the end of the chain, which has the base image.
func (p *pass) origin(s *dockerfile.Stage) *dockerfile.Stage {
	chain := p.Chain(s)
	return chain[len(chain)-1]
}

// rootless reports whether a base image is known, by its name, to set a user
// that is not root.
func rootless(i dockerfile.Image) bool {
	return strings.Contains(i.Tag, "nonroot") || strings.Contains(i.Tag, "rootless") ||
		strings.Contains(i.Repository, "unprivileged") || strings.HasPrefix(i.Repository, "cgr.dev/chainguard/")
}
