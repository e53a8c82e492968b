package osv_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
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
	res.Findings = slices.DeleteFunc(res.Findings, func(f vuln.Finding) bool { return strings.HasPrefix(f.IDs[0], osv.OwnPrefix) })
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

// TestCorrectionKinds: a bound that was moved, a record that is about something
// else, a duplicate under another name, a note; each only while the record says
// what is corrected, each told, and none without corrections.
func TestCorrectionKinds(t *testing.T) {
	record := func(id, events, more string) string {
		return `{"id":"` + id + `","modified":"2026-01-01T00:00:00Z","published":"2025-01-01T00:00:00Z"` + more +
			`,"affected":[{"package":{"ecosystem":"PyPI","name":"gradio"},"ranges":[{"type":"ECOSYSTEM","events":[` + events + `]}]}]}`
	}
	db := compile(t, folder(t,
		"PyPI/1.json", record("PYSEC-2021-873", `{"introduced":"0"},{"fixed":"2.5.0"}`, ""),
		"PyPI/2.json", record("PYSEC-2024-321", `{"introduced":"0"},{"fixed":"4.29.0"}`, ""),
		"PyPI/3.json", record("PYSEC-2026-1407", `{"introduced":"0"},{"fixed":"4.13.0"}`, `,"aliases":["CVE-2024-34511"]`),
		"PyPI/4.json", record("PYSEC-2024-274", `{"introduced":"0"},{"last_affected":"4.36.1"}`, ""),
	))
	get := func(id string) *vuln.Advisory {
		a, err := db.Get(t.Context(), id)
		if err != nil || a == nil {
			t.Fatalf("%s: %v, %v", id, a, err)
		}
		return a
	}
	if a := get("PYSEC-2021-873"); a.Affected[0].Ranges[0].Events[1].Fixed != "2.5.1" || len(a.Notes) != 1 {
		t.Errorf("a bound: %+v", a)
	}
	if a := get("PYSEC-2024-321"); a.Withdrawn.IsZero() || len(a.Notes) != 1 {
		t.Errorf("another thing: %+v", a)
	}
	if a := get("PYSEC-2026-1407"); !slices.Contains(a.Aliases, "CVE-2024-1561") || len(a.Notes) != 1 {
		t.Errorf("a duplicate: %+v", a)
	}
	if a := get("PYSEC-2024-274"); !a.Withdrawn.IsZero() || len(a.Notes) != 1 || !strings.Contains(a.Notes[0], "disputed") {
		t.Errorf("a note: %+v", a)
	}
	mended := compile(t, folder(t, "PyPI/1.json", record("PYSEC-2021-873", `{"introduced":"0"},{"fixed":"2.6.0"}`, "")))
	if a, err := mended.Get(t.Context(), "PYSEC-2021-873"); err != nil || a.Affected[0].Ranges[0].Events[1].Fixed != "2.6.0" || len(a.Notes) != 0 {
		t.Errorf("a record that was mended: %+v, %v", a, err)
	}
	db.WithoutCorrections()
	if a := get("PYSEC-2024-321"); !a.Withdrawn.IsZero() || len(a.Notes) != 0 {
		t.Errorf("without corrections: %+v", a)
	}
}
