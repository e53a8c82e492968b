package osv_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tallyman/tallyman/vuln/osv"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// said is a record of PyPI with details, and whatever else.
func said(id, name, details, more string) string {
	text, _ := json.Marshal(details)
	return recordJSON(id, "PyPI", name, "2026-01-01T00:00:00Z", `,"details":`+string(text)+more)
}

// qualityRecords are records of every kind.
func qualityRecords() []string {
	mute := func(id, ecosystem, name string) string {
		return fmt.Sprintf(`{"id":%q,"modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":%q,"name":%q},"ranges":[{"type":"GIT","repo":"https://example.org/x","events":[{"introduced":"0"}]}]}]}`, id, ecosystem, name)
	}
	twin := strings.Replace(said("PYSEC-2025-8", "twins", "", `,"aliases":["CVE-2025-7"]`), `"2.0"`, `"3.0"`, 1)
	return []string{
		"PyPI/1.json", said("PYSEC-2025-1", "a", "Fine.", ""),
		"PyPI/2.json", said("PYSEC-2025-2", "a", "** DISPUTED ** It does. NOTE: it does not.", ""),
		"PyPI/3.json", said("PYSEC-2025-3", "a", "It does.\n\nNOTE: the vendor disputes this. More.", ""),
		"PyPI/4.json", said("PYSEC-2025-4", "a", "This CVE has been rejected as it was wrong. More.", ""),
		"PyPI/5.json", said("PYSEC-2025-5", "a", "The upload was rejected; a dispute about notes.", ""),
		"PyPI/6.json", said("PYSEC-2025-6", "a", "** REJECT ** DISPUTED", `,"withdrawn":"2026-02-01T00:00:00Z"`),
		"PyPI/7.json", said("PYSEC-2025-7", "Twins", "", `,"aliases":["CVE-2025-7"]`),
		"PyPI/8.json", twin,
		"PyPI/9.json", recordJSON("PYSEC-2025-9", "PyPI", "a", "2026-11-22T12:00:01Z", ""),
		"PyPI/10.json", mute("PYSEC-2025-10", "PyPI", "mute"),
		"PyPI/11.json", mute("PYSEC-2024-261", "PyPI", "gradio"),
		"PyPI/12.json", recordJSON("PYSEC-2021-873", "PyPI", "gradio", "2026-01-01T00:00:00Z", ""),
		"PyPI/13.json", recordJSON("PYSEC-2026-1407", "PyPI", "gradio", "2026-01-01T00:00:00Z", `,"aliases":["CVE-2024-34511"]`),
		"PyPI/14.json", strings.Replace(said("PYSEC-2025-14", "a", "", ""), `"2.0"`, `"two"`, 1),
		"PyPI/15.json", recordJSON("MAL-2025-15", "PyPI", "bad", "2026-01-01T00:00:00Z", ""),
		"PyPI/16.json", recordJSON("GHSA-own", "PyPI", "gradio", "2026-01-01T00:00:00Z", `,"aliases":["x_TM-GRADIO-2026-3"]`),
		"PyPI/17.json", "{}",
		"Debian/18.json", mute("DSA-18", "Debian:12", "zlib"),
		"Debian/19.json", recordJSON("DSA-19", "Debian:13", "zlib", "2026-01-01T00:00:00Z", ""),
	}
}

