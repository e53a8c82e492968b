package attest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy"
)

// statuses are the statuses of found, in order.
func statuses(found []policy.Signature) []policy.SignatureStatus {
	var list []policy.SignatureStatus
	for _, s := range found {
		list = append(list, s.Status)
	}
	return list
}

func expect(t *testing.T, got []policy.Signature, reason string, want ...policy.SignatureStatus) {
	t.Helper()
	if diff := cmp.Diff(statuses(got), want); diff != "" {
		t.Errorf("statuses -got +want:\n%s\n%+v", diff, got)
	}
	for _, s := range got {
		if strings.Contains(s.Reason, reason) {
			return
		}
	}
	t.Errorf("no reason says %q: %+v", reason, got)
}

// copyAll copies what from carries to to, in place of what it has.
func copyAll(t *testing.T, store attest.Store, from, to attest.Subject, format attest.Format) {
	t.Helper()
	if format == attest.FormatCosign {
		putTag(t, store, to, "sig", readTag(t, store, from, "sig")...)
		return
	}
	putReferrer(t, store, to, readReferrers(t, store, from)...)
}

func TestVerifyFailsWhenAttackerCopiesSignatureFromAnotherImage(t *testing.T) {
	for _, format := range bothFormats {
		t.Run(string(format), func(t *testing.T) {
			store, signer := newStore(t, nil), newSigner(t)
			good, evil := store.push(t), store.push(t)
			sign(t, store, good, signer, format)
			copyAll(t, store, good, evil, format)
			got := verify(t, store, evil, keys(t, signer))
			expect(t, got, "copied from another image", policy.SignatureFailed)
			if got[0].Subject != good.Descriptor.Digest.String() || got[0].Signer != "" {
				t.Errorf("got %+v, want the other image as subject and no signer", got)
			}
		})
	}
}

func TestVerifyFailsWhenAttackerCopiesAttestationFromAnotherImage(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	good, evil := store.push(t), store.push(t)
	attestBOM(t, store, good, signer, attest.FormatCosign)
	putTag(t, store, evil, "att", readTag(t, store, good, "att")...)
	expect(t, verify(t, store, evil, keys(t, signer)), "copied from another image", policy.SignatureMissing, policy.SignatureFailed)
}

func TestVerifyMissesSignatureWhenSBOMAttestationOfferedAsSignature(t *testing.T) {
	for _, format := range bothFormats {
		t.Run(string(format), func(t *testing.T) {
			store, signer := newStore(t, nil), newSigner(t)
			subject := store.push(t)
			attestBOM(t, store, subject, signer, format)
			got := verify(t, store, subject, keys(t, signer))
			expect(t, got, "statements about it and no signature of it", policy.SignatureMissing, policy.SignatureVerified)
			if attest.Signed(got) {
				t.Error("an SBOM attestation makes the image signed")
			}
		})
	}
}

func TestVerifyFailsWhenAttackerMovesAttestationIntoSignatureTag(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	attestBOM(t, store, subject, signer, attest.FormatCosign)
	moved := readTag(t, store, subject, "att")

	putTag(t, store, subject, "sig", moved...)
	if got := verify(t, store, subject, keys(t, signer)); attest.Signed(got) {
		t.Errorf("signed by an attestation under .sig: %+v", got)
	}

	// And once more with the signature taken out of the envelope and set
	// beside its payload.
	var envelope struct {
		Payload    []byte
		Signatures []struct{ Sig string }
	}
	if err := json.Unmarshal(moved[0].data, &envelope); err != nil {
		t.Fatal(err)
	}
	putTag(t, store, subject, "sig", part{simpleSigning, envelope.Payload, map[string]string{signatureKey: envelope.Signatures[0].Sig}})
	got := verify(t, store, subject, keys(t, signer))
	expect(t, got, "the signed payload is of type", policy.SignatureFailed, policy.SignatureVerified)
}

func TestVerifyFailsWhenAttackerRelabelsPredicateType(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	attestBOM(t, store, subject, signer, attest.FormatBundle)
	bundle := changePayload(t, readReferrers(t, store, subject)[0].data, attest.PredicateCycloneDX, attest.PredicateSignature)
	putReferrer(t, store, subject, part{bundleV03, bundle, nil})
	got := verify(t, store, subject, keys(t, signer))
	expect(t, got, "does not verify", policy.SignatureFailed, policy.SignatureVerified)
	if attest.Signed(got) {
		t.Error("signed by a relabelled attestation")
	}
}

