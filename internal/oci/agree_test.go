package oci

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
)

// twoFaced is a tar with an index.json of one image and a manifest.json of
// others, as "docker save" writes it when they are the same.
func twoFaced(t *testing.T, index v1.Image, listed ...v1.Image) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	l, err := ggcrlayout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	var entries []archiveEntry
	for _, img := range append([]v1.Image{index}, listed...) {
		if err := l.AppendImage(img, ggcrlayout.WithAnnotations(map[string]string{refName: "1"})); err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		m, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		e := archiveEntry{Config: "blobs/sha256/" + config.Hex, RepoTags: []string{"example.test/app:1"}}
		for _, layer := range m.Layers {
			e.Layers = append(e.Layers, "blobs/sha256/"+layer.Digest.Hex)
		}
		entries = append(entries, e)
	}
	if len(listed) > 0 {
		entries = entries[1:]
	}
	if err := os.Remove(filepath.Join(dir, "index.json")); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	writeTestFile(t, filepath.Join(dir, "manifest.json"), raw)
	if l, err = ggcrlayout.Write(dir, empty.Index); err != nil {
		t.Fatal(err)
	}
	if err := l.AppendImage(index, ggcrlayout.WithAnnotations(map[string]string{refName: "1"})); err != nil {
		t.Fatal(err)
	}
	return tarDir(t, dir)
}

// One engine loads what index.json names and another what manifest.json does, so
// an archive cannot show one image here and have another one run there.
func TestArchiveWithTwoFaces(t *testing.T) {
	good, evil := testImage(t, "amd64"), testImage(t, "amd64")
	for _, c := range []struct {
		name, file string
		ok         bool
	}{
		{"both the same", twoFaced(t, good), true},
		{"another one", twoFaced(t, good, evil), false},
		{"another one for another platform", twoFaced(t, good, testImage(t, "arm64")), false},
		{"another one beside it", twoFaced(t, good, good, evil), false},
	} {
		for _, ref := range []string{"oci:" + c.file, "docker-archive:" + c.file, c.file, c.file + ":1"} {
			got, err := tryOpen(t, ref, Options{Platform: "linux/amd64"})
			switch {
			case c.ok && err != nil:
				t.Errorf("%s: %s: %v", c.name, ref, err)
			case c.ok && got.Digest() == (v1.Hash{}):
				t.Errorf("%s: %s has no digest", c.name, ref)
			case !c.ok && !errors.Is(err, ErrAmbiguous) && !errors.Is(err, ErrPlatform):
				t.Errorf("%s: %s: %v, and no word of the other image", c.name, ref, err)
			}
		}
	}
}
