package dockerfile

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl4000() rule {
	return rule{lint.Rule{
		ID: "DL4000", Aliases: []string{"DS-0022", "MaintainerDeprecated"}, Severity: lint.Error, Risk: lint.RiskLow, Default: true,
		Title:  "MAINTAINER is not used",
		Why:    "It is deprecated, and tools that look for the author look at labels.",
		Remedy: "Write LABEL org.opencontainers.image.authors=\"...\".",
		Bad:    "FROM debian:12-slim\nMAINTAINER someone@example.com\n",
		Good:   "FROM debian:12-slim\nLABEL org.opencontainers.image.authors=\"someone@example.com\"\n",
		Source: hadolintURL("DL4000"),
	}, func(p *pass) {
		p.instructions(func(s *dockerfile.Stage, in *dockerfile.Instruction) {
			p.at(s, in, "MAINTAINER is deprecated")
		}, "MAINTAINER")
	}}
}

func dl4003() rule {
	return rule{lint.Rule{
		ID: "DL4003", Aliases: []string{"DS-0016", "MultipleInstructionsDisallowed"}, Severity: lint.Warning, Risk: lint.RiskLow, Default: true,
		Title:  "A stage has one CMD",
		Why:    "Only the last one counts, so the others say what is not true.",
		Remedy: "Remove all but the last CMD.",
		Bad:    "FROM debian:12-slim\nCMD [\"a\"]\nCMD [\"b\"]\n",
		Good:   "FROM debian:12-slim\nCMD [\"b\"]\n",
		Source: hadolintURL("DL4003"),
	}, func(p *pass) { p.once("CMD") }}
}

func dl4004() rule {
	return rule{lint.Rule{
		ID: "DL4004", Aliases: []string{"DS-0007", "MultipleInstructionsDisallowed"}, Severity: lint.Error, Risk: lint.RiskLow, Default: true,
		Title:  "A stage has one ENTRYPOINT",
		Why:    "Only the last one counts, so the others say what is not true.",
		Remedy: "Remove all but the last ENTRYPOINT.",
		Bad:    "FROM debian:12-slim\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n",
		Good:   "FROM debian:12-slim\nENTRYPOINT [\"b\"]\n",
		Source: hadolintURL("DL4004"),
	}, func(p *pass) { p.once("ENTRYPOINT") }}
}

// once reports each instruction of that name in a stage after its first.
func (p *pass) once(name string) {
	for _, s := range p.Stages {
		first := 0
		for _, in := range s.Instructions {
			switch {
			case in.Name != name:
			case first == 0:
				first = in.Line
			default:
				p.at(s, in, fmt.Sprintf("this %s takes the place of the one at line %d", name, first))
			}
		}
	}
}
