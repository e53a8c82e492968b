package attest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy"
)

// decisionPredicate is the predicate of type PredicateDecision.
type decisionPredicate struct {
	Verifier    vsaVerifier     `json:"verifier"`
	ResourceURI string          `json:"resourceUri"`
	Decision    json.RawMessage `json:"decision"`
}

// DecisionPredicate returns the whole decision as a predicate for Attest with
// PredicateDecision, reasons and digests of the parts included, so that who
// has the parts can recompute it. Unlike a VSA it can hold an undecided
// decision, and says so.
func DecisionPredicate(decision policy.Decision, s Summary) ([]byte, error) {
	whole, err := json.Marshal(decision)
	if err != nil {
		return nil, fmt.Errorf("encoding the decision about %q: %w", s.ResourceURI, err)
	}
	p := decisionPredicate{
		Verifier:    vsaVerifier{ID: cmp.Or(s.VerifierID, defaultVerifierID)},
		ResourceURI: s.ResourceURI,
		Decision:    whole,
	}
	if s.VerifierVersion != "" {
		p.Verifier.Version = map[string]string{"tallyman": s.VerifierVersion}
	}
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encoding the decision about %q: %w", s.ResourceURI, err)
	}
	return data, nil
}

// Difference is one part of a decision that is not what it was.
type Difference struct {
	// Part is its name in policy.Decision.Digests.
	Part string
	// Recorded is the digest in the attestation, Recomputed the one from the
	// parts at hand; "" where that side does not have the part.
	Recorded, Recomputed string
}

// DifferenceError is what VerifyDecision returns when parts differ.
type DifferenceError struct {
	// Differences are sorted by Part.
	Differences []Difference
}

// Error names each part that differs.
func (e *DifferenceError) Error() string {
	said := make([]string, len(e.Differences))
	for i, d := range e.Differences {
		switch {
		case d.Recorded == "":
			said[i] = fmt.Sprintf("%s (%s) is not in the attestation", d.Part, d.Recomputed)
		case d.Recomputed == "":
			said[i] = fmt.Sprintf("%s (%s) was not recomputed", d.Part, d.Recorded)
		default:
			said[i] = fmt.Sprintf("%s was %s and is %s", d.Part, d.Recorded, d.Recomputed)
		}
	}
	return "the decision rests on something else: " + strings.Join(said, "; ")
}

// VerifyDecision compares the parts that an attested decision rests on
// (statement is of type PredicateVSA or PredicateDecision, and verified: see
// Attestations) with their digests as recomputed. It returns nil when all are
// equal, a *DifferenceError that names each part that differs, or another
// error when the statement is not such a statement. A part that only one side
// has differs.
func VerifyDecision(statement Statement, recomputed map[string]string) error {
	recorded, err := Parts(statement)
	if err != nil {
		return err
	}
	if len(recorded) == 0 {
		return errors.New("the attested decision names no part, so that nothing can be compared")
	}
	names := maps.Clone(recorded)
	maps.Copy(names, recomputed)
	var differences []Difference
	for _, part := range slices.Sorted(maps.Keys(names)) {
		if recorded[part] != recomputed[part] {
			differences = append(differences, Difference{part, recorded[part], recomputed[part]})
		}
	}
	if len(differences) > 0 {
		return &DifferenceError{differences}
	}
	return nil
}

// Parts returns the digests of the parts that an attested decision rests on,
// by the names of policy.Decision.Digests, without those that were absent.
func Parts(statement Statement) (map[string]string, error) {
	switch statement.PredicateType {
	case PredicateDecision:
		return decisionParts(statement)
	case PredicateVSA:
		return summaryParts(statement)
	}
	return nil, fmt.Errorf("predicate type %q holds no decision: want %q or %q", statement.PredicateType, PredicateDecision, PredicateVSA)
}

func decisionParts(statement Statement) (map[string]string, error) {
	var p struct {
		Decision struct {
			Digests map[string]string `json:"digests"`
		} `json:"decision"`
	}
	if err := json.Unmarshal(statement.Predicate, &p); err != nil {
		return nil, fmt.Errorf("reading the attested decision: %w", err)
	}
	parts := map[string]string{}
	for part, digest := range p.Decision.Digests {
		if digest != "" {
			parts[part] = digest
		}
	}
	return parts, nil
}

func summaryParts(statement Statement) (map[string]string, error) {
	var p vsa
	if err := json.Unmarshal(statement.Predicate, &p); err != nil {
		return nil, fmt.Errorf("reading the attested verification summary: %w", err)
	}
	parts := map[string]string{}
	for _, input := range p.InputAttestations {
		part, ours := strings.CutPrefix(input.URI, PredicateDecision+"#")
		if !ours {
			continue // another verifier's summary may rest on other things
		}
		if _, twice := parts[part]; twice {
			return nil, fmt.Errorf("the attested verification summary names part %q twice", part)
		}
		parts[part] = "sha256:" + input.Digest["sha256"]
	}
	if hex := p.Policy.Digest["sha256"]; hex != "" {
		parts[partPolicy] = "sha256:" + hex
	}
	return parts, nil
}
