package attest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
)

// Annotations of a layer in cosign's tag format.
// https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#properties
const (
	annotationSignature   = "dev.cosignproject.cosign/signature"
	annotationCertificate = "dev.sigstore.cosign/certificate"
	annotationRekorBundle = "dev.sigstore.cosign/bundle"
	annotationTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// bundleV01 is the only bundle version that takes a log entry with a promise
// and without a proof of inclusion, which is all that the tag format keeps.
const bundleV01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"

// content is what an entry holds once it is parsed: the signed bytes, and the
// entity to verify them with. Nothing of it is verified yet.
type content struct {
	// payload is the simple-signing payload or the in-toto statement; nil when
	// message is true.
	payload []byte
	// message is true for a bundle with a bare signature instead of a
	// statement.
	message bool
	// signature is the raw signature.
	signature []byte
	// hint is the key hint of a bundle, "" otherwise.
	hint string
	// withKey is the entity to verify with a key; its error says why that
	// cannot be tried.
	withKey func(withLog bool) (*bundle.Bundle, error)
	// withCertificate is the same for an identity.
	withCertificate func() (*bundle.Bundle, error)
}

func parseEntry(e entry) (content, error) {
	if e.err != nil {
		return content{}, e.err
	}
	switch e.shape {
	case shapeSimple:
		return parseSimple(e)
	case shapeDSSE:
		return parseDSSE(e)
	case shapeBundle:
		return parseBundle(e.data)
	}
	return content{}, fmt.Errorf("%s: unknown shape %d", e.where, e.shape)
}

func parseSimple(e entry) (content, error) {
	raw, err := base64.StdEncoding.DecodeString(e.annotations[annotationSignature])
	if err != nil || len(raw) == 0 {
		return content{}, fmt.Errorf("the layer has no base64 signature in its annotation %q", annotationSignature)
	}
	sum := sha256.Sum256(e.data)
	c := content{payload: e.data, signature: raw}
	c.fromAnnotations(e, func() *protobundle.Bundle {
		return &protobundle.Bundle{Content: &protobundle.Bundle_MessageSignature{
			MessageSignature: &protocommon.MessageSignature{
				MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: sum[:]},
				Signature:     raw,
			},
		}}
	})
	return c, nil
}

func parseDSSE(e entry) (content, error) {
	var env struct {
		PayloadType string `json:"payloadType"`
		Payload     []byte `json:"payload"`
		Signatures  []struct {
			Sig []byte `json:"sig"`
		} `json:"signatures"`
	}
	if err := json.Unmarshal(e.data, &env); err != nil {
		return content{}, fmt.Errorf("the DSSE envelope is not readable: %w", err)
	}
	if env.PayloadType != mediaInToto {
		return content{}, fmt.Errorf("the DSSE envelope is of type %q, not %q", env.PayloadType, mediaInToto)
	}
	// One signature, as in a bundle: with more it would have to be said which.
	if len(env.Signatures) != 1 {
		return content{}, fmt.Errorf("the DSSE envelope has %d signatures, not 1", len(env.Signatures))
	}
	c := content{payload: env.Payload, signature: env.Signatures[0].Sig}
	c.fromAnnotations(e, func() *protobundle.Bundle {
		return &protobundle.Bundle{Content: &protobundle.Bundle_DsseEnvelope{
			DsseEnvelope: &protodsse.Envelope{
				Payload:     env.Payload,
				PayloadType: env.PayloadType,
				Signatures:  []*protodsse.Signature{{Sig: env.Signatures[0].Sig}},
			},
		}}
	})
	return c, nil
}

// fromAnnotations sets how to verify an entry of the tag format: what a bundle
// holds inside stands in annotations there.
func (c *content) fromAnnotations(e entry, base func() *protobundle.Bundle) {
	c.withKey = func(withLog bool) (*bundle.Bundle, error) {
		b := base()
		b.MediaType = bundleV01
		b.VerificationMaterial = &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{}},
		}
		if withLog {
			if err := addLogEntry(b, e); err != nil {
				return nil, err
			}
		}
		return bundle.NewBundle(b)
	}
	c.withCertificate = func() (*bundle.Bundle, error) {
		block, _ := pem.Decode([]byte(e.annotations[annotationCertificate]))
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errNoCertificate
		}
		b := base()
		b.MediaType = bundleV01
		// The leaf only: intermediates come from the trusted root, never from
		// the registry.
		b.VerificationMaterial = &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_X509CertificateChain{
				X509CertificateChain: &protocommon.X509CertificateChain{
					Certificates: []*protocommon.X509Certificate{{RawBytes: block.Bytes}},
				},
			},
		}
		if err := addLogEntry(b, e); err != nil {
			return nil, err
		}
		addTimestamp(b, e)
		return bundle.NewBundle(b)
	}
}

