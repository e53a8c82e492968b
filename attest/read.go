package attest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
)

// shape is what the bytes of an entry are.
type shape int

const (
	shapeSimple shape = iota // a simple-signing payload, signature beside it
	shapeDSSE                // a DSSE envelope
	shapeBundle              // a Sigstore bundle
)

// entry is one signature or attestation as it was found, unchecked.
type entry struct {
	shape       shape
	where       string            // "tag sha256-....sig", "referrer sha256:..."
	annotations map[string]string // of the layer
	layer       v1.Descriptor
	data        []byte
	err         error // why data could not be read
}

func (e entry) format() Format {
	if e.shape == shapeBundle {
		return FormatBundle
	}
	return FormatCosign
}

// search is everything that was found about one digest.
type search struct {
	entries []entry
	// bytes is what the entries hold together.
	bytes int64
	// errs are the places that could not be searched.
	errs []error
}

// find looks in all places. It reads at most limit.Signatures entries and
// reports more as an error.
func find(ctx context.Context, store Store, digest v1.Hash) search {
	var s search
	for _, suffix := range []string{"sig", "att"} {
		tag := tagFor(digest, suffix)
		img, err := store.Artifact(ctx, tag)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			s.errs = append(s.errs, fmt.Errorf("looking for tag %q: %w", tag, err))
		default:
			s.layers(img, "tag "+tag)
		}
	}
	s.referrers(ctx, store, digest)
	return s
}

// referrers reads the manifests that point to digest. What a listing says of a
// manifest's type is only a claim, and registries differ in it, so that each
// manifest is read.
func (s *search) referrers(ctx context.Context, store Store, digest v1.Hash) {
	list, err := store.Referrers(ctx, digest)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("listing the referrers of %q: %w", digest, err))
		return
	}
	if len(list) > limit.Signatures {
		s.errs = append(s.errs, fmt.Errorf("%q has %d referrers, %w of %d: only the first were looked at", digest, len(list), limit.ErrTooLarge, limit.Signatures))
		list = list[:limit.Signatures]
	}
	for _, d := range list {
		if d.MediaType != "" && !d.MediaType.IsImage() {
			continue // neither an index nor a manifest of another kind holds a signature
		}
		img, err := store.Artifact(ctx, d.Digest.String())
		if err != nil {
			s.errs = append(s.errs, fmt.Errorf("reading referrer %q of %q: %w", d.Digest, digest, err))
			continue
		}
		s.layers(img, "referrer "+d.Digest.String())
	}
}

// layers adds the signatures among the layers of img. Layers of other media
// types (an SBOM that someone attached without a signature) are nobody's
// vouching.
func (s *search) layers(img v1.Image, where string) {
	manifest, err := img.Manifest()
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("reading the manifest of %s: %w", where, err))
		return
	}
	for _, d := range manifest.Layers {
		kind, ok := shapeOf(string(d.MediaType))
		if !ok {
			continue
		}
		if len(s.entries) == limit.Signatures {
			s.errs = append(s.errs, fmt.Errorf("%s: the image has more signatures and attestations than are looked at, %w of %d", where, limit.ErrTooLarge, limit.Signatures))
			return
		}
		e := entry{shape: kind, where: where, annotations: d.Annotations, layer: d}
		if s.bytes += max(d.Size, 0); s.bytes > limit.BundlesBytes {
			s.errs = append(s.errs, fmt.Errorf("%s: the image's signatures and attestations are together %w of %d bytes", where, limit.ErrTooLarge, limit.BundlesBytes))
			return
		}
		e.data, e.err = readLayer(img, d)
		s.entries = append(s.entries, e)
	}
}

func shapeOf(mediaType string) (shape, bool) {
	switch {
	case mediaType == mediaSimpleSigning:
		return shapeSimple, true
	case mediaType == mediaDSSE:
		return shapeDSSE, true
	case strings.HasPrefix(mediaType, mediaBundlePrefix):
		return shapeBundle, true
	}
	return 0, false
}

// readLayer reads one layer, within limit.BundleBytes, and holds it to its
// digest whatever the Store does.
func readLayer(img v1.Image, d v1.Descriptor) ([]byte, error) {
	if d.Size < 0 || d.Size > limit.BundleBytes {
		return nil, fmt.Errorf("%q claims %d bytes, %w of %d", d.Digest, d.Size, limit.ErrTooLarge, limit.BundleBytes)
	}
	layer, err := img.LayerByDigest(d.Digest)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", d.Digest, err)
	}
	r, err := layer.Compressed()
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", d.Digest, err)
	}
	defer r.Close()
	data, err := limit.ReadAll(r, max(d.Size, 1))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", d.Digest, err)
	}
	sum := sha256.Sum256(data)
	if d.Digest.Algorithm != "sha256" || hex.EncodeToString(sum[:]) != d.Digest.Hex {
		return nil, fmt.Errorf("the bytes of %q have digest sha256:%x", d.Digest, sum)
	}
	return data, nil
}
