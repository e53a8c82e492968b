package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/catalog"
)

func installed(name, version, purl, file string) sbom.Component {
	return sbom.Component{
		Name: name, Version: version, Ecosystem: "PyPI", PURL: purl, Evidence: sbom.Installed,
		Locations: []sbom.Location{{File: file}},
	}
}

func TestPython(t *testing.T) {
	const site = "usr/lib/python3/dist-packages/"
	clip := installed("clip", "1.0", "pkg:pypi/clip@1.0", site+"clip-1.0.dist-info/METADATA")
	clip.URL = "git+https://github.com/openai/CLIP.git@a1d071733d7111c9c014f024669f959182114e33"
	fsys := fstest.MapFS{
		site + "PyYAML-6.0.1.dist-info/METADATA":                {Data: []byte("Metadata-Version: 2.1\nName: PyYAML\nVersion: 6.0.1\nLicense: MIT\n\nName: not-this\n")},
		site + "six-1.16.0.egg-info":                            {Data: []byte("Metadata-Version: 1.2\nName: six\nVersion: 1.16.0\n")},
		site + "zope.interface-6.0.egg-info/PKG-INFO":           {Data: []byte("Metadata-Version: 2.1\r\nName: zope.interface\r\nVersion: 6.0\r\n\r\n")},
		site + "eggs/old-1.0-py3.egg/EGG-INFO/PKG-INFO":         {Data: []byte("Name: old\nVersion: 1.0\n")},
		site + "clip-1.0.dist-info/METADATA":                    {Data: []byte("Name: clip\nVersion: 1.0\n")},
		site + "clip-1.0.dist-info/direct_url.json":             {Data: []byte(`{"url":"https://bob:hunter2@github.com/openai/CLIP.git","vcs_info":{"vcs":"git","commit_id":"a1d071733d7111c9c014f024669f959182114e33"}}`)},
		"usr/lib/python3.11/lib-dynload/Python-3.11.egg-info":   {Data: []byte("Name: Python\nVersion: 3.11\n")},
		"usr/share/doc/METADATA":                                {Data: []byte("Name: nothing\nVersion: 1\n")},
		"opt/venv/lib/python3.12/site-packages/a-1.dist-info/x": {Data: []byte("no metadata")},
	}
	got, err := catalog.Python(t.Context(), fsys)
	if err != nil {
		t.Fatal(err)
	}
	want := &sbom.Document{
		Components: []sbom.Component{
			clip,
			installed("old", "1.0", "pkg:pypi/old@1.0", site+"eggs/old-1.0-py3.egg/EGG-INFO/PKG-INFO"),
			installed("PyYAML", "6.0.1", "pkg:pypi/pyyaml@6.0.1", site+"PyYAML-6.0.1.dist-info/METADATA"),
			installed("six", "1.16.0", "pkg:pypi/six@1.16.0", site+"six-1.16.0.egg-info"),
			installed("zope.interface", "6.0", "pkg:pypi/zope-interface@6.0", site+"zope.interface-6.0.egg-info/PKG-INFO"),
		},
		Gaps: []sbom.Gap{
			sbom.NewGap(sbom.GapUnparsed, "opt/venv/lib/python3.12/site-packages/a-1.dist-info", 0, "the distribution has no METADATA"),
		},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

// TestPythonNames: the name that Python goes by is the one that is reported.
func TestPythonNames(t *testing.T) {
	for _, tt := range []struct{ name, data, want string }{
		{"the first name counts", "Name: a\nVersion: 1\nName: harmless\nVersion: 2\n", "a 1"},
		{"old line ends", "Name: a\rVersion: 1\r", "a 1"},
		{"byte order mark", "\ufeffName: a\nVersion: 1\n", "a 1"},
		{"lower case", "name: a\nversion: 1\n", "a 1"},
		{"licence of many lines", "License: x\n Name: b\n\tVersion: 2\nName: a\nVersion: 1\n", "a 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := catalog.Python(t.Context(), fstest.MapFS{"a-1.dist-info/METADATA": {Data: []byte(tt.data)}})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Components) != 1 || got.Components[0].Name+" "+got.Components[0].Version != tt.want || len(got.Gaps) != 0 {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}

// TestPythonGaps has one distribution each from which an attacker removed what
// names it, or which is not what it seems.
func TestPythonGaps(t *testing.T) {
	for _, tt := range []struct {
		name, file, data string
		want             sbom.GapKind
	}{
		{"no name", "a-1.dist-info/METADATA", "Version: 1\n", sbom.GapUnparsed},
		{"no version", "a-1.dist-info/METADATA", "Name: a\n", sbom.GapUnversioned},
		{"empty", "a-1.dist-info/METADATA", "", sbom.GapUnparsed},
		{"calls itself the interpreter", "a-1.dist-info/METADATA", "Name: Python\nVersion: 3\n", sbom.GapUnparsed},
		{"no PKG-INFO", "a.egg-info/SOURCES.txt", "", sbom.GapUnparsed},
		{"name in the description only", "a-1.dist-info/METADATA", "Summary: x\n\nName: a\nVersion: 1\n", sbom.GapUnparsed},
		{"egg in one file", "a-1-py3.egg", "PK", sbom.GapUnsupported},
		{"bad direct URL", "a-1.dist-info/direct_url.json", "{", sbom.GapUnparsed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{tt.file: {Data: []byte(tt.data)}}
			if strings.HasSuffix(tt.file, "direct_url.json") {
				fsys["a-1.dist-info/METADATA"] = &fstest.MapFile{Data: []byte("Name: a\nVersion: 1\n")}
			}
			got, err := catalog.Python(t.Context(), fsys)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Gaps) != 1 || got.Gaps[0].Kind != tt.want || !got.Gaps[0].Hides {
				t.Errorf("gaps %v, want one %s that hides", got.Gaps, tt.want)
			}
		})
	}
}

// TestForgedMetadata: METADATA that calls itself something else than its folder
// is a gap, and both are in the inventory.
func TestForgedMetadata(t *testing.T) {
	const file = "site-packages/gradio-4.19.1.dist-info/METADATA"
	got, err := catalog.Python(t.Context(), fstest.MapFS{file: {Data: []byte("Name: six\nVersion: 1.16.0\n")}})
	if err != nil {
		t.Fatal(err)
	}
	want := &sbom.Document{
		Components: []sbom.Component{installed("gradio", "4.19.1", "pkg:pypi/gradio@4.19.1", file), installed("six", "1.16.0", "pkg:pypi/six@1.16.0", file)},
		Gaps:       []sbom.Gap{sbom.NewGap(sbom.GapConflict, file, 0, `the metadata names "six" "1.16.0", its folder something else`)},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}
