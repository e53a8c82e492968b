package attest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/policy"
)

// ErrUndecided is wrapped by the error of VSA for a decision that is neither
// allowed nor denied: it says nothing that could be vouched for.
var ErrUndecided = errors.New("the decision is undecided, so there is no verification summary to write")

// Summary is what a VSA says besides the decision.
type Summary struct {
	// VerifierID is the URI of who decided, "https://tallyman.dev" when "".
	VerifierID string
	// VerifierVersion is the tool's version, "" to leave it out.
	VerifierVersion string
	// ResourceURI is the image as its users name it ("registry/app@sha256:...");
	// required.
	ResourceURI string
	// PolicyURI names the policy, "https://tallyman.dev/policy/default" when
	// "". Its digest is the decision's part "policy".
	PolicyURI string
}

const (
	defaultVerifierID = "https://tallyman.dev"
	defaultPolicyURI  = "https://tallyman.dev/policy/default"
	// slsaVersion is the version of the SLSA specification.
	slsaVersion = "1.0"
)

// partPolicy is the part that a VSA keeps in a field of its own.
const partPolicy = "policy"

// vsa is the predicate. https://slsa.dev/spec/v1.0/verification_summary#schema
type vsa struct {
	Verifier           vsaVerifier     `json:"verifier"`
	TimeVerified       time.Time       `json:"timeVerified"`
	ResourceURI        string          `json:"resourceUri"`
	Policy             vsaDescriptor   `json:"policy"`
	InputAttestations  []vsaDescriptor `json:"inputAttestations"`
	VerificationResult string          `json:"verificationResult"`
	VerifiedLevels     []string        `json:"verifiedLevels"`
	SLSAVersion        string          `json:"slsaVersion"`
}

type vsaVerifier struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version,omitempty"`
}

type vsaDescriptor struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest,omitempty"`
}

// VSA returns the SLSA verification summary of a decision as a predicate for
// Attest with PredicateVSA: PASSED when it allowed, FAILED when it denied, an
// error that wraps ErrUndecided otherwise. The parts that the decision rests
// on are the input attestations, named PredicateDecision#PART. The time is the
// one that the decision was made for, so that the same decision gives the same
// bytes.
func VSA(decision policy.Decision, s Summary) ([]byte, error) {
	if s.ResourceURI == "" {
		return nil, errors.New("a verification summary needs the image's name: give the reference that was audited")
	}
	p := vsa{
		Verifier:     vsaVerifier{ID: cmp.Or(s.VerifierID, defaultVerifierID)},
		TimeVerified: decision.AsOf.UTC().Truncate(time.Second),
		ResourceURI:  s.ResourceURI,
		Policy:       vsaDescriptor{URI: cmp.Or(s.PolicyURI, defaultPolicyURI)},
		SLSAVersion:  slsaVersion,
	}
	if s.VerifierVersion != "" {
		p.Verifier.Version = map[string]string{"tallyman": s.VerifierVersion}
	}
	switch decision.Outcome {
	case policy.Allowed:
		// What the policy checked is no level of SLSA's build track.
		p.VerificationResult, p.VerifiedLevels = "PASSED", []string{"SLSA_BUILD_LEVEL_UNEVALUATED"}
	case policy.Denied:
		p.VerificationResult, p.VerifiedLevels = "FAILED", []string{"FAILED"}
	default:
		return nil, ErrUndecided
	}
	if decision.AsOf.IsZero() {
		return nil, errors.New("the decision has no time, so a verification summary cannot say when it was verified")
	}
	if err := p.setParts(decision.Digests); err != nil {
		return nil, err
	}
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encoding the verification summary of %q: %w", s.ResourceURI, err)
	}
	return data, nil
}

// setParts lists the parts by name, and the policy in its own field.
func (p *vsa) setParts(digests map[string]string) error {
	p.InputAttestations = []vsaDescriptor{}
	for _, part := range slices.Sorted(maps.Keys(digests)) {
		digest, err := digestSet(part, digests[part])
		if err != nil {
			return err
		}
		switch {
		case part == partPolicy:
			p.Policy.Digest = digest
		case digest != nil:
			p.InputAttestations = append(p.InputAttestations, vsaDescriptor{URI: PredicateDecision + "#" + part, Digest: digest})
		}
	}
	return nil
}

// digestSet turns "sha256:HEX" into in-toto's form; nil for a part that is
// absent ("").
func digestSet(part, digest string) (map[string]string, error) {
	if digest == "" {
		return nil, nil
	}
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok || algorithm != "sha256" || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("the decision's part %q has digest %q, which is not a sha256 digest", part, digest)
	}
	return map[string]string{algorithm: hex}, nil
}
