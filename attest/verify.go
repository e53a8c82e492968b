package attest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/tallyman/tallyman/policy"
)

// Verify looks for every signature and attestation of digest and returns one
// policy.Signature for each, signatures first, the verified of them before all;
// never an empty list. An error means that nothing could be begun: unreadable
// keys, a bad expression, a cancelled context.
//
// The statuses:
//
//   - verified: a given key or identity signed it, and it speaks of digest.
//   - failed: none did, or it speaks of another image, or it is damaged, and
//     nothing else of its kind makes up for it.
//   - unchecked: Options trust nobody; or it does not verify, but a signature
//     of the image does. An image may carry signatures of others, and who can
//     push one more must not be able to break the image for those who check
//     it; as with cosign, one verified signature is success. The Reason
//     says what was wrong, so that nothing is hidden. In the same way an
//     attestation that does not verify is unchecked beside a verified one of
//     the same predicate type.
//   - missing: the search succeeded and found no signature; an entry of its
//     own, also when there are attestations.
//   - error: a place could not be searched, or there is no trusted root, and
//     no signature is verified: nothing that stands in that place could undo
//     one, so that beside a verified signature it is unchecked.
func Verify(ctx context.Context, store Store, digest v1.Hash, o Options) ([]policy.Signature, error) {
	results, err := inspect(ctx, store, digest, o)
	if err != nil {
		return nil, err
	}
	found := make([]policy.Signature, len(results))
	for i, r := range results {
		found[i] = r.Signature
	}
	return found, nil
}

// Attestation is a verified statement.
type Attestation struct {
	policy.Signature
	Statement Statement
}

// ErrNoAttestation is wrapped by the error of Attestations when none verified.
var ErrNoAttestation = errors.New("no verified attestation")

// Attestations returns the verified statements about digest of one predicate
// type, or an error that wraps ErrNoAttestation and says what there was
// instead.
func Attestations(ctx context.Context, store Store, digest v1.Hash, predicateType string, o Options) ([]Attestation, error) {
	results, err := inspect(ctx, store, digest, o)
	if err != nil {
		return nil, err
	}
	var verified []Attestation
	var instead []string
	for _, r := range results {
		switch {
		case r.PredicateType == predicateType && r.Status == policy.SignatureVerified:
			verified = append(verified, Attestation{r.Signature, r.statement})
		case r.PredicateType == predicateType, r.PredicateType == "" && (r.Kind == KindAttestation || r.Status != policy.SignatureMissing && r.Format == ""):
			instead = append(instead, string(r.Status)+": "+r.Reason)
		}
	}
	if len(verified) == 0 {
		if len(instead) == 0 {
			instead = []string{"the image carries none"}
		}
		return nil, fmt.Errorf("%w of type %q about %q: %s", ErrNoAttestation, predicateType, digest, strings.Join(instead, "; "))
	}
	return verified, nil
}

// result is one thing found and what came of checking it.
type result struct {
	policy.Signature
	statement Statement
}

func inspect(ctx context.Context, store Store, digest v1.Hash, o Options) ([]result, error) {
	if err := (Subject{Descriptor: v1.Descriptor{Digest: digest}}).validate(); err != nil {
		return nil, err
	}
	check, err := newChecker(o)
	if err != nil {
		return nil, err
	}
	found := find(ctx, store, digest)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("looking for signatures of %q: %w", digest, err)
	}
	var results []result
	for _, e := range found.entries {
		results = append(results, check.entry(e, digest))
	}
	for _, err := range found.errs {
		results = append(results, result{Signature: policy.Signature{
			Status: policy.SignatureError, Kind: KindSignature, Subject: digest.String(), Reason: err.Error(),
		}})
	}
	settle(results)
	if len(found.errs) == 0 && !slices.ContainsFunc(results, func(r result) bool { return r.Kind == KindSignature }) {
		results = append(results, missing(digest, len(results)))
	}
	slices.SortFunc(results, compareResults)
	return results, nil
}

func missing(digest v1.Hash, others int) result {
	reason := fmt.Sprintf("there is no tag %s, and no referrer of %s holds a Sigstore bundle of type %s",
		tagFor(digest, "sig"), digest, PredicateSignature)
	if others > 0 {
		reason += fmt.Sprintf("; the image carries %d attestations, which are statements about it and no signature of it", others)
	}
	return result{Signature: policy.Signature{
		Status: policy.SignatureMissing, Kind: KindSignature, Subject: digest.String(), Reason: reason,
	}}
}

// statusRank is the order in which statuses are listed.
func statusRank(s policy.SignatureStatus) int {
	return slices.Index([]policy.SignatureStatus{
		policy.SignatureVerified, policy.SignatureFailed, policy.SignatureMissing, policy.SignatureError, policy.SignatureUnchecked,
	}, s)
}

func compareResults(a, b result) int {
	return cmp.Or(
		-cmp.Compare(a.Kind, b.Kind), // signatures first
		cmp.Compare(statusRank(a.Status), statusRank(b.Status)),
		cmp.Compare(a.PredicateType, b.PredicateType),
		cmp.Compare(a.Format, b.Format),
		cmp.Compare(a.Signer, b.Signer),
		cmp.Compare(a.Digest, b.Digest),
		cmp.Compare(a.Reason, b.Reason),
	)
}

