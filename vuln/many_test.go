package vuln_test

import (
	"fmt"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// TestManyLines: what is written very often is judged once, and what is
// different too often is one gap that hides. Without the bounds these take
// minutes.
func TestManyLines(t *testing.T) {
	var many []vuln.Advisory
	for i := range 40 {
		many = append(many, advisory(fmt.Sprintf("PYSEC-2025-%d", i+1), "introduced 0", fmt.Sprintf("fixed 2.%d", i)))
	}
	src := fake{"PyPI": {"demo": many}}
	file := func(i int) string { return fmt.Sprintf("r%d.txt", i) }
	for _, test := range []struct {
		name           string
		count          int
		line           func(i int) sbom.Component
		findings, gaps int // findings -1: any number but none
	}{
		{"equal lines", 60_000, func(i int) sbom.Component { return line("<4.0", "r.txt", i+1, "") }, 40, 0},
		{"different lines", 20_000, func(i int) sbom.Component { return line(fmt.Sprintf("!=0.0.%d", i), "r.txt", i+1, "") }, 40, 0},
		{"files with the same line", 2_000, func(i int) sbom.Component { return line("<4.0", file(i), 1, "") }, 40, 0},
		{"files with different lines", 20_000, func(i int) sbom.Component { return line(fmt.Sprintf("!=0.0.%d", i), file(i), 1, "") }, -1, 1},
		{"different lines for another platform", 20_000, func(i int) sbom.Component {
			return line(fmt.Sprintf("!=0.0.%d", i), "r.txt", i+1, "sys_platform == 'win32'")
		}, -1, 1},
		{"different pins in one file each", 20_000, func(i int) sbom.Component { return pypi("demo", fmt.Sprintf("0.0.%d", i), "") }, -1, 1},
		{"packages", 20_000, func(i int) sbom.Component { return pypi(fmt.Sprintf("p%d", i), "", ">=1", i+1) }, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc := &sbom.Document{}
			for i := range test.count {
				doc.Components = append(doc.Components, test.line(i))
			}
			res, err := vuln.Match(t.Context(), doc, src)
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Gaps) != test.gaps || test.gaps > 0 && (res.Gaps[0].Kind != sbom.GapRange || !res.Gaps[0].Hides) {
				t.Errorf("%d gaps, want %d: %.300v", len(res.Gaps), test.gaps, res.Gaps)
			}
			if n := len(res.Findings); test.findings >= 0 && n != test.findings || test.findings < 0 && n == 0 {
				t.Errorf("%d findings, want %d", n, test.findings)
			}
		})
	}
}

// TestADoubtIsSaidAtEveryPlace: an exception for one file takes no gap of
// another away because both have the same line.
func TestADoubtIsSaidAtEveryPlace(t *testing.T) {
	src := fake{"PyPI": {"demo": {advisory("PYSEC-1")}}}
	res := match(t, src, line(">=1", "a.txt", 1, ""), line(">=1", "b.txt", 2, ""))
	if len(res.Gaps) != 2 || res.Gaps[0].File != "a.txt" || res.Gaps[1].File != "b.txt" {
		t.Errorf("got gaps %+v, want one in each file", res.Gaps)
	}
}
