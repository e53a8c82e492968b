package report_test

import (
	"path/filepath"
	"testing"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
)

// The JSON that other programs may build on is what docs/schema says.
func TestJSONFollowsPublishedSchemas(t *testing.T) {
	for command, name := range map[string]string{
		"audit": "report.schema.json", "sbom": "sbom.schema.json", "vuln": "vuln.schema.json", "lint": "lint.schema.json",
		"verify": "verify.schema.json",
	} {
		for _, r := range []*audit.Report{denied(), allowed()} {
			r.Command = command
			file, err := filepath.Abs(filepath.Join("..", "..", "docs", "schema", name))
			if err != nil {
				t.Fatal(err)
			}
			validate(t, file, write(t, report.FormatJSON, r, report.Options{}))
		}
	}
}
