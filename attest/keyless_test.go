package attest_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/policy"
)

const (
	someone = "release@example.com"
	issuer  = "https://accounts.example.com"
)

func readAll(t testing.TB, layer v1.Layer) []byte {
	t.Helper()
	r, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func newSigstore(t testing.TB) *ca.VirtualSigstore {
	t.Helper()
	s, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rootParts are what goes into a trusted root.
type rootParts struct {
	authorities []root.CertificateAuthority
	logs        map[string]*root.TransparencyLog
	ctLogs      map[string]*root.TransparencyLog
	stamps      []root.TimestampingAuthority
}

// trustedRoot is the trusted root of s as JSON. Its certificates hold no SCT,
// hence no CT log unless change adds one.
func trustedRoot(t testing.TB, s *ca.VirtualSigstore, change func(*rootParts)) []byte {
	t.Helper()
	p := rootParts{authorities: s.FulcioCertificateAuthorities(), logs: s.RekorLogs(), stamps: s.TimestampingAuthorities()}
	for id, log := range p.logs {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		log.ID = raw // VirtualSigstore has the hexadecimal form here
	}
	if change != nil {
		change(&p)
	}
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01, p.authorities, p.ctLogs, p.stamps, p.logs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := trusted.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// keyless is one entry that VirtualSigstore signed, as its pieces, for a test
// to change before it is stored.
type keyless struct {
	payload, signature, certificate []byte
	entry                           *protorekor.TransparencyLogEntry // nil for none
	stamp                           []byte
	dsse                            bool
}

func pieces(t testing.TB, s *ca.VirtualSigstore, entity *ca.TestEntity, payload []byte) *keyless {
	t.Helper()
	content, err := entity.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	material, err := entity.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := entity.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	stamps, err := entity.Timestamps()
	if err != nil {
		t.Fatal(err)
	}
	entry := entries[0].TransparencyLogEntry()
	set, err := s.RekorSignPayload(tlog.RekorPayload{
		Body:           base64.StdEncoding.EncodeToString(entry.CanonicalizedBody),
		IntegratedTime: entry.IntegratedTime, LogIndex: entry.LogIndex, LogID: hex.EncodeToString(entry.LogId.KeyId),
	})
	if err != nil {
		t.Fatal(err)
	}
	entry.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: set}
	var kind struct{ Kind, APIVersion string }
	if err := json.Unmarshal(entry.CanonicalizedBody, &kind); err != nil {
		t.Fatal(err)
	}
	entry.KindVersion = &protorekor.KindVersion{Kind: kind.Kind, Version: kind.APIVersion}
	return &keyless{
		payload: payload, signature: content.Signature(), certificate: material.Certificate().Raw,
		entry: entry, stamp: stamps[0], dsse: content.EnvelopeContent() != nil,
	}
}

func (k *keyless) annotations(t testing.TB) map[string]string {
	t.Helper()
	a := map[string]string{
		certificateKey: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.certificate})),
		signatureKey:   "",
	}
	if !k.dsse {
		a[signatureKey] = base64.StdEncoding.EncodeToString(k.signature)
		if k.stamp != nil {
			stamp, err := json.Marshal(map[string]any{"SignedRFC3161Timestamp": k.stamp})
			if err != nil {
				t.Fatal(err)
			}
			a[timestampKey] = string(stamp)
		}
	}
	if k.entry != nil {
		rekor, err := json.Marshal(map[string]any{
			"SignedEntryTimestamp": k.entry.InclusionPromise.SignedEntryTimestamp,
			"Payload": map[string]any{
				"body": k.entry.CanonicalizedBody, "integratedTime": k.entry.IntegratedTime,
				"logIndex": k.entry.LogIndex, "logID": hex.EncodeToString(k.entry.LogId.KeyId),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		a[rekorKey] = string(rekor)
	}
	return a
}

func (k *keyless) bundle(t testing.TB) []byte {
	t.Helper()
	material := &protobundle.VerificationMaterial{
		Content: &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: k.certificate}},
	}
	if k.entry != nil {
		material.TlogEntries = []*protorekor.TransparencyLogEntry{k.entry}
	}
	if k.stamp != nil {
		material.TimestampVerificationData = &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: k.stamp}},
		}
	}
	data, err := protojson.Marshal(&protobundle.Bundle{
		MediaType: bundleV03, VerificationMaterial: material,
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload: k.payload, PayloadType: "application/vnd.in-toto+json", Signatures: []*protodsse.Signature{{Sig: k.signature}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (k *keyless) envelope(t testing.TB) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"payloadType": "application/vnd.in-toto+json", "payload": k.payload,
		"signatures": []map[string]any{{"keyid": "", "sig": k.signature}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// keylessShapes sign subject as someone in each shape, let change spoil the
// pieces, and store them.
var keylessShapes = map[string]func(testing.TB, attest.Store, attest.Subject, *ca.VirtualSigstore, func(*keyless)){
	"tag sig": func(t testing.TB, store attest.Store, subject attest.Subject, s *ca.VirtualSigstore, change func(*keyless)) {
		payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},`+
			`"type":"cosign container image signature"},"optional":null}`, subject.Reference, subject.Descriptor.Digest)
		entity, err := s.Sign(someone, issuer, payload)
		if err != nil {
			t.Fatal(err)
		}
		k := pieces(t, s, entity, payload)
		change(k)
		putTag(t, store, subject, "sig", part{simpleSigning, k.payload, k.annotations(t)})
	},
	"tag att": func(t testing.TB, store attest.Store, subject attest.Subject, s *ca.VirtualSigstore, change func(*keyless)) {
		k := attested(t, s, subject, false)
		change(k)
		putTag(t, store, subject, "att", part{dsseEnvelope, k.envelope(t), k.annotations(t)})
	},
	"bundle": func(t testing.TB, store attest.Store, subject attest.Subject, s *ca.VirtualSigstore, change func(*keyless)) {
		k := attested(t, s, subject, true)
		change(k)
		putReferrer(t, store, subject, part{bundleV03, k.bundle(t), nil})
	},
}

// attested is a statement of the signature type, so that each shape says the
// same.
func attested(t testing.TB, s *ca.VirtualSigstore, subject attest.Subject, proof bool) *keyless {
	t.Helper()
	payload := statementOf(t, subject, attest.PredicateSignature)
	entity, err := s.AttestAtTime(someone, issuer, payload, time.Now().Add(5*time.Minute), proof)
	if err != nil {
		t.Fatal(err)
	}
	return pieces(t, s, entity, payload)
}

func statementOf(t testing.TB, subject attest.Subject, predicateType string) []byte {
	t.Helper()
	statement, err := attest.NewStatement(subject, predicateType, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(statement)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func asSomeone(trusted []byte) attest.Options {
	return attest.Options{TrustedRoot: trusted, Identity: &attest.Identity{Subject: someone, Issuer: issuer}}
}

func TestKeylessVerifiesOffline(t *testing.T) {
	sigstore := newSigstore(t)
	trusted := trustedRoot(t, sigstore, nil)
	for shape, store := range keylessShapes {
		t.Run(shape, func(t *testing.T) {
			s := newStore(t, nil)
			subject := s.push(t)
			store(t, s, subject, sigstore, func(*keyless) {})
			for name, o := range map[string]attest.Options{
				"exact": asSomeone(trusted),
				"regexp": {TrustedRoot: trusted, Identity: &attest.Identity{
					SubjectRegexp: `[a-z]+@example\.com`, IssuerRegexp: `https://accounts\..*`,
				}},
				"beside a key that did not sign": {TrustedRoot: trusted, Identity: asSomeone(nil).Identity, Keys: keys(t, newSigner(t)).Keys},
			} {
				got := verify(t, s, subject, o)
				want := []policy.Signature{{
					Status: policy.SignatureVerified, Kind: "signature", Format: got[0].Format, PredicateType: got[0].PredicateType,
					Subject: subject.Descriptor.Digest.String(), Signer: someone, Issuer: issuer, Logged: true,
				}}
				if diff := cmp.Diff(got, want, ignoreDigest); diff != "" {
					t.Errorf("%s: -got +want:\n%s", name, diff)
				}
			}
		})
	}
}

