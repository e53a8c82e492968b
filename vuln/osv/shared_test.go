package osv_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tallyman/tallyman/vuln/osv"
)

// shared returns a folder of the data that lies beside the repository, and
// skips the test without it.
func shared(tb testing.TB, path string) string {
	tb.Helper()
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	full := filepath.Join(root, path)
	if _, err := os.Stat(full); err != nil {
		tb.Skipf("the shared data is absent (set TALLYMAN_SHARED): %v", err)
	}
	return full
}

// TestUpdateRealAdvisories compiles all real advisories and asks for some.
func TestUpdateRealAdvisories(t *testing.T) {
	source := shared(t, "data/osv")
	dir := t.TempDir()
	res, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: source, Client: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	db, err := osv.OpenCurrent(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	status, err := db.Status(now)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range status {
		t.Logf("%-14s %6d records, %6d packages, %3d withdrawn, %d refused, %s", s.Name, s.Records, s.Packages, s.Withdrawn, s.Refused, s.Date.Format(time.RFC3339))
	}
	t.Logf("%s: %d bytes", res.Digest, res.Bytes)
	list, err := db.Advisories(t.Context(), "PyPI", "Gradio")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Errorf("gradio has %d advisories, want at least 50", len(list))
	}
}
