package pylock_test

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pylock"
)

// corpusGaps are the files of the corpus that have gaps, and the kinds.
var corpusGaps = map[string]string{
	"poetry.lock/python-poetry+poetry/tests/fixtures/deleted_file_dependency/poetry.lock": "conflict",
	"poetry.lock/python-poetry+poetry/tests/fixtures/incompatible_lock/poetry.lock":       "unsupported",
	"poetry.lock/python-poetry+poetry/tests/fixtures/invalid_lock/poetry.lock":            "unparsed unparsed",
}

// TestCorpus reads every real lock and counts its packages in another way: the
// lines that begin a package, less those whose source is a folder.
func TestCorpus(t *testing.T) {
	root := os.DirFS(filepath.Join(shared(t), "data"))
	files := 0
	for _, dir := range []string{"corpus/locks", "gradio-apps"} {
		err := fs.WalkDir(root, dir, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && pylock.Reads(path.Base(name)) {
				files++
				t.Run(name, func(t *testing.T) { testCorpusFile(t, root, name) })
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 31 {
		t.Errorf("only %d locks", files)
	}
}

var (
	packageLine = regexp.MustCompile(`(?m)^\[\[packages?\]\]\r?\n`)
	folderLine  = regexp.MustCompile(`(?m)^(source = \{ (editable|virtual|directory) = .*|type = "directory")$`)
)

func testCorpusFile(t *testing.T, root fs.FS, name string) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		t.Fatal(err)
	}
	f := pylock.Read(root, name)
	d := f.Document()
	headers, folders := packageLine.FindAllIndex(text, -1), len(folderLine.FindAll(text, -1))
	if len(f.Packages) != len(headers) || len(d.Components) != len(headers)-folders {
		t.Errorf("%d packages and %d components, want %d and %d", len(f.Packages), len(d.Components), len(headers), len(headers)-folders)
	}
	for i, at := range headers {
		if want := 1 + bytes.Count(text[:at[0]], []byte("\n")); i < len(f.Packages) && f.Packages[i].Line != want {
			t.Errorf("package %d is on line %d, want %d", i, f.Packages[i].Line, want)
		}
	}
	var kinds []string
	for _, g := range f.Gaps {
		kinds = append(kinds, string(g.Kind))
	}
	if diff := cmp.Diff(corpusGaps[strings.TrimPrefix(name, "corpus/locks/")], strings.Join(kinds, " ")); diff != "" {
		t.Errorf("gaps (-want +got):\n%s\n%v", diff, f.Gaps)
	}
	checkInventory(t, f, d)
}

// checkInventory holds what is true of the inventory of every lock.
func checkInventory(t *testing.T, f *pylock.File, d *sbom.Document) {
	t.Helper()
	known := map[string]bool{}
	for _, c := range d.Components {
		known[c.PURL] = true
		if c.Evidence != sbom.Locked || c.Ecosystem != "PyPI" || len(c.Locations) == 0 {
			t.Errorf("component %+v", c)
		}
		if c.Hashes != nil && len(c.Hashes) == 0 || c.Extras != nil && len(c.Extras) == 0 {
			t.Errorf("component %+v has a list that is empty and not nil", c)
		}
	}
	for _, e := range d.Dependencies {
		for _, purl := range append([]string{e.PURL}, e.DependsOn...) {
			if !known[purl] {
				t.Errorf("the graph has %q, which is no component", purl)
			}
		}
	}
	if diff := cmp.Diff(sbom.Merge(d.Name, d), d); diff != "" {
		t.Errorf("the inventory is not in normal form (-want +got):\n%s", diff)
	}
	for _, g := range d.Gaps {
		if g.File != f.Name || g.Reason == "" || len(g.Reason) > 500 {
			t.Errorf("gap %+v", g)
		}
	}
}

// TestCorpusSatisfiesItself: real uv locks satisfy the manifests that they
// repeat, and no longer do so once a requirement asks for what there is not.
func TestCorpusSatisfiesItself(t *testing.T) {
	root := os.DirFS(filepath.Join(shared(t), "data", "corpus", "locks", "uv.lock"))
	asked := 0
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Base(name) != "uv.lock" || d.IsDir() {
			return err
		}
		f := pylock.Read(root, name)
		for _, m := range f.Manifest {
			asked++
			for _, v := range f.Violations(requirements(t, m.Requirement.String())) {
				t.Errorf("%s: %s (%s)", name, v, v.Applies)
			}
		}
		return nil
	})
	if err != nil || asked < 200 {
		t.Errorf("%d requirements: %v", asked, err)
	}
}
