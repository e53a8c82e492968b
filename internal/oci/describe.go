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

// IndexDescriptor describes the index that the reference led to first; ok is
// false when it led to the image.
func (i *Image) IndexDescriptor() (d v1.Descriptor, ok bool) {
	return i.index, i.index.Digest != v1.Hash{}
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
