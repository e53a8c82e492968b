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

// TestCondaRecordThatNamesAnothersDistributionHidesNothing: each case forges the
// record of a package without an ecosystem so that it passes for a Python
// distribution, which would be listed without it.
func TestCondaRecordThatNamesAnothersDistributionHidesNothing(t *testing.T) {
	const lib, meta = "lib/python3.12/site-packages/", "opt/conda/conda-meta/"
	note := func(name, version, dist string) item {
		return item{meta + name + "-" + version + "-0.json", `{"name":"` + name + `","version":"` + version + `","build":"0","files":["` + lib + dist + `/METADATA"]}`}
	}
	dist := func(name, version, installer string) []item {
		dir := "opt/conda/" + lib + name + "-" + version + ".dist-info/"
		return []item{{dir + "METADATA", metadata(name, version)}, {dir + "INSTALLER", installer}}
	}
	for _, tc := range []struct {
		name  string
		items []item
		want  []string // conda packages that are listed
	}{
		{"ItsOwn", append(dist("numpy", "1.26.4", "conda"), note("numpy", "1.26.4", "numpy-1.26.4.dist-info")), nil},
		{"ItsOwnSpelledOtherwise", append(dist("ruamel_yaml", "0.18", "conda"), note("ruamel.yaml", "0.18.0", "ruamel_yaml-0.18.dist-info")), nil},
		{"ItsOwnUnderAnotherName", append(dist("torch", "2.1.0", "conda"), note("pytorch", "2.1", "torch-2.1.0.dist-info")), nil},
		{"AnothersOfAnotherVersion", append(dist("pip", "24.0", "conda"), note("openssl", "1.0.1", "pip-24.0.dist-info")), []string{"openssl"}},
		{"AnothersOfItsVersionWithARecord", append(dist("pip", "24.0", "conda"), note("pip", "24.0", "pip-24.0.dist-info"), note("openssl", "24.0", "pip-24.0.dist-info")), []string{"openssl"}},
		{"AnothersOfItsVersionFromPip", append(dist("pip", "24.0", "pip"), note("openssl", "24.0", "pip-24.0.dist-info")), []string{"openssl"}},
		{"AnothersOfItsVersionFromNobody", append(dist("pip", "24.0", "conda")[:1], note("openssl", "24.0", "pip-24.0.dist-info")), []string{"openssl"}},
		{"TheInterpreter", append(dist("pip", "24.0", "conda"), note("python", "3.6.15", "pip-24.0.dist-info")), []string{"python"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, gaps, inv := read(t, imageOf(t, tarOf(t, tc.items...)))
			var got []string
			for _, c := range inv.Document.Components {
				if strings.HasPrefix(c.PURL, "pkg:conda/") {
					got = append(got, c.Name)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("listed (-want +got):\n%s", diff)
			}
			if told := slices.Contains(gaps, "ecosystem /opt/conda/conda-meta layer 1"); told != (len(tc.want) > 0) {
				t.Errorf("gaps %q", gaps)
			}
		})
	}
}
