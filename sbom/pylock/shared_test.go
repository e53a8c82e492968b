package pylock_test

import (
	"os"
	"path/filepath"
	"testing"
)

// shared returns the folder of real data, or skips the test.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TALLYMAN_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "corpus", "locks")); err != nil {
		t.Skipf("the shared data is not there, set TALLYMAN_SHARED: %v", err)
	}
	return dir
}
