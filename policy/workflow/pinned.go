package workflow

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
)

func pinned() rule {
	return rule{lint.Rule{
		ID: "TM-WF-02", Aliases: []string{"GR-HFS-12"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "The actions beside a token of the Hub are pinned to a commit",
		Why:    "A tag or branch is whatever its owner, or whoever takes the account over, moves it to; the next run gives that code the job's token. Jobs without a token of the Hub are not judged, but for those on pull_request_target.",
		Remedy: "Write the full commit behind the action, with the version as a comment: uses: owner/action@<40 hexadecimal digits> # v4.",
		Bad:    example(readOnly, "      - uses: actions/checkout@v4\n"),
		Good:   example(readOnly, "      - uses: actions/checkout@0123456789abcdef0123456789abcdef01234567 # v4\n"),
		Source: "https://docs.github.com/en/actions/reference/security/secure-use#using-third-party-actions",
	}, func(p *pass) {
		for j, why := range p.concerned {
			p.unpinned(j, j.uses, why)
			for _, s := range j.steps {
				p.unpinned(j, s.uses, why)
			}
		}
	}}
}

var (
	commit      = regexp.MustCompile(`@([0-9a-f]{40}|[0-9a-f]{64})$`)
	imageDigest = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)
)

func (p *pass) unpinned(j *job, uses text, why string) {
	name := strings.TrimSpace(uses.value)
	switch {
	case name == "", strings.HasPrefix(name, "./"), commit.MatchString(name), imageDigest.MatchString(name):
	default:
		p.report(uses.line, fmt.Sprintf("%s is not pinned to a commit, and the job %q %s", shown(name), shown(j.name), why))
	}
}
