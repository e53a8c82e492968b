package report

import (
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
)

// TestFailedCount calls what does not verify what it is.
func TestFailedCount(t *testing.T) {
	for _, tc := range []struct {
		kinds []string
		want  string
	}{
		{[]string{"signature"}, "1 signature that does not verify"},
		{[]string{"attestation"}, "1 attestation that does not verify"},
		{[]string{"attestation", "attestation"}, "2 attestations that do not verify"},
		{[]string{"signature", "attestation", "attestation", "attestation"}, "1 signature and 3 attestations that do not verify"},
	} {
		r := &audit.Report{Signatures: []policy.Signature{{Kind: "attestation", Status: policy.SignatureVerified}}}
		for _, kind := range tc.kinds {
			r.Signatures = append(r.Signatures, policy.Signature{Kind: kind, Status: policy.SignatureFailed})
		}
		if got := (&text{r: r}).failedCount(len(tc.kinds)); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.kinds, got, tc.want)
		}
	}
}

// TestTargetOnStandardInput has no hyphen for a name.
func TestTargetOnStandardInput(t *testing.T) {
	for image, want := range map[string]string{
		"-":                    "image on standard input sha256:0123456789ab",
		"-:web:1":              "image on standard input web:1@sha256:0123456789ab",
		"docker-archive:a.tar": "image docker-archive:a.tar@sha256:0123456789ab",
	} {
		r := &audit.Report{Target: policy.Target{Image: image, ImageDigest: "sha256:0123456789ab" + strings.Repeat("0", 52)}}
		if got := (&text{r: r}).target(); got != want {
			t.Errorf("%q: %q, want %q", image, got, want)
		}
	}
}
