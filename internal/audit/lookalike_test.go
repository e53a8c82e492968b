package audit

import (
	"strings"
	"testing"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

func TestLookAlikeThatIsMalware(t *testing.T) {
	at := func(line int) []sbom.Location { return []sbom.Location{{File: "requirements.txt", Line: line}} }
	r := &Report{
		Findings: []vuln.Finding{
			{Package: "gardio", Ecosystem: "PyPI", Malicious: true, Records: []string{"MAL-2024-1"}, Locations: at(1)},
			{Package: "grabio", Ecosystem: "PyPI", Records: []string{"PYSEC-1"}, Locations: at(2)},
			{Package: "other", Ecosystem: "PyPI", Malicious: true, Records: []string{"MAL-2024-2"}, Locations: at(3)},
		},
		Lint: []lint.Finding{
			{Rule: "GR-DEP-06", File: "requirements.txt", Line: 1, Risk: lint.RiskMedium, Message: "gardio looks like gradio"},
			{Rule: "GR-DEP-06", File: "requirements.txt", Line: 2, Risk: lint.RiskMedium, Message: "grabio looks like gradio"},
			{Rule: "TM-PY-05", File: "requirements.txt", Line: 3, Risk: lint.RiskMedium},
		},
	}
	r.malicious()
	if f := r.Lint[0]; f.Risk != lint.RiskHigh || !strings.Contains(f.Message, "MAL-2024-1") {
		t.Errorf("got %+v, want a high risk with the record", f)
	}
	for _, f := range r.Lint[1:] {
		if f.Risk != lint.RiskMedium {
			t.Errorf("got %+v, want it as it was", f)
		}
	}
}
