package report_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/decode"
)

// What the SBOM formats of a report hold is its whole inventory, and every
// reader tells the format by itself.
func TestBOMsHoldTheInventory(t *testing.T) {
	for _, r := range []*audit.Report{denied(), allowed()} {
		want := sbom.Merge(r.Target.Name, &sbom.Document{Components: r.Components, Gaps: r.Gaps})
		for _, format := range []string{report.FormatCycloneDX, report.FormatSPDX, report.FormatJSON} {
			got, found, err := decode.Decode(bytes.NewReader(write(t, format, r, report.Options{})))
			if err != nil || found != format {
				t.Fatalf("decode.Decode of %s = %q, %v", format, found, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", format, diff)
			}
		}
	}
}

func TestBOMsValid(t *testing.T) {
	file := filepath.Join(shared(t), "schemas", "spdx", "spdx-2.3.schema.json")
	for _, r := range []*audit.Report{denied(), allowed(), hostile(), {}} {
		validate(t, file, write(t, report.FormatSPDX, r, report.Options{}))
	}
}