// TestKeylessTimestampInsteadOfLog: a trusted root without a log (GitHub's
// private instance has none) is satisfied by a timestamp.
func TestKeylessTimestampInsteadOfLog(t *testing.T) {
	sigstore := newSigstore(t)
	trusted := trustedRoot(t, sigstore, func(p *rootParts) { p.logs = nil })
	s := newStore(t, nil)
	subject := s.push(t)
	keylessShapes["bundle"](t, s, subject, sigstore, func(k *keyless) { k.entry = nil })
	got := verify(t, s, subject, asSomeone(trusted))
	if !attest.Signed(got) || got[0].Logged {
		t.Errorf("got %+v, want verified and not logged", got)
	}
	o := asSomeone(trusted)
	o.RequireLog = true
	if got := verify(t, s, subject, o); got[0].Status != policy.SignatureFailed {
		t.Errorf("with RequireLog: %+v, want failed", got)
	}
}

// TestKeylessVerifyFails: one thing is wrong in each case.
func TestKeylessVerifyFails(t *testing.T) {
	sigstore, another := newSigstore(t), newSigstore(t)
	trusted := trustedRoot(t, sigstore, nil)
	cases := map[string]struct {
		change  func(*keyless)
		options attest.Options
		reason  string // what the Reason must say
	}{
		"WhenAnotherIdentitySigned": {options: attest.Options{TrustedRoot: trusted, Identity: &attest.Identity{
			Subject: "other@example.com", Issuer: issuer,
		}}, reason: `expected SAN value "other@example.com", got "release@example.com"`},
		"WhenAnotherIssuerVouched": {options: attest.Options{TrustedRoot: trusted, Identity: &attest.Identity{
			Subject: someone, Issuer: "https://evil.example.com",
		}}, reason: "expected issuer value"},
		"WhenRegexpMatchesOnlyAPartOfTheIdentity": {options: attest.Options{TrustedRoot: trusted, Identity: &attest.Identity{
			SubjectRegexp: "example", Issuer: issuer,
		}}, reason: "expected SAN value to match"},
		"WhenRegexpMatchesOnlyAPartOfTheIssuer": {options: attest.Options{TrustedRoot: trusted, Identity: &attest.Identity{
			Subject: someone, IssuerRegexp: "https://accounts",
		}}, reason: "expected issuer value to match"},
		"WhenRootIsOfAnotherSigstore": {options: asSomeone(trustedRoot(t, another, nil)), reason: "not enough verified log entries"},
		"WhenAuthorityIsNotOfTheRoot": {options: asSomeone(trustedRoot(t, sigstore, func(p *rootParts) {
			p.authorities = another.FulcioCertificateAuthorities()
		})), reason: "leaf certificate verification failed"},
		"WhenAuthorityOfRootHasExpired": {options: asSomeone(trustedRoot(t, sigstore, func(p *rootParts) {
			authority := *p.authorities[0].(*root.FulcioCertificateAuthority)
			authority.ValidityPeriodEnd = time.Now().Add(-time.Hour)
			p.authorities = []root.CertificateAuthority{&authority}
		})), reason: "leaf certificate verification failed"},
		"WhenLogOfRootHasExpired": {options: asSomeone(trustedRoot(t, sigstore, func(p *rootParts) {
			for id, log := range p.logs {
				expired := *log
				expired.ValidityPeriodEnd = time.Now().Add(-time.Minute)
				p.logs = map[string]*root.TransparencyLog{id: &expired}
			}
		})), reason: "not enough verified log entries"},
		"WhenRootHasCTLogAndCertificateNoSCT": {options: asSomeone(trustedRoot(t, sigstore, func(p *rootParts) {
			p.ctLogs = another.CTLogs()
		})), reason: "signed certificate timestamp"},
		"WhenAttackerRemovesTheLogEntry": {change: func(k *keyless) { k.entry = nil }, reason: "not enough verified log entries"},
		"WhenAttackerChangesTheTimeOfTheLogEntry": {change: func(k *keyless) {
			k.entry.IntegratedTime--
			k.stamp = nil
		}, reason: "not enough verified log entries"},
		"WhenAttackerTakesTheLogEntryOfAnotherSignature": {change: func(k *keyless) {
			k.entry = otherEntry(t, sigstore, k.dsse)
		}, reason: "log signature does not match"},
		"WhenAttackerChangesThePayload": {change: func(k *keyless) { k.payload = append(k.payload, ' ') }, reason: "does not match"},
		"WhenAttackerChangesTheSignature": {change: func(k *keyless) {
			k.signature = append([]byte{}, k.signature...)
			k.signature[len(k.signature)-1] ^= 1
		}, reason: "log signature does not match"},
		"WhenAttackerTakesTheCertificateOfAnotherSignature": {change: func(k *keyless) {
			certificate, _, err := sigstore.GenerateLeafCert(someone, issuer)
			if err != nil {
				t.Fatal(err)
			}
			k.certificate = certificate.Raw
		}, reason: "certificate does not match"},
		"WhenAttackerTakesACertificateOfAnotherAuthority": {change: func(k *keyless) {
			certificate, _, err := another.GenerateLeafCert(someone, issuer)
			if err != nil {
				t.Fatal(err)
			}
			k.certificate = certificate.Raw
		}, reason: "certificate does not match"},
	}
	for name, c := range cases {
		for shape, store := range keylessShapes {
			t.Run(name+"/"+shape, func(t *testing.T) {
				s := newStore(t, nil)
				subject := s.push(t)
				if c.change == nil {
					c.change = func(*keyless) {}
				}
				if c.options.TrustedRoot == nil {
					c.options = asSomeone(trusted)
				}
				store(t, s, subject, sigstore, c.change)
				got := verify(t, s, subject, c.options)
				if len(got) != 1 || got[0].Status != policy.SignatureFailed || got[0].Signer != "" || !strings.Contains(got[0].Reason, c.reason) {
					t.Errorf("got %+v, want one failed because of %q, without a signer", got, c.reason)
				}
			})
		}
	}
}

