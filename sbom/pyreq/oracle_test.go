package pyreq_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// shared returns the folder of real data, or skips the test.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TALLYMAN_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "oracles")); err != nil {
		t.Skipf("no real data: set TALLYMAN_SHARED, or put it at ../shared beside the repository (%v)", err)
	}
	return dir
}

// root opens a folder so that no link leads out of it.
func root(t testing.TB, dir string) fs.FS {
	t.Helper()
	r, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r.FS()
}

// asPip is one requirement in the words of the oracle.
type asPip struct {
	Requirement string         `json:"requirement"`
	Editable    bool           `json:"editable"`
	Constraint  bool           `json:"constraint"`
	Line        string         `json:"line"`
	Options     map[string]any `json:"options"`
	Name        string         `json:"name"`
	Canonical   string         `json:"canonical"`
	Specifier   string         `json:"specifier"`
	Extras      []string       `json:"extras"`
	Marker      string         `json:"marker"`
	Link        string         `json:"link"`
}

// inPipsWords returns an entry as the oracle writes it.
func inPipsWords(e pyreq.Entry) asPip {
	out := asPip{
		Requirement: e.Raw, Editable: e.Editable, Constraint: e.Constraint,
		Line:    fmt.Sprintf("-r %s (line %d)", filepath.Base(e.File), e.Line),
		Options: map[string]any{}, Extras: append([]string{}, e.Requirement.Extras...),
		Name: e.Requirement.Name, Canonical: pep508.NormalizeName(e.Requirement.Name),
		Specifier: e.Requirement.Specifiers.String(),
	}
	out.Link, _, _ = strings.Cut(e.Link, "#")
	if e.Requirement.Marker != nil {
		out.Marker = e.Requirement.Marker.String()
	}
	for _, h := range e.Hashes {
		algorithm, digest, _ := strings.Cut(h, ":")
		hashes, _ := out.Options["hashes"].(map[string]any)
		if hashes == nil {
			hashes = map[string]any{}
			out.Options["hashes"] = hashes
		}
		list, _ := hashes[algorithm].([]any)
		hashes[algorithm] = append(list, digest)
	}
	return out
}

// TestAsPipReadsGradio holds every requirement file of Gradio against pip's
// own reading of it.
func TestAsPipReadsGradio(t *testing.T) {
	dir := shared(t)
	data, err := os.ReadFile(filepath.Join(dir, "data", "oracles", "pip_parsed_files.json"))
	if err != nil {
		t.Fatal(err)
	}
	var oracle struct {
		Files []struct {
			File    string
			Entries []asPip
		}
	}
	if err := json.Unmarshal(data, &oracle); err != nil {
		t.Fatal(err)
	}
	if len(oracle.Files) != 114 {
		t.Fatalf("the oracle has %d files, want 114", len(oracle.Files))
	}
	fsys := root(t, filepath.Join(dir, "data"))
	entries := 0
	for _, want := range oracle.Files {
		file := pyreq.Read(fsys, want.File, pyreq.Options{})
		got := []asPip{}
		for _, e := range file.Entries {
			got = append(got, inPipsWords(e))
		}
		for i := range want.Entries {
			slices.Sort(want.Entries[i].Extras)
		}
		if diff := cmp.Diff(got, want.Entries); diff != "" {
			t.Errorf("%s: ours -, pip's +\n%s", want.File, diff)
		}
		entries += len(got)
	}
	if entries != 424 {
		t.Errorf("%d entries, want 424", entries)
	}
}