func TestVerifyIgnoresWhatAnnotationsClaim(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	attestBOM(t, store, subject, signer, attest.FormatBundle)
	original := readReferrers(t, store, subject)[0]

	another := newStore(t, nil)
	putReferrer(t, another, subject, part{bundleV03, original.data, map[string]string{"dev.sigstore.bundle.predicateType": attest.PredicateSignature}})
	got := verify(t, another, subject, keys(t, signer))
	expect(t, got, "no signature", policy.SignatureMissing, policy.SignatureVerified)
}

// changePayload replaces old by new in the statement inside a bundle.
func changePayload(t *testing.T, bundle []byte, old, new string) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(bundle, &b); err != nil {
		t.Fatal(err)
	}
	envelope := b["dsseEnvelope"].(map[string]any)
	payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(payload, []byte(old), []byte(new))
	if bytes.Equal(changed, payload) {
		t.Fatalf("%s does not hold %q", payload, old)
	}
	envelope["payload"] = base64.StdEncoding.EncodeToString(changed)
	data, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestVerifyFailsWhenAnotherKeySigned(t *testing.T) {
	for _, format := range bothFormats {
		t.Run(string(format), func(t *testing.T) {
			store, signer := newStore(t, nil), newSigner(t)
			subject := store.push(t)
			sign(t, store, subject, signer, format)
			expect(t, verify(t, store, subject, keys(t, newSigner(t))), "does not verify with key sha256:", policy.SignatureFailed)
		})
	}
}

func TestVerifyFailsWhenAttackerPutsTheWantedKeysHint(t *testing.T) {
	store, attacker, wanted := newStore(t, nil), newSigner(t), newSigner(t)
	subject := store.push(t)
	sign(t, store, subject, attacker, attest.FormatBundle)
	other := newStore(t, nil)
	sign(t, other, attest.Subject{Descriptor: other.push(t).Descriptor}, wanted, attest.FormatBundle)
	var hint struct {
		VerificationMaterial struct{ PublicKey struct{ Hint string } }
	}
	bundle := readReferrers(t, store, subject)[0].data
	if err := json.Unmarshal(bundle, &hint); err != nil {
		t.Fatal(err)
	}
	public, err := wanted.PublicKeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.ReplaceAll(bundle, []byte(hint.VerificationMaterial.PublicKey.Hint), []byte(hintOf(t, wanted)))
	another := newStore(t, nil)
	putReferrer(t, another, subject, part{bundleV03, forged, nil})
	got := verify(t, another, subject, attest.Options{Keys: [][]byte{public}})
	expect(t, got, "another key signed it or it was changed", policy.SignatureFailed)
}

