package pylock_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/tallyman/tallyman/sbom/pylock"
)

// BenchmarkRead reads real locks and makes their inventories; the largest is
// InvokeAI's, 1.7 MB.
func BenchmarkRead(b *testing.B) {
	for _, name := range []string{
		"uv.lock/invoke-ai+InvokeAI/uv.lock",
		"uv.lock/gradio-app+trackio/uv.lock",
		"poetry.lock/huggingface+text-generation-inference/backends/gaudi/server/poetry.lock",
		"pdm.lock/pdm-project+pdm/pdm.lock",
	} {
		b.Run(name, func(b *testing.B) {
			text, err := os.ReadFile(filepath.Join(shared(b), "data/corpus/locks", filepath.FromSlash(name)))
			if err != nil {
				b.Fatal(err)
			}
			benchmarkRead(b, filepath.Base(name), text)
		})
	}
}

// BenchmarkReadMany reads a uv.lock of 100,000 small packages.
func BenchmarkReadMany(b *testing.B) {
	text := []byte("version = 1\n")
	for i := range 100_000 {
		text = fmt.Appendf(text, "\n[[package]]\nname = \"p%d\"\nversion = \"1.%d\"\ndependencies = [{ name = \"p%d\" }]\n", i, i, (i+1)%100_000)
	}
	benchmarkRead(b, "uv.lock", text)
}

func benchmarkRead(b *testing.B, name string, text []byte) {
	packages := bytes.Count(text, []byte("[[package]]"))
	fsys := fstest.MapFS{name: {Data: text}}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		f := pylock.Read(fsys, name)
		if d := f.Document(); len(f.Packages) != packages || len(d.Components) == 0 {
			b.Fatalf("%d packages, want %d", len(f.Packages), packages)
		}
	}
}