var errNoCertificate = errors.New("it was signed with a key, not with a certificate: give the public key")

// addLogEntry turns the annotation that cosign writes into a log entry; none
// is no error, the verifier counts them.
func addLogEntry(b *protobundle.Bundle, e entry) error {
	text := e.annotations[annotationRekorBundle]
	if text == "" {
		return nil
	}
	var rekor struct {
		SignedEntryTimestamp []byte
		Payload              struct {
			Body           []byte `json:"body"`
			IntegratedTime int64  `json:"integratedTime"`
			LogIndex       int64  `json:"logIndex"`
			LogID          string `json:"logID"`
		}
	}
	if err := json.Unmarshal([]byte(text), &rekor); err != nil {
		return fmt.Errorf("the log entry in annotation %q is not readable: %w", annotationRekorBundle, err)
	}
	var kind struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
	}
	if err := json.Unmarshal(rekor.Payload.Body, &kind); err != nil {
		return fmt.Errorf("the body of the log entry in annotation %q is not readable: %w", annotationRekorBundle, err)
	}
	logID, err := hex.DecodeString(rekor.Payload.LogID)
	if err != nil {
		return fmt.Errorf("the log entry in annotation %q names log %q, which is not hexadecimal", annotationRekorBundle, rekor.Payload.LogID)
	}
	b.VerificationMaterial.TlogEntries = []*protorekor.TransparencyLogEntry{{
		LogIndex:          rekor.Payload.LogIndex,
		LogId:             &protocommon.LogId{KeyId: logID},
		KindVersion:       &protorekor.KindVersion{Kind: kind.Kind, Version: kind.APIVersion},
		IntegratedTime:    rekor.Payload.IntegratedTime,
		InclusionPromise:  &protorekor.InclusionPromise{SignedEntryTimestamp: rekor.SignedEntryTimestamp},
		CanonicalizedBody: rekor.Payload.Body,
	}}
	return nil
}

// addTimestamp adds the timestamp of a signature. cosign stamps a whole DSSE
// envelope in the tag format, where the verifier wants its signature stamped,
// so that only simple-signing entries can be dated so.
func addTimestamp(b *protobundle.Bundle, e entry) {
	var stamp struct{ SignedRFC3161Timestamp []byte }
	text := e.annotations[annotationTimestamp]
	if text == "" || e.shape != shapeSimple || json.Unmarshal([]byte(text), &stamp) != nil {
		return // without a stamp there is one proof of time less
	}
	b.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
		Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp.SignedRFC3161Timestamp}},
	}
}

func parseBundle(data []byte) (content, error) {
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(data); err != nil {
		return content{}, fmt.Errorf("the Sigstore bundle is not readable: %w", err)
	}
	var c content
	c.hint = b.GetVerificationMaterial().GetPublicKey().GetHint()
	switch inside := b.GetContent().(type) {
	case *protobundle.Bundle_DsseEnvelope:
		env := inside.DsseEnvelope
		if env.GetPayloadType() != mediaInToto {
			return content{}, fmt.Errorf("the DSSE envelope is of type %q, not %q", env.GetPayloadType(), mediaInToto)
		}
		if len(env.GetSignatures()) != 1 {
			return content{}, fmt.Errorf("the DSSE envelope has %d signatures, not 1", len(env.GetSignatures()))
		}
		c.payload, c.signature = env.GetPayload(), env.GetSignatures()[0].GetSig()
	case *protobundle.Bundle_MessageSignature:
		c.message, c.signature = true, inside.MessageSignature.GetSignature()
	}
	hasCertificate := b.GetVerificationMaterial().GetPublicKey() == nil
	c.withKey = func(bool) (*bundle.Bundle, error) {
		if hasCertificate {
			return nil, errors.New("it was signed with a certificate, not with a key: give the certificate's identity and issuer")
		}
		return b, nil
	}
	c.withCertificate = func() (*bundle.Bundle, error) {
		if !hasCertificate {
			return nil, errNoCertificate
		}
		return b, nil
	}
	return c, nil
}
