package attest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/policy"
)

// logged adds a log entry to a part of the tag format that signer signed.
func logged(t *testing.T, s *ca.VirtualSigstore, p part, signer *attest.Signer) part {
	t.Helper()
	public, err := signer.PublicKeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	// https://github.com/sigstore/rekor/blob/main/pkg/types/hashedrekord/v0.0.1/hashedrekord_v0_0_1_schema.json
	body := fmt.Appendf(nil, `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"%x"}},`+
		`"signature":{"content":%q,"publicKey":{"content":%q}}}}`,
		sha256.Sum256(p.data), p.annotations[signatureKey], base64.StdEncoding.EncodeToString(public))
	logID, err := s.RekorLogID()
	if err != nil {
		t.Fatal(err)
	}
	payload := tlog.RekorPayload{Body: base64.StdEncoding.EncodeToString(body), IntegratedTime: time.Now().Unix(), LogIndex: 7, LogID: logID}
	set, err := s.RekorSignPayload(payload)
	if err != nil {
		t.Fatal(err)
	}
	rekor, err := json.Marshal(map[string]any{"SignedEntryTimestamp": set, "Payload": payload})
	if err != nil {
		t.Fatal(err)
	}
	return part{p.media, p.data, map[string]string{signatureKey: p.annotations[signatureKey], rekorKey: string(rekor)}}
}

func TestRequireLogForKey(t *testing.T) {
	sigstore, signer := newSigstore(t), newSigner(t)
	store := newStore(t, nil)
	subject := store.push(t)
	plain := signedBy(t, subject, signer)
	entered := logged(t, sigstore, plain, signer)
	o := keys(t, signer)
	o.RequireLog, o.TrustedRoot = true, trustedRoot(t, sigstore, nil)

	putTag(t, store, subject, "sig", entered)
	if got := verify(t, store, subject, o); !attest.Signed(got) || !got[0].Logged {
		t.Errorf("with an entry: %+v, want verified and logged", got)
	}
	if got := verify(t, store, subject, keys(t, signer)); !attest.Signed(got) || got[0].Logged {
		t.Errorf("without RequireLog: %+v, want verified, and not logged because nobody looked", got)
	}
	elsewhere := o
	elsewhere.TrustedRoot = trustedRoot(t, newSigstore(t), nil)
	expect(t, verify(t, store, subject, elsewhere), "log inclusion", policy.SignatureFailed)
	elsewhere.TrustedRoot = nil
	expect(t, verify(t, store, subject, elsewhere), "--trusted-root", policy.SignatureError)

	// The attacker removes the entry, or takes that of another key.
	putTag(t, store, subject, "sig", plain)
	expect(t, verify(t, store, subject, o), "log inclusion", policy.SignatureFailed)
	stranger := newSigner(t)
	foreign := logged(t, sigstore, plain, stranger)
	putTag(t, store, subject, "sig", foreign)
	expect(t, verify(t, store, subject, o), "entry body", policy.SignatureFailed)
	foreign.annotations[rekorKey] = "{"
	putTag(t, store, subject, "sig", foreign)
	expect(t, verify(t, store, subject, o), "not readable", policy.SignatureFailed)

	bundles := newStore(t, nil)
	described := bundles.push(t)
	sign(t, bundles, described, signer, attest.FormatBundle)
	expect(t, verify(t, bundles, described, o), "log inclusion", policy.SignatureFailed)
}

// TestLogEntryThatIsHostile: no such annotation may end in a panic or in
// verified.
func TestLogEntryThatIsHostile(t *testing.T) {
	sigstore, signer := newSigstore(t), newSigner(t)
	store := newStore(t, nil)
	subject := store.push(t)
	entered := logged(t, sigstore, signedBy(t, subject, signer), signer)
	o := keys(t, signer)
	o.RequireLog, o.TrustedRoot = true, trustedRoot(t, sigstore, nil)
	logID, err := sigstore.RekorLogID()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(logID)
	if err != nil || len(raw) != 32 {
		t.Fatal(err)
	}
	for _, rekor := range []string{
		"null", "{}", `{"Payload":null}`, `{"Payload":{"body":"e30=","logID":"zz"}}`, `{"Payload":{"body":"e30="}}`,
		`{"SignedEntryTimestamp":"AAAA","Payload":{"body":"eyJraW5kIjoiZHNzZSIsImFwaVZlcnNpb24iOiIwLjAuMSJ9","logID":"` + logID + `"}}`,
		`{"SignedEntryTimestamp":"AAAA","Payload":{"body":"` +
			base64.StdEncoding.EncodeToString([]byte(`{"kind":"dsse","apiVersion":"0.0.1","spec":{"signatures":[],"payloadHash":null,"envelopeHash":null}}`)) +
			`","logIndex":-5,"integratedTime":-1,"logID":"` + logID + `"}}`,
		`{"SignedEntryTimestamp":"AAAA","Payload":{"body":"` +
			base64.StdEncoding.EncodeToString([]byte(`{"kind":"hashedrekord","apiVersion":"0.0.1","spec":{"data":{},"signature":{}}}`)) +
			`","logID":"` + logID + `"}}`,
		`{"SignedEntryTimestamp":"AAAA","Payload":{"body":"` +
			base64.StdEncoding.EncodeToString([]byte(`{"kind":"intoto","apiVersion":"0.0.2","spec":{"content":{"envelope":{"payloadType":"a","signatures":[]}}}}`)) +
			`","logID":"` + logID + `"}}`,
	} {
		entered.annotations[rekorKey] = rekor
		putTag(t, store, subject, "sig", entered)
		if got := verify(t, store, subject, o); got[0].Status != policy.SignatureFailed {
			t.Errorf("%s: %+v, want failed", rekor, got)
		}
	}
}
