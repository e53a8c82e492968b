package sbom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// gradio is what the package URL of every forged component says.
func gradio(change func(*sbom.Component)) sbom.Component {
	c := sbom.Component{
		Name: "gradio", Version: "4.19.1", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.1", Evidence: sbom.Installed,
		Locations: []sbom.Location{{File: "/site/METADATA"}},
	}
	change(&c)
	return c
}

// TestDistrustForgedProperties: whatever a forged SBOM says beside the package
// URL, the component is what the URL says, is matched, and a gap is left where
// the two disagree.
func TestDistrustForgedProperties(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*sbom.Component)
		want   func(*sbom.Component)
		gaps   int
	}{
		{"nothing", func(*sbom.Component) {}, func(*sbom.Component) {}, 0},
		{"ecosystem", func(c *sbom.Component) { c.Ecosystem = "npm" }, func(*sbom.Component) {}, 1},
		{"ecosystem in another case", func(c *sbom.Component) { c.Ecosystem = "pypi" }, func(*sbom.Component) {}, 1},
		{"no ecosystem", func(c *sbom.Component) { c.Ecosystem = "" }, func(*sbom.Component) {}, 1},
		{"name", func(c *sbom.Component) { c.Name = "six" }, func(*sbom.Component) {}, 1},
		{"name of a Go module in another case", func(c *sbom.Component) {
			c.Name, c.Ecosystem, c.PURL = "github.com/Masterminds/goutils", "Go", "pkg:golang/github.com/masterminds/goutils@4.19.1"
		}, func(c *sbom.Component) {
			c.Name, c.Ecosystem, c.PURL = "github.com/Masterminds/goutils", "Go", "pkg:golang/github.com/masterminds/goutils@4.19.1"
		}, 0},
		{"version", func(c *sbom.Component) { c.Version = "6.0.0" }, func(*sbom.Component) {}, 1},
		{"no version", func(c *sbom.Component) { c.Version = "" }, func(*sbom.Component) {}, 1},
		{"source", func(c *sbom.Component) { c.Source = "six" }, func(*sbom.Component) {}, 1},
		{"source version", func(c *sbom.Component) { c.SourceVersion = "99" }, func(*sbom.Component) {}, 1},
		{"constraint", func(c *sbom.Component) { c.Constraint = true }, func(*sbom.Component) {}, 0},
		{"constraint on a pin", func(c *sbom.Component) { c.Constraint, c.Evidence = true, sbom.Declared },
			func(c *sbom.Component) { c.Evidence = sbom.Declared }, 0},
		{"constraint on the pin of a specifier",
			func(c *sbom.Component) {
				c.Constraint, c.Evidence, c.Version, c.PURL, c.Specifier = true, sbom.Declared, "", "pkg:pypi/gradio", "==4.19.1"
			},
			func(c *sbom.Component) {
				c.Evidence, c.Version, c.PURL, c.Specifier = sbom.Declared, "", "pkg:pypi/gradio", "==4.19.1"
			}, 0},
		{"claimed", func(c *sbom.Component) { c.Evidence = sbom.Claimed }, func(c *sbom.Component) { c.Evidence = sbom.Locked }, 0},
		{"URL without version", func(c *sbom.Component) { c.URL, c.Version, c.PURL = "git+https://example.org/g", "", "pkg:pypi/gradio" },
			func(c *sbom.Component) { c.URL, c.Version, c.PURL = "git+https://example.org/g", "", "pkg:pypi/gradio" }, 1},
		{"scope that does not gate", func(c *sbom.Component) { c.Scope = "dev" }, func(c *sbom.Component) { c.Scope = "group:dev" }, 0},
		{"scopes beside the one that gates", func(c *sbom.Component) { c.Scopes = []string{"dev"} }, func(*sbom.Component) {}, 0},
		{"scope that gates", func(c *sbom.Component) { c.Scope = "extra:ui" }, func(c *sbom.Component) { c.Scope = "extra:ui" }, 0},
		{"the platform's own", func(c *sbom.Component) {
			c.Evidence, c.Ecosystem, c.PURL = sbom.Assumed, "", "pkg:generic/gradio@4.19.1"
		},
			func(c *sbom.Component) {
				c.Evidence, c.Ecosystem, c.PURL = sbom.Declared, "", "pkg:generic/gradio@4.19.1"
			}, 0},
		{"package URL that is none", func(c *sbom.Component) { c.PURL = "gradio" }, func(c *sbom.Component) { c.PURL = "gradio" }, 1},
		{"no package URL", func(c *sbom.Component) { c.PURL, c.Ecosystem = "", "npm" }, func(c *sbom.Component) { c.PURL, c.Ecosystem = "", "npm" }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &sbom.Document{Components: []sbom.Component{gradio(tt.change)}}
			d.Distrust()
			want := []sbom.Component{gradio(tt.want)}
			if diff := cmp.Diff(want, d.Components); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(d.Gaps) != tt.gaps || tt.gaps > 0 && (!d.Gaps[0].Hides || d.Gaps[0].File != "/site/METADATA") {
				t.Errorf("gaps %+v, want %d that hide", d.Gaps, tt.gaps)
			}
			again := &sbom.Document{Components: d.Components, Gaps: d.Gaps}
			again.Distrust()
			if diff := cmp.Diff(d, again); diff != "" {
				t.Errorf("distrusted again (-once +twice):\n%s", diff)
			}
		})
	}
}

// TestDistrustLetsConstraintsNarrow: a constraint that leaves a choice brings
// nothing in, in an SBOM too.
func TestDistrustLetsConstraintsNarrow(t *testing.T) {
	d := &sbom.Document{Components: []sbom.Component{{
		Name: "fastapi", Specifier: ">=0.100,<1", Ecosystem: "PyPI", PURL: "pkg:pypi/fastapi", Evidence: sbom.Declared, Constraint: true,
		Locations: []sbom.Location{{File: "constraints.txt", Line: 1}},
	}}}
	if d.Distrust(); !d.Components[0].Constraint || len(d.Gaps) != 0 {
		t.Errorf("got %+v", d)
	}
}
