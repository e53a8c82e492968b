package bundled_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tallyman/tallyman/internal/bundled"
	"github.com/tallyman/tallyman/vuln/osv"
)

var update = flag.Bool("update", false, "write example.tms")

// The bundled snapshot is whole, and it is that of testdata/osv, byte for byte.
func TestBundled(t *testing.T) {
	cache := t.TempDir()
	want, _, err := osv.Cached(t.Context(), "../../testdata/osv", osv.CacheOptions{CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if *update {
		write(t, filepath.Join(cache, strings.TrimPrefix(want.Digest(), "sha256:")+".tms"))
		return
	}
	db, err := bundled.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := db.StatusOf("PyPI", time.Now()); err != nil || s == nil || s.Records == 0 {
		t.Fatalf("PyPI: %+v, %v", s, err)
	}
	if db.Digest() != want.Digest() {
		t.Errorf("the bundled snapshot has digest %s and testdata/osv has %s: -update writes it anew", db.Digest(), want.Digest())
	}
}

func write(t *testing.T, snapshot string) {
	data, err := os.ReadFile(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("example.tms", data, 0o644); err != nil {
		t.Fatal(err)
	}
}