// settle turns failed and error into unchecked where something verified makes
// up for it; see Verify.
func settle(results []result) {
	signed := slices.ContainsFunc(results, func(r result) bool {
		return r.Kind == KindSignature && r.Status == policy.SignatureVerified
	})
	attested := map[string]bool{}
	for _, r := range results {
		if r.Kind == KindAttestation && r.Status == policy.SignatureVerified {
			attested[r.PredicateType] = true
		}
	}
	for i := range results {
		r := &results[i]
		if r.Status != policy.SignatureFailed && r.Status != policy.SignatureError {
			continue
		}
		switch {
		case signed:
			r.Status = policy.SignatureUnchecked
			r.Reason = "does not count, a verified signature does: " + r.Reason
		case r.Kind == KindAttestation && attested[r.PredicateType]:
			r.Status = policy.SignatureUnchecked
			r.Reason = "does not count, a verified attestation of the same type does: " + r.Reason
		}
	}
}

// entry checks one thing that was found.
func (c *checker) entry(e entry, digest v1.Hash) result {
	r := result{Signature: policy.Signature{
		Status: policy.SignatureFailed, Kind: KindAttestation, Format: string(e.format()), Digest: e.layer.Digest.String(),
	}}
	if e.shape == shapeSimple {
		r.Kind = KindSignature
	}
	fail := func(reason error) result {
		r.Reason = fmt.Sprintf("%s: %v", e.where, reason)
		return r
	}
	body, err := parseEntry(e)
	if err != nil {
		return fail(err)
	}
	if e.shape == shapeSimple {
		sum := sha256.Sum256(body.signature)
		r.Digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	if body.message {
		r.Status = policy.SignatureUnchecked
		return fail(errors.New("not checked: the bundle signs bytes, not a statement about an image"))
	}
	if err := r.readPayload(e, body, digest); err != nil {
		return fail(err)
	}
	switch {
	case c.trustsNobody():
		r.Status, r.Reason = policy.SignatureUnchecked, "not checked: no key or identity given"
		return r
	case c.unable != nil && len(c.keys) == 0, c.unable != nil && c.requireLog:
		r.Status = policy.SignatureError
		return fail(c.unable)
	}
	if err := c.verify(&r, body, digest); err != nil {
		return fail(err)
	}
	r.Status = policy.SignatureVerified
	return r
}

// readPayload sets what the payload claims, and fails when it claims it of
// another image.
func (r *result) readPayload(e entry, body content, digest v1.Hash) error {
	if e.shape == shapeSimple {
		payload, err := parseSimpleSigning(body.payload)
		if err != nil {
			return err
		}
		r.Subject = payload.Critical.Image.DockerManifestDigest
		if r.Subject != digest.String() {
			return fmt.Errorf("it signs %q, not this image: it was copied from another image", r.Subject)
		}
		return nil
	}
	statement, err := parseStatement(body.payload)
	if err != nil {
		return err
	}
	r.statement, r.PredicateType = statement, statement.PredicateType
	if r.PredicateType == PredicateSignature {
		r.Kind = KindSignature
	}
	same, subject := statement.speaksOf(digest)
	r.Subject = subject
	if !same {
		return fmt.Errorf("its subject is %q, not this image: it was copied from another image", subject)
	}
	return nil
}

// verify tries each key, then the identity, and sets who signed.
func (c *checker) verify(r *result, body content, digest v1.Hash) error {
	var reasons []string
	for _, key := range c.keys {
		err := c.verifyKey(key, r.statement.Type == "", body, digest)
		if err == nil {
			r.Signer, r.Logged = key.id, c.requireLog
			return nil
		}
		reasons = append(reasons, err.Error())
	}
	if c.identity != nil {
		err := c.verifyIdentity(r, body, digest)
		if err == nil {
			return nil
		}
		reasons = append(reasons, err.Error())
	}
	return errors.New(strings.Join(slices.Compact(reasons), "; "))
}

func (c *checker) verifyKey(key publicKey, simple bool, body content, digest v1.Hash) error {
	entity, err := body.withKey(c.requireLog)
	if err != nil {
		return err
	}
	for _, scheme := range key.verifiers {
		var verifier *verify.Verifier
		if verifier, err = c.keyVerifier(scheme); err != nil {
			return fmt.Errorf("preparing to verify with %s: %w", key.id, err)
		}
		if _, err = verifier.Verify(entity, verify.NewPolicy(artifact(simple, body, digest), verify.WithKey())); err == nil {
			return nil
		}
	}
	if body.hint != "" && body.hint != key.hint {
		return fmt.Errorf("it does not verify with %s; it names another key: %w", key.id, err)
	}
	return fmt.Errorf("it does not verify with %s, so another key signed it or it was changed: %w", key.id, err)
}

func (c *checker) verifyIdentity(r *result, body content, digest v1.Hash) error {
	if c.trusted == nil {
		return c.unable
	}
	entity, err := body.withCertificate()
	if err != nil {
		return err
	}
	verifier, logged, err := c.certificateVerifier()
	if err != nil {
		return fmt.Errorf("preparing to verify a certificate: %w", err)
	}
	simple := r.statement.Type == ""
	verified, err := verifier.Verify(entity, verify.NewPolicy(artifact(simple, body, digest), verify.WithCertificateIdentity(*c.identity)))
	if err != nil {
		return fmt.Errorf("its certificate or signature is not the wanted one: %w", err)
	}
	r.Signer = verified.Signature.Certificate.SubjectAlternativeName
	r.Issuer = verified.Signature.Certificate.Issuer
	r.Logged = logged
	return nil
}

// artifact is what the verifier compares: the payload's bytes for a simple
// signature, of which readPayload has compared the digest inside, and the
// image's digest for a statement.
func artifact(simple bool, body content, digest v1.Hash) verify.ArtifactPolicyOption {
	if simple {
		return verify.WithArtifact(bytes.NewReader(body.payload))
	}
	raw, err := hex.DecodeString(digest.Hex)
	if err != nil {
		return func(*verify.PolicyConfig) error { return err }
	}
	return verify.WithArtifactDigest(digest.Algorithm, raw)
}
