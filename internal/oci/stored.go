package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/tallyman/tallyman/internal/limit"
)

// stored is an image of which manifest and configuration were read and checked,
// and whose layers are read through open, checked against size and digest.
type stored struct {
	mediaType types.MediaType
	manifest  *v1.Manifest
	raw       []byte
	config    []byte
	open      func(v1.Descriptor) (io.ReadCloser, error)
}

var _ partial.CompressedImageCore = (*stored)(nil)

func (s *stored) MediaType() (types.MediaType, error) { return s.mediaType, nil }
func (s *stored) RawManifest() ([]byte, error)        { return s.raw, nil }
func (s *stored) RawConfigFile() ([]byte, error)      { return s.config, nil }

func (s *stored) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range append([]v1.Descriptor{s.manifest.Config}, s.manifest.Layers...) {
		if d.Digest == h {
			return &blob{s, d}, nil
		}
	}
	return nil, fmt.Errorf("layer %s: %w", h, ErrNotFound)
}

// blob is one layer as it is stored.
type blob struct {
	image *stored
	desc  v1.Descriptor
}

func (b *blob) Digest() (v1.Hash, error)            { return b.desc.Digest, nil }
func (b *blob) Size() (int64, error)                { return b.desc.Size, nil }
func (b *blob) MediaType() (types.MediaType, error) { return b.desc.MediaType, nil }
func (b *blob) Descriptor() (*v1.Descriptor, error) { return &b.desc, nil }
func (b *blob) Compressed() (io.ReadCloser, error) {
	if b.desc.Digest == b.image.manifest.Config.Digest {
		return io.NopCloser(bytes.NewReader(b.image.config)), nil
	}
	r, err := b.image.open(b.desc)
	if err != nil {
		return nil, fmt.Errorf("opening layer %s: %w", b.desc.Digest, err)
	}
	return verified(r, b.desc.Digest, b.desc.Size), nil
}

// openBlob opens a blob of an OCI layout.
// https://github.com/opencontainers/image-spec/blob/main/image-layout.md#blobs
func openBlob(src source, h v1.Hash) (io.ReadCloser, error) {
	return src.open("blobs/" + h.Algorithm + "/" + h.Hex)
}

// readBlob reads and checks a manifest, an index or a configuration.
func readBlob(src source, d v1.Descriptor) ([]byte, error) {
	if d.Size < 0 || d.Size > limit.OCIManifestBytes {
		return nil, fmt.Errorf("%s: %w of %d bytes", d.Digest, limit.ErrTooLarge, limit.OCIManifestBytes)
	}
	r, err := openBlob(src, d.Digest)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", d.Digest, err)
	}
	defer r.Close()
	return io.ReadAll(verified(r, d.Digest, d.Size))
}

// readManifest reads and checks the image manifest that d names.
func readManifest(src source, d v1.Descriptor) (*v1.Manifest, []byte, error) {
	raw, err := readBlob(src, d)
	if err != nil {
		return nil, nil, err
	}
	m := &v1.Manifest{}
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, nil, fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	return m, raw, nil
}

// readIndex reads and checks the image index that d names.
func readIndex(src source, d v1.Descriptor) (*v1.IndexManifest, error) {
	raw, err := readBlob(src, d)
	if err != nil {
		return nil, err
	}
	return parseIndex(raw, d.Digest.String())
}

func parseIndex(raw []byte, what string) (*v1.IndexManifest, error) {
	index := &v1.IndexManifest{}
	if err := json.Unmarshal(raw, index); err != nil {
		return nil, fmt.Errorf("index %s: %w", what, err)
	}
	if len(index.Manifests) > limit.ManifestListEntries {
		return nil, fmt.Errorf("index %s: %w of %d entries", what, limit.ErrTooLarge, limit.ManifestListEntries)
	}
	return index, nil
}

// storedImage reads manifest and configuration of an image in a layout.
func storedImage(src source, d v1.Descriptor) (v1.Image, error) {
	m, raw, err := readManifest(src, d)
	if err != nil {
		return nil, err
	}
	config, err := readBlob(src, m.Config)
	if err != nil {
		return nil, err
	}
	mediaType := d.MediaType
	if mediaType == "" {
		mediaType = types.OCIManifestSchema1
	}
	return partial.CompressedToImage(&stored{
		mediaType: mediaType, manifest: m, raw: raw, config: config,
		open: func(d v1.Descriptor) (io.ReadCloser, error) { return openBlob(src, d.Digest) },
	})
}
