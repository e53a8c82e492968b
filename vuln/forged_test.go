package vuln_test

import (
	"testing"
	"time"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// TestForgedSilence: what an inventory says of a component beside what it is
// does not keep it from being matched.
func TestForgedSilence(t *testing.T) {
	src := fake{"PyPI": {"demo": {advisory("PYSEC-1", "introduced 0")}, "six": {}}, "Debian:12": {}, "npm": {}}
	owner := sbom.Component{Name: "python3-demo", Version: "1-1", Ecosystem: "Debian:12", PURL: "pkg:deb/debian/python3-demo@1-1?distro=debian-12"}
	for _, tt := range []struct {
		name   string
		change func(demo, owner *sbom.Component)
		silent bool
	}{
		{name: "owned by a package of the distribution", change: func(*sbom.Component, *sbom.Component) {}, silent: true},
		{name: "owned by an npm package", change: func(_, o *sbom.Component) { o.Ecosystem, o.PURL = "npm", "pkg:npm/python3-demo@1-1" }},
		{name: "owned by a package that only says to be of Debian", change: func(_, o *sbom.Component) { o.PURL = "pkg:npm/python3-demo@1-1" }},
		{name: "owned by a package for which there are no advisories", change: func(_, o *sbom.Component) { o.Ecosystem = "" }},
		{name: "owned by another version", change: func(_, o *sbom.Component) { o.Version = "2-1" }},
		{name: "owned by nothing that is there", change: func(_, o *sbom.Component) { o.Name = "other" }},
		{name: "owner without evidence", change: func(d, _ *sbom.Component) { d.Evidence = sbom.Installed }},
		{name: "constraint that is installed", change: func(d, _ *sbom.Component) { d.Evidence, d.Constraint = sbom.Installed, true }},
		{name: "constraint without evidence", change: func(d, _ *sbom.Component) { d.Evidence, d.Constraint = "", true }},
		{name: "source package of a Python package", change: func(d, _ *sbom.Component) { d.Evidence, d.Source, d.SourceVersion = sbom.Installed, "six", "1" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			demo, by := pypi("demo", "1.0", ""), owner
			demo.Evidence, demo.Owner = sbom.OSOwned, "python3-demo 1-1"
			tt.change(&demo, &by)
			res := match(t, src, demo, by)
			if silent := len(res.Findings) == 0; silent != tt.silent || !silent && !res.Findings[0].Gates {
				t.Errorf("got %v", summarise(res))
			}
		})
	}
}

// TestWithdrawnInTheFuture: a date of withdrawal that is not there yet silences
// nothing, for an exact version and for a range.
func TestWithdrawnInTheFuture(t *testing.T) {
	withdrawn := advisory("PYSEC-1", "introduced 0")
	withdrawn.Withdrawn = day.AddDate(1, 0, 0)
	src := fake{"PyPI": {"demo": {withdrawn}}}
	for _, tt := range []struct {
		name     string
		now      time.Time
		findings int
	}{
		{"before", day, 2}, {"the day", withdrawn.Withdrawn, 0}, {"after", withdrawn.Withdrawn.AddDate(0, 0, 1), 0}, {"no clock", time.Time{}, 0},
	} {
		doc := &sbom.Document{Components: []sbom.Component{pypi("demo", "1.0", ""), pypi("demo", "", ">=1", 2)}}
		res, err := vuln.MatchWith(t.Context(), doc, src, vuln.Options{Now: tt.now})
		if err != nil || len(res.Findings) != tt.findings {
			t.Errorf("%s: %v, %v, want %d findings", tt.name, summarise(res), err, tt.findings)
		}
	}
	if src["PyPI"]["demo"][0].Withdrawn.IsZero() {
		t.Error("the source's own advisory was changed")
	}
}
