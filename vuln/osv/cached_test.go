package osv_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tallyman/tallyman/vuln/osv"
)

func cached(t *testing.T, dir string, o osv.CacheOptions) (count int, note string, compiled bool) {
	t.Helper()
	o.Progress = func(osv.Event) { compiled = true }
	db, note, err := osv.Cached(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if db.Source() != dir {
		t.Errorf("source %q", db.Source())
	}
	list, err := db.Advisories(t.Context(), "PyPI", "a")
	if err != nil {
		t.Fatal(err)
	}
	return len(list), note, compiled
}

// TestCacheFollowsTheFiles: compiled once, and again when a file changes, comes
// or goes.
func TestCacheFollowsTheFiles(t *testing.T) {
	at := "2025-01-01T00:00:00Z"
	dir := folder(t, "PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", at, ""))
	o := osv.CacheOptions{CacheDir: filepath.Join(t.TempDir(), "cache")}
	step := func(what string, wantCount int, wantCompiled bool) {
		t.Helper()
		count, note, compiled := cached(t, dir, o)
		if count != wantCount || note != "" || compiled != wantCompiled {
			t.Errorf("%s: %d advisories, note %q, compiled %t", what, count, note, compiled)
		}
	}
	step("first", 1, true)
	step("second", 1, false)
	write(t, filepath.Join(dir, "PyPI", "2.json"), []byte(recordJSON("PYSEC-2", "PyPI", "a", at, "")))
	step("a file came", 2, true)
	step("the same", 2, false)
	write(t, filepath.Join(dir, "PyPI", "2.json"), []byte(recordJSON("PYSEC-2", "PyPI", "abc", at, "")))
	step("a file changed", 1, true)
	if err := os.Remove(filepath.Join(dir, "PyPI", "2.json")); err != nil {
		t.Fatal(err)
	}
	step("a file went", 1, false)
}

// TestRehashSeesWhatTheDatesHide: same size, same time, same inode.
func TestRehashSeesWhatTheDatesHide(t *testing.T) {
	at := "2025-01-01T00:00:00Z"
	dir := folder(t, "PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "b", at, ""))
	path := filepath.Join(dir, "PyPI", "1.json")
	o := osv.CacheOptions{CacheDir: t.TempDir()}
	stamp := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"b", "a"} {
		write(t, path, []byte(recordJSON("PYSEC-1", "PyPI", name, at, "")))
		if err := os.Chtimes(path, stamp, stamp); err != nil {
			t.Fatal(err)
		}
		if name == "b" {
			cached(t, dir, o)
		}
	}
	if count, _, compiled := cached(t, dir, o); count != 0 || compiled {
		t.Errorf("without rehash: %d, compiled %t", count, compiled)
	}
	o.Rehash = true
	if count, _, compiled := cached(t, dir, o); count != 1 || !compiled {
		t.Errorf("with rehash: %d, compiled %t", count, compiled)
	}
}

func TestWithoutACacheItSaysSo(t *testing.T) {
	dir := folder(t, "PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	for name, cache := range map[string]string{"none": "", "a file in its place": file} {
		if count, note, _ := cached(t, dir, osv.CacheOptions{CacheDir: cache}); count != 1 || !strings.Contains(note, "in memory") {
			t.Errorf("%s: %d, note %q", name, count, note)
		}
	}
}

// TestDamagedCacheIsCompiledAgain, and a damaged current snapshot is refused.
func TestDamagedCacheIsCompiledAgain(t *testing.T) {
	dir := folder(t, "PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
	o := osv.CacheOptions{CacheDir: t.TempDir()}
	cached(t, dir, o)
	for _, damage := range []func([]byte) []byte{
		func(b []byte) []byte { return b[:len(b)-1] },
		func(b []byte) []byte { return nil },
		func(b []byte) []byte { b[40] ^= 1; return b },
	} {
		alter(t, o.CacheDir, damage)
		if count, note, compiled := cached(t, dir, o); count != 1 || note != "" || !compiled {
			t.Errorf("%d, note %q, compiled %t", count, note, compiled)
		}
	}
}

func TestDamagedSnapshotIsRefused(t *testing.T) {
	from := folder(t, "PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
	for name, damage := range map[string]func([]byte) []byte{
		"truncated":    func(b []byte) []byte { return b[:len(b)-1] },
		"cut to half":  func(b []byte) []byte { return b[:len(b)/2] },
		"emptied":      func([]byte) []byte { return nil },
		"header":       func(b []byte) []byte { b[40] ^= 1; return b },
		"longer":       func(b []byte) []byte { return append(b, 0) },
		"other format": func(b []byte) []byte { b[8]++; return b },
	} {
		dir := t.TempDir()
		if _, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: from}); err != nil {
			t.Fatal(err)
		}
		alter(t, dir, damage)
		db, err := osv.OpenCurrent(dir)
		if err == nil {
			_ = db.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if !errors.Is(err, osv.ErrDamaged) && !errors.Is(err, osv.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		// An update repairs it.
		if _, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: from, Ecosystems: []string{"PyPI"}}); err != nil {
			t.Errorf("%s: updating: %v", name, err)
		}
	}
}

// alter rewrites the only snapshot of a folder.
func alter(t *testing.T, dir string, damage func([]byte) []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.tms"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	write(t, files[0], damage(data))
}

func TestCurrentNamesOnlySnapshots(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "{}", `{"snapshot":"../x.tms"}`, `{"snapshot":"/etc/passwd"}`, `{"snapshot":"` + strings.Repeat("A", 64) + `.tms"}`} {
		write(t, filepath.Join(dir, "current"), []byte(text))
		if _, err := osv.OpenCurrent(dir); !errors.Is(err, osv.ErrDamaged) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestManyAtOnce compiles and reads one folder from many sides.
func TestManyAtOnce(t *testing.T) {
	dir := folder(t, "PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
	cache := t.TempDir()
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			db, note, err := osv.Cached(t.Context(), dir, osv.CacheOptions{CacheDir: cache})
			if err != nil || note != "" {
				t.Errorf("%v, note %q", err, note)
				return
			}
			defer db.Close()
			if list, err := db.Advisories(t.Context(), "PyPI", "a"); err != nil || len(list) != 1 {
				t.Errorf("%v, %v", list, err)
			}
		})
	}
	group.Wait()
}
