package workflow

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
)

func permissions() rule {
	return rule{lint.Rule{
		ID: "TM-WF-03", Aliases: []string{"GR-HFS-12"}, Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "A job beside a token of the Hub says what its own token may do",
		Why:    "Without permissions GITHUB_TOKEN may do what the repository's settings say, which for older ones is to write to everything: the job that deploys the application could change it. Jobs without a token of the Hub are not judged, but for those on pull_request_target.",
		Remedy: "Write permissions: with contents: read at the top of the workflow, and id-token: write where a Trusted Publisher needs it.",
		Bad:    example("", "      - run: hf upload user/app . --repo-type space\n"),
		Good:   example(readOnly, "      - run: hf upload user/app . --repo-type space\n"),
		Source: "https://docs.github.com/en/actions/reference/security/secure-use#use-the-principle-of-least-privilege",
	}, func(p *pass) {
		for j, why := range p.concerned {
			own := j.grant
			if own.line == 0 {
				own = p.grant
			}
			switch {
			case own.all:
				p.report(own.line, fmt.Sprintf("the job %q may write to everything, and %s", shown(j.name), why))
			case own.line == 0:
				p.report(j.line, fmt.Sprintf("the job %q has no permissions, and %s", shown(j.name), why))
			}
		}
	}}
}
