package dockerfile

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3025() rule {
	return rule{lint.Rule{
		ID: "DL3025", Aliases: []string{"GR-IMG-13", "JSONArgsRecommended"}, Severity: lint.Warning, Risk: lint.RiskLow, Default: true,
		Title:  "CMD and ENTRYPOINT use the exec form",
		Why:    "The shell form puts a shell in front, which gets the signals instead of the application, so it is killed rather than stopped.",
		Remedy: "Write the words as a JSON array.",
		Bad:    "FROM debian:12-slim\nCMD python app.py\n",
		Good:   "FROM debian:12-slim\nCMD [\"python\", \"app.py\"]\n",
		Source: hadolintURL("DL3025"),
	}, func(p *pass) {
		p.instructions(func(s *dockerfile.Stage, in *dockerfile.Instruction) {
			// What only gives files to another stage is never started.
			if s.Reach != dockerfile.Source && !in.JSON && len(in.Args) > 0 {
				p.at(s, in, fmt.Sprintf("%s uses the shell form", in.Name))
			}
		}, "CMD", "ENTRYPOINT")
	}}
}
