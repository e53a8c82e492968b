package oci

import (
	"cmp"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Other is an image of an index that was passed by.
type Other struct {
	// Digest names its manifest, or an index of more of them.
	Digest v1.Hash
	// Platform is "os/architecture[/variant][:version]", "an unnamed platform"
	// when the index does not say.
	Platform string
	// Absent is true in a layout that does not hold the manifest: an export of
	// one platform keeps the names of the others.
	Absent bool
}

// Others are the images of the index that led to this one which nobody looked
// at, in the index's order. There are none when the reference led straight to
// the image, and none when Options asked for this one.
func (i *Image) Others() []Other { return i.others }

// others are the entries beside the chosen one that a machine might run.
func (o Options) others(entries []v1.Descriptor, chosen v1.Descriptor) []Other {
	var out []Other
	for _, d := range entries {
		if o.Platform == "" && o.Digest == (v1.Hash{}) && d.Digest != chosen.Digest && runnable(d) {
			out = append(out, Other{Digest: d.Digest, Platform: platformName(d)})
		}
	}
	return out
}

// runnable reports whether a machine might take the entry d of an index for an
// image of its own. Machines go by the platform, so an annotation or artifact
// type beside a real platform makes nobody pass an entry by.
func runnable(d v1.Descriptor) bool {
	if !isImage(d.MediaType) && !isIndex(d.MediaType) {
		return false
	}
	if d.Platform == nil || d.Platform.OS == "" && d.Platform.Architecture == "" {
		return !notPlatform(d)
	}
	return d.Platform.OS != "unknown" || d.Platform.Architecture != "unknown"
}

func platformName(d v1.Descriptor) string {
	if d.Platform == nil {
		return "an unnamed platform"
	}
	return cmp.Or(d.Platform.String(), "an unnamed platform")
}
