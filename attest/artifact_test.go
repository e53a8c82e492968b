package attest_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/tallyman/tallyman/attest"
)

// Media types and annotations as the specifications spell them, for artifacts
// that the tests make without the package's help.
const (
	simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	dsseEnvelope  = "application/vnd.dsse.envelope.v1+json"
	bundleV03     = "application/vnd.dev.sigstore.bundle.v0.3+json"

	signatureKey   = "dev.cosignproject.cosign/signature"
	certificateKey = "dev.sigstore.cosign/certificate"
	rekorKey       = "dev.sigstore.cosign/bundle"
	timestampKey   = "dev.sigstore.cosign/rfc3161timestamp"
)

// part is one layer of an artifact.
type part struct {
	media       string
	data        []byte
	annotations map[string]string
}

func artifact(t testing.TB, parts ...part) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, p := range parts {
		var err error
		img, err = mutate.Append(img, mutate.Addendum{
			Layer: static.NewLayer(p.data, types.MediaType(p.media)), MediaType: types.MediaType(p.media), Annotations: p.annotations,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// putTag stores parts as the artifact of subject's tag; suffix "sig" or "att".
func putTag(t testing.TB, store attest.Store, subject attest.Subject, suffix string, parts ...part) {
	t.Helper()
	tag := strings.ReplaceAll(subject.Descriptor.Digest.String(), ":", "-") + "." + suffix
	if err := store.Put(t.Context(), tag, artifact(t, parts...)); err != nil {
		t.Fatal(err)
	}
}

// putReferrer stores parts as an artifact that points to subject.
func putReferrer(t testing.TB, store attest.Store, subject attest.Subject, parts ...part) {
	t.Helper()
	d := subject.Descriptor
	d.MediaType, d.Size = types.OCIManifestSchema1, 1
	img, ok := mutate.Subject(artifact(t, parts...), d).(v1.Image)
	if !ok {
		t.Fatal("mutate.Subject gave no image")
	}
	if err := store.Put(t.Context(), "", img); err != nil {
		t.Fatal(err)
	}
}

// readTag returns the parts under subject's tag.
func readTag(t testing.TB, store attest.Store, subject attest.Subject, suffix string) []part {
	t.Helper()
	img, err := store.Artifact(t.Context(), strings.ReplaceAll(subject.Descriptor.Digest.String(), ":", "-")+"."+suffix)
	if err != nil {
		t.Fatal(err)
	}
	return readParts(t, img)
}

// readReferrers returns the parts of all referrers of subject.
func readReferrers(t testing.TB, store attest.Store, subject attest.Subject) []part {
	t.Helper()
	list, err := store.Referrers(t.Context(), subject.Descriptor.Digest)
	if err != nil {
		t.Fatal(err)
	}
	var parts []part
	for _, d := range list {
		img, err := store.Artifact(t.Context(), d.Digest.String())
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, readParts(t, img)...)
	}
	return parts
}

func readParts(t testing.TB, img v1.Image) []part {
	t.Helper()
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var parts []part
	for _, d := range manifest.Layers {
		layer, err := img.LayerByDigest(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{string(d.MediaType), readAll(t, layer), d.Annotations})
	}
	return parts
}

// otherBytes is a layer that gives bytes of the same length as its own.
type otherBytes struct{ v1.Layer }

func (l otherBytes) Compressed() (io.ReadCloser, error) {
	r, err := l.Layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	data[len(data)-1] = ' '
	return io.NopCloser(bytes.NewReader(data)), nil
}
