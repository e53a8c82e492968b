// Package workflow judges GitHub Actions workflows that deploy an application
// to a Hugging Face Space (GR-HFS-12): where the token of the Hub goes, and
// whose code runs beside it.
//
// [Rules] documents every rule, [Check] applies them to the content of one
// file. Nothing is fetched: what a reusable workflow or an action does inside is
// not known, and neither is what a program does that a step runs.
//
// # What the rules are about
//
// A workflow that only tests or formats has no secret of the Hub, so that an
// action that is not pinned there is no matter of this package. The rules about
// pinning (TM-WF-02) and permissions (TM-WF-03) speak of the jobs that are given
// a token of the Hub or write to it, and of every job of a workflow that runs
// for pull requests of strangers with the repository's own rights
// (pull_request_target). The rules about the token (GR-HFS-12) and about the
// checkout of a stranger's code (TM-WF-01) speak of every workflow.
package workflow

import (
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

// IsWorkflow reports whether GitHub takes a file of this path for a workflow.
// It does so below the root of a repository alone; here the folder may be
// audited as part of another.
// https://docs.github.com/en/actions/concepts/workflows-and-actions/workflows
func IsWorkflow(name string) bool {
	dir, ext := path.Dir(name), path.Ext(name)
	return (ext == ".yml" || ext == ".yaml") && (dir == ".github/workflows" || strings.HasSuffix(dir, "/.github/workflows"))
}

// rule is the documentation of a rule and its check.
type rule struct {
	lint.Rule
	check func(*pass)
}

// all lists every rule, in the order of the identifiers.
func all() []rule { return []rule{token(), target(), pinned(), permissions()} }

// Rules returns the documentation of every rule, sorted by identifier.
func Rules() []lint.Rule {
	var out []lint.Rule
	for _, r := range all() {
		out = append(out, r.Rule)
	}
	return out
}

// Check applies the rules to the content of a workflow and returns what they
// find, sorted, and gaps for what could not be read. enable names rules that
// are off by default, by identifier or alias. No finding holds a token.
func Check(name string, data []byte, enable ...string) ([]lint.Finding, []sbom.Gap) {
	w := read(name, data)
	found := []lint.Finding{}
	for _, r := range all() {
		if !r.Enabled(enable) {
			continue
		}
		p := &pass{workflow: w, rule: &r.Rule}
		r.check(p)
		found = append(found, p.found...)
	}
	gaps := append([]sbom.Gap{}, w.gaps...)
	slices.SortFunc(gaps, sbom.CompareGaps)
	return lint.Sort(found), gaps
}

// pass is one rule's run over one workflow.
type pass struct {
	*workflow
	rule  *lint.Rule
	found []lint.Finding
}

// report adds a finding at a line of the workflow.
func (p *pass) report(line int, message string) {
	p.found = append(p.found, p.rule.New(p.file, line, 0, "", message))
}

// maxShownRunes is how much of a text a finding quotes.
const maxShownRunes = 120

// shown returns what a finding or a gap may quote of a workflow.
func shown(text string) string {
	out := []rune(sbom.RedactText(hubToken.ReplaceAllString(text, "hf_...")))
	if len(out) > maxShownRunes {
		return string(out[:maxShownRunes]) + "..."
	}
	return string(out)
}

// example is a workflow that is given a token of the Hub, around one step.
func example(head, step string) string {
	return "on: push\n" + head + "jobs:\n  deploy:\n    runs-on: ubuntu-latest\n    env:\n      HF_TOKEN: ${{ secrets.HF_TOKEN }}\n    steps:\n" + step
}

const readOnly = "permissions:\n  contents: read\n"
