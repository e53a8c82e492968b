// Package attest says who vouches for an image. [Verify] looks for every
// signature and attestation of an image digest and says what came of checking
// each; [Sign] and [Attest] write them with a local key; [VSA] and
// [DecisionPredicate] turn a policy.Decision into a predicate, and
// [VerifyDecision] names the part of it that differs from a recomputation.
//
// Everything is read and written through a [Store]; the package opens no
// connection, fetches no trusted root and reads no clock. It understands four
// places in which cosign puts things:
//
//   - the tag sha256-HEX.sig, simple-signing payloads with the signature in an
//     annotation (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md);
//   - the tag sha256-HEX.att, DSSE envelopes with in-toto statements;
//   - referrers that hold a Sigstore bundle
//     (https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md);
//   - referrers of cosign's experimental OCI 1.1 mode, which hold the contents
//     of the two tags above.
//
// Each is made into a Sigstore bundle and goes through one verifier, that of
// sigstore-go, so that no format has a weaker check than another.
package attest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/policy"
)

// Store is where the signatures and attestations of one repository are kept: a
// registry or an OCI layout. What it returns is untrusted.
type Store interface {
	// Artifact returns the image-shaped artifact stored under a tag
	// ("sha256-<hex>.sig") or a digest ("sha256:<hex>"). The error wraps
	// fs.ErrNotExist when there is none, and only then.
	Artifact(ctx context.Context, tagOrDigest string) (v1.Image, error)
	// Referrers lists the descriptors of the manifests whose subject is
	// digest; empty when there are none.
	Referrers(ctx context.Context, digest v1.Hash) ([]v1.Descriptor, error)
	// Put stores an artifact under tag, or by its digest alone when tag is ""
	// (the subject of its manifest makes it a referrer).
	Put(ctx context.Context, tag string, img v1.Image) error
}

// Format is the way in which signatures and attestations are attached to an
// image. The zero value is not valid.
type Format string

// The formats. cosign reads only the bundles of a digest that has one, and the
// tags of a digest that has none; so a digest has one format, never both.
const (
	// FormatCosign is the tags sha256-HEX.sig and sha256-HEX.att, which every
	// cosign since v1 and the admission controllers read.
	FormatCosign Format = "cosign"
	// FormatBundle is a Sigstore bundle v0.3 in a referrer, which cosign v3
	// writes by default and v2.6 reads.
	FormatBundle Format = "bundle"
)

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case FormatCosign, FormatBundle:
		return f, nil
	}
	return "", fmt.Errorf("signature format %q is not known: choose %q or %q", name, FormatCosign, FormatBundle)
}

// Kinds of policy.Signature.
const (
	KindSignature   = "signature"
	KindAttestation = "attestation"
)

// Predicate types that tallyman writes or gives a meaning to.
const (
	// PredicateSignature is what makes a bundle a signature of an image.
	// https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
	PredicateSignature = "https://sigstore.dev/cosign/sign/v1"
	// PredicateCycloneDX is a CycloneDX document as JSON.
	// https://github.com/in-toto/attestation/blob/main/spec/predicates/cyclonedx.md
	PredicateCycloneDX = "https://cyclonedx.org/bom"
	// PredicateVSA is a SLSA verification summary.
	// https://slsa.dev/spec/v1.0/verification_summary
	PredicateVSA = "https://slsa.dev/verification_summary/v1"
	// PredicateDecision is a whole policy.Decision; see DecisionPredicate.
	PredicateDecision = "https://tallyman.dev/decision/v1"
)

// Media and artifact types, as cosign v2.6 and v3 write them.
const (
	mediaSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	mediaDSSE          = "application/vnd.dsse.envelope.v1+json"
	mediaInToto        = "application/vnd.in-toto+json"
	mediaBundle        = "application/vnd.dev.sigstore.bundle.v0.3+json"
	mediaBundlePrefix  = "application/vnd.dev.sigstore.bundle"
	mediaEmptyConfig   = "application/vnd.oci.empty.v1+json"
	mediaCosignOCI11   = "application/vnd.dev.cosign.artifact."
)

// ErrOtherFormat is wrapped by the error of Sign and Attest when the image
// already carries the other format.
var ErrOtherFormat = errors.New("the image already carries signatures or attestations in the other format")

// Subject is the image that a signature or attestation speaks of.
type Subject struct {
	// Descriptor has the digest of the image or index, sha256. MediaType and
	// Size are wanted for bundles; when MediaType is "" they are read from the
	// Store, which can do so for an image but not for an index.
	Descriptor v1.Descriptor
	// Reference is the repository without tag, digest and credentials
	// ("registry.example/team/app"), as the signature claims it. Any verifier
	// that we know of compares the digest, not this.
	Reference string
}

func (s Subject) validate() error {
	d := s.Descriptor.Digest
	if d.Algorithm != "sha256" || len(d.Hex) != 64 {
		return fmt.Errorf("image digest %q is not a sha256 digest: resolve the tag to a digest first", d.String())
	}
	return nil
}

// tagFor is where cosign keeps things of a digest; suffix is "sig" or "att".
func tagFor(digest v1.Hash, suffix string) string {
	return strings.ReplaceAll(digest.String(), ":", "-") + "." + suffix
}

// Signed says whether a signature of the image was verified. An attestation is
// a statement about an image (an SBOM of something bad is still true), so no
// attestation makes an image signed.
func Signed(found []policy.Signature) bool {
	for _, s := range found {
		if s.Kind == KindSignature && s.Status == policy.SignatureVerified {
			return true
		}
	}
	return false
}
