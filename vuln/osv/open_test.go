package osv_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tallyman/tallyman/vuln/osv"
)

// twoSnapshots updates a folder twice and returns the two files, old and
// current.
func twoSnapshots(t *testing.T) (dir, old, current string) {
	t.Helper()
	dir = t.TempDir()
	for _, version := range []string{"2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"} {
		old = current
		res, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: folder(t, "PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", version, ""))})
		if err != nil {
			t.Fatal(err)
		}
		current = res.Path
	}
	earlier := folderTime(t, dir).Add(-time.Hour)
	if err := os.Chtimes(old, earlier, earlier); err != nil {
		t.Fatal(err)
	}
	return dir, old, current
}

// TestLastGoodSnapshot is used when the current one cannot be, with a sentence
// that says so, and with its own dates.
func TestLastGoodSnapshot(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir, current string){
		"missing":   func(t *testing.T, _, current string) { remove(t, current) },
		"truncated": change(func(b []byte) []byte { return b[:len(b)-1] }),
		"empty":     change(func([]byte) []byte { return nil }),
		"header":    change(func(b []byte) []byte { b[100] ^= 1; return b }),
		"version":   change(func(b []byte) []byte { b[8]++; return b }),
		"wrong name": func(t *testing.T, dir, current string) {
			remove(t, current)
			write(t, current, readFile(t, otherSnapshot(t, dir)))
		},
		"current names nothing": func(t *testing.T, dir, _ string) { write(t, filepath.Join(dir, "current"), []byte("{}")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, old, current := twoSnapshots(t)
			damage(t, dir, current)
			if name == "current names nothing" {
				remove(t, current)
			}
			db, err := osv.OpenCurrent(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			want := "sha256:" + strings.TrimSuffix(filepath.Base(old), ".tms")
			if db.Digest() != want || !strings.Contains(db.Fallback(), want) {
				t.Errorf("opened %s, which says %q, want %s", db.Digest(), db.Fallback(), want)
			}
			status, err := db.StatusOf("PyPI", now)
			if err != nil || status.Date.Month() != time.January {
				t.Errorf("status %+v, %v", status, err)
			}
		})
	}
}

// TestNoGoodSnapshot: when the other one is damaged too, wherever, it is not
// used, and the error is the current one's.
func TestNoGoodSnapshot(t *testing.T) {
	dir, old, current := twoSnapshots(t)
	remove(t, current)
	change(func(b []byte) []byte { b[len(b)/2] ^= 1; return b })(t, dir, old)
	if _, err := osv.OpenCurrent(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened: %v", err)
	}
}

// TestOneByteOfEachSection altered: whatever reads it fails.
func TestOneByteOfEachSection(t *testing.T) {
	dir, _, current := twoSnapshots(t)
	data := readFile(t, current)
	sections := int(binary.LittleEndian.Uint32(data[68:]))
	for i := range sections {
		off := binary.LittleEndian.Uint64(data[72+16*i:])
		altered := bytes.Clone(data)
		altered[off] ^= 0x20
		write(t, current, altered)
		db, err := osv.OpenCurrent(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Verify(t.Context()); !errors.Is(err, osv.ErrDamaged) {
			t.Errorf("section %d: %v", i, err)
		}
		if _, err := db.Advisories(t.Context(), "PyPI", "a"); !errors.Is(err, osv.ErrDamaged) {
			t.Errorf("section %d: a look-up says %v", i, err)
		}
		_ = db.Close()
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func change(how func([]byte) []byte) func(t *testing.T, dir, current string) {
	return func(t *testing.T, _, path string) {
		t.Helper()
		write(t, path, how(readFile(t, path)))
	}
}

func otherSnapshot(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.tms"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files[0]
}
