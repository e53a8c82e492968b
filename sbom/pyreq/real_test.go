package pyreq_test

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// isRequirements tells a requirement file by its name.
func isRequirements(name string) bool {
	base := path.Base(name)
	ext := path.Ext(base)
	return (ext == ".txt" || ext == ".in") && strings.Contains(strings.ToLower(name), "req")
}

// TestRealFiles reads the requirement files of thirty public applications and
// of the corpus, and logs what could not be read by kind.
func TestRealFiles(t *testing.T) {
	dir := shared(t)
	for _, tree := range []string{"data/gradio", "data/gradio-apps", "data/corpus/locks/requirements-hash"} {
		fsys := root(t, filepath.Join(dir, filepath.FromSlash(tree)))
		kinds := map[sbom.GapKind]int{}
		files, entries := 0, 0
		err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !isRequirements(name) {
				return err
			}
			file := pyreq.Read(fsys, name, pyreq.Options{})
			if len(file.Files) == 0 {
				t.Errorf("%s/%s: not read", tree, name)
			}
			files++
			entries += len(file.Entries)
			for _, g := range file.Gaps {
				kinds[g.Kind]++
				if testing.Verbose() {
					t.Logf("%s:%d: %s: %s", g.File, g.Line, g.Kind, g.Reason)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, k := range slices.Sorted(maps.Keys(kinds)) {
			out = append(out, fmt.Sprintf("%s %d", k, kinds[k]))
		}
		t.Logf("%s: %d files, %d entries, gaps: %s", tree, files, entries, strings.Join(out, ", "))
	}
}
