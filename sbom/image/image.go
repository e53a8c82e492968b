// Package image reads the packages of a container image out of its layers. It
// runs nothing of the image, unpacks nothing to disk and follows no link out
// of it: every layer is streamed once, the few files that matter are parsed on
// the way ([layerFacts]), and the facts of all layers are laid over one another
// as the OCI image specification says (whiteouts, opaque directories, later
// layers win).
// https://github.com/opencontainers/image-spec/blob/main/layer.md
//
// [Read] is the entry. What could not be read in a sound image is a Gap of its
// document; a layer that is damaged (its bytes are not those that the image's
// configuration names) is an error, never an inventory.
package image

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Options are the optional parts of Read. The zero value is usable.
type Options struct {
	// Name is the Document's name, "" for the image's manifest digest.
	Name string
	// Parallel is how many layers are read at once; 0 means as many as there
	// are processors, at most 4.
	Parallel int
	// Cache keeps what is read of layers and has what was; nil for none.
	Cache *Cache
}

// Inventory is what Read found.
type Inventory struct {
	// Document holds the components with the layer that brought each, the
	// layers with what the image's history says of each, and the gaps.
	Document *sbom.Document
	// Config are the facts of the image's configuration.
	Config Config
	// Distribution says what the image is made of. The zero value is an image
	// without os-release.
	Distribution Distribution
	// Layers are the layer digests ("sha256:...") from the base up.
	Layers []string
	// Unhistoried is true when the image has a history and it is not that of its
	// layers, so that it is told of none.
	Unhistoried bool
	// SizeBytes is the sum of the stored (usually compressed) layer sizes.
	SizeBytes int64
	// BaseName and BaseDigest are what the image says that it is built from, ""
	// when it does not say.
	// https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys
	BaseName, BaseDigest string
	// Left are the keys, credentials and repositories in any layer, sorted by
	// path.
	Left []LeftFile
	// Setuid are the paths of the files that run as another user or group than
	// who starts them.
	Setuid []string
	// Writable are the folders and code below the working directory that
	// everyone can write to.
	Writable []string
	// FileLocations are the paths of Setuid and Writable, sorted, each with the
	// layer that made it what it is; the first [limit.FilesLocated] of them.
	FileLocations []sbom.Location
	// Known is how many of the layers were in the cache, so that no byte of
	// them was read. It says nothing about the image.
	Known int
	// CacheError is why the cache could not be read or written, nil when it
	// could. The inventory is complete without it.
	CacheError error
}

// Read inventories img. It fails when the image's manifest, configuration or
// one of its layers cannot be read to its end or is not what its digest says.
//
// What a layer's Compressed returns may have a method Another() bool, which is
// asked when it could not be read to its end or was not what its digest says. It
// reports whether Compressed, called again, gives what somebody else has of the
// layer.
func Read(ctx context.Context, img v1.Image, opts Options) (*Inventory, error) {
	parts, err := split(img)
	if err != nil {
		return nil, err
	}
	scans := &scans{cache: opts.Cache}
	facts, err := scans.all(ctx, parts.layers, opts.Parallel)
	if err != nil {
		return nil, err
	}
	scans.failed(opts.Cache.prune())
	root, err := squash(ctx, facts)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", parts.digest, err)
	}
	root.pythonPath = pythonPath(parts.config.Config)
	inv := root.inventory(cmp.Or(opts.Name, parts.digest))
	inv.Config = newConfig(parts.config)
	inv.BaseName, inv.BaseDigest = parts.base(baseName), parts.base(baseDigest)
	inv.Left, inv.Setuid, inv.Writable = leftFiles(facts), root.setuid(), root.writable(inv.Config.WorkingDir)
	inv.FileLocations = root.modeLayers(slices.Concat(inv.Setuid, inv.Writable)...)
	if root.spent() {
		return nil, fmt.Errorf("image %s: finding its packages: %w", parts.digest, root.excess())
	}
	inv.Known, inv.CacheError = scans.known, scans.err
	inv.SizeBytes = parts.size
	inv.Document.Layers, inv.Unhistoried = parts.told()
	inv.Layers = make([]string, 0, len(parts.layers))
	for _, l := range parts.layers {
		inv.Layers = append(inv.Layers, l.digest)
	}
	return inv, nil
}

// layer is one layer and what the image says of it.
type layer struct {
	v1.Layer
	// digest is the digest of the stored bytes, diffID of the tar inside.
	digest, diffID string
	// size is that of the stored bytes.
	size int64
	// closed says why the layer is not to be read, "" when it is.
	closed string
}

// parts is an image taken apart.
type parts struct {
	digest string
	config *v1.ConfigFile
	layers []layer
	size   int64
	// annotations are those of the manifest.
	annotations map[string]string
}

// The annotations, and labels, that name an image's base.
const (
	baseName   = "org.opencontainers.image.base.name"
	baseDigest = "org.opencontainers.image.base.digest"
)

// base is what the image says of its base under a key: its manifest, where
// BuildKit writes it, before its labels.
func (p *parts) base(key string) string {
	return validText(cmp.Or(p.annotations[key], p.config.Config.Labels[key]))
}

// split reads manifest and configuration of img. The diff IDs of the
// configuration are what the layers are checked against, so their number must
// be that of the layers.
func split(img v1.Image) (*parts, error) {
	digest, err := img.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading the image manifest: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of image %s: %w", digest, err)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the layers of image %s: %w", digest, err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of image %s: %w", digest, err)
	}
	if len(layers) > limit.ImageLayers {
		return nil, fmt.Errorf("image %s has %d layers: %w of %d", digest, len(layers), limit.ErrTooLarge, limit.ImageLayers)
	}
	if len(layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("image %s is damaged: %d layers in its manifest, %d in its configuration",
			digest, len(layers), len(config.RootFS.DiffIDs))
	}
	p := &parts{digest: digest.String(), config: config, annotations: manifest.Annotations}
	for i, l := range layers {
		h, err := l.Digest()
		if err != nil {
			return nil, fmt.Errorf("reading layer %d of image %s: %w", i+1, digest, err)
		}
		size, err := l.Size()
		if err != nil {
			return nil, fmt.Errorf("reading layer %s: %w", h, err)
		}
		p.size += size
		one := layer{Layer: l, digest: h.String(), diffID: config.RootFS.DiffIDs[i].String(), size: size}
		if i < len(manifest.Layers) {
			one.closed = closed(manifest.Layers[i])
		}
		p.layers = append(p.layers, one)
	}
	return p, nil
}

// closed says why a layer cannot be read here, "" when it can. A foreign layer
// is somewhere else, at an address that the image's author chose, and it is not
// for a scanner to go there.
// https://github.com/opencontainers/image-spec/blob/main/layer.md#non-distributable-layers
func closed(d v1.Descriptor) string {
	switch {
	case !d.MediaType.IsDistributable(), len(d.URLs) > 0:
		return "a foreign layer, which is fetched from somewhere else than the image: it was not read"
	case strings.HasSuffix(string(d.MediaType), "+encrypted"):
		return "an encrypted layer, which was not read"
	}
	return ""
}
