package report

import (
	"strings"
	"testing"
)

// TestReadSaysWhatItIs gives JSON of other kinds, which is named.
func TestReadSaysWhatItIs(t *testing.T) {
	for data, want := range map[string]string{
		`{"version":1,"images":[],"skipped":[],"outcome":"allowed"}`: "it is the JSON of sweep",
		`{"version":1,"command":"sbom","components":[]}`:             `it is the JSON of the command "sbom", which holds only a part`,
		`{"version":1,"command":"verify"}`:                           `it is the JSON of the command "verify"`,
		`{"version":1}`:                                              "it does not say of which command it is",
		`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1}`:  "it is a CycloneDX SBOM",
		`{"spdxVersion":"SPDX-2.3"}`:                                 "it is an SPDX SBOM",
		`{"version":"2.1.0","runs":[]}`:                              "it is SARIF",
		`{"results":[]}`:                                             "it is an osv-scanner result",
		`{"version":1,"reports":[]}`:                                 "it has the reports of several targets",
		`{"version":7,"command":"audit"}`:                            "version 7 is unknown, this program reads version 1",
		`{"version":"1","command":"audit"}`:                          "cannot unmarshal string into Go struct field .version of type int",
		`{"version":null}`:                                           "it has no version",
		`{}`:                                                         "it has no version",
		`[]`:                                                         "not the JSON of `tallyman audit --format json`",
	} {
		_, err := Read(strings.NewReader(data))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Read(%s): %v, want %q", data, err, want)
		}
		if err != nil && want[0] == 'i' && !strings.Contains(want, "several") && !strings.Contains(err.Error(), written) {
			t.Errorf("Read(%s): %v does not say what can be read", data, err)
		}
	}
}
