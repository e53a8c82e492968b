package testimage

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// maxBytes is how large the example may be, so that a clone stays small.
const maxBytes = 300_000

// TestFilesAreGenerated fails when what the repository holds is not, byte by
// byte, what the generator writes: run "go generate ./internal/testimage".
func TestFilesAreGenerated(t *testing.T) {
	want, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	testdata := filepath.Join("..", "..", "testdata")
	total := 0
	for name, data := range want {
		total += len(data)
		got, err := os.ReadFile(filepath.Join(testdata, filepath.FromSlash(name)))
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if diff := cmp.Diff(string(data), string(got)); diff != "" {
			t.Errorf("%s (-generated +repository):\n%s", name, diff)
		}
	}
	if total > maxBytes {
		t.Errorf("%d bytes, more than %d", total, maxBytes)
	}
	err = fs.WalkDir(os.DirFS(testdata), LayoutDir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && want[path.Clean(name)] == nil {
			t.Errorf("%s is not from the generator", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestFilesAreTheSameEachTime(t *testing.T) {
	first, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	second, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}
