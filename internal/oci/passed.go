package oci

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Annotations of an index's entry for what BuildKit says of an image's build.
// https://docs.docker.com/build/metadata/attestations/attestation-storage/
const (
	buildKitType   = "vnd.docker.reference.type"
	buildKitDigest = "vnd.docker.reference.digest"
	buildKitAttest = "attestation-manifest"
)

// passed is what was seen on the way from an index to an image.
type passed struct {
	others       []Other
	notes        []string
	attestations []v1.Descriptor
}

// Attestations are the manifests of BuildKit's attestations (SLSA provenance, an
// SBOM) about the image, as the index names them. Nobody signed them: they are
// what the index says that somebody said.
func (i *Image) Attestations() []v1.Descriptor { return i.attestations }

// by notes which of the entries was chosen.
func (p *passed) by(o Options, entries []v1.Descriptor, chosen v1.Descriptor) {
	p.others = append(p.others, o.others(entries, chosen)...)
	p.about(entries, chosen)
	var beside []string
	for _, d := range entries {
		if d.Digest != chosen.Digest && runnable(d) {
			beside = append(beside, platformName(d))
		}
	}
	if len(beside) > 0 && o.Digest == (v1.Hash{}) {
		slices.Sort(beside)
		p.notes = append(p.notes, fmt.Sprintf("of the index this is %s; it also has %s", platformName(chosen), some(slices.Compact(beside))))
	}
}

// about notes the attestations about the chosen image.
func (p *passed) about(entries []v1.Descriptor, chosen v1.Descriptor) {
	var names []string
	for _, d := range entries {
		if d.Annotations[buildKitType] == buildKitAttest && d.Annotations[buildKitDigest] == chosen.Digest.String() && !runnable(d) {
			p.attestations = append(p.attestations, d)
			names = append(names, d.Digest.String())
		}
	}
	switch len(names) {
	case 0:
	case 1:
		p.notes = append(p.notes, "the index has an attestation of the build, "+names[0]+": nobody signed it, and it decides nothing")
	default:
		p.notes = append(p.notes, fmt.Sprintf("the index has %d attestations of the build (%s): nobody signed them, and they decide nothing", len(names), some(names)))
	}
}

// some is a list for a sentence, without what nobody reads to its end.
func some(names []string) string {
	const enough = 12
	if len(names) > enough {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:enough], ", "), len(names)-enough)
	}
	return strings.Join(names, ", ")
}
