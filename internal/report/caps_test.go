package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// A remedy that a cap forbids names the cap and where it stands.
func TestARemedyNamesTheCapInItsWay(t *testing.T) {
	lines := []sbom.Location{{File: "constraints.txt", Line: 7}, {File: "requirements.txt", Line: 3}}
	r := &audit.Report{
		Command: "vuln",
		Components: []sbom.Component{
			{Name: "pillow", Ecosystem: "PyPI", Specifier: "<12", Constraint: true, Locations: lines[:1]},
			{Name: "Pillow", Ecosystem: "PyPI", Specifier: ">=9,!=12.1", Locations: lines[1:]},
			{Name: "pillow", Ecosystem: "PyPI", Specifier: "<11", Locations: []sbom.Location{{File: "other.txt", Line: 1}}},
		},
		Findings: []vuln.Finding{{
			IDs: []string{"CVE-2026-1"}, Package: "Pillow", Ecosystem: "PyPI", Specifier: "!=12.1,<12,>=9", Verdict: vuln.Forced,
			Severity: vuln.SeverityHigh, Fixed: "12.1", Gates: true, Evidence: sbom.Declared, Locations: lines,
		}},
		Decision: policy.Decision{Outcome: policy.Denied, Reasons: []policy.Reason{{
			Effect: policy.Deny, Rule: "vulnerability", Package: "Pillow", Message: "x", Evidence: []string{"CVE-2026-1"},
		}}},
	}
	text := func() string {
		var b bytes.Buffer
		if err := Write(&b, "text", r, Options{Width: 300}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	const want = `raise Pillow to 12.1 (capped by "Pillow!=12.1" at requirements.txt:3 and "pillow<12" at constraints.txt:7)`
	if got := text(); !strings.Contains(got, want) {
		t.Errorf("%q is not in:\n%s", want, got)
	}
	r.Findings[0].Floor, r.Findings[0].Fixed, r.Findings[0].Specifier = "11.9", "11.9", ">=9"
	if got := text(); strings.Contains(got, "capped") {
		t.Errorf("a cap that is in no way:\n%s", got)
	}
}

// A version that cures only what is latent is no remedy of a denial.
func TestTheRemedyOfADenialCuresWhatIsDenied(t *testing.T) {
	find := func(id string, verdict vuln.Verdict, floor string) vuln.Finding {
		return vuln.Finding{
			IDs: []string{id}, Package: "gradio", Ecosystem: "PyPI", Specifier: ">=4.10", Verdict: verdict, Severity: vuln.SeverityHigh,
			Fixed: floor, Floor: floor, Gates: verdict.Gating(), Evidence: sbom.Declared,
			Locations: []sbom.Location{{File: "requirements.txt", Line: 1}},
		}
	}
	const none = "fix: replace gradio, for which no fix is known"
	for _, test := range []struct {
		name     string
		findings []vuln.Finding
		want     string
	}{
		{"latent only", []vuln.Finding{find("CVE-2026-1", vuln.Forced, ""), find("CVE-2026-2", vuln.Latent, "4.44.0")}, none},
		{"some", []vuln.Finding{find("CVE-2026-1", vuln.Forced, ""), find("CVE-2026-3", vuln.Current, "4.44.0")},
			"fix: raise gradio to 4.44.0 (no known version cures all)"},
		{"all", []vuln.Finding{find("CVE-2026-3", vuln.Current, "4.44.0"), find("CVE-2026-4", vuln.Latent, "")}, "fix: raise gradio to 4.44.0\n"},
	} {
		r := &audit.Report{Command: "vuln", Findings: test.findings, Decision: policy.Decision{Outcome: policy.Denied, Reasons: []policy.Reason{{
			Effect: policy.Deny, Rule: "vulnerability", Package: "gradio", Message: "x", Evidence: []string{"CVE-2026-1", "CVE-2026-3"},
		}}}}
		var b bytes.Buffer
		if err := Write(&b, "text", r, Options{Width: 200}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), test.want) {
			t.Errorf("%s: %q is not in:\n%s", test.name, test.want, b.String())
		}
	}
}

func TestSummary(t *testing.T) {
	r := &audit.Report{Decision: policy.Decision{Outcome: policy.Denied, Reasons: []policy.Reason{
		{Effect: policy.Deny, Rule: "mine\x1b[31m", Message: "x"}, {Effect: policy.Undecide, Rule: "no-advisories", Message: "y"},
	}}}
	got := strings.Join(Summary(r), "|")
	if !strings.HasPrefix(got, "denied for 1 reason of mine") || !strings.HasSuffix(got, "|undecided for no advisories at all") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
	if got := Summary(&audit.Report{}); got != nil {
		t.Errorf("%q of nothing", got)
	}
}
