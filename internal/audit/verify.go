package audit

import (
	"context"
	"errors"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// verify checks the signatures of the image and of the index that led to it.
// Where they cannot be looked for, the report says so.
func (a *Auditor) verify(ctx context.Context, t Target, r *Report) {
	store, err := t.Image.Store()
	if err != nil {
		r.Signatures = []policy.Signature{unlooked(err)} // which asked nobody
		return
	}
	digests := []v1.Hash{t.Image.Digest()}
	if index, ok := t.Image.IndexDescriptor(); ok {
		digests = append(digests, index.Digest)
	}
	for _, digest := range digests {
		found, err := attest.Verify(ctx, store, digest, a.Verify)
		if err != nil {
			found = []policy.Signature{unlooked(err)}
		}
		r.Signatures = append(r.Signatures, found...)
	}
	r.Signatures = settle(r.Signatures)
	for i := range r.Signatures {
		s := &r.Signatures[i]
		s.Reason = sbom.RedactMessage(s.Reason) // a registry may have said anything
	}
}

// unlooked is the entry for a search that could not be done. A place that can
// hold no signatures is "unchecked": nobody removed anything.
func unlooked(err error) policy.Signature {
	status := policy.SignatureError
	if errors.Is(err, oci.ErrNoStore) {
		status = policy.SignatureUnchecked
	}
	return policy.Signature{Status: status, Kind: attest.KindSignature, Reason: err.Error()}
}

// settle joins what was found for the image with what was found for its index:
// either may carry the signature, so that none at the other is nothing missing.
func settle(in []policy.Signature) []policy.Signature {
	missing := func(s policy.Signature) bool {
		return s.Kind == attest.KindSignature && s.Status == policy.SignatureMissing
	}
	other := func(s policy.Signature) bool { return s.Kind == attest.KindSignature && !missing(s) }
	if slices.ContainsFunc(in, other) {
		return slices.DeleteFunc(in, missing)
	}
	for i, s := range in {
		if missing(s) {
			return append(slices.DeleteFunc(slices.Clone(in), missing), in[i])
		}
	}
	return in
}
