// Package oci opens container images wherever they are: in registries, in
// container engines, in OCI layouts, in archives. It is the only package that does. What it gives is a
// v1.Image whose bytes are checked against the digests that name them, and a
// [Repository] of the signatures and attestations beside it.
//
// [Parse] reads a reference, [Platforms] lists what it leads to and [Open] opens
// one of it. A tag is resolved to a digest once, in Open, and the digest is used
// from there on.
package oci

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
)

// Options are the optional parts of Open. The zero value is usable.
type Options struct {
	// Platform chooses from an index, "os/architecture[/variant]". When it is
	// "", it is linux on the architecture of this machine, or the only platform
	// that there is. An image for another platform than the one asked for is an
	// error.
	Platform string
	// Digest chooses the manifest of an index instead of Platform, as
	// [Platforms] lists it; the zero value leaves the choice to Platform. A
	// reference that leads to no index has nothing to choose from, and its image
	// has to be the one.
	Digest v1.Hash
	// Stdin is what "-" reads, nil for nothing.
	Stdin io.Reader
	// Spools keep archives that can be read only once. Without, such an archive
	// is an error.
	Spools *Spools
	// Getenv looks up the variables of the environment that say where container
	// engines are; nil means that none is set.
	Getenv func(string) string
	// Offline refuses registries.
	Offline bool
	// Insecure allows plain HTTP to every other machine than this one.
	Insecure bool
	// InsecureHosts are the registries ("host" or "host:port") to which plain
	// HTTP is allowed.
	InsecureHosts []string
	// Mirrors are asked before a registry.
	Mirrors []Mirror
	// Backoff is for registries that are busy.
	Backoff Backoff
	// Notify is told what takes time: pauses, broken transfers, mirrors that do
	// not answer. It may be called from several goroutines; nil for nobody.
	Notify func(string)
	// Transport is for registries; nil means remote.DefaultTransport, which
	// honours the proxy variables.
	Transport http.RoundTripper
	// Keychain has the credentials; nil means docker's configuration, which is
	// read when a registry asks.
	Keychain authn.Keychain
	// UserAgent is put before the library's own, "" for none.
	UserAgent string
}

// Image is an image that was found.
type Image struct {
	ref    Ref
	image  v1.Image
	digest v1.Hash
	index  v1.Descriptor
	store  *Repository
	passed
	// relay gives the layers of an image from a mirror, nil for others.
	relay *relay
	// repoDigests are what an engine says.
	repoDigests []string
}

// Open finds the image that ref names. It reads manifests and configuration;
// layers are read later, and ctx has to stay alive until then.
func Open(ctx context.Context, ref Ref, opts Options) (*Image, error) {
	if err := ref.valid(); err != nil {
		return nil, err
	}
	if _, err := opts.platform(); err != nil {
		return nil, err
	}
	var img *Image
	var err error
	switch ref.Kind {
	case KindLayout:
		img, err = openLayout(ctx, ref, opts)
	case KindDockerArchive:
		img, err = openArchive(ctx, ref, opts)
	case KindTar:
		img, err = openPacked(ctx, ref, opts)
	case KindStream:
		img, err = openStream(ctx, ref, opts)
	case KindDocker, KindPodman:
		img, err = openDaemon(ctx, ref, opts)
	default:
		img, err = openRegistry(ctx, ref, opts)
	}
	if err != nil {
		return nil, err
	}
	return img, nil
}

// Image returns the image itself.
func (i *Image) Image() v1.Image { return i.image }

// Ref returns the reference that was opened.
func (i *Image) Ref() Ref { return i.ref }

// Name is for display; it holds no credentials.
func (i *Image) Name() string { return i.ref.String() }

// Kind says where the image is.
func (i *Image) Kind() Kind { return i.ref.Kind }

// Digest is the digest of the image's manifest, for one platform. A
// docker-archive has no manifest; its digest is that of the one that describes
// the layers as they are stored there.
func (i *Image) Digest() v1.Hash { return i.digest }

// RepoDigests are the "repository@digest" under which a container engine says
// that registries know the image. That is its word: what was checked is Digest.
func (i *Image) RepoDigests() []string { return i.repoDigests }

// Notes say what led to the image: the mirror that had it, the platform that was
// chosen of an index, what an engine says of it; and, once layers were read, what
// a mirror did not give. They decide nothing.
func (i *Image) Notes() []string {
	if i.relay == nil {
		return i.notes
	}
	return slices.Concat(i.notes, i.relay.said())
}

// Index is the digest of the index that the reference led to first, the zero
// value if it led to the image. Signatures are often made over the index.
func (i *Image) Index() v1.Hash { return i.index.Digest }

// Store returns the repository of signatures and attestations beside the image.
// The error wraps ErrNoStore when there can be none.
func (i *Image) Store() (*Repository, error) {
	if i.store == nil {
		return nil, &Error{Ref: i.Name(), Reason: ErrNoStore, Hint: "use an OCI layout or a registry"}
	}
	return i.store, nil
}

// check reports what is not a container image, or not the one asked for.
func (i *Image) check(opts Options) error {
	m, err := i.image.Manifest()
	if err != nil {
		return err
	}
	if !imageConfig(m.Config.MediaType) {
		return &Error{Reason: ErrMediaType, Err: fmt.Errorf("its configuration is of type %q", m.Config.MediaType)}
	}
	if len(m.Layers) > limit.ImageLayers {
		return fmt.Errorf("%d layers: %w of %d", len(m.Layers), limit.ErrTooLarge, limit.ImageLayers)
	}
	if m.Config.Size > limit.OCIManifestBytes {
		return fmt.Errorf("its configuration: %w of %d bytes", limit.ErrTooLarge, limit.OCIManifestBytes)
	}
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if d.Size < 0 {
			return fmt.Errorf("the manifest says that %s has %d bytes", d.Digest, d.Size)
		}
	}
	if opts.Digest != (v1.Hash{}) {
		if i.digest != opts.Digest {
			return &Error{Reason: ErrPlatform, Err: fmt.Errorf("asked for %s; there is %s", opts.Digest, i.digest)}
		}
		return nil
	}
	return opts.checkPlatform(i.image)
}
