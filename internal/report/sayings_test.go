package report_test

import (
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// portReport has a rule that says something else of each of n places.
func portReport(risk lint.Risk, n int) *audit.Report {
	rule := lint.Rule{ID: "GR-NET-03", Risk: risk, Severity: lint.Error, Title: "No port is published on every interface", Remedy: "Publish on 127.0.0.1."}
	r := &audit.Report{Command: "audit", Rules: []lint.Rule{rule}}
	r.Decision.Outcome = policy.Denied
	why := policy.Reason{Effect: policy.Deny, Rule: "lint", File: "compose.yml", Remedy: rule.Remedy}
	for i := range n {
		port := string(rune('1' + i))
		r.Lint = append(r.Lint, rule.New("compose.yml", 10+i, 1, "", "publishes port 800"+port))
		why.Evidence = append(why.Evidence, "GR-NET-03 compose.yml:1"+string(rune('0'+i)))
	}
	why.Message = "GR-NET-03: publishes port 8001 (and more in this file)"
	if risk == lint.RiskHigh {
		r.Decision.Reasons = []policy.Reason{why}
	}
	return r
}

// What was found at one place is not said of the others.
func TestTextSaysOfAPlaceOnlyWhatIsThere(t *testing.T) {
	for _, c := range []struct {
		name string
		risk lint.Risk
		n    int
		want []string
	}{
		{"two, denied", lint.RiskHigh, 2, []string{"compose.yml:10: publishes port 8001", "compose.yml:11: publishes port 8002"}},
		{"five, denied", lint.RiskHigh, 5, []string{"compose.yml:10, compose.yml:11, compose.yml:12 and 2 more: 5 places break this rule: No port is published"}},
		{"two, listed", lint.RiskMedium, 2, []string{"compose.yml:10 publishes port 8001", "compose.yml:11 publishes port 8002"}},
		{"five, listed", lint.RiskMedium, 5, []string{"5 places break this rule: No port is published on every interface"}},
		{"two, of low risk", lint.RiskLow, 2, []string{"not so: No port"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := string(write(t, report.FormatText, portReport(c.risk, c.n), report.Options{}))
			unwrapped := strings.Join(strings.Fields(out), " ")
			for _, want := range c.want {
				if !strings.Contains(unwrapped, want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
			if c.n > 2 && strings.Contains(out, "8001") {
				t.Errorf("one place speaks for all:\n%s", out)
			}
			if n := strings.Count(out, "fix: Publish on"); c.risk != lint.RiskLow && n != 1 {
				t.Errorf("the remedy stands there %d times:\n%s", n, out)
			}
		})
	}
}

// One line of a file that names a package twice is one thing to do.
func TestTextRaisesAPackageOnce(t *testing.T) {
	find := func(version, fixed string, line int) vuln.Finding {
		return vuln.Finding{
			IDs: []string{"CVE-2024-56326"}, Package: "jinja2", Ecosystem: "PyPI", Version: version, Fixed: fixed, Severity: vuln.SeverityHigh,
			Evidence: sbom.Declared, Verdict: vuln.AffectedVersion, Gates: true, Locations: at("pyproject.toml", line),
		}
	}
	r := &audit.Report{Command: "audit", Findings: []vuln.Finding{find("2.11.0", "3.1.5", 3), find("2.11.3", "3.1.6", 4), find("2.11.4", "3.1.6", 5)}}
	r.Decision = policy.Decision{Outcome: policy.Denied, Reasons: []policy.Reason{
		{Effect: policy.Deny, Rule: "vulnerability", Package: "jinja2", Message: "jinja2", Evidence: []string{"CVE-2024-56326"}},
	}}
	out := string(write(t, report.FormatText, r, report.Options{}))
	if !strings.Contains(out, "fix: raise jinja2 to 3.1.6\n") {
		t.Errorf("not one remedy, to the highest version:\n%s", out)
	}
}
