package vuln_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyreq"
	"github.com/tallyman/tallyman/vuln"
)

// BenchmarkGradioRequirements judges the 28 lines of Gradio's requirements.txt
// against the real PyPI advisories.
func BenchmarkGradioRequirements(b *testing.B) {
	db := snapshot(b)
	doc := pyreq.Read(os.DirFS(shared(b, "data/gradio")), "requirements.txt", pyreq.Options{}).Document()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vuln.Match(b.Context(), doc, db); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGradioTree judges all requirement files of Gradio, its own and those
// of its demonstrations, as one inventory.
func BenchmarkGradioTree(b *testing.B) {
	benchTree(b, "data/gradio")
}

// BenchmarkApplications judges all requirement files of the public applications
// as one inventory.
func BenchmarkApplications(b *testing.B) {
	benchTree(b, "data/gradio-apps")
}

func benchTree(b *testing.B, path string) {
	db := snapshot(b)
	doc := requirementFiles(b, os.DirFS(shared(b, path)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vuln.Match(b.Context(), doc, db); err != nil {
			b.Fatal(err)
		}
	}
}

// requirementFiles is what all requirement files of a folder name.
func requirementFiles(tb testing.TB, tree fs.FS) *sbom.Document {
	tb.Helper()
	var docs []*sbom.Document
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(name, ".txt") && strings.Contains(e.Name(), "requirement") {
			docs = append(docs, pyreq.Read(tree, name, pyreq.Options{}).Document())
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return sbom.Merge("bench", docs...)
}