// otherEntry is a good log entry of something else.
func otherEntry(t *testing.T, s *ca.VirtualSigstore, dsse bool) *protorekor.TransparencyLogEntry {
	t.Helper()
	payload := []byte(`{"_type":"https://in-toto.io/Statement/v1"}`)
	entity, err := s.Sign(someone, issuer, payload)
	if dsse {
		entity, err = s.AttestAtTime(someone, issuer, payload, time.Now().Add(5*time.Minute), true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pieces(t, s, entity, payload).entry
}

func TestKeylessWithoutTrustedRootIsAnErrorThatSaysSo(t *testing.T) {
	sigstore := newSigstore(t)
	for shape, store := range keylessShapes {
		t.Run(shape, func(t *testing.T) {
			s := newStore(t, nil)
			subject := s.push(t)
			store(t, s, subject, sigstore, func(*keyless) {})
			got := verify(t, s, subject, asSomeone(nil))
			if got[0].Status != policy.SignatureError || !strings.Contains(got[0].Reason, "--trusted-root") {
				t.Errorf("got %+v, want an error that says what to give", got)
			}
		})
	}
}

func TestVerifyRefusesOptionsThatMeanNothing(t *testing.T) {
	trusted := trustedRoot(t, newSigstore(t), nil)
	s := newStore(t, nil)
	subject := s.push(t)
	for name, o := range map[string]attest.Options{
		"identity without issuer": {TrustedRoot: trusted, Identity: &attest.Identity{Subject: someone}},
		"issuer without identity": {TrustedRoot: trusted, Identity: &attest.Identity{Issuer: issuer}},
		"empty identity":          {TrustedRoot: trusted, Identity: &attest.Identity{}},
		"bad expression":          {TrustedRoot: trusted, Identity: &attest.Identity{SubjectRegexp: "(", Issuer: issuer}},
		"trusted root not JSON":   asSomeone([]byte("nonsense")),
		"trusted root empty JSON": asSomeone([]byte("{}")),
		"key not PEM":             {Keys: [][]byte{[]byte("nonsense")}},
		"key empty":               {Keys: [][]byte{nil}},
	} {
		if got, err := attest.Verify(t.Context(), s, subject.Descriptor.Digest, o); err == nil {
			t.Errorf("%s: no error, and %+v", name, got)
		}
	}
}
