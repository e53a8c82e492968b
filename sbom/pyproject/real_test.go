package pyproject_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tallyman/tallyman/sbom/pyproject"
)

// shared opens a folder of the data that developers have beside the project.
func shared(tb testing.TB, folder string) fs.FS {
	tb.Helper()
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(root, filepath.FromSlash(folder))
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("the shared data is not here (%v); set TALLYMAN_SHARED to run this", err)
	}
	r, err := os.OpenRoot(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.Close() })
	return r.FS()
}

// metadata calls visit for every file below fsys that Read knows.
func metadata(tb testing.TB, fsys fs.FS, visit func(name string)) {
	tb.Helper()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && pyproject.Reads(path.Base(name)) {
			visit(name)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// TestRealFiles holds for every file of the corpus that each requirement has a
// name or a link and a line of its file, and prints counts for comparison.
func TestRealFiles(t *testing.T) {
	for _, folder := range []string{"data/gradio", "data/gradio-apps"} {
		fsys := shared(t, folder)
		files := 0
		gaps := map[string]int{}
		metadata(t, fsys, func(name string) {
			files++
			f := pyproject.Read(fsys, name)
			scopes := map[string]int{}
			for _, q := range f.Requirements {
				if q.Requirement.Name == "" && q.Link == "" || q.Line < 1 {
					t.Errorf("%s: %+v", name, q)
				}
				scopes[q.Scope]++
			}
			var kinds []string
			for _, g := range f.Gaps {
				gaps[string(g.Kind)]++
				kinds = append(kinds, fmt.Sprintf("%s:%d", g.Kind, g.Line))
			}
			slices.Sort(kinds)
			t.Logf("%s\t%v\t%d\t%v", name, scopes, len(f.Document().Components), kinds)
		})
		t.Logf("%s: %d files, gaps %v", folder, files, gaps)
	}
}
