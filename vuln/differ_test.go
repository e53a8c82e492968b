package vuln

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// Two records of one vulnerability with different ranges: what either affects
// counts, the fix is free of both, and the finding shows both.
func TestRecordsDiffer(t *testing.T) {
	record := func(id, fixed string, aliases ...string) Advisory {
		return Advisory{ID: id, Aliases: aliases, Affected: []Affected{{Ecosystem: "PyPI", Name: "gradio",
			Ranges: []Range{{Type: "ECOSYSTEM", Events: []Event{{Introduced: "0"}, {Fixed: fixed}}}}}}}
	}
	source := fixed{record("GHSA-x", "4.11.0", "CVE-2024-1"), record("PYSEC-2024-1", "4.10.0", "CVE-2024-1")}
	for version, want := range map[string]string{"4.9.0": "4.11.0", "4.10.0": "4.11.0", "4.11.0": ""} {
		c := sbom.Component{Name: "gradio", Version: version, Ecosystem: "PyPI", Evidence: sbom.Locked}
		got, err := Match(t.Context(), &sbom.Document{Components: []sbom.Component{c}}, source)
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			if len(got.Findings) > 0 {
				t.Errorf("%s: %+v", version, got.Findings)
			}
			continue
		}
		if len(got.Findings) != 1 || got.Findings[0].Fixed != want {
			t.Fatalf("%s: got %+v, want one finding fixed in %s", version, got.Findings, want)
		}
		notes := []string{"the records differ, and what any of them affects counts: GHSA-x <4.11.0; PYSEC-2024-1 <4.10.0"}
		if diff := cmp.Diff(notes, got.Findings[0].Notes); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", version, diff)
		}
	}
}

func TestRanges(t *testing.T) {
	a := Advisory{Affected: []Affected{{Ranges: []Range{
		{Events: []Event{{Introduced: "4.0.0"}, {LastAffected: "5.0.0b2"}, {Introduced: "6"}}},
		{Events: []Event{{Introduced: "0"}, {Fixed: "3"}}},
		{Events: []Event{{Introduced: "0"}}},
	}}}}
	if got, want := a.ranges(), "<3 or >=4.0.0, <=5.0.0b2 or >=6 or every version"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (&Advisory{Affected: []Affected{{Versions: []string{"1"}}}}).ranges(); got != "" {
		t.Errorf("got %q of a list", got)
	}
}
