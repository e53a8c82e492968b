package oci

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
)

// Descriptor describes the image's manifest: its media type, size and digest.
func (i *Image) Descriptor() (v1.Descriptor, error) {
	d, err := partial.Descriptor(i.image)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: i.digest}, nil
}

// Repository is the repository of a registry's image without tag and digest
// ("registry.example/team/app"), "" for an image that is elsewhere.
func (i *Image) Repository() string {
	if i.ref.Kind != KindRegistry {
		return ""
	}
	ref, err := name.ParseReference(strings.TrimPrefix(i.ref.Name, "registry:"))
	if err != nil {
		return ""
	}
	return ref.Context().Name()
}
