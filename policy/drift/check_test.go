package drift_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/drift"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// documents reads a text of lines "FILE: declared NAME [SPECIFIER] [; MARKER]",
// "FILE: locked NAME VERSION" and "image: installed NAME VERSION". "locked" may
// be followed by "[SCOPE]", as may "declared" and "constraint"; "installed" is
// also "claimed" or "os-owned". The lines of a file count from 1.
func documents(t *testing.T, text string) (source, image *sbom.Document) {
	t.Helper()
	source, image = &sbom.Document{}, &sbom.Document{}
	count := map[string]int{}
	for line := range strings.Lines(text) {
		file, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			t.Fatalf("no file in %q", line)
		}
		rest, marker, _ := strings.Cut(rest, "; ")
		words := strings.Fields(rest)
		kind, scope := words[0], ""
		if at := strings.IndexByte(kind, '['); at > 0 {
			kind, scope = kind[:at], strings.Trim(kind[at:], "[]")
		}
		count[file]++
		c := sbom.Component{
			Name: words[1], Ecosystem: "PyPI", Evidence: sbom.Evidence(kind), Marker: marker, Scope: scope,
			Locations: []sbom.Location{{File: file, Line: count[file]}},
		}
		if len(words) > 2 {
			c.Version = words[2]
		}
		if len(words) > 3 {
			c.URL = words[3]
		}
		switch kind {
		case "declared", "constraint":
			c.Evidence, c.Constraint, c.Specifier, c.Version = sbom.Declared, kind == "constraint", c.Version, ""
		case "hashed", "limited":
			c.Evidence, c.Specifier, c.Hashes, c.Constraint = sbom.Declared, "=="+c.Version, []string{"sha256:00"}, kind == "limited"
		}
		if file == "image" {
			c.Locations = []sbom.Location{{File: "/usr/local/lib/python3.12/site-packages/" + c.Name, Layer: "sha256:11"}}
			image.Components = append(image.Components, c)
			continue
		}
		source.Components = append(source.Components, c)
	}
	source.Normalize()
	image.Normalize()
	return source, image
}

var linux = drift.Options{Environment: pep508.NewEnvironment("", "linux/amd64")}

func check(t *testing.T, text string) []lint.Finding {
	t.Helper()
	source, image := documents(t, text)
	return drift.Check(source, image, linux)
}

func TestEveryRuleFiresOnBadAndNotOnGood(t *testing.T) {
	for _, r := range drift.Rules() {
		t.Run(r.ID, func(t *testing.T) {
			of := func(f lint.Finding) bool { return f.Rule == r.ID }
			if !slices.ContainsFunc(check(t, r.Bad), of) {
				t.Errorf("silent on its bad example:\n%s", r.Bad)
			}
			if found := check(t, r.Good); len(found) > 0 {
				t.Errorf("the good example has findings: %+v", found)
			}
		})
	}
}

