package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
	dockerfilereader "github.com/tallyman/tallyman/sbom/dockerfile"
	"github.com/tallyman/tallyman/sbom/image"
)

// BaseImage is an image that others may be built on.
type BaseImage struct {
	// Name is how the user named it, without credentials.
	Name string
	// Digest is that of its manifest, Index that of the index that names it for
	// its platform, "" for none.
	Digest, Index string
	// DiffIDs are those of its layers, from the lowest.
	// https://github.com/opencontainers/image-spec/blob/main/config.md#layer-diffid
	DiffIDs []string
}

// under returns how many of an image's layers are the base's when they are the
// lowest of it and not all, 0 when they are not.
func (b *BaseImage) under(layers []sbom.Layer) int {
	n := len(b.DiffIDs)
	if n == 0 || n >= len(layers) {
		return 0
	}
	for i, id := range b.DiffIDs {
		if id == "" || id != layers[i].DiffID {
			return 0
		}
	}
	return n
}

// claimed reports whether an image says by digest that it is built on the base.
func (b *BaseImage) claimed(i *image.Inventory) bool {
	return i.BaseDigest != "" && (i.BaseDigest == b.Digest || i.BaseDigest == b.Index)
}

// Base is what is known of the base of an image. Nothing is decided by it: what
// is, is in policy.Image.
type Base struct {
	// Name and Digest are the base's, as far as they are known.
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"`
	// Layers is how many of the image's layers are the base's, 0 when that is
	// not known.
	Layers int `json:"layers"`
	// Known says how the base is known.
	Known BaseKnown `json:"known"`
	// Claimed is true when the image says so itself.
	Claimed bool `json:"claimed"`
}

// BaseKnown says how the base of an image is known.
type BaseKnown string

// The ways, the most trustworthy first.
const (
	// BaseNamed: the user named it, and its layers are the lowest of the image.
	BaseNamed BaseKnown = "named"
	// BaseSeen: its layers are the lowest of the image, and it is an image that
	// was read before on this machine.
	BaseSeen BaseKnown = "seen"
	// BaseBuilt: the last stage of a Dockerfile begins with it, and by the history
	// of the image everything else is of that Dockerfile.
	BaseBuilt BaseKnown = "dockerfile"
	// BaseClaimed: the image says so, and nobody checked it.
	BaseClaimed BaseKnown = "claimed"
)

// attribution is what is known of where an image's layers are from.
type attribution struct {
	// layers are the image's, with the instructions that made them.
	layers []sbom.Layer
	// base is the one that counts for the decision, nil for none.
	base *policy.Base
	// known is the base for a person, nil when nothing is known of one.
	known *Base
	// refuted is the base that the image says it is built on, of the images that
	// the user named, and is not; "" for none.
	refuted string
	notes   []string
}

// attribute says of each layer which instruction of the folder's Dockerfiles
// made it, and finds the base.
func (a *Auditor) attribute(ctx context.Context, t Target, s *source, i *image.Inventory) (*attribution, error) {
	out := &attribution{layers: i.Document.Layers}
	made := s.origins(t.Folder, out.layers)
	var named []BaseImage
	if a.Bases != nil {
		var err error
		if named, err = a.Bases(ctx, platform(i.Config), a.Layers); err != nil {
			return nil, err
		}
	}
	for k := range named {
		if named[k].claimed(i) && named[k].under(out.layers) == 0 {
			out.refuted = cmp.Or(i.BaseName, i.BaseDigest)
		}
	}
	best, n := longest(named, out.layers)
	if best == nil {
		if len(named) > 0 {
			out.notes = append(out.notes, notUnder(named))
		}
		out.known = cmp.Or(seen(a.Layers.Under(out.layers), i), supposed(i, made))
		return out, nil
	}
	for k := range n {
		out.layers[k].Base = true
	}
	out.base = &policy.Base{Name: best.Name, Digest: best.Digest, Layers: n}
	out.known = &Base{Name: best.Name, Digest: best.Digest, Layers: n, Known: BaseNamed, Claimed: best.claimed(i)}
	return out, nil
}

