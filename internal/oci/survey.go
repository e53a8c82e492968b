package oci

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tallyman/tallyman/internal/limit"
)

// Survey is what a reference leads to, all platforms of it.
type Survey struct {
	// Digest is that of the manifest or index that the reference names.
	Digest v1.Hash
	// Images are the images behind it, in the order of the index. Platform is
	// "" for one that the reference names itself, or whose index does not say.
	Images []Other
	// Artifact says what there is when there is no image ("an artifact of type
	// ..."), "" otherwise.
	Artifact string
}

// Look lists the images that ref leads to without opening one. What is an image
// is told by the content of its manifest alone, its configuration and layers:
// neither a tag nor an annotation makes a manifest something else. What cannot
// be told is an error.
func Look(ctx context.Context, ref Ref, opts Options) (*Survey, error) {
	if err := ref.valid(); err != nil {
		return nil, err
	}
	if ref.Kind != KindRegistry {
		return lookLocal(ctx, ref, opts)
	}
	parsed, err := opts.parse(ref.Name)
	if err != nil {
		return nil, err
	}
	var out *Survey
	_, err = opts.elsewhere(ctx, parsed, func(place name.Reference) error {
		reader, err := opts.session(ctx, ref.Name, place.Context())
		if err != nil {
			return registryError(ref.String(), place.Context().RegistryStr(), err)
		}
		l := &looker{fetch: fetchRemote(place, reader.reading(ctx)), left: limit.ManifestListEntries}
		if err := l.look(v1.Descriptor{}, 0); err != nil {
			return registryError(ref.String(), place.Context().RegistryStr(), layoutErrorRef(ref, err))
		}
		out = l.survey()
		return nil
	})
	return out, err
}

// fetchRemote reads manifests of ref's repository, by digest; that of ref
// itself is asked for by a descriptor without one.
func fetchRemote(ref name.Reference, options []remote.Option) func(v1.Descriptor) (v1.Descriptor, []byte, error) {
	return func(d v1.Descriptor) (v1.Descriptor, []byte, error) {
		at := ref
		if d.Digest != (v1.Hash{}) {
			at = ref.Context().Digest(d.Digest.String())
		}
		got, err := remote.Get(at, options...)
		if err != nil {
			return v1.Descriptor{}, nil, err
		}
		return got.Descriptor, got.Manifest, nil
	}
}

// lookLocal surveys a layout or an archive, of which one image can be named.
func lookLocal(ctx context.Context, ref Ref, opts Options) (*Survey, error) {
	img, err := Open(ctx, ref, opts)
	if err != nil {
		return nil, err
	}
	config, err := img.image.ConfigFile()
	if err != nil {
		return nil, err
	}
	own := Other{Digest: img.digest}
	if len(img.others) > 0 {
		own.Platform = platformName(v1.Descriptor{Platform: config.Platform()})
	}
	out := &Survey{Digest: img.digest, Images: []Other{own}}
	for _, o := range img.others {
		if !o.Absent {
			out.Images = append(out.Images, o)
		}
	}
	return out, nil
}

// looker walks what one reference leads to.
type looker struct {
	// fetch reads a manifest or an index, and says what it is.
	fetch func(v1.Descriptor) (v1.Descriptor, []byte, error)
	// absent reports an image that an index names and that is not there; nil
	// when that cannot be.
	absent func(v1.Hash) bool
	left   int
	out    Survey
}

// survey is what was found.
func (l *looker) survey() *Survey {
	if len(l.out.Images) == 0 {
		l.out.Artifact = cmp.Or(l.out.Artifact, "an index without images")
	}
	return &l.out
}

func (l *looker) look(at v1.Descriptor, depth int) error {
	if l.left--; l.left < 0 {
		return fmt.Errorf("its indexes: %w of %d manifests", limit.ErrTooLarge, limit.ManifestListEntries)
	}
	d, raw, err := l.fetch(at)
	if err != nil {
		return err
	}
	if depth == 0 {
		l.out.Digest = d.Digest
	}
	if !isIndex(d.MediaType) {
		return l.manifest(d, raw)
	}
	if depth == maxIndexDepth {
		return fmt.Errorf("indexes nested deeper than %d", maxIndexDepth)
	}
	index, err := parseIndex(raw, d.Digest.String())
	if err != nil {
		return err
	}
	for _, e := range index.Manifests {
		if err := l.entry(e, depth); err != nil {
			return err
		}
	}
	return nil
}

// entry takes an entry that names its platform for the image that a machine
// would take it for, and looks at every other one.
func (l *looker) entry(e v1.Descriptor, depth int) error {
	named := e.Platform != nil && e.Platform.OS+e.Platform.Architecture != ""
	switch {
	case named && !runnable(e):
		return nil
	case named && isImage(e.MediaType):
		l.add(Other{Digest: e.Digest, Platform: platformName(e)})
		return nil
	case !isImage(e.MediaType) && !isIndex(e.MediaType):
		return nil
	case l.absent != nil && l.absent(e.Digest):
		l.out.Images = append(l.out.Images, Other{Digest: e.Digest, Platform: platformName(e), Absent: true})
		return nil
	}
	return l.look(e, depth+1)
}

func (l *looker) add(o Other) {
	o.Absent = l.absent != nil && l.absent(o.Digest)
	l.out.Images = append(l.out.Images, o)
}

// manifest judges a manifest by its content.
func (l *looker) manifest(d v1.Descriptor, raw []byte) error {
	if err := imageType(d.MediaType); err != nil {
		return err
	}
	m := &v1.Manifest{}
	if err := json.Unmarshal(raw, m); err != nil {
		return fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	if kind := artifactKind(m); kind != "" {
		l.out.Artifact = "an artifact of type " + kind
		return nil
	}
	l.add(Other{Digest: d.Digest})
	return nil
}

// artifactKind is the type of what no machine can run, "" for an image: one
// has an image's configuration, and a layer that is an archive, or none at all.
// A signature that cosign stores has the configuration and layers of JSON.
// https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#storage
func artifactKind(m *v1.Manifest) string {
	if !imageConfig(m.Config.MediaType) {
		return cmp.Or(m.ArtifactType, string(m.Config.MediaType), "unknown")
	}
	for _, layer := range m.Layers {
		if layer.MediaType == "" || strings.Contains(string(layer.MediaType), "tar") {
			return ""
		}
	}
	if len(m.Layers) == 0 {
		return ""
	}
	return string(m.Layers[0].MediaType)
}
