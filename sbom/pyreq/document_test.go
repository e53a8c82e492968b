package pyreq_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func TestDocument(t *testing.T) {
	fsys := fstest.MapFS{
		"requirements.txt": {Data: []byte(`-c limits.txt
Gradio[OAuth,mcp]==4.19.0 ; python_version >= "3.10" --hash=sha256:bb --hash=sha256:aa
fastapi>=0.100,<1
-e git+https://bob:hunter2@github.com/openai/CLIP.git@main#egg=clip
https://example.com/torch-2.0.1%2Bcu117-cp38-cp38-linux_x86_64.whl#sha256=CC
git+https://github.com/o/r
-e .
`)},
		"limits.txt": {Data: []byte("pillow==10.0.0\n")},
	}
	got := pyreq.Read(fsys, "requirements.txt", pyreq.Options{}).Document()
	at := func(line int) []sbom.Location { return []sbom.Location{{File: "requirements.txt", Line: line}} }
	const clip = "git+https://github.com/openai/CLIP.git@main#egg=clip"
	const torch = "https://example.com/torch-2.0.1%2Bcu117-cp38-cp38-linux_x86_64.whl#sha256=CC"
	clipGap := sbom.NewGap(sbom.GapUnversioned, "requirements.txt", 4, "the version of "+clip+" is not known without fetching it")
	clipGap.Package = "clip"
	want := &sbom.Document{
		Name: "requirements.txt",
		Components: []sbom.Component{
			{Name: "git+https://github.com/o/r", Evidence: sbom.Declared, Locations: at(6), URL: "git+https://github.com/o/r"},
			{Name: "clip", Ecosystem: "PyPI", PURL: "pkg:pypi/clip", Evidence: sbom.Declared, Locations: at(4), URL: clip, Editable: true},
			{Name: "fastapi", Specifier: "<1,>=0.100", Ecosystem: "PyPI", PURL: "pkg:pypi/fastapi", Evidence: sbom.Declared, Locations: at(3)},
			{
				Name: "Gradio", Version: "4.19.0", Specifier: "==4.19.0", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.0",
				Evidence: sbom.Declared, Locations: at(2), Extras: []string{"mcp", "oauth"}, Marker: `python_version >= "3.10"`,
				Hashes: []string{"sha256:aa", "sha256:bb"},
			},
			{
				Name: "pillow", Version: "10.0.0", Specifier: "==10.0.0", Ecosystem: "PyPI", PURL: "pkg:pypi/pillow@10.0.0",
				Evidence: sbom.Declared, Locations: []sbom.Location{{File: "limits.txt", Line: 1}}, Constraint: true,
			},
			{
				Name: "torch", Version: "2.0.1+cu117", Specifier: "==2.0.1+cu117", Ecosystem: "PyPI", PURL: "pkg:pypi/torch@2.0.1%2Bcu117",
				Evidence: sbom.Declared, Locations: at(5), URL: torch, Hashes: []string{"sha256:cc"},
			},
		},
		Gaps: []sbom.Gap{
			clipGap,
			sbom.NewGap(sbom.GapUnversioned, "requirements.txt", 6, "the version of git+https://github.com/o/r is not known without fetching it"),
		},
		Together: [][]string{{"limits.txt", "requirements.txt"}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

func TestFilesNamesEachOnce(t *testing.T) {
	fsys := fstest.MapFS{
		"a/r.txt": {Data: []byte("-r b.txt\n-r ./b.txt\n-c ../c.txt\n-r missing.txt\n")},
		"a/b.txt": {Data: []byte("b\n")}, "c.txt": {Data: []byte("c\n")},
	}
	got := pyreq.Read(fsys, "a/r.txt", pyreq.Options{}).Files
	if diff := cmp.Diff(got, []string{"a/r.txt", "a/b.txt", "c.txt"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

// TestConstraintOption: a file read as constraints constrains, but what it
// includes with -r is required, as pip has it.
func TestConstraintOption(t *testing.T) {
	fsys := fstest.MapFS{"c.txt": {Data: []byte("a<2\n-r r.txt\n")}, "r.txt": {Data: []byte("b\n")}}
	var got []bool
	for _, e := range pyreq.Read(fsys, "c.txt", pyreq.Options{Constraint: true}).Entries {
		got = append(got, e.Constraint)
	}
	if diff := cmp.Diff(got, []bool{true, false}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}
