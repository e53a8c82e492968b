package oci

import (
	"errors"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/tallyman/tallyman/internal/testimage"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func mustRepo(t testing.TB, s string) name.Repository {
	t.Helper()
	repo, err := name.NewRepository(s)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// testArtifact is an artifact of a type, about subject unless that is nil.
func testArtifact(t testing.TB, content string, configType types.MediaType, subject v1.Image) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), configType)
	img, err := mutate.AppendLayers(img, static.NewLayer([]byte(content), "application/test+json"))
	if err != nil {
		t.Fatal(err)
	}
	if subject == nil {
		return img
	}
	d, err := partial.Descriptor(subject)
	if err != nil {
		t.Fatal(err)
	}
	return mutate.Subject(img, v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}).(v1.Image)
}

// TestRepository has the three kinds of repositories that take artifacts do the
// same things.
func TestRepository(t *testing.T) {
	img := testImage(t, "amd64")
	with, without := newRegistry(t, registry.WithReferrersSupport(true)), newRegistry(t)
	for what, ref := range map[string]string{
		"registry with the referrers API": with + "/app:1.0", "registry without": without + "/app:1.0", "layout": "oci:" + newLayoutDir(t, img) + ":1.0",
	} {
		t.Run(what, func(t *testing.T) {
			if !strings.HasPrefix(ref, "oci:") {
				push(t, ref, img)
			}
			opened := open(t, ref, Options{})
			store, err := opened.Store()
			if err != nil {
				t.Fatal(err)
			}
			testStore(t, store, img)
			if again := open(t, ref, Options{}); again.Digest() != digestOf(t, img) {
				t.Errorf("after storing artifacts, %s opens %s", ref, again.Digest())
			}
		})
	}
}

func testStore(t *testing.T, store *Repository, img v1.Image) {
	ctx := t.Context()
	subject := digestOf(t, img)
	tag := "sha256-" + subject.Hex + ".sig"
	if _, err := store.Artifact(ctx, tag); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a signature that is not there: %v", err)
	}
	if got, err := store.Referrers(ctx, subject); err != nil || len(got) != 0 {
		t.Errorf("referrers of an image without any: %v, %v", got, err)
	}
	for _, content := range []string{"first", "second"} { // the second takes the first's place
		sig := testArtifact(t, content, types.OCIConfigJSON, nil)
		if err := store.Put(ctx, tag, sig); err != nil {
			t.Fatal(err)
		}
		got, err := store.Artifact(ctx, tag)
		if err != nil {
			t.Fatal(err)
		}
		if digestOf(t, got) != digestOf(t, sig) || readLayers(got) != nil {
			t.Errorf("%s signature: got %s", content, digestOf(t, got))
		}
	}
	bundle := testArtifact(t, "bundle", "application/vnd.dev.sigstore.bundle.v0.3+json", img)
	other := testArtifact(t, "other", "application/other", testImage(t, "arm64"))
	for _, a := range []v1.Image{bundle, other, bundle} {
		if err := store.Put(ctx, "", a); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.Referrers(ctx, subject)
	if err != nil {
		t.Fatal(err)
	}
	size, err := bundle.Size()
	if err != nil {
		t.Fatal(err)
	}
	want := []v1.Descriptor{{
		MediaType: types.OCIManifestSchema1, Digest: digestOf(t, bundle), Size: size, ArtifactType: "application/vnd.dev.sigstore.bundle.v0.3+json",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("referrers (-want +got):\n%s", diff)
	}
	read, err := store.Artifact(ctx, got[0].Digest.String())
	if err != nil || readLayers(read) != nil {
		t.Errorf("the referrer itself: %v", err)
	}
	if _, err := store.Artifact(ctx, "no/tag"); err == nil {
		t.Error("an artifact called no/tag")
	}
}

// TestCosignSaved reads a layout as "cosign save" writes it: without names.
func TestCosignSaved(t *testing.T) {
	img := testImage(t, "amd64")
	dir := filepath.Join(t.TempDir(), "layout")
	l, err := ggcrlayout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	sig, att := testArtifact(t, "sig", types.OCIConfigJSON, nil), testArtifact(t, "att", types.OCIConfigJSON, nil)
	for kind, what := range map[string]v1.Image{"dev.cosignproject.cosign/image": img, cosignSigs: sig, cosignAtts: att} {
		if err := l.AppendImage(what, ggcrlayout.WithAnnotations(map[string]string{cosignKind: kind})); err != nil {
			t.Fatal(err)
		}
	}
	opened := open(t, dir, Options{})
	if opened.Digest() != digestOf(t, img) {
		t.Errorf("opened %s", opened.Digest())
	}
	store, err := opened.Store()
	if err != nil {
		t.Fatal(err)
	}
	for suffix, want := range map[string]v1.Image{".sig": sig, ".att": att} {
		got, err := store.Artifact(t.Context(), "sha256-"+opened.Digest().Hex+suffix)
		if err != nil || digestOf(t, got) != digestOf(t, want) {
			t.Errorf("%s: %v", suffix, err)
		}
	}
	for _, tag := range []string{"sha256-" + strings.Repeat("0", 64) + ".sig", "sha256-" + opened.Digest().Hex + ".sbom", "x"} {
		if _, err := store.Artifact(t.Context(), tag); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", tag, err)
		}
	}
}

// TestUnreadableReferrer: a manifest whose bytes were altered could have been a
// signature, so nobody says that there is none.
func TestUnreadableReferrer(t *testing.T) {
	img := testImage(t, "amd64")
	dir := newLayoutDir(t, img)
	store, err := open(t, dir, Options{}).Store()
	if err != nil {
		t.Fatal(err)
	}
	bundle := testArtifact(t, "bundle", "application/test", img)
	if err := store.Put(t.Context(), "", bundle); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "blobs", "sha256", digestOf(t, bundle).Hex)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	writeTestFile(t, file, []byte(strings.Replace(string(data), `"subject"`, `"sub_ect"`, 1)))
	if got, err := store.Referrers(t.Context(), digestOf(t, img)); !errors.Is(err, ErrDigest) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTarIsReadOnly(t *testing.T) {
	packed := tarDir(t, newLayoutDir(t, testImage(t, "amd64")))
	store, err := open(t, packed, Options{}).Store()
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), "x", testArtifact(t, "x", types.OCIConfigJSON, nil)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("wrote into a tar: %v", err)
	}
}

// TestExample opens the example image with its signature.
func TestExample(t *testing.T) {
	opened := open(t, filepath.Join("..", "..", "testdata", filepath.FromSlash(testimage.LayoutDir)), Options{})
	if err := readLayers(opened.Image()); err != nil {
		t.Error(err)
	}
	store, err := opened.Store()
	if err != nil {
		t.Fatal(err)
	}
	sig, err := store.Artifact(t.Context(), "sha256-"+opened.Digest().Hex+".sig")
	if err != nil {
		t.Fatal(err)
	}
	m, err := sig.Manifest()
	if err != nil || len(m.Layers) != 1 || m.Layers[0].Annotations["dev.cosignproject.cosign/signature"] == "" {
		t.Errorf("the signature: %v, %+v", err, m)
	}
}
