package attest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sigstore/cosign/v2/pkg/cosign"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/policy"
)

var bothFormats = []attest.Format{attest.FormatCosign, attest.FormatBundle}

// bom is the smallest CycloneDX document.
const bom = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1}`

// newSigner makes an unencrypted ECDSA key.
func newSigner(t testing.TB) *attest.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return loadSigner(t, key)
}

func loadSigner(t testing.TB, key crypto.PrivateKey) *attest.Signer {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := attest.LoadSigner(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// keys are Options that trust these signers.
func keys(t testing.TB, signers ...*attest.Signer) attest.Options {
	t.Helper()
	var o attest.Options
	for _, s := range signers {
		public, err := s.PublicKeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		o.Keys = append(o.Keys, public)
	}
	return o
}

func verify(t testing.TB, store attest.Store, subject attest.Subject, o attest.Options) []policy.Signature {
	t.Helper()
	found, err := attest.Verify(t.Context(), store, subject.Descriptor.Digest, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("Verify returned nothing, which is neither success nor failure")
	}
	return found
}

func sign(t testing.TB, store attest.Store, subject attest.Subject, signer *attest.Signer, format attest.Format) {
	t.Helper()
	if _, err := attest.Sign(t.Context(), store, subject, signer, format); err != nil {
		t.Fatal(err)
	}
}

func attestBOM(t testing.TB, store attest.Store, subject attest.Subject, signer *attest.Signer, format attest.Format) {
	t.Helper()
	_, err := attest.Attest(t.Context(), store, subject, attest.PredicateCycloneDX, []byte(bom), signer, format)
	if err != nil {
		t.Fatal(err)
	}
}

// ignoreDigest leaves out what is random.
var ignoreDigest = cmpopts.IgnoreFields(policy.Signature{}, "Digest")

func TestSignAndAttestThenVerify(t *testing.T) {
	for _, format := range bothFormats {
		t.Run(string(format), func(t *testing.T) {
			store, signer := newStore(t, nil), newSigner(t)
			subject := store.push(t)
			sign(t, store, subject, signer, format)
			attestBOM(t, store, subject, signer, format)

			digest := subject.Descriptor.Digest.String()
			want := []policy.Signature{{
				Status: policy.SignatureVerified, Kind: "signature", Format: string(format), Subject: digest, Signer: signer.KeyID(),
			}, {
				Status: policy.SignatureVerified, Kind: "attestation", Format: string(format), PredicateType: attest.PredicateCycloneDX,
				Subject: digest, Signer: signer.KeyID(),
			}}
			if format == attest.FormatBundle {
				want[0].PredicateType = attest.PredicateSignature
			}
			got := verify(t, store, subject, keys(t, signer))
			if diff := cmp.Diff(got, want, ignoreDigest); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
			if !attest.Signed(got) {
				t.Error("Signed = false")
			}
		})
	}
}

func TestSignTwiceWritesOnce(t *testing.T) {
	for _, format := range bothFormats {
		t.Run(string(format), func(t *testing.T) {
			store, signer := newStore(t, nil), newSigner(t)
			subject := store.push(t)
			for i := range 3 {
				signed, err := attest.Sign(t.Context(), store, subject, signer, format)
				if err != nil {
					t.Fatal(err)
				}
				attested, err := attest.Attest(t.Context(), store, subject, attest.PredicateCycloneDX, []byte(bom), signer, format)
				if err != nil {
					t.Fatal(err)
				}
				if again := i > 0; signed.Existing != again || attested.Existing != again {
					t.Errorf("round %d: Existing = %v, %v, want %v", i, signed.Existing, attested.Existing, again)
				}
			}
			if got := verify(t, store, subject, keys(t, signer)); len(got) != 2 {
				t.Errorf("found %d entries, want 2: %+v", len(got), got)
			}
		})
	}
}

func TestSecondSignerIsAddedNotReplaced(t *testing.T) {
	for _, format := range bothFormats {
		t.Run(string(format), func(t *testing.T) {
			store, first, second := newStore(t, nil), newSigner(t), newSigner(t)
			subject := store.push(t)
			sign(t, store, subject, first, format)
			sign(t, store, subject, second, format)
			got := verify(t, store, subject, keys(t, first, second))
			if len(got) != 2 || got[0].Status != policy.SignatureVerified || got[1].Status != policy.SignatureVerified {
				t.Errorf("got %+v, want two verified", got)
			}
		})
	}
}

func TestSignRefusesToMixFormats(t *testing.T) {
	for i, format := range bothFormats {
		other := bothFormats[1-i]
		for _, first := range []string{"signature", "attestation"} {
			t.Run(string(format)+" "+first, func(t *testing.T) {
				store, signer := newStore(t, nil), newSigner(t)
				subject := store.push(t)
				if first == "signature" {
					sign(t, store, subject, signer, format)
				} else {
					attestBOM(t, store, subject, signer, format)
				}
				_, err := attest.Sign(t.Context(), store, subject, signer, other)
				if !errors.Is(err, attest.ErrOtherFormat) || !strings.Contains(err.Error(), "--format "+string(format)) {
					t.Errorf("Sign: %v, want ErrOtherFormat that names the format", err)
				}
				_, err = attest.Attest(t.Context(), store, subject, attest.PredicateCycloneDX, []byte(bom), signer, other)
				if !errors.Is(err, attest.ErrOtherFormat) {
					t.Errorf("Attest: %v, want ErrOtherFormat", err)
				}
				if got := verify(t, store, subject, keys(t, signer)); got[len(got)-1].Format != string(format) {
					t.Errorf("something was written: %+v", got)
				}
			})
		}
	}
}

func TestKeyKinds(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.PrivateKey{"RSA": rsaKey, "Ed25519": edKey, "P-384": p384} {
		for _, format := range bothFormats {
			t.Run(name+" "+string(format), func(t *testing.T) {
				store, signer := newStore(t, nil), loadSigner(t, key)
				subject := store.push(t)
				sign(t, store, subject, signer, format)
				attestBOM(t, store, subject, signer, format)
				for _, s := range verify(t, store, subject, keys(t, signer)) {
					if s.Status != policy.SignatureVerified {
						t.Errorf("%+v", s)
					}
				}
			})
		}
	}
}

func TestCosignEncryptedKey(t *testing.T) {
	pair, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return []byte("correct horse"), nil })
	if err != nil {
		t.Fatal(err)
	}
	signer, err := attest.LoadSigner(pair.PrivateBytes, func() ([]byte, error) { return []byte("correct horse"), nil })
	if err != nil {
		t.Fatal(err)
	}
	store := newStore(t, nil)
	subject := store.push(t)
	sign(t, store, subject, signer, attest.FormatCosign)
	got := verify(t, store, subject, attest.Options{Keys: [][]byte{pair.PublicBytes}})
	if !attest.Signed(got) {
		t.Errorf("not signed: %+v", got)
	}

	_, err = attest.LoadSigner(pair.PrivateBytes, func() ([]byte, error) { return []byte("hunter2"), nil })
	if !errors.Is(err, attest.ErrPassword) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("wrong password: %v, want ErrPassword without the password", err)
	}
	if _, err = attest.LoadSigner(pair.PrivateBytes, nil); err == nil || !strings.Contains(err.Error(), "COSIGN_PASSWORD") {
		t.Errorf("no password: %v, want an error that says what to set", err)
	}
	if _, err = attest.LoadSigner(pair.PublicBytes, nil); err == nil || !strings.Contains(err.Error(), "public key") {
		t.Errorf("public key for signing: %v, want an error that says so", err)
	}
	_, err = attest.Verify(t.Context(), store, subject.Descriptor.Digest, attest.Options{Keys: [][]byte{pair.PrivateBytes}})
	if err == nil || !strings.Contains(err.Error(), "private key") {
		t.Errorf("private key for verifying: %v, want an error that says so", err)
	}
}

func TestLoadSignerReadsOtherPEMs(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsaKey)
	for _, c := range []struct {
		kind  string
		bytes []byte
		want  string // in the error, "" for none
	}{
		{"EC PRIVATE KEY", sec1, ""},
		{"RSA PRIVATE KEY", pkcs1, ""},
		{"RSA PRIVATE KEY", sec1, "damaged"},
		{"EC PRIVATE KEY", pkcs1, "damaged"},
		{"PRIVATE KEY", []byte("nonsense"), "damaged"},
		{"CERTIFICATE", nil, "not a private key"},
	} {
		_, err := attest.LoadSigner(pem.EncodeToMemory(&pem.Block{Type: c.kind, Bytes: c.bytes}), nil)
		if got := err == nil; got != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.kind, err, c.want)
		}
	}
	if _, err := attest.LoadSigner([]byte("nonsense"), nil); err == nil || !strings.Contains(err.Error(), "not PEM") {
		t.Errorf("not PEM: %v", err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil {
		_, err = attest.LoadSigner(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(weak)}), nil)
	}
	if err == nil {
		t.Error("a 1024-bit RSA key was taken")
	}
}
