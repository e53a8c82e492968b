package osv_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tallyman/tallyman/vuln/osv"
)

// recordJSON is a small OSV record for one package.
func recordJSON(id, ecosystem, name, modified, more string) string {
	return fmt.Sprintf(`{"id":%q,"modified":%q,"affected":[{"package":{"ecosystem":%q,"name":%q},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0"}]}]}]%s}`,
		id, modified, ecosystem, name, more)
}

// zipOf makes a zip; files are name, content, name, content.
func zipOf(t testing.TB, files ...string) []byte {
	t.Helper()
	return mustZip(files...)
}

func mustZip(files ...string) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			panic(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// folder writes files, given as path and content, and returns their root.
func folder(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		write(t, filepath.Join(dir, files[i]), []byte(files[i+1]))
	}
	return dir
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// compile updates a fresh folder from a source and opens the result.
func compile(t testing.TB, from string) *osv.DB {
	t.Helper()
	dir := t.TempDir()
	if _, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: from}); err != nil {
		t.Fatal(err)
	}
	db, err := osv.OpenCurrent(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
