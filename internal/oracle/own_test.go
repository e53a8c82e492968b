package oracle

import (
	"archive/zip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// ownRecords are OSV records of our own, for what the shared data lacks:
// withdrawn ones, limits, releases of Ubuntu, Debian 12, urgencies.
const ownRecords = "testdata/osv"

// zipped packs a folder of records as the all.zip of an ecosystem.
func zipped(tb testing.TB, dir string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "all.zip")
	out, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer out.Close()
	w := zip.NewWriter(out)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// expressible leaves out the releases that a package URL cannot name.
func expressible(pairs []pair, _ int) []pair {
	return slices.DeleteFunc(pairs, func(p pair) bool { return strings.HasPrefix(p.ecosystem, "Ubuntu:Pro:") })
}

// TestOwnPairs is TestPairs for our own records.
func TestOwnPairs(t *testing.T) {
	total := &tally{classes: map[*class]int{}}
	for _, eco := range []string{"Debian", "Ubuntu", "npm"} {
		zip := zipped(t, filepath.Join(ownRecords, eco))
		r := readZip(t, zip, eco)
		pairs := expressible(r.draw(sample{packages: 50, pairs: 400}))
		us := askUs(t, snapshot(t, ownRecords), pairs)
		total.compare(t, eco, r, pairs, us, askThem(t, eco, zip, r, pairs))
	}
	t.Logf("own records: %d pairs compared, %d equal (%d of them affected)", total.pairs, total.equal, total.affected)
	total.check(t, func(c *class) int { return c.own })
}

// TestUrgency compares which records of a distribution count for nothing: for
// us those of severity "none", for osv-scanner those that it marks unimportant.
func TestUrgency(t *testing.T) {
	// otherwise are the records that the reference marks otherwise, by id and
	// release, and why. The OSV schema leaves ecosystem_specific to the
	// ecosystem, and has it in the affected entry that it is about.
	otherwise := map[string]string{
		"TEST-0207 Debian:12":        "it marks a record for all releases when the entry of one is unimportant",
		"TEST-0103 Ubuntu:22.04:LTS": "it marks what Ubuntu calls negligible; that is a low severity and not none, as the package has the fault",
	}
	for _, eco := range []string{"Debian", "Ubuntu"} {
		zip := zipped(t, filepath.Join(ownRecords, eco))
		r := readZip(t, zip, eco)
		pairs := expressible(r.draw(sample{packages: 50, pairs: 12}))
		_, theirs := askScanner(t, database(t, map[string]string{eco: zip}), pairs)
		ours := unimportant(t, pairs)
		seen := 0
		for _, p := range pairs {
			for _, id := range slices.Concat(ours[p], theirs[p]) {
				seen++
				_, known := otherwise[id+" "+p.ecosystem]
				if same := ours.has(p, id) == theirs.has(p, id); same == known {
					t.Errorf("%v: %s is unimportant for us: %t, for the reference: %t", p, id, ours.has(p, id), theirs.has(p, id))
				}
			}
		}
		if seen == 0 {
			t.Errorf("%s: nothing is unimportant for anybody", eco)
		}
	}
}

func unimportant(t *testing.T, pairs []pair) answers {
	t.Helper()
	db := snapshot(t, ownRecords)
	out := answers{}
	for _, p := range pairs {
		doc := &sbom.Document{Components: []sbom.Component{{Name: p.spelled, Version: p.version, Ecosystem: p.ecosystem, PURL: purlType(p.ecosystem) + p.spelled}}}
		res, err := vuln.Match(t.Context(), doc, db)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range res.Findings {
			if f.Severity == vuln.SeverityNone {
				out.add(p, f.Records...)
			}
		}
	}
	return out
}
