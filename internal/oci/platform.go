package oci

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// platform returns what Options ask for: Platform, else linux on this machine's
// architecture.
func (o Options) platform() (v1.Platform, error) {
	if o.Platform == "" {
		return v1.Platform{OS: "linux", Architecture: runtime.GOARCH}, nil
	}
	p, err := v1.ParsePlatform(o.Platform)
	if err != nil || p.OS == "" || p.Architecture == "" {
		return v1.Platform{}, fmt.Errorf("platform %q: write os/architecture[/variant], as in linux/arm64", o.Platform)
	}
	return *p, nil
}

// choose picks the entry of an index for the platform that o asks for. When
// nothing was asked for and the index has one platform only, it is that one.
func (o Options) choose(index *v1.IndexManifest) (v1.Descriptor, error) {
	if o.Digest != (v1.Hash{}) {
		return o.chooseDigest(index)
	}
	want, err := o.platform()
	if err != nil {
		return v1.Descriptor{}, err
	}
	// Not what an annotation calls an artifact beside a real platform: an engine
	// goes by the platform, and would run it.
	images := slices.DeleteFunc(slices.Clone(index.Manifests), func(d v1.Descriptor) bool { return !runnable(d) })
	for _, d := range images {
		if d.Platform != nil && d.Platform.Satisfies(want) {
			return d, nil
		}
	}
	if len(images) == 1 && (o.Platform == "" || images[0].Platform == nil) {
		return images[0], nil
	}
	return v1.Descriptor{}, &Error{Reason: ErrPlatform, Err: fmt.Errorf("%s; there is %s", want.String(), platforms(images)),
		Hint: platformHint(images)}
}

// platformHint says what to type for one of the images of an index.
func platformHint(images []v1.Descriptor) string {
	for _, d := range images {
		if d.Platform != nil && d.Platform.OS != "" {
			return "name one, as in --platform " + d.Platform.String() + "; audit, sbom and vuln take --platform all"
		}
	}
	return "name one by its digest"
}

// chooseDigest picks the entry with the digest that o asks for, whatever is
// said beside it; an index of one index leads on to that.
func (o Options) chooseDigest(index *v1.IndexManifest) (v1.Descriptor, error) {
	var inner []v1.Descriptor
	for _, d := range index.Manifests {
		if d.Digest == o.Digest {
			return d, nil
		}
		if isIndex(d.MediaType) {
			inner = append(inner, d)
		}
	}
	if len(inner) == 1 {
		return inner[0], nil
	}
	return v1.Descriptor{}, &Error{Reason: ErrPlatform, Err: fmt.Errorf("the index does not name %s", o.Digest)}
}

// platforms lists what an index has, for a message.
func platforms(images []v1.Descriptor) string {
	var names []string
	for _, d := range images {
		if d.Platform != nil {
			names = append(names, d.Platform.String())
		}
	}
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// notPlatform reports whether an entry of an index is not an image for some
// platform: BuildKit's attestations (platform unknown/unknown), signatures and
// other artifacts.
// https://docs.docker.com/build/metadata/attestations/attestation-storage/
func notPlatform(d v1.Descriptor) bool {
	if _, attestation := d.Annotations[buildKitType]; attestation {
		return true
	}
	if d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown" {
		return true
	}
	return isArtifact(d)
}

// isArtifact reports whether d is, by what the descriptor alone says, something
// other than a container image or an index of them.
func isArtifact(d v1.Descriptor) bool {
	if !isImage(d.MediaType) && !isIndex(d.MediaType) {
		return true
	}
	switch d.Annotations[cosignKind] {
	case cosignSigs, cosignAtts:
		return true
	}
	if d.ArtifactType != "" && !imageConfig(types.MediaType(d.ArtifactType)) {
		return true
	}
	return artifactTag.MatchString(lastTag(d.Annotations[refName]))
}

func isImage(t types.MediaType) bool {
	return t == types.OCIManifestSchema1 || t == types.DockerManifestSchema2
}

func isIndex(t types.MediaType) bool {
	return t == types.OCIImageIndex || t == types.DockerManifestList
}

func isSchema1(t types.MediaType) bool {
	return t == types.DockerManifestSchema1 || t == types.DockerManifestSchema1Signed
}

// imageConfig reports whether t is the media type of an image's configuration;
// that of a manifest without one is "".
func imageConfig(t types.MediaType) bool {
	return t == types.OCIConfigJSON || t == types.DockerConfigJSON
}

// checkPlatform reads the configuration and reports an image that is not for
// the platform asked for.
func (o Options) checkPlatform(img v1.Image) error {
	config, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading its configuration: %w", err)
	}
	if o.Platform == "" {
		return nil
	}
	want, err := o.platform()
	if err != nil {
		return err
	}
	got := v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	want.OSVersion, want.OSFeatures, want.Features = "", nil, nil
	if want.Variant != "" && got.Variant == "" {
		want.Variant = ""
	}
	if !got.Satisfies(want) {
		if got.OS+got.Architecture == "" {
			return &Error{Reason: ErrPlatform, Err: fmt.Errorf("%s; the image does not say which it is for", o.Platform)}
		}
		return &Error{Reason: ErrPlatform, Err: fmt.Errorf("%s; the image is for %s", o.Platform, got.String())}
	}
	return nil
}
