package audit

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/python"
	"github.com/tallyman/tallyman/sbom"
)

// Each place that says which Python runs is judged once, at the time of the
// report. The README of a Space is GR-HFS-05's.
func TestEndedPythons(t *testing.T) {
	fsys := fstest.MapFS{
		".python-version":     {Data: []byte("# ours\n3.9.18\n3.12\n")},
		"api/.python-version": {Data: []byte("3.13\n")},
		"old/.python-version": {Data: []byte("3.10\n")},
		"Dockerfile":          {Data: []byte("ARG V=3.8\nFROM python:3.7 AS tools\nFROM python:${V}-slim\n")},
		"a/environment.yml":   {Data: []byte("dependencies:\n  - python=3.9\n")},
		"b/Pipfile":           {Data: []byte("[requires]\npython_version = \"3.10\"\n")},
		"c/pyproject.toml":    {Data: []byte("[project]\nname = \"c\"\nversion = \"1\"\nrequires-python = \">=3.8\"\n")},
		"README.md":           {Data: []byte("---\nsdk: gradio\nsdk_version: 5.49.1\npython_version: '3.10'\n---\n")},
	}
	a := &Auditor{Now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Stages: []string{StageLint}}
	s, err := a.collect(t.Context(), &Folder{FS: fsys, Dir: "."})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range s.lint {
		if f.Rule == "GR-DEP-11" {
			got = append(got, fmt.Sprintf("%s:%d", f.File, f.Line))
		}
	}
	want := []string{".python-version:2", "Dockerfile:3", "a/environment.yml:2", "b/Pipfile:2", "old/.python-version:1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a distribution packages, the distribution keeps up.
func TestImageInterpreters(t *testing.T) {
	at := func(file string) []sbom.Location { return []sbom.Location{{File: file, Layer: "sha256:1"}} }
	components := []sbom.Component{
		{Name: "pip", Ecosystem: "PyPI", Evidence: sbom.Verified, Locations: at("/usr/local/lib/python3.9/site-packages/pip-24.dist-info/METADATA")},
		{Name: "a", Ecosystem: "PyPI", Evidence: sbom.Installed, Locations: at("/app/.venv/lib/python3.10/site-packages/a-1.dist-info/METADATA")},
		{Name: "python3.10", Ecosystem: "Ubuntu:22.04", Evidence: sbom.Installed, Locations: at("/var/lib/dpkg/status")},
		{Name: "b", Ecosystem: "PyPI", Evidence: sbom.OSOwned, Locations: at("/usr/lib/python3.8/site-packages/b-1.egg-info")},
		{Name: "c", Ecosystem: "PyPI", Evidence: sbom.Claimed, Locations: at("/usr/lib/python3.7/site-packages/c-1.dist-info/METADATA")},
	}
	got := imageInterpreters(components)
	if len(got) != 1 || got[0].Version != "3.9" || got[0].File != "/usr/local/lib/python3.9" {
		t.Errorf("got %+v, want Python 3.9 of /usr/local", got)
	}
}

// An interpreter that was found is judged by its own version, once, and not by
// the folder of its packages as well.
func TestFoundInterpreters(t *testing.T) {
	at := func(files ...string) (out []sbom.Location) {
		for _, f := range files {
			out = append(out, sbom.Location{File: f, Layer: "sha256:1"})
		}
		return out
	}
	components := []sbom.Component{
		{Name: "python", Version: "3.9.18", PURL: sbom.GenericPURL("python", "3.9.18"), Evidence: sbom.Installed, Locations: at("/usr/local/bin/python3.9", "/usr/local/lib/libpython3.9.so.1.0")},
		{Name: "python", Version: "3.8.1", PURL: sbom.GenericPURL("python", "3.8.1"), Evidence: sbom.Claimed, Locations: at("/x.cdx.json")},
		{Name: "node", Version: "20.20.2", PURL: sbom.GenericPURL("node", "20.20.2"), Evidence: sbom.Installed, Locations: at("/usr/local/bin/node")},
		{Name: "pip", Ecosystem: "PyPI", Evidence: sbom.Verified, Locations: at("/usr/local/lib/python3.9/site-packages/pip-24.dist-info/METADATA")},
		{Name: "b", Ecosystem: "PyPI", Evidence: sbom.Verified, Locations: at("/usr/local/lib/python3.10/site-packages/b-1.dist-info/METADATA")},
	}
	want := []python.Interpreter{{Version: "3.9.18", File: "/usr/local/bin/python3.9"}, {Version: "3.10", File: "/usr/local/lib/python3.10"}}
	if diff := cmp.Diff(want, imageInterpreters(components)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