// hintOf is the hint that cosign writes for a key.
func hintOf(t *testing.T, s *attest.Signer) string {
	t.Helper()
	var raw []byte
	if _, err := fmt.Sscanf(s.KeyID(), "key sha256:%x", &raw); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// TestVerifyIsNotBrokenWhenAttackerAddsBadSignature: who can push one more
// must not be able to break a signed image, and is seen.
func TestVerifyIsNotBrokenWhenAttackerAddsBadSignature(t *testing.T) {
	for _, format := range bothFormats {
		t.Run(string(format), func(t *testing.T) {
			store, signer, attacker := newStore(t, nil), newSigner(t), newSigner(t)
			subject, other := store.push(t), store.push(t)
			sign(t, store, subject, signer, format)
			sign(t, store, subject, attacker, format)
			sign(t, store, other, signer, format)
			if format == attest.FormatCosign {
				putTag(t, store, subject, "sig", append(readTag(t, store, subject, "sig"), readTag(t, store, other, "sig")...)...)
			} else {
				putReferrer(t, store, subject, readReferrers(t, store, other)...)
			}
			got := verify(t, store, subject, keys(t, signer))
			expect(t, got, "copied from another image", policy.SignatureVerified, policy.SignatureUnchecked, policy.SignatureUnchecked)
			for _, s := range got[1:] {
				if !strings.HasPrefix(s.Reason, "does not count") || s.Signer != "" {
					t.Errorf("%+v, want a reason that says it does not count, and no signer", s)
				}
			}
		})
	}
}

func TestVerifyFailsWhenAttackerRemovesTheGoodSignature(t *testing.T) {
	store, signer, attacker := newStore(t, nil), newSigner(t), newSigner(t)
	subject := store.push(t)
	sign(t, store, subject, signer, attest.FormatCosign)
	sign(t, store, subject, attacker, attest.FormatCosign)
	putTag(t, store, subject, "sig", readTag(t, store, subject, "sig")[1])
	expect(t, verify(t, store, subject, keys(t, signer)), "does not verify", policy.SignatureFailed)
}

func TestVerifyMissesWhenAttackerRemovesAllSignatures(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	got := verify(t, store, subject, keys(t, signer))
	expect(t, got, "there is no tag sha256-"+subject.Descriptor.Digest.Hex+".sig", policy.SignatureMissing)
	putTag(t, store, subject, "sig") // an artifact without layers
	expect(t, verify(t, store, subject, keys(t, signer)), "there is no tag", policy.SignatureMissing)
}

// TestVerifyFailsWhenAttackerChangesSignature: one thing in a tag's layer.
func TestVerifyFailsWhenAttackerChangesSignature(t *testing.T) {
	for name, change := range map[string]func(*part){
		"payload spaced": func(p *part) { p.data = append(p.data, ' ') },
		"payload empty":  func(p *part) { p.data = []byte("{}") },
		"payload not JSON": func(p *part) {
			p.data = []byte("\x00")
		},
		"annotation removed":    func(p *part) { delete(p.annotations, signatureKey) },
		"annotation empty":      func(p *part) { p.annotations[signatureKey] = "" },
		"annotation not base64": func(p *part) { p.annotations[signatureKey] = "!" },
		"signature shortened": func(p *part) {
			p.annotations[signatureKey] = p.annotations[signatureKey][:len(p.annotations[signatureKey])-4]
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, signer := newStore(t, nil), newSigner(t)
			subject := store.push(t)
			sign(t, store, subject, signer, attest.FormatCosign)
			p := readTag(t, store, subject, "sig")[0]
			change(&p)
			putTag(t, store, subject, "sig", p)
			expect(t, verify(t, store, subject, keys(t, signer)), "tag sha256-", policy.SignatureFailed)
		})
	}
}

// TestVerifyFailsWhenAttackerChangesBundle: one thing in a bundle.
func TestVerifyFailsWhenAttackerChangesBundle(t *testing.T) {
	signer := newSigner(t)
	for name, change := range map[string]func(t *testing.T, bundle []byte) []byte{
		"not JSON":   func(*testing.T, []byte) []byte { return []byte("{") },
		"empty JSON": func(*testing.T, []byte) []byte { return []byte("{}") },
		"another statement type": func(t *testing.T, b []byte) []byte {
			return changePayload(t, b, "https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v9")
		},
		"another media type": func(_ *testing.T, b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("bundle.v0.3+json"), []byte("bundle.v9.9+json"))
		},
		"another payload type": func(_ *testing.T, b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("application/vnd.in-toto+json"), []byte("text/plain"))
		},
		"no signature": func(t *testing.T, b []byte) []byte {
			at := bytes.Index(b, []byte(`"signatures":`))
			return append(append([]byte{}, b[:at]...), `"signatures":[]}}`...)
		},
		"a field that no bundle has": func(_ *testing.T, b []byte) []byte {
			return append([]byte(`{"extra":1,`), b[1:]...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, other := newStore(t, nil), newStore(t, nil)
			subject := store.push(t)
			sign(t, store, subject, signer, attest.FormatBundle)
			bundle := readReferrers(t, store, subject)[0].data
			putReferrer(t, other, subject, part{bundleV03, change(t, bundle), nil})
			got := verify(t, other, subject, keys(t, signer))
			if attest.Signed(got) || got[len(got)-1].Status != policy.SignatureFailed {
				t.Errorf("got %+v, want failed", got)
			}
		})
	}
}

func TestVerifyDoesNotTakeABareMessageSignatureForASignature(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	bundle := fmt.Sprintf(`{"mediaType":%q,"verificationMaterial":{"publicKey":{"hint":""}},"messageSignature":{"messageDigest":`+
		`{"algorithm":"SHA2_256","digest":"AAAA"},"signature":"AAAA"}}`, bundleV03)
	putReferrer(t, store, subject, part{bundleV03, []byte(bundle), nil})
	got := verify(t, store, subject, keys(t, signer))
	expect(t, got, "signs bytes, not a statement", policy.SignatureMissing, policy.SignatureUnchecked)
}

