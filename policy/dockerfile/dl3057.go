package dockerfile

import (
	"github.com/tallyman/tallyman/policy/lint"
)

func dl3057() rule {
	return rule{lint.Rule{
		ID: "DL3057", Aliases: []string{"DS-0026", "GR-IMG-06"}, Severity: lint.Info, Risk: lint.RiskLow, Default: false,
		Title:  "The shipped image has a HEALTHCHECK",
		Why:    "Without one Docker and compose take an application that hangs for a healthy one. Kubernetes uses probes instead.",
		Remedy: "Add a HEALTHCHECK that asks the application, or HEALTHCHECK NONE to say that there is none.",
		Bad:    "FROM debian:12-slim\nCMD [\"app\"]\n",
		Good:   "FROM debian:12-slim\nHEALTHCHECK CMD [\"app\", \"--check\"]\nCMD [\"app\"]\n",
		Source: hadolintURL("DL3057"),
	}, func(p *pass) {
		final := p.Final()
		if final == nil || final.From == nil {
			return
		}
		for _, s := range p.Chain(final) {
			for _, in := range s.Instructions {
				if in.Name == "HEALTHCHECK" {
					return
				}
			}
		}
		p.at(final, final.From, "the shipped image has no HEALTHCHECK")
	}}
}