// TestQuality: one record of each kind, and one beside it that is not.
func TestQuality(t *testing.T) {
	q, err := compile(t, folder(t, qualityRecords()...)).Quality(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	var records []string
	for _, r := range q.Records {
		records = append(records, string(r.Kind)+" "+r.ID+" "+strings.Join(r.Ecosystems, ",")+": "+r.Words)
	}
	want := []string{
		"versionless DSA-18 Debian:12: zlib",
		"versionless PYSEC-2024-261 PyPI: gradio",
		"versionless PYSEC-2025-10 PyPI: mute",
		"unreadable PYSEC-2025-14 PyPI: a",
		"rejected PYSEC-2025-4 PyPI: This CVE has been rejected as it was wrong",
		"rejected PYSEC-2026-1407 PyPI: CVE-2024-34511 was rejected (https://www.cve.org/CVERecord?id=CVE-2024-34511)",
		"disputed PYSEC-2025-2 PyPI: ** DISPUTED ** It does",
		"disputed PYSEC-2025-3 PyPI: NOTE: the vendor disputes this",
		"future PYSEC-2025-9 PyPI: modified 2026-11-22T12:00:01Z",
		"withdrawn PYSEC-2025-6 PyPI: withdrawn 2026-02-01",
		"malicious MAL-2025-15 PyPI: ",
	}
	if diff := cmp.Diff(want, records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	rows := []osv.EcosystemQuality{
		{Name: "Debian:12", Records: 1, Versionless: 1},
		{Name: "Debian:13", Records: 1},
		{Name: "PyPI", Records: 16, Versionless: 2, Unreadable: 1, Withdrawn: 1, Rejected: 2, Disputed: 2, Future: 1, Malicious: 1, Differing: 1, Refused: 1, Corrected: 2, Own: 7},
	}
	if diff := cmp.Diff(rows, q.Ecosystems); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(q.Differing) != 1 || !slices.Equal(q.Differing[0].IDs, []string{"PYSEC-2025-7", "PYSEC-2025-8"}) || q.Differing[0].Package != "twins" ||
		!strings.HasSuffix(q.Differing[0].Words, "PYSEC-2025-7 <2.0; PYSEC-2025-8 <3.0") {
		t.Errorf("differing %+v", q.Differing)
	}
	if len(q.Refused) != 1 || q.Refused[0].Record != "17.json" {
		t.Errorf("refused %+v", q.Refused)
	}
	states := map[string]string{}
	for _, c := range q.Corrections {
		states[c.ID] = c.State
	}
	if diff := cmp.Diff(map[string]string{"PYSEC-2021-873": "no longer applies", "PYSEC-2024-261": "applies", "PYSEC-2024-274": "no such record",
		"PYSEC-2024-321": "no such record", "PYSEC-2026-1407": "applies", "PYSEC-2026-1410": "no such record"}, states); diff != "" {
		t.Errorf("corrections (-want +got):\n%s", diff)
	}
	if len(q.Own) != 7 || !slices.Equal(q.Own[2].Also, []string{"GHSA-own"}) || len(q.Own[1].Also) != 0 || q.Own[1].Package != "gradio" {
		t.Errorf("own %+v", q.Own)
	}
}

// TestQualityFollowsPublishedSchema: of everything, of nothing, and not without
// one of the lists.
func TestQualityFollowsPublishedSchema(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(filepath.Join("..", "..", "docs", "schema", "quality.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, db := range []*osv.DB{compile(t, folder(t, qualityRecords()...)), compile(t, folder(t, "PyPI/1.json", said("PYSEC-2025-1", "a", "", "")))} {
		q, err := db.Quality(t.Context(), noon)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Error(err)
		}
		fields := doc.(map[string]any)
		for name := range fields {
			value := fields[name]
			delete(fields, name)
			if schema.Validate(doc) == nil {
				t.Errorf("valid without %q", name)
			}
			fields[name] = value
		}
	}
}

// TestQualityOfTheRealRecords: what is known to be wrong with them is found.
func TestQualityOfTheRealRecords(t *testing.T) {
	q, err := compile(t, shared(t, "data/osv/PyPI")).Quality(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[osv.RemarkKind][]string{}
	for _, r := range q.Records {
		kinds[r.Kind] = append(kinds[r.Kind], r.ID)
	}
	if diff := cmp.Diff([]string{"PYSEC-2024-115", "PYSEC-2025-19"}, kinds[osv.RemarkFuture]); diff != "" {
		t.Errorf("future (-want +got):\n%s", diff)
	}
	for kind, id := range map[osv.RemarkKind]string{
		osv.RemarkVersionless: "PYSEC-2024-261", osv.RemarkRejected: "PYSEC-2026-1407", osv.RemarkDisputed: "PYSEC-2024-274",
	} {
		if !slices.Contains(kinds[kind], id) {
			t.Errorf("%s is not %s: %v", id, kind, kinds[kind])
		}
	}
	if n := len(kinds[osv.RemarkWithdrawn]); n != 270 {
		t.Errorf("%d records are withdrawn, and the folder's summary says 270", n)
	}
	for _, c := range q.Corrections {
		if c.State != "applies" {
			t.Errorf("the correction of %s: %s", c.ID, c.State)
		}
	}
}
