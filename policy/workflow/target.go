package workflow

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
)

func target() rule {
	bad := "on: pull_request_target\n" + readOnly + "jobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@0123456789abcdef0123456789abcdef01234567\n"
	return rule{lint.Rule{
		ID: "TM-WF-01", Aliases: []string{"GR-HFS-12"}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "A workflow on pull_request_target does not check out the pull request's code",
		Why:    "It runs with the repository's secrets and a token that may write, for pull requests of anybody: whatever then builds, tests or installs the code that was checked out is the stranger's.",
		Remedy: "Use pull_request, which has no secrets; or do what needs them in a workflow on workflow_run that takes data and no code from the first.",
		Bad:    bad + "        with:\n          ref: ${{ github.event.pull_request.head.sha }}\n",
		Good:   bad,
		Source: "https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/",
	}, func(p *pass) {
		event := p.strangers()
		if event == "" {
			return
		}
		for _, j := range p.jobs {
			if otherEvents(j.cond, event) {
				continue
			}
			for _, s := range j.steps {
				line, apart := s.checksOut()
				if line == 0 || otherEvents(s.cond, event) {
					continue
				}
				p.report(line, fmt.Sprintf("checks out what the pull request brings, on %s", event))
				if apart {
					f := &p.found[len(p.found)-1]
					f.Risk, f.Message = lint.RiskMedium, f.Message+", into a folder of its own: nothing there may be run"
				}
			}
		}
	}}
}

var (
	// theirs finds what a pull request brings, in text that squeeze was over.
	// https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
	theirs = regexp.MustCompile(`(?i)github\.event\.pull_request\.(head|merge_commit_sha)|github\.head_ref|refs/pull/|github\.event\.(pull_request\.)?number`)

	// fetches finds a command that gets a pull request's code.
	fetches = regexp.MustCompile(`\bgh\s+pr\s+checkout\b|\bgit\s+(fetch|pull|checkout|switch|clone|reset|merge)\b`)

	// pullReference finds the ref that GitHub keeps of a pull request.
	pullReference = regexp.MustCompile(`\bpull/[^\s/]+/(head|merge)\b`)

	// eventName finds the events that a condition asks for.
	eventName = regexp.MustCompile(`github\.event_name==`)
)

// checksOut returns the line at which the step gets a pull request's code, 0 if
// it does not. apart is true when it gets it as data may be got: beside the
// repository's own files, and not in their place.
func (s *step) checksOut() (line int, apart bool) {
	if strings.HasPrefix(s.uses.value, "actions/checkout@") {
		for _, w := range s.with {
			switch {
			case w.name == "path" && strings.Trim(w.value.value, "./ ") != "":
				apart = true
			case line == 0 && (w.name == "ref" || w.name == "repository") && theirs.MatchString(squeeze(w.value.value)):
				line = w.value.line
			}
		}
		return line, apart
	}
	for i, line := range strings.Split(s.run.value, "\n") {
		line = squeeze(line)
		if strings.HasPrefix(strings.TrimSpace(line), "#") || !fetches.MatchString(line) {
			continue
		}
		if strings.Contains(line, "gh pr checkout") || theirs.MatchString(line) || pullReference.MatchString(line) {
			return s.run.at(i), false
		}
	}
	return 0, false
}

// otherEvents reports whether a condition lets the job or step run for other
// events alone. One that is not understood lets it run.
func otherEvents(condition, event string) bool {
	c := strings.NewReplacer(" ", "", "'", "", `"`, "").Replace(condition)
	if strings.Contains(c, "||") {
		return false
	}
	return strings.Contains(c, "github.event_name!="+event) || eventName.MatchString(c) && !strings.Contains(c, "github.event_name=="+event)
}
