package dockerfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shared returns the folder of real data, and skips the test without it.
func shared(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("TALLYMAN_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("the real data is not there (set TALLYMAN_SHARED): %v", err)
	}
	return dir
}

// corpus reads every Dockerfile of the real data, by its path below it.
func corpus(tb testing.TB) map[string][]byte {
	tb.Helper()
	root := filepath.Join(shared(tb), "data")
	out := map[string][]byte{}
	for _, dir := range []string{"corpus/dockerfiles", "gradio", "gradio-apps"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.Contains(strings.ToLower(d.Name()), "dockerfile") {
				return err
			}
			data, err := os.ReadFile(path)
			rel, _ := filepath.Rel(root, path)
			out[filepath.ToSlash(rel)] = data
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

func TestCorpus(t *testing.T) {
	commands := 0
	for name, src := range corpus(t) {
		f := Parse(name, src)
		for _, g := range f.Gaps {
			t.Logf("%s:%d: %s: %s", g.File, g.Line, g.Kind, g.Reason)
		}
		if len(f.Stages) == 0 {
			t.Errorf("%s: no stages", name)
		}
		for _, s := range f.Stages {
			s.Walk(func(in *Instruction) {
				if in.Script == nil {
					return
				}
				for _, c := range in.Script.Commands {
					commands++
					if c.Line < in.Line || c.Line > in.EndLine {
						t.Errorf("%s: command %q at line %d is outside %d-%d", name, c, c.Line, in.Line, in.EndLine)
					}
				}
			})
		}
	}
	t.Logf("%d commands", commands)
}

// TestCorpusInventory holds each component and gap of the real files against
// the text of its line, and logs how many there are.
func TestCorpusInventory(t *testing.T) {
	components, gaps, requirements, elsewhere := map[string]int{}, map[string]int{}, 0, 0
	for name, src := range corpus(t) {
		f := Parse(name, src)
		d := f.Document()
		lines := strings.Split(string(src), "\n")
		requirements += len(f.Requirements())
		for _, c := range d.Components {
			components[c.Ecosystem] += len(c.Locations)
			for _, l := range c.Locations {
				if l.File != name || l.Line < 1 || l.Line > len(lines) {
					t.Fatalf("%s is at %s:%d of %d", c.Name, l.File, l.Line, len(lines))
				}
				if strings.Contains(strings.ToLower(lines[l.Line-1]), strings.ToLower(c.Name)) {
					continue
				}
				elsewhere++
				t.Logf("%s:%d: %s is not in %q", l.File, l.Line, c.Name, lines[l.Line-1])
			}
		}
		for _, g := range d.Gaps {
			gaps[string(g.Kind)]++
		}
	}
	t.Logf("components %v, gaps %v, requirement files %d", components, gaps, requirements)
	if elsewhere > 0 {
		t.Errorf("%d components are not on the line that they are said to be on", elsewhere)
	}
}

// BenchmarkDocument makes the inventories of the same files, read before.
func BenchmarkDocument(b *testing.B) {
	var files []*File
	for name, src := range corpus(b) {
		files = append(files, Parse(name, src))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range files {
			f.Document()
		}
	}
}