func TestVerifyWithoutKeyIsUnchecked(t *testing.T) {
	for _, format := range bothFormats {
		store, signer := newStore(t, nil), newSigner(t)
		subject := store.push(t)
		sign(t, store, subject, signer, format)
		got := verify(t, store, subject, attest.Options{})
		expect(t, got, "not checked: no key or identity given", policy.SignatureUnchecked)
		if attest.Signed(got) || got[0].Signer != "" {
			t.Errorf("got %+v, want not signed and no signer", got)
		}
	}
}

// refuse answers status for paths that contain part.
func refuse(part string, status int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, part) {
				w.WriteHeader(status)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestVerifyIsAnErrorWhenSearchFails: what could not be looked for is not
// missing.
func TestVerifyIsAnErrorWhenSearchFails(t *testing.T) {
	for _, place := range []string{".sig", ".att", "/referrers/"} {
		for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
			t.Run(fmt.Sprint(place, " ", status), func(t *testing.T) {
				store, signer := newStore(t, refuse(place, status)), newSigner(t)
				subject := store.push(t)
				got := verify(t, store, subject, keys(t, signer))
				expect(t, got, fmt.Sprint(status), policy.SignatureError)
				_, err := attest.Sign(t.Context(), store, subject, signer, attest.FormatCosign)
				if err == nil || !strings.Contains(err.Error(), "nothing was written") {
					t.Errorf("Sign: %v, want an error that says nothing was written", err)
				}
			})
		}
	}
}

// TestVerifyShowsWhatItCouldNotReadBesideVerified: it undoes no signature, and
// is not hidden.
func TestVerifyShowsWhatItCouldNotReadBesideVerified(t *testing.T) {
	store, signer := newStore(t, refuse("/referrers/", http.StatusForbidden)), newSigner(t)
	subject := store.push(t)
	putTag(t, store, subject, "sig", signedBy(t, subject, signer))
	got := verify(t, store, subject, keys(t, signer))
	expect(t, got, "does not count, a verified signature does: listing the referrers", policy.SignatureVerified, policy.SignatureUnchecked)
	_, err := attest.Attestations(t.Context(), store, subject.Descriptor.Digest, attest.PredicateVSA, keys(t, signer))
	if !errors.Is(err, attest.ErrNoAttestation) || !strings.Contains(err.Error(), "403") {
		t.Errorf("Attestations: %v, want ErrNoAttestation that says what could not be read", err)
	}
}

