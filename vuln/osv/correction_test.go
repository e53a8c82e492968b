package osv_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

const muteGradio = `{"id":"PYSEC-2024-261","modified":"2024-11-21T08:47:54Z","aliases":["CVE-2024-0964"],"affected":[{"package":{"ecosystem":"PyPI","name":"gradio"}EXTRA}]}`

// gradioResult matches one version or range of gradio with one record.
func gradioResult(t *testing.T, record, version, specifier string) *vuln.Result {
	t.Helper()
	db := compile(t, folder(t, "PyPI/a.json", record))
	c := sbom.Component{Name: "gradio", Version: version, Specifier: specifier, Ecosystem: "PyPI", PURL: sbom.PyPIPURL("gradio", version), Evidence: sbom.Declared}
	res, err := vuln.Match(t.Context(), &sbom.Document{Components: []sbom.Component{c}}, db)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestCorrection: a record that names no versions is judged by the correction,
// and what is found says so; a record that speaks for itself is not corrected.
func TestCorrection(t *testing.T) {
	mute := strings.Replace(muteGradio, "EXTRA", "", 1)
	spoken := strings.Replace(muteGradio, "EXTRA", `,"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"5.0.0"}]}]`, 1)
	another := strings.Replace(mute, "PYSEC-2024-261", "PYSEC-2024-262", 1)
	otherPackage := strings.Replace(mute, `"name":"gradio"`, `"name":"gradio"},"versions":["9"]},{"package":{"ecosystem":"PyPI","name":"gradio-client"`, 1)
	for _, tt := range []struct {
		name, record, version, specifier string
		findings, gaps                   int
		corrected                        bool
	}{
		{"before the fix", mute, "4.8.0", "==4.8.0", 1, 0, true},
		{"the fix", mute, "4.9.0", "==4.9.0", 0, 0, false},
		{"long after", mute, "6.25.0", "==6.25.0", 0, 0, false},
		{"range", mute, "", ">=4,<4.5", 1, 0, true},
		{"range after", mute, "", ">=5", 0, 0, false},
		{"a record that has learnt to speak", spoken, "4.19.1", "==4.19.1", 1, 0, false},
		{"a record without a correction stays a gap", another, "6.25.0", "==6.25.0", 0, 1, false},
		{"a record that has versions", otherPackage, "4.8.0", "==4.8.0", 0, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := gradioResult(t, tt.record, tt.version, tt.specifier)
			gaps := slices.DeleteFunc(res.Gaps, func(g sbom.Gap) bool { return g.Kind != sbom.GapAdvisory })
			if len(res.Findings) != tt.findings || len(gaps) != tt.gaps {
				t.Fatalf("findings %+v, gaps %+v", res.Findings, gaps)
			}
			if tt.findings == 0 {
				return
			}
			basis := res.Findings[0].Basis
			if got := strings.HasPrefix(basis, "correction: ") && strings.Contains(basis, "https://"); got != tt.corrected {
				t.Errorf("basis %q", basis)
			}
		})
	}
}