func TestRulesAreDocumented(t *testing.T) {
	var ids []string
	for _, r := range drift.Rules() {
		for name, text := range map[string]string{"Title": r.Title, "Why": r.Why, "Remedy": r.Remedy, "Bad": r.Bad, "Good": r.Good} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", r.ID, name)
			}
		}
		if !strings.HasPrefix(r.Source, "https://") || !slices.Equal(r.Aliases, []string{"GR-DEP-05"}) || !r.Default {
			t.Errorf("%s: Source %q, Aliases %v, Default %v", r.ID, r.Source, r.Aliases, r.Default)
		}
		if r.Risk != lint.RiskMedium && r.Risk != lint.RiskLow {
			t.Errorf("%s: risk %q denies by default", r.ID, r.Risk)
		}
		ids = append(ids, r.ID)
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("identifiers are not sorted or not unique: %v", ids)
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string // "file:line rule package", and of groups the message
	}{
		{"in step", "uv.lock: locked gradio 5.0\nr.txt: declared gradio >=5\nimage: installed Gradio 5.0.0\n", nil},
		{"a stranger beside a lock", "uv.lock: locked a 1\nimage: installed a 1\nimage: installed b 2\nimage: installed c 3\n", []string{"uv.lock:0 TM-DRIFT-01 b", "uv.lock:0 TM-DRIFT-01 c"}},
		{"a stranger that the Dockerfile names", "uv.lock: locked a 1\nDockerfile: declared b\nimage: installed a 1\nimage: installed b 2\n", nil},
		{"strangers without a lock are one finding", "r.txt: declared a\nimage: installed a 1\nimage: installed b 2\nimage: installed c 3\n", []string{"r.txt:0 TM-DRIFT-06 2"}},
		{"a requirement file with digests is a lock", "r.txt: hashed a 1\nimage: installed a 1\nimage: installed b 2\n", []string{"r.txt:0 TM-DRIFT-01 b"}},
		{"one line without a digest, and it is none", "r.txt: hashed a 1\nr.txt: declared c\nimage: installed a 1\nimage: installed b 2\nimage: installed c 2\n", []string{"r.txt:0 TM-DRIFT-06 1"}},
		{"constraints with digests bring nothing in", "r.txt: declared a\nc.txt: limited a 1\nc.txt: limited d 1\nimage: installed a 1\nimage: installed b 1\n", []string{"r.txt:0 TM-DRIFT-06 1"}},
		{"what a Space's build adds", "r.txt: declared a\nREADME.md: assumed b 1\nREADME.md: assumed c 1\nimage: installed a 1\nimage: installed b 2\n", nil},
		{"another version of a hashed requirement", "r.txt: hashed a 1\nimage: installed a 2\n", []string{"r.txt:1 TM-DRIFT-02 a"}},
		{"tools, the distribution's and vendored copies", "r.txt: declared a\nimage: installed a 1\nimage: installed pip 24\nimage: installed setuptools 69\nimage: installed wheel 1\nimage: os-owned b 1\nimage: claimed c 1\n", nil},
		{"a stranger from the place that a nameless requirement names", "r.txt: declared a\nimage: installed a 1\nimage: installed b 2 git+https://h/o/b@0123\n", []string{"r.txt:0 TM-DRIFT-06 1"}},
		{"the project's own tree", "r.txt: declared a\nimage: installed a 1\nimage: installed app 2 file:///app\n", nil},
		{"a wheel from the disk", "r.txt: declared a\nimage: installed a 1\nimage: installed app 2 file:///tmp/x.whl\n", []string{"r.txt:0 TM-DRIFT-06 1"}},
		{"locked at another version", "uv.lock: locked a 1\nimage: installed a 1.1\n", []string{"uv.lock:1 TM-DRIFT-02 a"}},
		{"another build is another version", "uv.lock: locked a 1\nimage: installed a 1+cpu\n", []string{"uv.lock:1 TM-DRIFT-02 a"}},
		{"one of the versions of a fork", "uv.lock: locked a 1\nuv.lock: locked a 2\nimage: installed a 2\n", nil},
		{"a fork for another platform", "uv.lock: locked a 1; sys_platform == 'linux'\nuv.lock: locked a 2; sys_platform == 'win32'\nimage: installed a 2\n", []string{"uv.lock:1 TM-DRIFT-02 a"}},
		{"two locks of which one agrees", "a.lock: locked a 1\nb.lock: locked a 2\nimage: installed a 2\n", []string{"a.lock:1 TM-DRIFT-02 a"}},
		{"a version that is none", "uv.lock: locked a wip\nimage: installed a wip\nuv.lock: locked b 1\nimage: installed b wip\n", []string{"uv.lock:2 TM-DRIFT-02 b"}},
		{"a range that is violated", "r.txt: declared a >=2\nr.txt: declared b <2\nimage: installed a 1\nimage: installed b 1\n", []string{"r.txt:1 TM-DRIFT-03 a"}},
		{"a constraint that is violated", "r.txt: declared a\nc.txt: constraint a <2\nimage: installed a 2\n", []string{"c.txt:1 TM-DRIFT-03 a"}},
		{"a pre-release, a local version and one that cannot be read", "r.txt: declared a >=1\nr.txt: declared b ==2.1\nr.txt: declared c >=1\nr.txt: declared d nonsense\nimage: installed a 2rc1\nimage: installed b 2.1+cu118\nimage: installed c wip\nimage: installed d 1\n", []string{"r.txt:3 TM-DRIFT-03 c"}},
		{"ranges of tests and builds", "r.txt: declared[dev] a >=2\nr.txt: declared[build] a >=3\nr.txt: declared[extra:x] a >=4\nimage: installed a 1\n", []string{"r.txt:3 TM-DRIFT-03 a"}},
		{"the Python of the image's paths decides", "r.txt: declared a >=2; python_version >= '3.12'\nr.txt: declared b >=2; python_version < '3.12'\nimage: installed a 1\nimage: installed b 1\n", []string{"r.txt:1 TM-DRIFT-03 a"}},
		{"undecided alternatives of which one admits", "r.txt: declared a >=2; platform_release == 'x'\nr.txt: declared a <2; platform_release != 'x'\nimage: installed a 1\n", nil},
		{"undecided alternatives that all refuse", "r.txt: declared a >=2; platform_release == 'x'\nr.txt: declared a >3; platform_release != 'x'\nimage: installed a 1\n", []string{"r.txt:2 TM-DRIFT-03 a"}},
		{"part of a lock is not installed", "uv.lock: locked a 1\nuv.lock: locked b 1\nuv.lock: locked[dev] c 1\nuv.lock: locked d 1; sys_platform == 'win32'\nimage: installed a 1\n", []string{"uv.lock:2 TM-DRIFT-04 the"}},
		{"a lock that is not used", "uv.lock: locked a 1\nuv.lock: locked b 1\nr.txt: declared c\nimage: installed c 1\n", []string{"uv.lock:1 TM-DRIFT-04 uv.lock"}},
		{"declared and not installed", "r.txt: declared a\nr.txt: declared b >=1\nr.txt: declared[extra:x] c\nr.txt: declared d; sys_platform == 'win32'\nc.txt: constraint e <2\nimage: installed a 1\n", []string{"r.txt:2 TM-DRIFT-05 r.txt"}},
		{"the distribution's copy is there", "r.txt: declared a\nimage: os-owned a 1\n", nil},
		{"an image without Python packages", "r.txt: declared a\nimage: claimed x 1\n", []string{"r.txt:1 TM-DRIFT-05 r.txt"}},
		{"a source without Python packages", "image: installed a 1\n", []string{":0 TM-DRIFT-06 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := []string{}
			for _, f := range check(t, tt.text) {
				subject, _, _ := strings.Cut(strings.TrimRight(f.Message, ","), " ")
				subject, _, _ = strings.Cut(subject, ">")
				subject, _, _ = strings.Cut(subject, "<")
				got = append(got, fmt.Sprintf("%s:%d %s %s", f.File, f.Line, f.Rule, subject))
			}
			if tt.want == nil {
				tt.want = []string{}
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("got -, want +\n%s", diff)
			}
		})
	}
}

