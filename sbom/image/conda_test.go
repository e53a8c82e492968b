package image

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// condaEnvironment is an environment of two distributions of Python, of which
// one was installed by pip, and two packages that are none.
func condaEnvironment(root string) []item {
	lib := root + "lib/python3.12/site-packages/"
	return []item{
		{root + "conda-meta/history", "==> 2024-01-01 00:00:00 <==\n"},
		{root + "conda-meta/openssl-3.2.1-hd590300_1.json", `{"name":"openssl","version":"3.2.1","build":"hd590300_1","channel":"https://me:secret@conda.example.org/t/tk-secret/conda-forge/linux-64",
			"subdir":"linux-64","fn":"openssl-3.2.1-hd590300_1.conda","sha256":"47DEE4A9d4a1b9bfe4f1d2d2a2ccb8a1f5c6b9bcd0c2c4b1e9f0e0d6a3c1b2f4","requested_spec":"None","files":["lib/libssl.so.3"]}`},
		{root + "conda-meta/python-3.12.2-h0_cpython.json", `{"name":"python","version":"3.12.2","build":"h0_cpython","channel":"pkgs/main","subdir":"linux-64","fn":"python-3.12.2-h0_cpython.tar.bz2","requested_spec":"python=3.12","files":["bin/python3.12"]}`},
		{root + "conda-meta/numpy-1.26.4-py312_0.json", `{"name":"numpy","version":"1.26.4","build":"py312_0","channel":"conda-forge","files":["lib/python3.12/site-packages/numpy-1.26.4.dist-info/METADATA"]}`},
		{lib + "numpy-1.26.4.dist-info/METADATA", metadata("numpy", "1.26.4")}, {lib + "numpy-1.26.4.dist-info/INSTALLER", "conda"},
		{lib + "six-1.16.0.dist-info/METADATA", metadata("six", "1.16.0")}, {lib + "six-1.16.0.dist-info/INSTALLER", "pip"}, {lib + "six-1.16.0.dist-info/RECORD", ""},
	}
}

// TestConda: what conda installed and PyPI knows is found once, by the metadata
// that it has like any distribution; of the rest each environment says that
// nobody has advisories.
func TestConda(t *testing.T) {
	_, gaps, inv := read(t, imageOf(t, tarOf(t, append(condaEnvironment("opt/conda/"), condaEnvironment("opt/conda/envs/app/")...)...)))
	var got []string
	for _, c := range inv.Document.Components {
		got = append(got, strings.Join(append([]string{c.PURL, c.Installer, string(c.Evidence)}, c.Hashes...), " "))
		if len(c.Locations) != 2 {
			t.Errorf("%s is in %v", c.Name, c.Locations)
		}
		if c.Requested != (c.Name == "python") {
			t.Errorf("%s requested: %v", c.Name, c.Requested)
		}
	}
	want := []string{
		"pkg:conda/openssl@3.2.1?build=hd590300_1&channel=conda-forge&subdir=linux-64&type=conda conda installed sha256:47dee4a9d4a1b9bfe4f1d2d2a2ccb8a1f5c6b9bcd0c2c4b1e9f0e0d6a3c1b2f4",
		"pkg:conda/python@3.12.2?build=h0_cpython&channel=main&subdir=linux-64&type=tar.bz2 conda installed",
		"pkg:pypi/numpy@1.26.4 conda installed",
		"pkg:pypi/six@1.16.0 pip installed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ecosystem /opt/conda/conda-meta layer 1", "ecosystem /opt/conda/envs/app/conda-meta layer 1"}, gaps); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

// TestCondaForged: a note that names a distribution which is not there hides
// nothing, nor does one that calls itself something else or nothing.
func TestCondaForged(t *testing.T) {
	for _, tc := range []struct {
		name, file, content string
		components, gaps    []string
	}{
		{"no distribution where it says", "a-1-0.json", `{"name":"a","version":"1","build":"0","files":["lib/python3.12/site-packages/a-1.dist-info/METADATA"]}`,
			[]string{" a 1 installed layer 1"}, []string{"ecosystem /opt/conda/conda-meta layer 1"}},
		{"another name", "openssl-3.0.0-0.json", `{"name":"a","version":"1","build":"0"}`,
			[]string{" a 1 installed layer 1"}, []string{"ecosystem /opt/conda/conda-meta layer 1", "conflict /opt/conda/conda-meta/openssl-3.0.0-0.json layer 1"}},
		{"no version", "a-1-0.json", `{"name":"a"}`, nil, []string{"unparsed /opt/conda/conda-meta/a-1-0.json layer 1"}},
		{"no JSON", "a-1-0.json", `{`, nil, []string{"unparsed /opt/conda/conda-meta/a-1-0.json layer 1"}},
		{"too many distributions", "a-1-0.json", `{"name":"a","version":"1","build":"0","files":["x/a.egg-info"` + strings.Repeat(`,"x/a.egg-info"`, 2000) + `]}`, nil, []string{"unparsed /opt/conda/conda-meta/a-1-0.json layer 1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			components, gaps, _ := read(t, imageOf(t, tarOf(t, item{"opt/conda/conda-meta/" + tc.file, tc.content})))
			if diff := cmp.Diff(tc.components, components); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzConda: what is read of a package names it, and metadata that is one.
func FuzzConda(f *testing.F) {
	for _, i := range condaEnvironment("") {
		f.Add([]byte(i.content))
	}
	f.Add([]byte(`{"name":"a","version":"1","channel":{"name":"defaults"},"files":["../../a.egg-info","/x/b-1.dist-info/METADATA"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, c, err := parseConda(data)
		if err != nil {
			return
		}
		if !debWord(p.Name) || !debWord(p.Version) || strings.ContainsAny(c.Channel, "/?#") {
			t.Errorf("read %+v %+v", p, c)
		}
		if !slices.IsSorted(c.Metadata) || slices.ContainsFunc(c.Metadata, func(p string) bool { return kindOf(p) != kindPython }) {
			t.Errorf("metadata %q", c.Metadata)
		}
	})
}
