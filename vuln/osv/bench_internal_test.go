package osv

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkOpenAndThousandLookUps opens the snapshot of all shared advisories
// and looks up a thousand packages, evenly spread over its PyPI names.
func BenchmarkOpenAndThousandLookUps(b *testing.B) {
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	from := filepath.Join(root, "data/osv")
	if _, err := os.Stat(from); err != nil {
		b.Skipf("the shared data is absent (set TALLYMAN_SHARED): %v", err)
	}
	res, err := Update(b.Context(), Options{Dir: b.TempDir(), From: from})
	if err != nil {
		b.Fatal(err)
	}
	names := spreadNames(b, res.Path, 1000)
	b.ReportAllocs()
	for b.Loop() {
		db, err := Open(res.Path)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range names {
			if list, err := db.Advisories(b.Context(), "PyPI", name); err != nil || len(list) == 0 {
				b.Fatal(name, err)
			}
		}
		_ = db.Close()
	}
}

// spreadNames takes n names of PyPI from a snapshot.
func spreadNames(b *testing.B, path string, n int) []string {
	b.Helper()
	db, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	eco, err := db.ecosystem("PyPI")
	if err != nil || eco == nil {
		b.Fatal("no PyPI", err)
	}
	var names []string
	for i := range n {
		k, err := db.section(sectionKeys, u32(eco, 2)+i*u32(eco, 3)/n, 1, keyBytes)
		if err != nil {
			b.Fatal(err)
		}
		name, err := db.text(k)
		if err != nil {
			b.Fatal(err)
		}
		names = append(names, string(name))
	}
	return names
}