// TestBothSides: a message names the line that asked, the layer that brought,
// and the instruction that made it.
func TestBothSides(t *testing.T) {
	source, image := documents(t, "r.txt: declared a >=2\nimage: installed a 1\nimage: installed b 1\n")
	opts := drift.Options{Created: map[string]string{"sha256:11": "RUN pip install  -r r.txt # https://u:hunter2@h/"}}
	found := drift.Check(source, image, opts)
	want := []string{
		"1 installed package is declared by no manifest, and there is no lock to say whether others need it: by layer sha256:11 (RUN pip install -r r.txt # https://h/): b 1",
		"a>=2 is declared (r.txt:1) and 1 is installed (at /usr/local/lib/python3.12/site-packages/a in layer sha256:11 (RUN pip install -r r.txt # https://h/))",
	}
	var got []string
	for _, f := range found {
		got = append(got, f.Message)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

func TestNamelessSourcesAreKnownByTheirPlace(t *testing.T) {
	source, image := documents(t, "r.txt: declared a\nimage: installed a 1\nimage: installed b 2 git+https://h/o/b@0123456789abcdef\n")
	source.Components = append(source.Components, sbom.Component{
		Name: "git+https://h/o/b.git@main", URL: "git+https://h/o/b.git@main#subdirectory=x", Evidence: sbom.Declared,
		Locations: []sbom.Location{{File: "r.txt", Line: 2}},
	})
	if found := drift.Check(source, image, drift.Options{}); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

// TestNamedForConda: conda's packages have the metadata of Python's.
func TestNamedForConda(t *testing.T) {
	source, image := documents(t, "r.txt: declared a\nimage: installed a 1\nimage: installed NumPy 2\n")
	source.Components = append(source.Components, sbom.Component{
		Name: "numpy", PURL: "pkg:conda/numpy", Evidence: sbom.Declared, Locations: []sbom.Location{{File: "Dockerfile", Line: 2}},
	})
	if found := drift.Check(source, image, drift.Options{}); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

// TestNamedInAGap: a line whose version is not known names its package still.
func TestNamedInAGap(t *testing.T) {
	source, image := documents(t, "r.txt: declared a\nimage: installed a 1\nimage: installed torch 2\n")
	gap := sbom.NewGap(sbom.GapRange, "Dockerfile", 3, "torch==$V")
	gap.Package = "torch"
	source.Gaps = append(source.Gaps, gap)
	if found := drift.Check(source, image, drift.Options{}); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

// TestUnreadIsSaid: what could not be read is in the message, on either side.
func TestUnreadIsSaid(t *testing.T) {
	source, image := documents(t, "r.txt: declared a\nimage: installed b 1\n")
	source.Gaps = append(source.Gaps, sbom.NewGap(sbom.GapUnsupported, "setup.py", 0, ""))
	image.Gaps = append(image.Gaps, sbom.NewGap(sbom.GapUnread, "/x", 0, ""), sbom.NewGap(sbom.GapUnsupported, "/y", 0, ""))
	for _, f := range drift.Check(source, image, drift.Options{}) {
		want := "of the source that could not be read: 1"
		if f.Rule == "TM-DRIFT-05" {
			want = "of the image that could not be read: 2"
		}
		if !strings.Contains(f.Message, want) {
			t.Errorf("%s does not say %q: %s", f.Rule, want, f.Message)
		}
	}
}

func TestBaseLayersAreNoDrift(t *testing.T) {
	source, image := documents(t, "r.txt: declared a >=2\nuv.lock: locked b 1\nimage: installed a 1\nimage: installed b 2\nimage: installed c 1\n")
	if found := drift.Check(source, image, drift.Options{Base: []string{"sha256:11"}}); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

func TestNothingToCompare(t *testing.T) {
	for _, found := range [][]lint.Finding{
		drift.Check(nil, &sbom.Document{}, drift.Options{}), drift.Check(&sbom.Document{}, nil, drift.Options{}),
		drift.Check(&sbom.Document{}, &sbom.Document{}, drift.Options{}),
	} {
		if found == nil || len(found) > 0 {
			t.Errorf("%#v", found)
		}
	}
}

// TestChangesNothing: neither document is touched, and the order of components
// does not matter.
func TestChangesNothing(t *testing.T) {
	const text = "uv.lock: locked a 1\nuv.lock: locked b 2\nr.txt: declared c >=2\nr.txt: declared d\nimage: installed a 2\nimage: installed c 1\nimage: installed e 1\nimage: installed f 1\n"
	source, image := documents(t, text)
	before, _ := json.Marshal([]any{source, image})
	first := drift.Check(source, image, linux)
	after, _ := json.Marshal([]any{source, image})
	if string(before) != string(after) {
		t.Error("the documents were changed")
	}
	slices.Reverse(source.Components)
	slices.Reverse(image.Components)
	if diff := cmp.Diff(drift.Check(source, image, linux), first); diff != "" || len(first) < 5 {
		t.Errorf("in another order (%d findings): %s", len(first), diff)
	}
}
