package vuln_test

import (
	"testing"

	"github.com/tallyman/tallyman/sbom"
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
