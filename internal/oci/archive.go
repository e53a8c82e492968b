package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/tallyman/tallyman/internal/limit"
)

// archiveEntry is one image of a docker-archive's manifest.json.
// https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
type archiveEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// openArchive opens an image that "docker save" or "podman save" wrote. They can
// write OCI layouts too, and one that calls itself nothing else is read as that.
func openArchive(ctx context.Context, ref Ref, opts Options) (*Image, error) {
	src, err := openTar(ctx, ref.Path, opts)
	if err != nil {
		return nil, layoutError(ref, err)
	}
	if !src.has("manifest.json") {
		return openTarImage(src, ref, opts)
	}
	return archiveFrom(src, ref, opts)
}

// archiveFrom opens an image of a docker-archive.
func archiveFrom(src *tarSource, ref Ref, opts Options) (*Image, error) {
	a := &archive{src: src, layers: map[string]v1.Descriptor{}}
	core, err := a.find(ref)
	if err != nil {
		return nil, layoutError(ref, err)
	}
	out := &Image{ref: ref}
	if out.image, err = partial.CompressedToImage(core); err != nil {
		return nil, layoutError(ref, err)
	}
	if out.digest, err = out.image.Digest(); err != nil {
		return nil, layoutError(ref, err)
	}
	if err := out.check(opts); err != nil {
		return nil, layoutError(ref, err)
	}
	return out, layoutError(ref, out.agrees(src, opts))
}

// called reports whether an image of an archive has the tag or name.
func (e *archiveEntry) called(name string) bool {
	return slices.ContainsFunc(e.RepoTags, func(t string) bool { return alike(t, name) > 0 })
}

// archive is a docker-archive.
type archive struct {
	src *tarSource
	// layers are those that were described, by name and diff ID: images share
	// them, and one that is compressed is hashed for it.
	layers map[string]v1.Descriptor
}

// find returns the image that ref names inside, or the only one.
func (a *archive) find(ref Ref) (*stored, error) {
	all, err := archiveEntries(a.src)
	if err != nil {
		return nil, err
	}
	found, asked := all, ref.inside()
	if asked != "" {
		found = closest(all, asked, func(e archiveEntry) []string { return e.RepoTags })
	}
	if digest := pin(asked); digest != "" && len(found) == 0 {
		return a.byDigest(all, digest)
	}
	if len(found) == 1 {
		return a.image(found[0])
	}
	if len(all) == 0 {
		return nil, &Error{Reason: ErrMediaType, Err: errors.New("the archive holds no image")}
	}
	none := len(found) == 0
	if none {
		found = all
	}
	images, err := a.called(found)
	if err != nil {
		return nil, err
	}
	if none {
		return nil, missing(asked, images)
	}
	return nil, several(ref, images)
}

// byDigest returns the image with this digest, which is that of its
// configuration (docker's image ID), or that by which reports call it.
func (a *archive) byDigest(all []archiveEntry, digest string) (*stored, error) {
	for _, e := range all {
		id, err := a.id(e)
		if err != nil {
			return nil, err
		}
		if id.String() == digest {
			return a.image(e)
		}
	}
	for _, e := range all {
		img, err := a.image(e)
		if err != nil {
			return nil, err
		}
		own, _, err := v1.SHA256(bytes.NewReader(img.raw))
		if err != nil {
			return nil, err
		}
		if own.String() == digest {
			return img, nil
		}
	}
	return nil, &Error{Reason: ErrNotFound, Err: fmt.Errorf("no image has the digest %s", digest)}
}

// id is the digest of an image's configuration.
func (a *archive) id(e archiveEntry) (v1.Hash, error) {
	raw, err := readFile(a.src, e.Config)
	if err != nil {
		return v1.Hash{}, err
	}
	id, _, err := v1.SHA256(bytes.NewReader(raw))
	return id, err
}

// called says how to ask for each.
func (a *archive) called(entries []archiveEntry) ([]called, error) {
	var out []called
	for _, e := range entries {
		id, err := a.id(e)
		if err != nil {
			return nil, err
		}
		out = append(out, called{names: e.RepoTags, digest: id})
	}
	return out, nil
}

// image describes an image of an archive by a manifest over the layers as they
// are stored.
func (a *archive) image(e archiveEntry) (*stored, error) {
	config, err := readFile(a.src, e.Config)
	if err != nil {
		return nil, err
	}
	parsed, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return nil, fmt.Errorf("configuration %q: %w", e.Config, err)
	}
	if len(e.Layers) != len(parsed.RootFS.DiffIDs) || len(e.Layers) > limit.ImageLayers {
		return nil, fmt.Errorf("%d layers in the archive, %d in its configuration", len(e.Layers), len(parsed.RootFS.DiffIDs))
	}
	hash, size, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, err
	}
	m := &v1.Manifest{
		SchemaVersion: 2, MediaType: types.DockerManifestSchema2,
		Config: v1.Descriptor{MediaType: types.DockerConfigJSON, Digest: hash, Size: size},
		Layers: []v1.Descriptor{},
	}
	names := map[v1.Hash]string{}
	for i, name := range e.Layers {
		d, err := a.layer(name, parsed.RootFS.DiffIDs[i])
		if err != nil {
			return nil, err
		}
		names[d.Digest] = name
		m.Layers = append(m.Layers, d)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return &stored{
		mediaType: m.MediaType, manifest: m, raw: raw, config: config,
		open: func(d v1.Descriptor) (io.ReadCloser, error) { return a.src.open(names[d.Digest]) },
	}, nil
}

// layer describes one layer, once.
func (a *archive) layer(name string, diffID v1.Hash) (v1.Descriptor, error) {
	key := name + " " + diffID.String()
	if d, ok := a.layers[key]; ok {
		return d, nil
	}
	d, err := archiveLayer(a.src, name, diffID)
	if err == nil {
		a.layers[key] = d
	}
	return d, err
}

// archiveLayer describes one layer. One that is not compressed has its diff ID
// for a digest, which is checked when it is read; others have to be hashed.
func archiveLayer(src *tarSource, name string, diffID v1.Hash) (v1.Descriptor, error) {
	at, err := src.find(name)
	if err != nil {
		return v1.Descriptor{}, err
	}
	r, err := src.open(name)
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer r.Close()
	head := make([]byte, 4)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return v1.Descriptor{}, fmt.Errorf("reading layer %q: %w", name, err)
	}
	if !compressed(head[:n]) {
		return v1.Descriptor{MediaType: types.DockerUncompressedLayer, Digest: diffID, Size: at.size}, nil
	}
	hash, size, err := v1.SHA256(io.MultiReader(bytes.NewReader(head[:n]), r))
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("reading layer %q: %w", name, err)
	}
	return v1.Descriptor{MediaType: types.DockerLayer, Digest: hash, Size: size}, nil
}

// compressed knows gzip and Zstandard by their first bytes.
func compressed(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd})
}
