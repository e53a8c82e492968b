package vuln_test

import (
	"os"
	"testing"

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
