package vuln_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// line is a requirement of "demo" at FILE:LINE with an optional marker.
func line(specifier, file string, n int, marker string) sbom.Component {
	c := pypi("demo", "", specifier)
	c.Marker, c.Locations = marker, []sbom.Location{{File: file, Line: n}}
	return c
}

func constraint(specifier, file string, n int, marker string) sbom.Component {
	c := line(specifier, file, n, marker)
	c.Constraint = true
	return c
}

// describe prints findings with the fields of ranges, and gaps.
func describe(res *vuln.Result) []string {
	out := []string{}
	for _, f := range res.Findings {
		text := fmt.Sprintf("%s %s%s %s", f.IDs[0], f.Package, f.Specifier, f.Verdict)
		if f.Basis != "events" {
			text += " by " + f.Basis
		}
		if f.Floor != "" {
			text += " floor " + f.Floor
		} else if f.Fixed != "" {
			text += " fixed " + f.Fixed
		}
		if f.Exclude != nil {
			text += " exclude " + strings.Join(f.Exclude, ",")
		}
		if f.Environments != nil {
			text += " in " + strings.Join(f.Environments, ", ")
		}
		for _, l := range f.Locations {
			text += fmt.Sprintf(" %s:%d", l.File, l.Line)
		}
		out = append(out, text)
	}
	for _, g := range res.Gaps {
		out = append(out, fmt.Sprintf("gap %s %s:%d %s", g.Kind, g.File, g.Line, g.Reason))
	}
	return out
}

// TestRangeVerdicts holds one range against one advisory: "VERDICT basis
// floor fixed".
func TestRangeVerdicts(t *testing.T) {
	for _, test := range []struct {
		specifier string
		events    []string
		want      string
	}{
		// Every admitted version is affected.
		{"<2", []string{"introduced 0", "fixed 2.0"}, "forced events  2.0"},
		{"==1.*", []string{"introduced 1.0", "fixed 2.0"}, "current events  2.0"}, // but for the pre-releases of 1.0
		{"", []string{"introduced 0"}, "forced events  "},
		{"~=1.4.2", []string{"introduced 0", "last_affected 1.4.9", "fixed 1.5"}, "unknown events  1.5"}, // 1.4.10 may be there,
		{"<=1.9", []string{"introduced 0", "last_affected 1.9"}, "forced events  "},
		// Installers take a version that is not affected, as far as is known.
		{">=1", []string{"introduced 0", "fixed 1.5"}, "latent events 1.5 1.5"},
		{"", []string{"introduced 0", "fixed 1.5"}, "latent events 1.5 1.5"},
		{">=1,<3", []string{"introduced 0", "fixed 1.5", "introduced 2.0", "fixed 2.1"}, "latent events 2.1 2.1"},
		// The lower bound is affected or not: it does not matter.
		{">=1.6", []string{"introduced 0", "fixed 1.5"}, "clear"},
		{">=1.4", []string{"introduced 1.4", "fixed 1.5"}, "latent events 1.5 1.5"},
		{">=1.5", []string{"introduced 1.6", "fixed 1.7"}, "latent events 1.7 1.7"},
		// Nothing is known above what is affected.
		{">=1", []string{"introduced 0", "last_affected 1.5"}, "unknown events  "},
		{">=1", []string{"version 1.4", "version 1.5"}, "unknown versions  "},
		{">=1", []string{"version 1.4", "introduced 0", "fixed 1.2", "introduced 1.3", "fixed 1.4"}, "latent events  "},
		// A cap keeps the fix out.
		{">=1,<1.4", []string{"introduced 0", "fixed 1.5"}, "forced events  1.5"},
		{"!=1.5", []string{"introduced 0", "fixed 1.5", "introduced 1.6", "fixed 1.7"}, "latent events 1.7 1.7"},
		// Pre-releases only where they are asked for.
		{">=1", []string{"introduced 0", "fixed 2.0rc1"}, "latent events  "},
		{">=1rc1", []string{"introduced 0", "fixed 2.0rc1"}, "latent events 2.0rc1 2.0rc1"},
		// A local version counts as its public one.
		{"==2.1", []string{"introduced 0", "last_affected 2.1"}, "forced events  "},
		{">2.1,<2.2", []string{"introduced 0", "last_affected 2.1"}, "clear"},
	} {
		c := pypi("demo", "", test.specifier, 1)
		res := match(t, fake{"PyPI": {"demo": {advisory("PYSEC-2025-1", test.events...)}}}, c)
		got := "clear"
		if len(res.Findings) == 1 {
			f := res.Findings[0]
			got = fmt.Sprintf("%s %s %s %s", f.Verdict, f.Basis, f.Floor, f.Fixed)
		}
		if len(res.Gaps) > 0 || got != test.want {
			t.Errorf("%q in %v: got %q %v, want %q", test.specifier, test.events, got, res.Gaps, test.want)
		}
	}
}

