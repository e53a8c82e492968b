package oracle

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

// answers are the ids of the records that affect each pair, sorted. A pair that
// nothing affects is not in it.
type answers map[pair][]string

func (a answers) add(p pair, ids ...string) {
	list := append(a[p], ids...)
	slices.Sort(list)
	a[p] = slices.Compact(list)
}

func (a answers) has(p pair, id string) bool {
	_, found := slices.BinarySearch(a[p], id)
	return found
}

// ours are our answers, and the records that we leave open for a pair.
type ours struct {
	answers
	open answers
	// read gives a record as we read it for a pair.
	read func(p pair, id string) *vuln.Advisory
}

// snapshot compiles the advisories of a folder.
func snapshot(tb testing.TB, from string, ecosystems ...string) *osv.DB {
	tb.Helper()
	dir := tb.TempDir()
	if _, err := osv.Update(tb.Context(), osv.Options{Dir: dir, From: from, Ecosystems: ecosystems}); err != nil {
		tb.Fatal(err)
	}
	db, err := osv.OpenCurrent(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// askUs matches all pairs as the components of one document. A finding is of
// one vulnerability, whose Records name every record that affects the version,
// so that grouping by aliases hides none.
func askUs(tb testing.TB, db *osv.DB, pairs []pair) *ours {
	tb.Helper()
	doc := &sbom.Document{}
	for i, p := range pairs {
		doc.Components = append(doc.Components, sbom.Component{
			Name: p.spelled, Version: p.version, Ecosystem: p.ecosystem, PURL: purlType(p.ecosystem) + p.spelled, Evidence: sbom.Installed,
			Locations: []sbom.Location{{File: "pairs", Line: i + 1}},
		})
	}
	res, err := vuln.Match(tb.Context(), doc, db)
	if err != nil {
		tb.Fatal(err)
	}
	out := &ours{answers: answers{}, open: answers{}, read: func(p pair, id string) *vuln.Advisory {
		list, err := db.Advisories(tb.Context(), p.ecosystem, p.spelled)
		if err != nil {
			tb.Fatal(err)
		}
		for i := range list {
			if list[i].ID == id {
				return &list[i]
			}
		}
		return nil
	}}
	for _, f := range res.Findings {
		for _, at := range f.Locations {
			out.add(pairs[at.Line-1], f.Records...)
		}
	}
	for _, g := range res.Gaps {
		if g.Line == 0 {
			tb.Errorf("a gap about no pair: %s: %s", g.Kind, g.Reason)
			continue
		}
		out.open.add(pairs[g.Line-1], g.Advisory)
	}
	return out
}

// purlType is the beginning of a package URL: it tells our matcher whether a
// package is a distribution's.
func purlType(ecosystem string) string {
	switch family := familyOf(ecosystem); family {
	case "Debian", "Ubuntu":
		return "pkg:deb/" + strings.ToLower(family) + "/"
	case "AlmaLinux":
		return "pkg:rpm/almalinux/"
	}
	return "pkg:generic/"
}
