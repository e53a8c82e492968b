package attest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// statementType is in-toto's statement, version 1.
// https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
const (
	statementType    = "https://in-toto.io/Statement/v1"
	statementTypeV01 = "https://in-toto.io/Statement/v0.1"
)

// simpleSigningType is the `critical.type` of cosign's payload.
// https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
const simpleSigningType = "cosign container image signature"

// Statement is an in-toto statement about an image.
type Statement struct {
	Type          string            `json:"_type"`
	Subject       []StatementObject `json:"subject"`
	PredicateType string            `json:"predicateType"`
	// Predicate is a JSON object.
	Predicate json.RawMessage `json:"predicate,omitempty"`
}

// StatementObject is one subject of a Statement.
type StatementObject struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// NewStatement returns the statement that predicate, a JSON object, holds of
// the subject.
func NewStatement(subject Subject, predicateType string, predicate []byte) (Statement, error) {
	if err := subject.validate(); err != nil {
		return Statement{}, err
	}
	if !strings.Contains(predicateType, ":") {
		return Statement{}, fmt.Errorf("predicate type %q is not a URI: give for example %q", predicateType, PredicateCycloneDX)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(predicate, &object); err != nil || object == nil {
		return Statement{}, fmt.Errorf("the predicate for %q is not a JSON object", predicateType)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, predicate); err != nil {
		return Statement{}, fmt.Errorf("compacting the predicate for %q: %w", predicateType, err)
	}
	return Statement{
		Type:          statementType,
		PredicateType: predicateType,
		Predicate:     compact.Bytes(),
		Subject: []StatementObject{{
			Name:   subject.Reference,
			Digest: map[string]string{"sha256": subject.Descriptor.Digest.Hex},
		}},
	}, nil
}

func parseStatement(payload []byte) (Statement, error) {
	var s Statement
	if err := json.Unmarshal(payload, &s); err != nil {
		return Statement{}, fmt.Errorf("the in-toto statement is not JSON: %w", err)
	}
	if s.Type != statementType && s.Type != statementTypeV01 {
		return Statement{}, fmt.Errorf("the payload is of type %q, not an in-toto statement", s.Type)
	}
	return s, nil
}

// speaksOf says whether digest is among the statement's subjects, and if not,
// which digests are.
func (s Statement) speaksOf(digest v1.Hash) (bool, string) {
	var others []string
	for _, subject := range s.Subject {
		hex := subject.Digest[digest.Algorithm]
		if hex == digest.Hex {
			return true, digest.String()
		}
		others = append(others, digest.Algorithm+":"+hex)
	}
	switch len(others) {
	case 0:
		return false, ""
	case 1:
		return false, others[0]
	}
	return false, fmt.Sprintf("%s and %d more", others[0], len(others)-1)
}

// simpleSigning is the payload of a signature in cosign's tag format.
type simpleSigning struct {
	Critical struct {
		Identity struct {
			DockerReference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			DockerManifestDigest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

func newSimpleSigning(subject Subject) ([]byte, error) {
	var p simpleSigning
	p.Critical.Identity.DockerReference = subject.Reference
	p.Critical.Image.DockerManifestDigest = subject.Descriptor.Digest.String()
	p.Critical.Type = simpleSigningType
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encoding the payload for %q: %w", subject.Descriptor.Digest, err)
	}
	return data, nil
}

func parseSimpleSigning(payload []byte) (simpleSigning, error) {
	var p simpleSigning
	if err := json.Unmarshal(payload, &p); err != nil {
		return p, fmt.Errorf("the signed payload is not JSON: %w", err)
	}
	if p.Critical.Type != simpleSigningType {
		return p, fmt.Errorf("the signed payload is of type %q, not %q", p.Critical.Type, simpleSigningType)
	}
	return p, nil
}

// seal signs payload as a DSSE envelope.
// https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
func seal(payload []byte, signer *Signer) (raw []byte, err error) {
	return signer.sign(dsse.PAE(mediaInToto, payload))
}
