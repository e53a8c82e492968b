package policy

import (
	"slices"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// Base is the image that another one is built on. It is set only for a base
// that the user named and whose layers were found to be the lowest of the image,
// so that what an image says of itself makes nothing milder.
type Base struct {
	// Name is the reference as the user gave it, without credentials.
	Name string `json:"name"`
	// Digest is that of its manifest.
	Digest string `json:"digest"`
	// Layers is how many of the image's layers are the base's, from the lowest.
	Layers int `json:"layers"`
}

// ComponentFacts is a component with what follows from where it is.
type ComponentFacts struct {
	*sbom.Component
	// Base is true when all places of the component are in layers of the base
	// image, which Input.Image.Base names; false when that is not known.
	Base bool `json:"base"`
}

// VulnerabilityFacts is a finding with what follows from where it is.
type VulnerabilityFacts struct {
	*vuln.Finding
	// Base is true when all places of the finding are in layers of the base
	// image, which Input.Image.Base names; false when that is not known.
	Base bool `json:"base"`
}

// LintFinding is a lint finding with what follows from where it is.
type LintFinding struct {
	*lint.Finding
	// Base is true when it is about a file in a layer of the base image, which
	// Input.Image.Base names; false when that is not known.
	Base bool `json:"base"`
}

// baseLayers are the layers of an image's base, by digest.
type baseLayers map[string]bool

// newBaseLayers returns the layers of the base, and says so in the history. The
// base of an image that adds no layer is not told from the image itself, and
// what is in a layer that stands above the base too was added.
func newBaseLayers(image *Image) baseLayers {
	if image == nil {
		return nil
	}
	n := 0
	if b := image.Base; b != nil && b.Digest != "" && 0 < b.Layers && b.Layers < len(image.Layers) {
		n = b.Layers
	}
	if n == 0 {
		image.Base = nil
	}
	image.History = slices.Clone(image.History)
	for i := range image.History {
		image.History[i].Base = i < n && len(image.History) == len(image.Layers)
	}
	out := baseLayers{}
	for _, digest := range image.Layers[:n] {
		out[digest] = digest != ""
	}
	for _, digest := range image.Layers[n:] {
		delete(out, digest)
	}
	return out
}

// bring reports whether all places are in the base's layers. What is in no
// place is not.
func (b baseLayers) bring(places []sbom.Location) bool {
	return len(b) > 0 && len(places) > 0 && !slices.ContainsFunc(places, func(l sbom.Location) bool { return !b[l.Layer] })
}

// has reports whether a layer is the base's. A finding without one is about the
// image as a whole, which is whoever's who made it.
func (b baseLayers) has(layer string) bool { return b[layer] }

func (b baseLayers) lint(in []lint.Finding) []LintFinding {
	out := make([]LintFinding, len(in))
	for i := range in {
		out[i] = LintFinding{&in[i], b.has(in[i].Layer)}
	}
	return out
}

func (b baseLayers) components(in []sbom.Component) []ComponentFacts {
	out := make([]ComponentFacts, len(in))
	for i := range in {
		out[i] = ComponentFacts{&in[i], b.bring(in[i].Locations)}
	}
	return out
}

func (b baseLayers) findings(in []vuln.Finding) []VulnerabilityFacts {
	out := make([]VulnerabilityFacts, len(in))
	for i := range in {
		out[i] = VulnerabilityFacts{&in[i], b.bring(in[i].Locations)}
	}
	return out
}
