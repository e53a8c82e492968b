package attest_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/policy"
)

// memoryStore is a Store without a registry, for what has to be fast.
type memoryStore map[string]v1.Image

func (m memoryStore) Artifact(_ context.Context, tagOrDigest string) (v1.Image, error) {
	if img, ok := m[tagOrDigest]; ok {
		return img, nil
	}
	return nil, fs.ErrNotExist
}

func (m memoryStore) Referrers(_ context.Context, digest v1.Hash) ([]v1.Descriptor, error) {
	var list []v1.Descriptor
	for name, img := range m {
		manifest, err := img.Manifest()
		if err != nil {
			return nil, err
		}
		if manifest.Subject == nil || manifest.Subject.Digest != digest {
			continue
		}
		hash, err := v1.NewHash(name)
		if err != nil {
			return nil, err
		}
		list = append(list, v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: hash})
	}
	return list, nil
}

func (m memoryStore) Put(_ context.Context, tag string, img v1.Image) error {
	if tag == "" {
		digest, err := img.Digest()
		if err != nil {
			return err
		}
		tag = digest.String()
	}
	m[tag] = img
	return nil
}

// fixedSigner is the same in each fuzzing process, and so are its signatures.
func fixedSigner(t testing.TB) *attest.Signer {
	return loadSigner(t, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))
}

func fixedSubject() attest.Subject {
	return attest.Subject{
		Descriptor: v1.Descriptor{
			MediaType: types.OCIManifestSchema1, Size: 100,
			Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("ab", 32)},
		},
		Reference: "registry.example/team/app",
	}
}

// FuzzBundle: whatever a bundle is changed to, nothing verifies but a
// statement that was signed.
func FuzzBundle(f *testing.F) {
	signer, subject := fixedSigner(f), fixedSubject()
	signed := map[string]bool{}
	for _, put := range []func(memoryStore){
		func(m memoryStore) { sign(f, m, subject, signer, attest.FormatBundle) },
		func(m memoryStore) { attestBOM(f, m, subject, signer, attest.FormatBundle) },
	} {
		m := memoryStore{}
		put(m)
		data := readReferrers(f, m, subject)[0].data
		f.Add(data)
		signed[string(payloadOf(f, data))] = true
	}
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`))
	options := keys(f, signer)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := memoryStore{}
		putReferrer(t, m, subject, part{bundleV03, data, nil})
		for _, s := range verify(t, m, subject, options) {
			if s.Status == policy.SignatureVerified && !signed[string(payloadOf(t, data))] {
				t.Errorf("%+v verified a statement that nobody signed:\n%s", s, data)
			}
		}
	})
}

func payloadOf(t testing.TB, data []byte) []byte {
	t.Helper()
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return b.GetDsseEnvelope().GetPayload()
}

// FuzzTag: the same for the layers of both tags and their annotations.
func FuzzTag(f *testing.F) {
	signer, subject := fixedSigner(f), fixedSubject()
	m := memoryStore{}
	sign(f, m, subject, signer, attest.FormatCosign)
	attestBOM(f, m, subject, signer, attest.FormatCosign)
	simple, envelope := readTag(f, m, subject, "sig")[0], readTag(f, m, subject, "att")[0]
	f.Add(simple.data, simple.annotations[signatureKey], "", "", false)
	f.Add(envelope.data, "", "", "", true)
	f.Add(simple.data, simple.annotations[signatureKey], "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		`{"SignedEntryTimestamp":"AAAA","Payload":{"body":"e30=","logIndex":1,"logID":"00"}}`, false)
	options := keys(f, signer)
	f.Fuzz(func(t *testing.T, data []byte, signature, certificate, rekor string, dsse bool) {
		p, suffix := part{simpleSigning, data, map[string]string{signatureKey: signature, certificateKey: certificate, rekorKey: rekor}}, "sig"
		if dsse {
			p.media, suffix = dsseEnvelope, "att"
		}
		m := memoryStore{}
		putTag(t, m, subject, suffix, p)
		for _, s := range verify(t, m, subject, options) {
			if s.Status != policy.SignatureVerified {
				continue
			}
			if !dsse && !bytes.Equal(data, simple.data) || dsse && !bytes.Equal(sealed(t, data), sealed(t, envelope.data)) {
				t.Errorf("%+v verified something that nobody signed:\n%s", s, data)
			}
		}
	})
}

// sealed is the payload of a DSSE envelope.
func sealed(t testing.TB, envelope []byte) []byte {
	t.Helper()
	var e struct{ Payload []byte }
	if err := json.Unmarshal(envelope, &e); err != nil {
		t.Fatal(err)
	}
	return e.Payload
}

func BenchmarkVerifyKey(b *testing.B) {
	for _, format := range bothFormats {
		b.Run(string(format)+" signature and SBOM attestation", func(b *testing.B) {
			signer, subject, m := newSigner(b), fixedSubject(), memoryStore{}
			sign(b, m, subject, signer, format)
			attestBOM(b, m, subject, signer, format)
			options := keys(b, signer)
			b.ReportAllocs()
			for b.Loop() {
				if !attest.Signed(verify(b, m, subject, options)) {
					b.Fatal("not signed")
				}
			}
		})
	}
}
