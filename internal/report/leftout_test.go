package report_test

import (
	"testing"

	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/sbom"
)

// What a format cannot hold is counted, format by format.
func TestLeftOut(t *testing.T) {
	r := denied() // fastapi and our-models have no version, libssl3 is of Debian
	r.Components = append(r.Components, sbom.Component{Name: "numpy", Specifier: "<2", Ecosystem: "PyPI", Constraint: true})
	for format, want := range map[string]int{
		report.FormatSyftJSON: 2, report.FormatOSVScanner: 3, report.FormatCycloneDX: 0, report.FormatSPDX: 0, report.FormatJSON: 0,
	} {
		if got := report.LeftOut(format, r); got != want {
			t.Errorf("%s: %d components are left out, want %d", format, got, want)
		}
	}
}
