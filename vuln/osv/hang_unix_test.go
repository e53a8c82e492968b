//go:build unix

package osv_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tallyman/tallyman/vuln/osv"
)

// TestPipesInTheFolderHangNobody: who may write to the folder of snapshots, or
// to that of a source, can put a pipe there, and opening one waits for ever.
func TestPipesInTheFolderHangNobody(t *testing.T) {
	for _, name := range []string{"current", "kept-2026-01-01.json", strings.Repeat("a", 64) + ".tms"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if name != "current" {
			write(t, filepath.Join(dir, "current"), []byte(`{"snapshot":"`+strings.Repeat("a", 64)+`.tms","source":"x"}`))
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		var err error
		if strings.HasPrefix(name, "kept-") {
			_, err = osv.ListKept(dir)
		} else {
			_, err = osv.OpenCurrent(dir)
		}
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"all.zip", "PyPI.zip", "a.json"} {
		from := t.TempDir()
		if err := syscall.Mkfifo(filepath.Join(from, name), 0o600); err != nil {
			t.Skip(err)
		}
		if _, err := osv.Update(t.Context(), osv.Options{Dir: t.TempDir(), From: from}); err == nil {
			t.Errorf("%s: a pipe is no advisories", name)
		}
	}
}

// TestLockIsNoWayOut: a link in its place makes no file elsewhere.
func TestLockIsNoWayOut(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "made")
	if err := os.Symlink(outside, filepath.Join(dir, "lock")); err != nil {
		t.Skip(err)
	}
	if _, err := osv.Prune(t.Context(), dir, 0); err == nil {
		t.Error("the lock is a link, and was taken")
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a file was made outside")
	}
}
