package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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
	entry, err := archiveFind(src, ref.inside())
	if err != nil {
		return nil, layoutError(ref, err)
	}
	core, err := archiveImage(src, entry)
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

// called reports whether an image of an archive has the tag name.
func (e *archiveEntry) called(name string) bool {
	return slices.ContainsFunc(e.RepoTags, func(t string) bool { return t == name || lastTag(t) == name })
}

// archiveFind returns the image that name names, "" for the only one.
func archiveFind(src source, name string) (archiveEntry, error) {
	entries, err := archiveEntries(src)
	if err != nil {
		return archiveEntry{}, err
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.RepoTags...)
	}
	if name != "" {
		entries = slices.DeleteFunc(entries, func(e archiveEntry) bool { return !e.called(name) })
	}
	switch len(entries) {
	case 1:
		return entries[0], nil
	case 0:
		return archiveEntry{}, fmt.Errorf("tag %q: %w; there is %q", name, ErrNotFound, all)
	}
	return archiveEntry{}, &Error{Reason: ErrAmbiguous, Err: errors.New(strings.Join(all, ", ")), Hint: "name one with docker-archive:PATH:TAG"}
}

// archiveImage describes an image of an archive by a manifest over the layers
// as they are stored.
func archiveImage(src *tarSource, e archiveEntry) (*stored, error) {
	config, err := readFile(src, e.Config)
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
		d, err := archiveLayer(src, name, parsed.RootFS.DiffIDs[i])
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
		open: func(d v1.Descriptor) (io.ReadCloser, error) { return src.open(names[d.Digest]) },
	}, nil
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
