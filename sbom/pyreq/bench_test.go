package pyreq_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/tallyman/tallyman/sbom/pyreq"
)

// BenchmarkGradio reads the 114 requirement files of gradio-app/gradio, with
// their inventories.
func BenchmarkGradio(b *testing.B) {
	fsys := root(b, filepath.Join(shared(b), "data", "gradio"))
	var files []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && isRequirements(name) {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range files {
			pyreq.Read(fsys, name, pyreq.Options{}).Document()
		}
	}
}

// BenchmarkHashes reads a lock with digests of twenty thousand lines.
func BenchmarkHashes(b *testing.B) {
	fsys := bigFS{2 << 20, "requests[socks]==2.32.3 ; python_version >= \"3.9\" \\\n    --hash=sha256:55365417734eb18255590a9ff9eb97e9e1da868d4ccd6402399eaf68af20a760\n", new(int64)}
	b.ReportAllocs()
	b.SetBytes(2 << 20)
	for b.Loop() {
		pyreq.Read(fsys, "r.txt", pyreq.Options{})
	}
}
