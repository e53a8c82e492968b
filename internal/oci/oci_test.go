package oci

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"io"
	"log"
)

// testImage is a small image for linux/arch.
func testImage(t testing.TB, arch string) v1.Image {
	t.Helper()
	img, err := random.Image(256, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// newRegistry starts a registry and returns its host.
func newRegistry(t testing.TB, opts ...registry.Option) string {
	t.Helper()
	opts = append(opts, registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(registry.New(opts...))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func push(t testing.TB, ref string, img v1.Image) {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(parsed, img); err != nil {
		t.Fatal(err)
	}
}

// open parses and opens, with the digest that is expected.
func open(t testing.TB, ref string, opts Options) *Image {
	t.Helper()
	parsed, err := Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Open(t.Context(), parsed, opts)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func digestOf(t testing.TB, img interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOpenKinds(t *testing.T) {
	img := testImage(t, "amd64")
	dir := t.TempDir()
	layoutDir, archive := filepath.Join(dir, "layout"), filepath.Join(dir, "image.tar")
	l, err := ggcrlayout.Write(layoutDir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.AppendImage(img, ggcrlayout.WithAnnotations(map[string]string{refName: "1.0"})); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("example.test/app:1.0")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(archive, tag, img); err != nil {
		t.Fatal(err)
	}
	host := newRegistry(t)
	push(t, host+"/app:1.0", img)
	digest := digestOf(t, img).String()
	for _, tc := range []struct {
		ref  string
		kind Kind
		name string
	}{
		{layoutDir, KindLayout, "oci:" + layoutDir},
		{"oci:" + layoutDir, KindLayout, "oci:" + layoutDir},
		{"oci:" + layoutDir + ":1.0", KindLayout, "oci:" + layoutDir + ":1.0"},
		{layoutDir + ":1.0", KindLayout, "oci:" + layoutDir + ":1.0"},
		{"oci:" + layoutDir + "@" + digest, KindLayout, "oci:" + layoutDir + "@" + digest},
		{archive, KindDockerArchive, "docker-archive:" + archive},
		{"docker-archive:" + archive + ":1.0", KindDockerArchive, "docker-archive:" + archive + ":1.0"},
		{host + "/app:1.0", KindRegistry, host + "/app:1.0"},
		{"registry:" + host + "/app:1.0", KindRegistry, host + "/app:1.0"},
		{host + "/app@" + digest, KindRegistry, host + "/app@" + digest},
	} {
		got := open(t, tc.ref, Options{})
		if got.Kind() != tc.kind || got.Name() != tc.name {
			t.Errorf("%s: opened %s as %q", tc.ref, got.Kind(), got.Name())
		}
		if tc.kind != KindDockerArchive && got.Digest().String() != digest {
			t.Errorf("%s: digest %s, want %s", tc.ref, got.Digest(), digest)
		}
		if err := validate.Image(got.Image()); err != nil {
			t.Errorf("%s: %v", tc.ref, err)
		}
	}
}

func TestNotThere(t *testing.T) {
	dir := t.TempDir()
	host := newRegistry(t)
	for _, ref := range []string{"oci:" + dir, "oci:" + dir + "/none", "docker-archive:" + dir + "/none.tar", host + "/none:1"} {
		parsed, err := Parse(ref)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(t.Context(), parsed, Options{})
		if !errors.Is(err, ErrNotFound) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), ref) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