// signedBy is a part as Sign writes it, made in another registry.
func signedBy(t *testing.T, subject attest.Subject, signer *attest.Signer) part {
	t.Helper()
	store := newStore(t, nil)
	sign(t, store, subject, signer, attest.FormatCosign)
	return readTag(t, store, subject, "sig")[0]
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	store := newStore(t, nil)
	subject := store.push(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := attest.Verify(ctx, store, subject.Descriptor.Digest, attest.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v, %v, want context.Canceled", got, err)
	}
}

// lying is a Store that gives an image other bytes than its digests say.
type lying struct {
	attest.Store
	size int64
}

func (s lying) Artifact(ctx context.Context, tagOrDigest string) (v1.Image, error) {
	img, err := s.Store.Artifact(ctx, tagOrDigest)
	if err != nil {
		return nil, err
	}
	return lyingImage{img, s.size}, nil
}

type lyingImage struct {
	v1.Image
	size int64
}

func (i lyingImage) Manifest() (*v1.Manifest, error) {
	manifest, err := i.Image.Manifest()
	if err != nil {
		return nil, err
	}
	manifest = manifest.DeepCopy()
	for at := range manifest.Layers {
		if i.size != 0 {
			manifest.Layers[at].Size = i.size
		}
	}
	return manifest, nil
}

func (i lyingImage) LayerByDigest(digest v1.Hash) (v1.Layer, error) {
	layer, err := i.Image.LayerByDigest(digest)
	if err != nil || i.size != 0 {
		return layer, err
	}
	return otherBytes{layer}, nil
}

func TestVerifyFailsWhenStoreGivesOtherBytesThanTheDigest(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	sign(t, store, subject, signer, attest.FormatCosign)
	expect(t, verify(t, lying{store, 0}, subject, keys(t, signer)), "have digest", policy.SignatureFailed)
}

func TestVerifyBoundsWhatAttackerMakesItRead(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	sign(t, store, subject, signer, attest.FormatCosign)
	expect(t, verify(t, lying{store, limit.BundleBytes + 1}, subject, keys(t, signer)), limit.ErrTooLarge.Error(), policy.SignatureFailed)
	expect(t, verify(t, lying{store, limit.BundlesBytes + 1}, subject, keys(t, signer)), limit.ErrTooLarge.Error(), policy.SignatureError)
	expect(t, verify(t, lying{store, 10}, subject, keys(t, signer)), limit.ErrTooLarge.Error(), policy.SignatureFailed)
}

func TestVerifyBoundsHowManySignaturesAttackerAdds(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	good := signedBy(t, subject, signer)
	bad := part{simpleSigning, good.data, map[string]string{signatureKey: "AAAA"}}
	parts := []part{good}
	for range limit.Signatures {
		parts = append(parts, bad)
	}
	putTag(t, store, subject, "sig", parts...)
	got := verify(t, store, subject, keys(t, signer))
	if !attest.Signed(got) || !strings.Contains(fmt.Sprint(got), limit.ErrTooLarge.Error()) {
		t.Errorf("got %d entries, want one verified and an error about the bound", len(got))
	}
	if len(got) != limit.Signatures+1 {
		t.Errorf("got %d entries, want %d checked and one error", len(got), limit.Signatures)
	}
}

func TestAttestationsGivesOnlyWhatVerifies(t *testing.T) {
	store, signer, attacker := newStore(t, nil), newSigner(t), newSigner(t)
	subject := store.push(t)
	digest := subject.Descriptor.Digest
	_, err := attest.Attestations(t.Context(), store, digest, attest.PredicateCycloneDX, keys(t, signer))
	if !errors.Is(err, attest.ErrNoAttestation) || !strings.Contains(err.Error(), "carries none") {
		t.Errorf("none: %v", err)
	}
	attestBOM(t, store, subject, attacker, attest.FormatBundle)
	_, err = attest.Attestations(t.Context(), store, digest, attest.PredicateCycloneDX, keys(t, signer))
	if !errors.Is(err, attest.ErrNoAttestation) || !strings.Contains(err.Error(), "names another key") {
		t.Errorf("the attacker's: %v", err)
	}
	attestBOM(t, store, subject, signer, attest.FormatBundle)
	got, err := attest.Attestations(t.Context(), store, digest, attest.PredicateCycloneDX, keys(t, signer))
	if err != nil || len(got) != 1 || got[0].Signer != signer.KeyID() || string(got[0].Statement.Predicate) != bom {
		t.Errorf("got %+v, %v, want the signer's alone", got, err)
	}
	// The attacker's is shown, and does not break the signer's.
	expect(t, verify(t, store, subject, keys(t, signer)), "does not count, a verified attestation of the same type does",
		policy.SignatureMissing, policy.SignatureVerified, policy.SignatureUnchecked)
}

func TestSignWantsADigest(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	for _, digest := range []v1.Hash{{}, {Algorithm: "sha512", Hex: strings.Repeat("a", 128)}, {Algorithm: "sha256", Hex: "abc"}} {
		subject := attest.Subject{Descriptor: v1.Descriptor{Digest: digest}}
		if _, err := attest.Sign(t.Context(), store, subject, signer, attest.FormatCosign); err == nil {
			t.Errorf("signed %q", digest)
		}
		if _, err := attest.Verify(t.Context(), store, digest, attest.Options{}); err == nil {
			t.Errorf("verified %q", digest)
		}
	}
}

func TestAttestRefusesPredicatesThatAreNone(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	for predicateType, predicate := range map[string]string{
		attest.PredicateSignature: "{}",
		"cyclonedx":               bom,
		attest.PredicateCycloneDX: "[]",
		attest.PredicateVSA:       "null",
		attest.PredicateDecision:  `{"a":`,
	} {
		if w, err := attest.Attest(t.Context(), store, subject, predicateType, []byte(predicate), signer, attest.FormatCosign); err == nil {
			t.Errorf("%s %s was attested: %+v", predicateType, predicate, w)
		}
	}
}