// TestLinesThatBelongTogether: which lines narrow one another, which exclude
// one another, and what then is one finding.
func TestLinesThatBelongTogether(t *testing.T) {
	older := advisory("PYSEC-2025-1", "introduced 0", "fixed 2.0")
	for _, test := range []struct {
		name     string
		lines    []sbom.Component
		together [][]string
		want     []string
	}{
		{"one file", []sbom.Component{line(">=1", "r.txt", 1, ""), line("<2", "r.txt", 2, "")}, nil,
			[]string{"PYSEC-2025-1 demo<2,>=1 forced fixed 2.0 r.txt:1 r.txt:2"}},
		{"two files", []sbom.Component{line(">=1", "a/r.txt", 1, ""), line("<2", "b/r.txt", 1, "")}, nil,
			[]string{"PYSEC-2025-1 demo<2 forced fixed 2.0 b/r.txt:1", "PYSEC-2025-1 demo>=1 latent floor 2.0 a/r.txt:1"}},
		{"the same in two files", []sbom.Component{line(">=1", "a/r.txt", 1, ""), line(">=1", "b/r.txt", 7, "")}, nil,
			[]string{"PYSEC-2025-1 demo>=1 latent floor 2.0 a/r.txt:1 b/r.txt:7"}},
		{"an included file", []sbom.Component{line(">=1", "r.txt", 1, ""), line("<2", "base.txt", 1, "")}, [][]string{{"base.txt", "r.txt"}},
			[]string{"PYSEC-2025-1 demo<2,>=1 forced fixed 2.0 base.txt:1 r.txt:1"}},
		{"a shared base, the worst of both", []sbom.Component{line(">=1", "base.txt", 1, ""), line("<2", "dev.txt", 1, "")},
			[][]string{{"base.txt", "dev.txt"}, {"base.txt", "prod.txt"}},
			[]string{"PYSEC-2025-1 demo<2,>=1 forced fixed 2.0 base.txt:1 dev.txt:1"}},
		{"a constraint", []sbom.Component{line("", "r.txt", 1, ""), constraint("<2", "c.txt", 3, "")}, [][]string{{"c.txt", "r.txt"}},
			[]string{"PYSEC-2025-1 demo<2 forced fixed 2.0 c.txt:3 r.txt:1"}},
		{"a constraint that cures", []sbom.Component{line("", "r.txt", 1, ""), constraint(">=2", "c.txt", 3, "")}, [][]string{{"c.txt", "r.txt"}}, []string{}},
		{"a constraint of another file", []sbom.Component{line("", "r.txt", 1, ""), constraint(">=2", "c.txt", 3, ""), line("", "other.txt", 1, "")},
			[][]string{{"c.txt", "other.txt"}}, []string{"PYSEC-2025-1 demo latent floor 2.0 r.txt:1"}},
		{"a constraint alone", []sbom.Component{constraint("<2", "c.txt", 3, "")}, nil, []string{}},
		{"conflict", []sbom.Component{line(">=2", "r.txt", 1, ""), line("<2", "r.txt", 2, "")}, nil, []string{
			"gap conflict r.txt:1 no version satisfies demo >=2 (r.txt:1) and demo <2 (r.txt:2)",
			"gap conflict r.txt:2 no version satisfies demo >=2 (r.txt:1) and demo <2 (r.txt:2)"}},
		{"a pin decides", []sbom.Component{line(">=1", "requirements.txt", 1, ""), pypi("demo", "1.5", "", 2)}, nil,
			[]string{"PYSEC-2025-1 demo==1.5 affected floor 2.0 requirements.txt:2"}},
		{"pins in conflict", []sbom.Component{pypi("demo", "2.5", "", 1), pypi("demo", "2.6", "", 2)}, nil, []string{
			"gap conflict requirements.txt:1 no version satisfies demo ==2.5 (requirements.txt:1) and demo ==2.6 (requirements.txt:2)",
			"gap conflict requirements.txt:2 no version satisfies demo ==2.5 (requirements.txt:1) and demo ==2.6 (requirements.txt:2)"}},
		{"unread", []sbom.Component{line(">=one", "r.txt", 1, "")}, nil,
			[]string{`gap range r.txt:1 the specifier ">=one" cannot be read, and 1 advisory names demo`}},
		{"unread marker", []sbom.Component{line(">=1", "r.txt", 1, "os_name ?")}, nil,
			[]string{`gap range r.txt:1 the marker "os_name ?" cannot be read, and 1 advisory names demo`}},
		{"no version at all", []sbom.Component{line("===one", "r.txt", 1, "")}, nil,
			[]string{"gap version r.txt:1 demo ===one (r.txt:1) names no version that advisories can be held against"}},
		{"Dockerfile commands", []sbom.Component{line(">=2", "Dockerfile", 3, ""), line("<2", "Dockerfile", 9, "")}, nil,
			[]string{"PYSEC-2025-1 demo<2 forced fixed 2.0 Dockerfile:9"}},
		{"markers that exclude each other", []sbom.Component{line("<2", "r.txt", 1, "python_version < '3.11'"), line(">=2", "r.txt", 2, "python_version >= '3.11'")}, nil,
			[]string{"PYSEC-2025-1 demo<2 forced fixed 2.0 in Python 3.10 on linux/amd64 r.txt:1"}},
		{"the worst environment", []sbom.Component{line(">=1", "r.txt", 1, ""), constraint("<2", "r.txt", 2, "python_version >= '3.14'")}, nil,
			[]string{"PYSEC-2025-1 demo<2,>=1 forced fixed 2.0 in Python 3.14 on linux/amd64 r.txt:1 r.txt:2"}},
		{"another platform", []sbom.Component{line("<2", "r.txt", 1, "sys_platform == 'win32'")}, nil,
			[]string{"PYSEC-2025-1 demo<2 forced fixed 2.0 in another platform r.txt:1"}},
		{"no supported Python", []sbom.Component{line("<2", "r.txt", 1, "python_version < '3'")}, nil, []string{}},
		{"a marker that cannot be decided applies", []sbom.Component{line("<2", "r.txt", 1, "platform_release > '5'")}, nil,
			[]string{"PYSEC-2025-1 demo<2 forced fixed 2.0 r.txt:1"}},
	} {
		doc := &sbom.Document{Components: test.lines, Together: test.together}
		res, err := vuln.Match(t.Context(), doc, fake{"PyPI": {"demo": {older}}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, describe(res)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestAnUndecidedMarkerHidesNothing: an attacker adds a line that narrows, or
// pins, under a marker that nobody can decide, or names an implementation that
// is not the usual one.
func TestAnUndecidedMarkerHidesNothing(t *testing.T) {
	never := advisory("PYSEC-2025-1", "introduced 2.0")
	pin := pypi("demo", "1.5", "")
	pin.Marker, pin.Locations = "platform_release == 'x'", []sbom.Location{{File: "r.txt", Line: 2}}
	for _, test := range []struct {
		name  string
		lines []sbom.Component
		want  []string
	}{
		{"a pin", []sbom.Component{line(">=1", "r.txt", 1, ""), pin}, []string{"PYSEC-2025-1 demo>=1 current r.txt:1"}},
		{"a range", []sbom.Component{line(">=1", "r.txt", 1, ""), line("<2", "r.txt", 2, "platform_release == 'x'")},
			[]string{"PYSEC-2025-1 demo>=1 current r.txt:1"}},
		{"a constraint", []sbom.Component{line(">=1", "r.txt", 1, ""), constraint("<2", "r.txt", 2, "platform_version == 'x'")},
			[]string{"PYSEC-2025-1 demo>=1 current r.txt:1"}},
		{"two markers", []sbom.Component{line(">=1", "r.txt", 1, "platform_release == 'y'"), line("<2", "r.txt", 2, "platform_release == 'x'")},
			[]string{"PYSEC-2025-1 demo>=1 current r.txt:1"}},
		{"one marker, which holds for both or none", []sbom.Component{line(">=1", "r.txt", 1, "platform_release == 'x'"), line("<2", "r.txt", 2, "platform_release == 'x'")}, []string{}},
		{"another implementation", []sbom.Component{line(">=1", "r.txt", 1, "implementation_name == 'pypy'")},
			[]string{"PYSEC-2025-1 demo>=1 current in another platform r.txt:1"}},
		{"texts in an order that older installers have", []sbom.Component{line(">=1", "r.txt", 1, "sys_platform < 'win32'")},
			[]string{"PYSEC-2025-1 demo>=1 current in another platform r.txt:1"}},
	} {
		src := fake{"PyPI": {"demo": {never}}}
		res, err := vuln.Match(t.Context(), &sbom.Document{Components: test.lines}, src)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, describe(res)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestScopesOfRequirements: an extra comes on top of what runs always, and
// says nothing about it; a build is a place of its own.
func TestScopesOfRequirements(t *testing.T) {
	scoped := func(c sbom.Component, scope string) sbom.Component { c.Scope = scope; return c }
	src := fake{"PyPI": {"demo": {advisory("PYSEC-2025-1", "introduced 0", "fixed 2.0")}}}
	res := match(t, src, line(">=1", "p.toml", 1, ""), scoped(line("<1.5", "p.toml", 2, ""), "extra:mcp"), scoped(line(">=2", "p.toml", 3, ""), "build"))
	want := []string{
		"PYSEC-2025-1 demo<1.5,>=1 forced fixed 2.0 p.toml:1 p.toml:2",
	}
	if diff := cmp.Diff(want, describe(res)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKnownVersions(t *testing.T) {
	src := fake{"PyPI": {"demo": {advisory("PYSEC-2025-1", "introduced 0", "last_affected 1.5")}}}
	doc := &sbom.Document{Components: []sbom.Component{pypi("Demo", "", ">=1", 1)}}
	for _, test := range []struct {
		known string
		want  []string
	}{
		{`{}`, []string{"PYSEC-2025-1 Demo>=1 unknown requirements.txt:1"}},
		{`{"other": ["2.0"]}`, []string{"PYSEC-2025-1 Demo>=1 unknown requirements.txt:1"}},
		{`{"DEMO": ["1.4", "1.5", "legacy_2004d"]}`, []string{"PYSEC-2025-1 Demo>=1 forced by index requirements.txt:1"}},
		{`{"demo": ["1.5", "1.6", "1.7"]}`, []string{"PYSEC-2025-1 Demo>=1 latent by index floor 1.6 requirements.txt:1"}},
		{`{"demo": ["1.5"], "Demo": ["1.6rc1"]}`, []string{"PYSEC-2025-1 Demo>=1 forced by index requirements.txt:1"}},
		{`{"demo": []}`, []string{"PYSEC-2025-1 Demo>=1 latent requirements.txt:1"}},
	} {
		known, err := vuln.ReadKnown(strings.NewReader(test.known))
		if err != nil {
			t.Fatal(err)
		}
		res, err := vuln.MatchWith(t.Context(), doc, src, vuln.Options{Known: known})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, describe(res)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.known, diff)
		}
	}
	for _, bad := range []string{"", "null", "[]", `{"demo": null}`, `{"demo": "1.0"}`, `{"de mo": []}`, `{"demo": ["1"]} x`} {
		if known, err := vuln.ReadKnown(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: got %v, want an error", bad, known)
		}
	}
	// A lock tells of a version, and of no more than that.
	locked := pypi("demo", "2.0", "==2.0", 9)
	locked.Evidence = sbom.Locked
	doc.Components = append(doc.Components, locked)
	res, err := vuln.Match(t.Context(), doc, src)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"PYSEC-2025-1 Demo>=1 latent by lock floor 2.0 requirements.txt:1"}, describe(res)); diff != "" {
		t.Errorf("with a lock (-want +got):\n%s", diff)
	}
}

// TestOneFloorForAll: forty advisories are one edit; what no edit cures does
// not stop the others' cure.
func TestOneFloorForAll(t *testing.T) {
	src := fake{"PyPI": {"demo": {
		advisory("PYSEC-2025-1", "introduced 0", "fixed 1.5"), advisory("PYSEC-2025-2", "introduced 0", "fixed 2.1"),
		advisory("PYSEC-2025-3", "introduced 1.0"),
		aliased(advisory("PYSEC-2025-4", "introduced 0", "fixed 1.2"), "CVE-2025-9"), aliased(advisory("PYSEC-2025-5", "introduced 1.8", "fixed 1.9"), "CVE-2025-9"),
	}}}
	want := []string{
		"CVE-2025-9 demo>=1 latent floor 2.1 requirements.txt:1",
		"PYSEC-2025-1 demo>=1 latent floor 2.1 requirements.txt:1",
		"PYSEC-2025-2 demo>=1 latent floor 2.1 requirements.txt:1",
		"PYSEC-2025-3 demo>=1 forced requirements.txt:1",
	}
	got := describe(match(t, src, pypi("demo", "", ">=1", 1)))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	pin := describe(match(t, src, pypi("demo", "1.1", "", 1)))
	for _, f := range pin[:len(pin)-1] {
		if !strings.Contains(f, "floor 2.1") {
			t.Errorf("a pin: got %q, want it moved to 2.1", f)
		}
	}
}

// TestFloorIsNotAnotherVulnerability: the versions that a hijacker published
// are the newest known ones and free of all that went before.
func TestFloorIsNotAnotherVulnerability(t *testing.T) {
	src := fake{"PyPI": {"demo": {
		advisory("PYSEC-2025-1", "introduced 0", "fixed 2.4.0"), advisory("PYSEC-2025-2", "introduced 0", "last_affected 2.6.0"),
		advisory("PYSEC-2025-3", "version 2.6.2", "version 2.6.3"),
	}}}
	want := []string{
		"PYSEC-2025-1 demo==1.5.0 affected floor 2.4.0 requirements.txt:1",
		"PYSEC-2025-2 demo==1.5.0 affected requirements.txt:1",
	}
	if diff := cmp.Diff(want, describe(match(t, src, pypi("demo", "1.5.0", "", 1)))); diff != "" {
		t.Errorf("a pin (-want +got):\n%s", diff)
	}
	for _, f := range match(t, src, pypi("demo", "", "", 1)).Findings {
		if f.Floor != "" {
			t.Errorf("a range: %s has floor %s, which is affected by another", f.IDs[0], f.Floor)
		}
	}
}

// TestMalware: a whole name is forced; a single version among others is an
// edit away; when nobody knows of any other version, it is not called harmless.
func TestMalware(t *testing.T) {
	whole := advisory("MAL-2025-1", "introduced 0")
	single := advisory("MAL-2025-2", "version 1.3")
	src := fake{"PyPI": {
		"whole": {whole}, "alone": {single},
		"hijacked": {single, advisory("PYSEC-2025-4", "introduced 0", "fixed 1.2")},
	}}
	for _, test := range []struct {
		c    sbom.Component
		want string
	}{
		{pypi("whole", "", ">=9", 1), "MAL-2025-1 whole>=9 forced"},
		{pypi("alone", "", "", 1), "MAL-2025-2 alone unknown by versions exclude 1.3"},
		{pypi("alone", "", "==1.3.*", 1), "MAL-2025-2 alone==1.3.* unknown by versions exclude 1.3"},
		{pypi("alone", "1.3", "", 1), "MAL-2025-2 alone==1.3 affected by versions"},
		{pypi("hijacked", "", ">=1.2", 1), "MAL-2025-2 hijacked>=1.2 latent by versions exclude 1.3"},
	} {
		if diff := cmp.Diff([]string{test.want + " requirements.txt:1"}, describe(match(t, src, test.c))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestWhatIsThereWithoutAVersion is not judged as what an installer would take.
func TestWhatIsThereWithoutAVersion(t *testing.T) {
	src := fake{"PyPI": {"demo": {advisory("PYSEC-2025-1", "introduced 0", "fixed 1.5"), advisory("PYSEC-2025-2", "introduced 0")}}}
	c := pypi("demo", "", "", 1)
	c.Evidence = sbom.Installed
	want := []string{"PYSEC-2025-1 demo unknown fixed 1.5 requirements.txt:1", "PYSEC-2025-2 demo forced requirements.txt:1"}
	if diff := cmp.Diff(want, describe(match(t, src, c))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTooManyLinesIsAGap: what would take minutes is not judged, and says so.
func TestTooManyLinesIsAGap(t *testing.T) {
	src := fake{"PyPI": {"demo": {advisory("PYSEC-2025-1", "introduced 0", "fixed 2.0")}}}
	doc := &sbom.Document{}
	for i := range 3000 {
		c := line(">=1", "pyproject.toml", i+1, "")
		c.Scope = fmt.Sprintf("extra:x%d", i)
		doc.Components = append(doc.Components, c)
	}
	res, err := vuln.Match(t.Context(), doc, src)
	if err != nil || len(res.Gaps) != 1 || res.Gaps[0].Kind != sbom.GapTooLarge || !res.Gaps[0].Hides {
		t.Errorf("many extras: %v, %d findings, gaps %v", err, len(res.Findings), res.Gaps)
	}
	doc = &sbom.Document{}
	for i := range 3000 {
		doc.Components = append(doc.Components, line(fmt.Sprintf(">=1.%d", i), "base.txt", i+1, ""))
		doc.Together = append(doc.Together, []string{"base.txt", fmt.Sprintf("root%d.txt", i)})
	}
	res, err = vuln.Match(t.Context(), doc, src)
	if err != nil || len(res.Gaps) != 1 || res.Gaps[0].Kind != sbom.GapTooLarge {
		t.Errorf("many files: %v, %d findings, gaps %v", err, len(res.Findings), res.Gaps)
	}
}

// TestAPinMovesToAFinalRelease: what a pin is moved to, and what is said to fix
// it, is a final release that is known to exist; a pre-release only where there
// is no other.
func TestAPinMovesToAFinalRelease(t *testing.T) {
	early := advisory("PYSEC-1", "introduced 0", "fixed 2.0rc1")
	later := advisory("PYSEC-1", "introduced 0", "fixed 2.0rc1")
	later.Affected[0].Ranges = append(later.Affected[0].Ranges, vuln.Range{Type: "ECOSYSTEM", Events: []vuln.Event{{Introduced: "3"}, {Fixed: "3.1"}}})
	for _, test := range []struct {
		name, pin    string
		record       vuln.Advisory
		known        []string
		fixed, floor string
	}{
		{"only a pre-release is known", "1.0", early, nil, "2.0rc1", ""},
		{"a final one is named elsewhere", "1.0", later, nil, "3.1", "3.1"},
		{"the index has a final one", "1.0", early, []string{"1.0", "2.0rc1", "2.0"}, "2.0", "2.0"},
		{"the index has the pre-release only", "1.0", early, []string{"1.0", "2.0rc1"}, "2.0rc1", ""},
		{"the index has neither", "1.0", early, []string{"1.0"}, "", ""},
		{"a pin of a pre-release", "1.0b1", early, []string{"1.0b1", "2.0rc1", "2.0"}, "2.0", "2.0"},
		{"a pin of a pre-release, and no final one", "1.0b1", early, []string{"1.0b1", "2.0rc1"}, "2.0rc1", "2.0rc1"},
	} {
		opts := vuln.Options{}
		if test.known != nil {
			opts.Known = map[string][]string{"demo": test.known}
		}
		doc := &sbom.Document{Components: []sbom.Component{pypi("demo", test.pin, "", 1)}}
		res, err := vuln.MatchWith(t.Context(), doc, fake{"PyPI": {"demo": {test.record}}}, opts)
		if err != nil || len(res.Findings) != 1 {
			t.Fatalf("%s: %d findings, %v", test.name, len(res.Findings), err)
		}
		if f := res.Findings[0]; f.Fixed != test.fixed || f.Floor != test.floor {
			t.Errorf("%s: got fixed %q and floor %q, want %q and %q", test.name, f.Fixed, f.Floor, test.fixed, test.floor)
		}
	}
}
