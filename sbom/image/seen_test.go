package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

func shaOf(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func pile(ids ...string) []sbom.Layer {
	var out []sbom.Layer
	for _, id := range ids {
		out = append(out, sbom.Layer{DiffID: shaOf(id)})
	}
	return out
}

// TestUnder: an image is found under another one when its layers are the lowest
// of it, the one with the most layers first, and never under itself.
func TestUnder(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	c := NewCache(root, CacheOptions{})
	debian := Seen{Name: "debian:12", Digest: shaOf("d"), DiffIDs: []string{shaOf("1")}}
	python := Seen{Name: "python:3.12", Digest: shaOf("e"), Index: shaOf("f"), DiffIDs: []string{shaOf("1"), shaOf("2")}}
	same := Seen{Name: "python:3", Digest: shaOf("a"), DiffIDs: python.DiffIDs}
	for _, s := range []Seen{debian, python, same, python} {
		if err := c.Remember(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name   string
		layers []sbom.Layer
		want   []Seen
	}{
		{"the longest", pile("1", "2", "3"), []Seen{python, same}},
		{"itself", pile("1", "2"), []Seen{debian}},
		{"the lowest alone", pile("1"), nil},
		{"another order", pile("2", "1", "3"), nil},
		{"in the middle", pile("3", "1", "2", "4"), nil},
		{"another second layer", pile("1", "3"), []Seen{debian}},
		{"no layers", nil, nil},
		{"no diff IDs", []sbom.Layer{{}, {}}, nil},
	} {
		if diff := cmp.Diff(test.want, c.Under(test.layers)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if got := c.Image(python.Index); got != nil {
		t.Errorf("by the digest of an index: %+v", got)
	}
	if got := c.Image("sha256:../../x"); got != nil {
		t.Errorf("by what is no digest: %+v", got)
	}
	alter(t, dir)
	if got := c.Under(pile("1", "2", "3")); got != nil {
		t.Errorf("after every file was altered: %+v", got)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.stack")); err != nil || len(left) > 0 {
		t.Errorf("altered files are left: %v %v", left, err)
	}
	var none *Cache
	if none.Under(pile("1", "2")) != nil || none.Remember(debian) != nil || none.Image(shaOf("d")) != nil {
		t.Error("no cache remembers something")
	}
}

// alter changes a byte of every file.
func alter(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)-3] ^= 1
		if err := os.WriteFile(f, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestImagesArePruned with the layers: what is remembered of them is bounded by
// the same number.
func TestImagesArePruned(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	c := NewCache(root, CacheOptions{MaxBytes: 1})
	if err := c.Remember(Seen{Digest: shaOf("d"), DiffIDs: []string{shaOf("1")}}); err != nil {
		t.Fatal(err)
	}
	if c.Image(shaOf("d")) != nil {
		t.Error("an image is remembered beyond the bound")
	}
}

// TestChains holds chain IDs against those that the specification's formula
// gives for three layers, worked out by sha256sum.
func TestChains(t *testing.T) {
	got := chains([]string{shaOf("1"), shaOf("2"), shaOf("3")})
	want := []string{shaOf("1"), "sha256:9932074217c35353d2e03a3f5a86549f7c67bfeb0ba53e23d69f4d4c8f7958f5", "sha256:50127c0d6b338be78246434b4bce23ecf75e505158ea0bbd15effeb162fbf3ec"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chain IDs (-want +got):\n%s", diff)
	}
}
