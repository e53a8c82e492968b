package report_test

import (
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// Allowed says what was looked at, and no more.
func TestTextAllowsOnlyWhatWasLookedAt(t *testing.T) {
	risks := []policy.Exception{{ID: "a", Used: 1}, {ID: "b", Used: 3}, {ID: "c"}}
	for _, c := range []struct {
		command string
		risks   []policy.Exception
		want    string
	}{
		{"sbom", nil, "exit 0: the inventory is whole; advisories were not looked at\n"},
		{"lint", nil, "exit 0: no lint rule that denies is broken; advisories were not looked at\n"},
		{"verify", nil, "exit 0: a signature of the image verifies; nothing else of it was looked at\n"},
		{"audit", nil, "exit 0: nothing that was found is against the rules, and nothing was hidden\n"},
		{"audit", risks, "exit 0: but for 2 accepted risks, nothing that was found is against the rules, and nothing"},
	} {
		r := &audit.Report{Command: c.command, Decision: policy.Decision{Outcome: policy.Allowed, Exceptions: c.risks}}
		if out := string(write(t, report.FormatText, r, report.Options{})); !strings.Contains(out, c.want) {
			t.Errorf("%s: no %q in:\n%s", c.command, c.want, out)
		}
	}
}

// What requirements bring along is not looked at where nothing names it, and
// the last line says so; it does not where a lock, an image or an SBOM tells.
func TestTextSaysThatNothingNamesWhatRequirementsBringAlong(t *testing.T) {
	pypi := func(name string, e sbom.Evidence) sbom.Component {
		return sbom.Component{Name: name, Ecosystem: "PyPI", Evidence: e}
	}
	hashed, limit := pypi("a", sbom.Declared), pypi("a", sbom.Declared)
	hashed.Hashes, limit.Constraint = []string{"sha256:00"}, true
	const no, some = "; what the requirements bring along, and no file names, was not looked at\n", "; not all of what the requirements bring along, and no file names, was looked at\n"
	for name, c := range map[string]struct {
		command    string
		components []sbom.Component
		image      *policy.Image
		want       string
	}{
		"a requirement":            {"audit", []sbom.Component{pypi("transformers", sbom.Declared)}, nil, no},
		"one, of vuln":             {"vuln", []sbom.Component{pypi("transformers", sbom.Declared)}, nil, no},
		"Gradio":                   {"audit", []sbom.Component{pypi("gradio", sbom.Declared)}, nil, some},
		"a Space's Gradio":         {"audit", []sbom.Component{pypi("gradio", sbom.Assumed), pypi("a", sbom.Declared)}, nil, some},
		"beside packages of npm":   {"audit", []sbom.Component{pypi("a", sbom.Declared), {Name: "ws", Ecosystem: "npm", Evidence: sbom.Locked}}, nil, no},
		"a lock":                   {"audit", []sbom.Component{pypi("a", sbom.Declared), pypi("b", sbom.Locked)}, nil, "hidden\n"},
		"an SBOM":                  {"audit", []sbom.Component{pypi("a", sbom.Claimed)}, nil, "hidden\n"},
		"an image":                 {"audit", []sbom.Component{pypi("a", sbom.Declared)}, &policy.Image{}, "hidden\n"},
		"hashes":                   {"audit", []sbom.Component{hashed}, nil, "hidden\n"},
		"a constraint":             {"audit", []sbom.Component{limit}, nil, "hidden\n"},
		"nothing":                  {"audit", nil, nil, "hidden\n"},
		"lint, which says another": {"lint", []sbom.Component{pypi("a", sbom.Declared)}, nil, "advisories were not looked at\n"},
	} {
		r := &audit.Report{Command: c.command, Components: c.components, Image: c.image, Decision: policy.Decision{Outcome: policy.Allowed}}
		out := string(write(t, report.FormatText, r, report.Options{Width: 400}))
		if !strings.HasSuffix(out, c.want) {
			t.Errorf("%s: no %q at the end of:\n%s", name, c.want, out)
		}
	}
}

// The headline and the last line count the same accepted risks, and nobody has
// to know the name of a rule to read them.
func TestTextCountsAcceptedRisks(t *testing.T) {
	r := &audit.Report{Command: "audit", Decision: policy.Decision{
		Outcome:    policy.Allowed,
		Exceptions: []policy.Exception{{ID: "a", Used: 1}, {ID: "b", Used: 1}, {ID: "c"}},
		Reasons: []policy.Reason{
			{Effect: policy.Warn, Rule: "accepted", Package: "gradio", Message: "gradio", Evidence: []string{"a", "b"}},
			{Effect: policy.Warn, Rule: "exception-unused", Message: "c covers nothing"},
		},
	}}
	out := strings.Join(strings.Fields(string(write(t, report.FormatText, r, report.Options{}))), " ")
	for _, want := range []string{"Warned of 2 accepted risks and 1 accepted risk that covers nothing", "exit 0: but for 2 accepted risks,"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in: %s", want, out)
		}
	}
}

