package osv_test

import (
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

// gradioNames are Gradio's own requirements (6.25.0).
var gradioNames = []string{
	"anyio", "audioop-lts", "brotli", "fastapi", "gradio", "gradio-client", "groovy", "hf-gradio", "httpx", "huggingface-hub", "jinja2",
	"markupsafe", "numpy", "orjson", "packaging", "pandas", "pillow", "pydantic", "python-multipart", "pydub", "pyyaml", "safehttpx",
	"semantic-version", "starlette", "tomlkit", "typer", "typing-extensions", "uvicorn", "pytz", "authlib", "itsdangerous", "mcp",
}

func realSnapshot(b *testing.B) string {
	b.Helper()
	res, err := osv.Update(b.Context(), osv.Options{Dir: b.TempDir(), From: shared(b, "data/osv")})
	if err != nil {
		b.Fatal(err)
	}
	return res.Path
}

// BenchmarkOpenAndLookUp opens the snapshot of all shared advisories and looks
// Gradio's requirements up, as a process does once.
func BenchmarkOpenAndLookUp(b *testing.B) {
	path := realSnapshot(b)
	b.ReportAllocs()
	for b.Loop() {
		db, err := osv.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range gradioNames {
			if _, err := db.Advisories(b.Context(), "PyPI", name); err != nil {
				b.Fatal(err)
			}
		}
		_ = db.Close()
	}
}

func BenchmarkOpen(b *testing.B) {
	path := realSnapshot(b)
	b.ReportAllocs()
	for b.Loop() {
		db, err := osv.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		_ = db.Close()
	}
}

// BenchmarkMatch opens the snapshot and matches one old version of each of
// Gradio's requirements.
func BenchmarkMatch(b *testing.B) {
	path := realSnapshot(b)
	doc := &sbom.Document{}
	for _, name := range gradioNames {
		doc.Components = append(doc.Components, sbom.Component{Name: name, Version: "2.5.0", Ecosystem: "PyPI", PURL: sbom.PyPIPURL(name, "2.5.0")})
	}
	b.ReportAllocs()
	for b.Loop() {
		db, err := osv.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := vuln.Match(b.Context(), doc, db); err != nil {
			b.Fatal(err)
		}
		_ = db.Close()
	}
}