// longest returns the base that has the most of the layers, nil when none has.
func longest(bases []BaseImage, layers []sbom.Layer) (best *BaseImage, n int) {
	for k := range bases {
		if m := bases[k].under(layers); m > n {
			best, n = &bases[k], m
		}
	}
	return best, n
}

// notUnder says that none of the images that the user named is the base.
func notUnder(named []BaseImage) string {
	var names []string
	for _, b := range named {
		names = append(names, b.Name)
	}
	return fmt.Sprintf("the image is not built on %s: its lowest layers are others, or it adds none to them", strings.Join(names, " or "))
}

// platform is what an image is for, "os/architecture", as a base for it is asked
// for.
func platform(c image.Config) string {
	if c.OS == "" || c.Architecture == "" {
		return ""
	}
	return c.OS + "/" + c.Architecture
}

// seen is the base that is one of the images that were read before, all with the
// same layers: the one that the image names, else the first.
func seen(images []image.Seen, i *image.Inventory) *Base {
	if len(images) == 0 {
		return nil
	}
	claims := func(s image.Seen) bool {
		return i.BaseDigest != "" && (i.BaseDigest == s.Digest || i.BaseDigest == s.Index)
	}
	at := max(slices.IndexFunc(images, claims), 0)
	return &Base{
		Name: images[at].Name, Digest: images[at].Digest, Layers: len(images[at].DiffIDs), Known: BaseSeen, Claimed: claims(images[at]),
	}
}

// remember keeps which layers the image has, for those that are built on it.
func (a *Auditor) remember(r *Report, layers []sbom.Layer) {
	one := image.Seen{Name: r.Target.Image, Digest: r.Target.ImageDigest, Index: r.Target.IndexDigest}
	for _, l := range layers {
		one.DiffIDs = append(one.DiffIDs, l.DiffID)
	}
	if err := a.Layers.Remember(one); err != nil {
		a.step("%v", err)
	}
}

// supposed is the base that somebody says there is: a Dockerfile, or the image.
func supposed(i *image.Inventory, made *origin) *Base {
	claimed := i.BaseName != "" || i.BaseDigest != ""
	switch {
	case made != nil && made.Base > 0 && made.from != "":
		return &Base{Name: made.from, Layers: made.Base, Known: BaseBuilt, Claimed: claimed && i.BaseName == made.from}
	case claimed:
		return &Base{Name: i.BaseName, Digest: i.BaseDigest, Known: BaseClaimed, Claimed: true}
	}
	return nil
}

// origin is what one Dockerfile says of an image's layers.
type origin struct {
	*dockerfilereader.Origins
	// from is what its last stage is built on.
	from string
}

// origins says in the layers which instructions made them, by the Dockerfile
// that made most of them; nil when there is none, or when two made as many.
func (s *source) origins(f *Folder, layers []sbom.Layer) *origin {
	if s == nil {
		return nil
	}
	var best *dockerfilereader.File
	var found *dockerfilereader.Origins
	most, twice := 0, false
	for _, name := range slices.Sorted(maps.Keys(s.dockerfiles)) {
		o := s.dockerfiles[name].Origins(layers)
		switch n := o.Found(); {
		case n > most:
			best, found, most, twice = s.dockerfiles[name], o, n, false
		case n > 0 && n == most:
			twice = true
		}
	}
	if best == nil || twice {
		return nil
	}
	dir := f.Dir
	if f.File != "" {
		dir = path.Dir(f.File)
	}
	for i, in := range found.Made {
		if in != nil {
			layers[i].File, layers[i].Line = relative(dir, best.Name), in.Line
		}
	}
	chain := best.Chain(best.Final())
	return &origin{Origins: found, from: sbom.RedactText(chain[len(chain)-1].Base.Text)}
}
