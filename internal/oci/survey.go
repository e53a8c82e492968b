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
	parsed, err := name.ParseReference(ref.Name, opts.nameOptions()...)
	if err != nil {
		return nil, err
	}
	options, err := opts.remote(ctx, ref.Name)
	if err != nil {
		return nil, err
	}
	l := &looker{repo: parsed.Context(), options: options, left: limit.ManifestListEntries}
	if err := l.look(parsed, "", 0); err != nil {
		return nil, registryError(ref.String(), l.repo.RegistryStr(), layoutErrorRef(ref, err))
	}
	if len(l.out.Images) == 0 {
		l.out.Artifact = cmp.Or(l.out.Artifact, "an index without images")
	}
	return &l.out, nil
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

// looker walks one reference of a registry.
type looker struct {
	repo    name.Repository
	options []remote.Option
	left    int
	out     Survey
}

func (l *looker) look(ref name.Reference, platform string, depth int) error {
	if l.left--; l.left < 0 {
		return fmt.Errorf("its indexes: %w of %d manifests", limit.ErrTooLarge, limit.ManifestListEntries)
	}
	d, err := remote.Get(ref, l.options...)
	if err != nil {
		return err
	}
	if depth == 0 {
		l.out.Digest = d.Digest
	}
	if !isIndex(d.MediaType) {
		return l.manifest(d, platform)
	}
	if depth == maxIndexDepth {
		return fmt.Errorf("indexes nested deeper than %d", maxIndexDepth)
	}
	index, err := parseIndex(d.Manifest, d.Digest.String())
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
		l.out.Images = append(l.out.Images, Other{Digest: e.Digest, Platform: platformName(e)})
		return nil
	case !isImage(e.MediaType) && !isIndex(e.MediaType):
		return nil
	}
	return l.look(l.repo.Digest(e.Digest.String()), "", depth+1)
}

// manifest judges a manifest by its content.
func (l *looker) manifest(d *remote.Descriptor, platform string) error {
	if err := imageType(d.MediaType); err != nil {
		return err
	}
	m := &v1.Manifest{}
	if err := json.Unmarshal(d.Manifest, m); err != nil {
		return fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	if kind := artifactKind(m); kind != "" {
		l.out.Artifact = "an artifact of type " + kind
		return nil
	}
	l.out.Images = append(l.out.Images, Other{Digest: d.Digest, Platform: platform})
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