// What is warned of is a thing, not its absence and not half a sentence.
func TestTextWarnsOfThings(t *testing.T) {
	r := &audit.Report{
		Command: "audit", Signatures: []policy.Signature{{Status: policy.SignatureMissing}},
		Decision: policy.Decision{Outcome: policy.Allowed, Reasons: []policy.Reason{
			{Effect: policy.Warn, Rule: "signature", Message: "not signed"},
			{Effect: policy.Warn, Rule: "only-added", Message: "the base image is not known"},
		}},
	}
	out := strings.Join(strings.Fields(string(write(t, report.FormatText, r, report.Options{}))), " ")
	if want := "Warned of a missing signature and a base image that is not known"; !strings.Contains(out, want) {
		t.Errorf("no %q in: %s", want, out)
	}
}

// An ecosystem without advisories counts once and is named where it counts.
func TestTextNamesAnAbsentEcosystemOnce(t *testing.T) {
	gap := sbom.NewGap(sbom.GapEcosystem, "", 0, "the advisory snapshot has nothing for npm: 2 components not matched")
	r := &audit.Report{
		Command: "audit", Gaps: []sbom.Gap{gap},
		Snapshot: audit.Snapshot{Source: "osv", Ecosystems: []policy.AdvisoryStatus{{Ecosystem: "npm"}, {Ecosystem: "PyPI", Present: true, Records: 1}}},
		Decision: policy.Decision{Outcome: policy.Undecided, Reasons: []policy.Reason{
			{Effect: policy.Undecide, Rule: "advisories-absent", Message: "the snapshot has no advisories for npm", Evidence: []string{"npm"}, Remedy: "tallyman db update"},
			{Effect: policy.Undecide, Rule: "gap", Message: "1 place named an ecosystem without advisories", Evidence: []string{gap.Reason}},
		}},
	}
	out := string(write(t, report.FormatText, r, report.Options{}))
	if n := strings.Count(out, "npm"); n != 1 || !strings.Contains(out, "nothing for npm: 2 components not matched") || !strings.Contains(out, "Undecided for 1 ecosystem without advisories\n") {
		t.Errorf("npm is named %d times:\n%s", n, out)
	}
	if out := string(write(t, report.FormatText, r, report.Options{Verbose: true})); !strings.Contains(out, "2 components not matched") {
		t.Errorf("--verbose does not say what was not matched:\n%s", out)
	}
	// A gap of another kind of place stays, beside it.
	r.Gaps = append(r.Gaps, sbom.NewGap(sbom.GapEcosystem, "packages.txt", 0, "Debian packages without a release"))
	r.Decision.Reasons[1].Evidence = append(r.Decision.Reasons[1].Evidence, "packages.txt: Debian packages without a release")
	if out := string(write(t, report.FormatText, r, report.Options{})); !strings.Contains(out, "packages.txt: Debian packages") || !strings.Contains(out, "and 1 ecosystem without") {
		t.Errorf("the other gap is lost:\n%s", out)
	}
}

// The same package in two scopes is two lines that can be told apart.
func TestTextTellsScopesApart(t *testing.T) {
	one := func(scope string, line int) sbom.Component {
		return sbom.Component{Name: "numpy", Version: "2.0.0", Ecosystem: "PyPI", PURL: "pkg:pypi/numpy@2.0.0", Evidence: sbom.Declared, Scope: scope, Locations: at("pyproject.toml", line)}
	}
	r := &audit.Report{Command: "sbom", Components: []sbom.Component{one("", 3), one("dev", 9)}}
	out := string(write(t, report.FormatText, r, report.Options{}))
	if !strings.Contains(out, "pyproject.toml:3 [runtime]\n") || !strings.Contains(out, "pyproject.toml:9 [dev]\n") {
		t.Errorf("the scopes are not told:\n%s", out)
	}
	r.Components = r.Components[:1]
	if out := string(write(t, report.FormatText, r, report.Options{})); strings.Contains(out, "[runtime]") {
		t.Errorf("a single one needs no scope:\n%s", out)
	}
}
