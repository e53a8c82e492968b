package audit

import (
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

// malicious makes a look-alike that a record says is malware what it is: no
// slip of the pen, and a reason to stop whatever the other findings are.
func (r *Report) malicious() {
	records := map[sbom.Location]string{}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Malicious && f.Ecosystem == "PyPI" {
			for _, at := range f.Locations {
				at.Layer = ""
				records[at] = strings.Join(f.Records, ", ")
			}
		}
	}
	for i := range r.Lint {
		f := &r.Lint[i]
		ids := records[sbom.Location{File: f.File, Line: f.Line}]
		if f.Rule != "GR-DEP-06" || ids == "" {
			continue
		}
		f.Severity, f.Risk = lint.Error, lint.RiskHigh
		f.Message += ", and " + ids + " says that it is malware"
		f.Remedy = "Correct the name, and replace every secret that a machine which installed it could read."
	}
}
