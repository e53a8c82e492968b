package attest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"google.golang.org/protobuf/encoding/protojson"
)

// emptyArtifact is what the tags of cosign's format start from.
func emptyArtifact() (v1.Image, error) {
	return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), nil
}

// tagLayer is one entry of cosign's tag format.
type tagLayer struct {
	data        []byte
	media       types.MediaType
	annotations map[string]string
}

// newTagLayer signs payload: beside it for suffix "sig", around it (DSSE) for
// "att".
func newTagLayer(suffix string, payload []byte, signer *Signer) (tagLayer, error) {
	if suffix == "sig" {
		raw, err := signer.sign(payload)
		if err != nil {
			return tagLayer{}, err
		}
		return tagLayer{payload, mediaSimpleSigning, map[string]string{
			annotationSignature: base64.StdEncoding.EncodeToString(raw),
		}}, nil
	}
	raw, err := seal(payload, signer)
	if err != nil {
		return tagLayer{}, err
	}
	statement, err := parseStatement(payload)
	if err != nil {
		return tagLayer{}, err
	}
	type sig struct {
		KeyID string `json:"keyid"`
		Sig   []byte `json:"sig"`
	}
	envelope, err := json.Marshal(struct {
		PayloadType string `json:"payloadType"`
		Payload     []byte `json:"payload"`
		Signatures  []sig  `json:"signatures"`
	}{mediaInToto, payload, []sig{{Sig: raw}}})
	if err != nil {
		return tagLayer{}, fmt.Errorf("encoding the DSSE envelope: %w", err)
	}
	// cosign finds the signature inside, and wants the annotation empty.
	return tagLayer{envelope, mediaDSSE, map[string]string{
		annotationSignature: "",
		"predicateType":     statement.PredicateType,
	}}, nil
}

func (l tagLayer) appendTo(base v1.Image) (v1.Image, error) {
	return mutate.Append(base, mutate.Addendum{
		Layer:       static.NewLayer(l.data, l.media),
		Annotations: l.annotations,
		MediaType:   l.media,
	})
}

// newBundleArtifact signs the statement payload as a Sigstore bundle in an
// image manifest whose subject is the image.
// https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
func newBundleArtifact(subject v1.Descriptor, predicateType string, payload []byte, signer *Signer) (v1.Image, error) {
	data, err := newBundle(payload, signer)
	if err != nil {
		return nil, err
	}
	layer := static.NewLayer(data, mediaBundle)
	described, err := partial.Descriptor(layer)
	if err != nil {
		return nil, fmt.Errorf("hashing the bundle: %w", err)
	}
	config := []byte("{}")
	configDigest, configSize, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, fmt.Errorf("hashing the empty config: %w", err)
	}
	manifest, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  mediaBundle,
		Config: v1.Descriptor{
			MediaType: mediaEmptyConfig, Digest: configDigest, Size: configSize, ArtifactType: mediaBundle,
		},
		Layers:  []v1.Descriptor{*described},
		Subject: &subject,
		// No creation time: the same statement and signature are the same
		// manifest. cosign writes one and reads neither.
		Annotations: map[string]string{
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": predicateType,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the bundle's manifest: %w", err)
	}
	return partial.CompressedToImage(artifactCore{manifest: manifest, config: config, layer: layer})
}

func newBundle(payload []byte, signer *Signer) ([]byte, error) {
	raw, err := seal(payload, signer)
	if err != nil {
		return nil, err
	}
	data, err := protojson.Marshal(&protobundle.Bundle{
		MediaType: mediaBundle,
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_PublicKey{
				PublicKey: &protocommon.PublicKeyIdentifier{Hint: signer.key.hint},
			},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload:     payload,
			PayloadType: mediaInToto,
			Signatures:  []*protodsse.Signature{{Sig: raw}},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the bundle: %w", err)
	}
	// protojson's spacing differs from run to run.
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return nil, fmt.Errorf("encoding the bundle: %w", err)
	}
	return compact.Bytes(), nil
}

// artifactCore is an artifact with one layer whose manifest is kept to the
// byte.
type artifactCore struct {
	manifest, config []byte
	layer            v1.Layer
}

var _ partial.CompressedImageCore = artifactCore{}

// RawManifest implements partial.CompressedImageCore.
func (a artifactCore) RawManifest() ([]byte, error) { return a.manifest, nil }

// RawConfigFile implements partial.CompressedImageCore.
func (a artifactCore) RawConfigFile() ([]byte, error) { return a.config, nil }

// MediaType implements partial.CompressedImageCore.
func (a artifactCore) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// LayerByDigest implements partial.CompressedImageCore.
func (a artifactCore) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	have, err := a.layer.Digest()
	if err != nil {
		return nil, fmt.Errorf("hashing the bundle: %w", err)
	}
	if have != digest {
		return nil, fmt.Errorf("the artifact has no layer %q", digest)
	}
	return a.layer, nil
}
