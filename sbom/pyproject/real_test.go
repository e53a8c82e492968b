package pyproject_test

import (
	"fmt"
	"io/fs"
	"maps"
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

// TestRealCounts holds that each file gives what another reader of its format
// counts: Python's tomllib for pyproject.toml, its ast for literals in setup.py.
func TestRealCounts(t *testing.T) {
	gradio, apps := shared(t, "data/gradio"), shared(t, "data/gradio-apps")
	for _, tt := range []struct {
		fsys fs.FS
		name string
		want map[string]int
	}{
		// These come from requirements.txt, -oauth.txt and -mcp.txt.
		{gradio, "pyproject.toml", map[string]int{"": 28, "build": 3, "extra:oauth": 2, "extra:mcp": 2}},
		{gradio, "client/python/pyproject.toml", map[string]int{"": 5, "build": 3}},
		{apps, "PKU-YuanGroup+Open-Sora-Plan/pyproject.toml", map[string]int{"": 49, "build": 1, "extra:dev": 1}},
		{apps, "lm-sys+FastChat/pyproject.toml", map[string]int{"": 15, "build": 1, "extra:dev": 2, "extra:llm-judge": 3, "extra:model-worker": 8, "extra:train": 3, "extra:webui": 3}},
		{apps, "QwenLM+Qwen3-VL/qwen-vl-utils/pyproject.toml", map[string]int{"": 4, "build": 1, "dev": 2, "extra:decord": 1}},
		{apps, "gradio-app+trackio/pyproject.toml", map[string]int{"": 10, "build": 1, "extra:apple-gpu": 1, "extra:cpu": 1, "extra:dev": 4, "extra:gpu": 2, "extra:mcp": 1, "extra:spaces": 1, "extra:tensorboard": 2}},
		{apps, "OpenGVLab+InternGPT/iGPT/models/grit_src/third_party/CenterNet2/setup.py", map[string]int{"": 17, "extra:all": 4, "extra:dev": 4}},
		{apps, "microsoft+unilm/edgelm/setup.py", map[string]int{"": 13, "build": 4}},
		{apps, "microsoft+unilm/layoutlm/deprecated/setup.py", map[string]int{"": 5, "extra:dev": 4}},
		{apps, "microsoft+unilm/xtune/setup.py", map[string]int{"": 14}},
	} {
		got := map[string]int{}
		for _, q := range pyproject.Read(tt.fsys, tt.name).Requirements {
			got[q.Scope]++
		}
		if !maps.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
