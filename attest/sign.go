package attest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/policy"
)

// Written says what Sign or Attest did.
type Written struct {
	// Tag is where it stands, "" for a referrer.
	Tag string
	// Digest is the manifest that holds it, "" when Existing is true.
	Digest string
	// Existing is true when the same key had said the same before, so that
	// nothing was written.
	Existing bool
}

// Sign signs the image by digest. Signing again with the same key writes
// nothing. The error wraps ErrOtherFormat when the image already carries the
// other format. No transparency log entry is made.
//
// In the tag format the entry is added to those that are there: two that sign
// one image at the same moment may lose one entry, as with cosign.
func Sign(ctx context.Context, store Store, subject Subject, signer *Signer, format Format) (Written, error) {
	there, err := begin(ctx, store, subject, format)
	if err != nil {
		return Written{}, err
	}
	if format == FormatCosign {
		payload, err := newSimpleSigning(subject)
		if err != nil {
			return Written{}, err
		}
		return addToTag(ctx, store, subject, "sig", payload, signer)
	}
	statement, err := NewStatement(subject, PredicateSignature, []byte("{}"))
	if err != nil {
		return Written{}, err
	}
	return addBundle(ctx, store, subject, there, statement, signer)
}

// Attest signs the statement that predicate, a JSON object of predicateType,
// holds of the image. Attesting the same bytes again with the same key writes
// nothing; another predicate of the same type is added, and readers take the
// newest. The errors are those of Sign.
func Attest(ctx context.Context, store Store, subject Subject, predicateType string, predicate []byte, signer *Signer, format Format) (Written, error) {
	statement, err := NewStatement(subject, predicateType, predicate)
	if err != nil {
		return Written{}, err
	}
	if predicateType == PredicateSignature {
		return Written{}, fmt.Errorf("predicate type %q is a signature, not an attestation: use sign", predicateType)
	}
	there, err := begin(ctx, store, subject, format)
	if err != nil {
		return Written{}, err
	}
	if format == FormatCosign {
		payload, err := json.Marshal(statement)
		if err != nil {
			return Written{}, fmt.Errorf("encoding the statement about %q: %w", subject.Descriptor.Digest, err)
		}
		return addToTag(ctx, store, subject, "att", payload, signer)
	}
	return addBundle(ctx, store, subject, there, statement, signer)
}

// begin checks the arguments and that the image does not carry the other
// format, and returns what it carries.
func begin(ctx context.Context, store Store, subject Subject, format Format) ([]entry, error) {
	if err := subject.validate(); err != nil {
		return nil, err
	}
	if _, err := ParseFormat(string(format)); err != nil {
		return nil, err
	}
	digest := subject.Descriptor.Digest
	found := find(ctx, store, digest)
	if len(found.errs) > 0 {
		return nil, fmt.Errorf("cannot tell what %q carries already, so nothing was written: %w", digest, errors.Join(found.errs...))
	}
	for _, e := range found.entries {
		if e.format() != format {
			return nil, fmt.Errorf("%w: %s has format %q: sign and attest with --format %s, or remove it first",
				ErrOtherFormat, e.where, e.format(), e.format())
		}
	}
	return found.entries, nil
}

// addToTag appends one entry to the artifact under the tag, unless the signer
// made the same entry before.
func addToTag(ctx context.Context, store Store, subject Subject, suffix string, payload []byte, signer *Signer) (Written, error) {
	digest := subject.Descriptor.Digest
	tag := tagFor(digest, suffix)
	base, err := store.Artifact(ctx, tag)
	if errors.Is(err, fs.ErrNotExist) {
		base, err = emptyArtifact()
	}
	if err != nil {
		return Written{}, fmt.Errorf("reading tag %q: %w", tag, err)
	}
	var there search
	there.layers(base, "tag "+tag)
	kind := KindAttestation
	if suffix == "sig" {
		kind = KindSignature
	}
	if signer.made(there.entries, digest, kind, payload) {
		return Written{Tag: tag, Existing: true}, nil
	}
	layer, err := newTagLayer(suffix, payload, signer)
	if err != nil {
		return Written{}, err
	}
	img, err := layer.appendTo(base)
	if err != nil {
		return Written{}, fmt.Errorf("adding to tag %q: %w", tag, err)
	}
	return put(ctx, store, tag, img)
}

func addBundle(ctx context.Context, store Store, subject Subject, there []entry, statement Statement, signer *Signer) (Written, error) {
	payload, err := json.Marshal(statement)
	if err != nil {
		return Written{}, fmt.Errorf("encoding the statement about %q: %w", subject.Descriptor.Digest, err)
	}
	digest := subject.Descriptor.Digest
	kind := KindAttestation
	if statement.PredicateType == PredicateSignature {
		kind = KindSignature
	}
	if signer.made(there, digest, kind, payload) {
		return Written{Existing: true}, nil
	}
	described, err := describe(ctx, store, subject)
	if err != nil {
		return Written{}, err
	}
	img, err := newBundleArtifact(described, statement.PredicateType, payload, signer)
	if err != nil {
		return Written{}, err
	}
	return put(ctx, store, "", img)
}

func put(ctx context.Context, store Store, tag string, img v1.Image) (Written, error) {
	digest, err := img.Digest()
	if err != nil {
		return Written{}, fmt.Errorf("hashing what is to be written: %w", err)
	}
	if err := store.Put(ctx, tag, img); err != nil {
		return Written{}, fmt.Errorf("writing %q: %w", cmp.Or(tag, digest.String()), err)
	}
	return Written{Tag: tag, Digest: digest.String()}, nil
}

// made says whether the signer has signed payload before, among entries. Of a
// signature only the meaning counts, so that one by cosign with the same key
// is not doubled either.
func (s *Signer) made(entries []entry, digest v1.Hash, kind string, payload []byte) bool {
	check := &checker{keys: []publicKey{s.key}}
	return slices.ContainsFunc(entries, func(e entry) bool {
		r := check.entry(e, digest)
		if r.Status != policy.SignatureVerified || r.Kind != kind {
			return false
		}
		if kind == KindSignature {
			return true
		}
		body, err := parseEntry(e)
		return err == nil && string(body.payload) == string(payload)
	})
}

// describe completes the subject's descriptor, which a referrer must hold.
// https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md#image-manifest-property-descriptions
func describe(ctx context.Context, store Store, subject Subject) (v1.Descriptor, error) {
	d := subject.Descriptor
	if d.MediaType != "" && d.Size > 0 {
		return v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}, nil
	}
	img, err := store.Artifact(ctx, d.Digest.String())
	if err != nil {
		return d, fmt.Errorf("reading the image %q that a bundle refers to: %w", d.Digest, err)
	}
	raw, err := img.RawManifest()
	if err != nil {
		return d, fmt.Errorf("reading the manifest of %q: %w", d.Digest, err)
	}
	media, err := img.MediaType()
	if err != nil {
		return d, fmt.Errorf("reading the media type of %q: %w", d.Digest, err)
	}
	return v1.Descriptor{MediaType: media, Size: int64(len(raw)), Digest: d.Digest}, nil
}
