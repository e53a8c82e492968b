package vuln_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

func scoped(c sbom.Component, scope string) sbom.Component {
	c.Scope = scope
	return c
}

func several(c sbom.Component, scopes ...string) sbom.Component {
	c.Scopes = scopes
	return c
}

// One finding may be about several components: what one of them is for is never
// lost behind another.
func TestScopesOfAFinding(t *testing.T) {
	src := fake{"PyPI": {"demo": {advisory("PYSEC-1", "introduced 0", "fixed 2")}}}
	pin := func(line int, scope string) sbom.Component { return scoped(pypi("demo", "1.0", "", line), scope) }
	for _, test := range []struct {
		name       string
		components []sbom.Component
		want       []string
	}{
		{"Runtime", []sbom.Component{pin(1, ""), pin(2, "runtime")}, nil},
		{"Dev", []sbom.Component{pin(1, "dev")}, []string{"dev"}},
		{"DevAndRuntimeInOtherPlaces", []sbom.Component{pin(1, "dev"), pin(2, "")}, []string{"dev", "runtime"}},
		{"DevAndRuntimeInOnePlace", []sbom.Component{pin(1, ""), pin(1, "dev")}, []string{"dev", "runtime"}},
		{"OneComponentOfSeveral", []sbom.Component{several(pin(1, "group:docs"), "dev", "group:docs")}, []string{"dev", "group:docs"}},
		{"OneComponentOfSeveralAndRuntime", []sbom.Component{several(pin(1, ""), "dev", "runtime")}, []string{"dev", "runtime"}},
		{"Several", []sbom.Component{pin(1, "extra:ui"), pin(2, "build"), pin(3, "build")}, []string{"build", "extra:ui"}},
		{"WithoutAPlace", []sbom.Component{scoped(pypi("demo", "1.0", ""), "dev")}, nil},
		{"Range", []sbom.Component{scoped(line("<2", "a", 1, ""), "dev")}, []string{"dev"}},
		{"RangesOfTwoScopes", []sbom.Component{scoped(line("<2", "a", 1, ""), "dev"), line("<2", "a", 2, "")}, []string{"dev", "runtime"}},
		{"ConstraintIsForNothing", []sbom.Component{scoped(line(">=1", "a", 1, ""), "dev"), constraint("<2", "c", 1, "")}, []string{"dev"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := map[string]bool{}
			for _, f := range match(t, src, test.components...).Findings {
				for _, s := range f.Scopes {
					got[s] = true
				}
				if f.Scopes == nil {
					got["runtime"] = true
				}
			}
			want := map[string]bool{}
			for _, s := range test.want {
				want[s] = true
			}
			if test.want == nil {
				want["runtime"] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A file that names a package for ever more purposes costs no more for it, and
// none of them hides that it may be there for all.
func TestScopesAreBounded(t *testing.T) {
	src := fake{"PyPI": {"demo": {advisory("PYSEC-1", "introduced 0", "fixed 2")}}}
	var components []sbom.Component
	for i := range 100 {
		components = append(components, scoped(pypi("demo", "1.0", "", 1), fmt.Sprintf("group:%d", i)))
	}
	for _, f := range match(t, src, components...).Findings {
		if len(f.Scopes) > 20 || !slices.Contains(f.Scopes, "runtime") {
			t.Errorf("scopes %v, want a few with runtime", f.Scopes)
		}
	}
}

// What a Space's build adds of itself hides nothing; what a file names does.
func TestPlatformGap(t *testing.T) {
	src := fake{"PyPI": {}}
	deb := func(name string, e sbom.Evidence) sbom.Component {
		return sbom.Component{Name: name, PURL: "pkg:deb/debian/" + name, Evidence: e, Locations: []sbom.Location{{File: "README.md", Line: 3}}}
	}
	got := summarise(match(t, src, deb("cmake", sbom.Assumed), deb("ffmpeg", sbom.Assumed), deb("tesseract", sbom.Declared)))
	want := []string{
		"gap no-advisories hides=true README.md:0 : there is no advisory source for packages of type deb of debian: 1 component was not matched (tesseract); which release it is, is not told",
		"gap platform hides=false README.md:0 : there is no advisory source for packages of type deb of debian: 2 components were not matched (cmake, ffmpeg); which release it is, is not told; the platform adds them to every application, and no edit of the application changes that",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGapOfAnAdvisoryNamesIt(t *testing.T) {
	src := fake{"PyPI": {"demo": {advisory("PYSEC-1")}}}
	for _, c := range []sbom.Component{pypi("demo", "1.0", "", 1), line(">=1", "a", 1, "")} {
		res := match(t, src, c)
		if len(res.Gaps) != 1 || res.Gaps[0].Advisory != "PYSEC-1" || res.Gaps[0].Kind != sbom.GapAdvisory || res.Gaps[0].Package != "demo" {
			t.Errorf("%+v: got %+v, want one gap of PYSEC-1", c, res.Gaps)
		}
	}
}
