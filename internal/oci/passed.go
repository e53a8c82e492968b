package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
)

// Annotations of an index's entry for what BuildKit says of an image's build.
// https://docs.docker.com/build/metadata/attestations/attestation-storage/
const (
	buildKitType   = "vnd.docker.reference.type"
	buildKitDigest = "vnd.docker.reference.digest"
	buildKitAttest = "attestation-manifest"
)

// predicateType annotates a layer of such a manifest with the type of the in-toto
// statement in it.
// https://docs.docker.com/build/metadata/attestations/attestation-storage/
const predicateType = "in-toto.io/predicate-type"

// passed is what was seen on the way from an index to an image.
type passed struct {
	others       []Other
	notes        []string
	attestations []Attestation
}

// Attestation is a manifest of BuildKit's attestations (SLSA provenance, an SBOM)
// about an image, as its index names it. Nobody signed it: it is what the index
// says that somebody said.
type Attestation struct {
	v1.Descriptor
	// Predicates are the types of the statements, sorted, as the manifest says; nil
	// when it was not read, as that of a registry is not, where it costs a request.
	Predicates []string
	// Problem is why the manifest could not be read, "" when it could or was not.
	Problem string
}

// Attestations are those about the image.
func (i *Image) Attestations() []Attestation { return i.attestations }

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

// about keeps the attestations about the chosen image.
func (p *passed) about(entries []v1.Descriptor, chosen v1.Descriptor) {
	for _, d := range entries {
		if d.Annotations[buildKitType] == buildKitAttest && d.Annotations[buildKitDigest] == chosen.Digest.String() && !runnable(d) {
			p.attestations = append(p.attestations, Attestation{Descriptor: d})
		}
	}
}

// attested notes the attestations, and what they are about when src, which holds
// them, is not nil.
func (p *passed) attested(src source) {
	var names, types []string
	for i := range p.attestations {
		a := &p.attestations[i]
		names = append(names, a.Digest.String())
		if src == nil || i == limit.Attestations {
			src = nil
			continue
		}
		a.read(src)
		if a.Problem != "" {
			types = append(types, "one that cannot be read: "+a.Problem)
		}
		types = append(types, a.Predicates...)
	}
	slices.Sort(types)
	about := ""
	if len(types) > 0 {
		about = " (" + some(slices.Compact(types)) + ")"
	}
	switch len(names) {
	case 0:
	case 1:
		p.notes = append(p.notes, "the index has an attestation of the build, "+names[0]+about+": nobody signed it, and it decides nothing")
	default:
		p.notes = append(p.notes, fmt.Sprintf("the index has %d attestations of the build, %s%s: nobody signed them, and they decide nothing", len(names), some(names), about))
	}
}

// read finds out what the statements are about.
func (a *Attestation) read(src source) {
	m, _, err := readManifest(src, a.Descriptor)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.Problem = "it is not there"
		return
	case err != nil:
		a.Problem = inLine(err)
		return
	}
	a.Predicates = []string{}
	for _, d := range m.Layers {
		if t := d.Annotations[predicateType]; t != "" && len(t) <= limit.PredicateTypeBytes {
			a.Predicates = append(a.Predicates, t)
		}
	}
	slices.Sort(a.Predicates)
	a.Predicates = slices.Compact(a.Predicates)
}

// some is a list for a sentence, without what nobody reads to its end.
func some(names []string) string {
	const enough = 12
	if len(names) > enough {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:enough], ", "), len(names)-enough)
	}
	return strings.Join(names, ", ")
}
