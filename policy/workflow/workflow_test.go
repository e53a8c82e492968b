package workflow

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every real workflow is read, and its findings lie inside it.
func TestCheckOnRealFiles(t *testing.T) {
	shared := os.Getenv("TALLYMAN_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	root := filepath.Join(shared, "data/deployment")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("the shared data is absent: %v", err)
	}
	files, rules := 0, map[string]int{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !IsWorkflow(filepath.ToSlash(name)) {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		findings, gaps := Check(name, data, "all")
		for _, g := range gaps {
			t.Errorf("%s: %+v", name, g)
		}
		for _, f := range findings {
			rules[f.Rule]++
			t.Logf("%s:%d %s %s", strings.TrimPrefix(name, root), f.Line, f.Rule, f.Message)
			if f.Line < 1 || f.Line > strings.Count(string(data), "\n")+1 {
				t.Errorf("%s: %+v", name, f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 || rules["GR-HFS-12"] == 0 {
		t.Errorf("%d files, findings %v", files, rules)
	}
	t.Logf("%d files, findings by rule %v", files, rules)
}
