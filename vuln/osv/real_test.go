package osv_test

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

// realRecord is what this test reads of a record, by itself.
type realRecord struct {
	ID        string
	Withdrawn string
	Affected  []struct {
		Package  struct{ Name string }
		Versions []string
	}
}

// TestRealVersionLists: of each real PyPI record that is not withdrawn, the
// first, middle and last version of its list are found to be affected by it.
func TestRealVersionLists(t *testing.T) {
	source := shared(t, "data/osv")
	z, err := zip.OpenReader(filepath.Join(source, "PyPI", "all.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	type pair struct{ name, version string }
	want := map[pair][]string{}
	doc := &sbom.Document{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var record realRecord
		if err := errors.Join(json.NewDecoder(r).Decode(&record), r.Close()); err != nil {
			t.Fatal(err)
		}
		for _, a := range record.Affected {
			n := len(a.Versions)
			if n == 0 || record.Withdrawn != "" {
				continue
			}
			for _, v := range slices.Compact([]string{a.Versions[0], a.Versions[n/2], a.Versions[n-1]}) {
				p := pair{sbom.NormalName("PyPI", a.Package.Name), v}
				if want[p] == nil {
					doc.Components = append(doc.Components, sbom.Component{Name: p.name, Version: v, Ecosystem: "PyPI", PURL: sbom.PyPIPURL(p.name, v)})
				}
				want[p] = append(want[p], record.ID)
			}
		}
	}
	db := compile(t, source)
	db.WithoutCorrections()
	res, err := vuln.Match(t.Context(), doc, db)
	if err != nil {
		t.Fatal(err)
	}
	got := map[pair][]string{}
	for _, f := range res.Findings {
		p := pair{f.Package, f.Version}
		got[p] = append(got[p], f.Records...)
	}
	checked := 0
	for p, ids := range want {
		for _, id := range ids {
			checked++
			if !slices.Contains(got[p], id) {
				t.Errorf("%s %s is listed in %s and not found", p.name, p.version, id)
			}
		}
	}
	kinds := map[sbom.GapKind]int{}
	for _, g := range res.Gaps {
		kinds[g.Kind]++
	}
	t.Logf("%d listed versions of %d components, %d findings, gaps %v", checked, len(doc.Components), len(res.Findings), kinds)
	if checked < 10_000 {
		t.Errorf("only %d checked", checked)
	}
}

var _ vuln.Source = (*osv.DB)(nil)
