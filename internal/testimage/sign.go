package testimage

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// seed makes the key. Everybody knows it.
const seed = "tallyman: the key of the example image protects nothing"

// Media type and annotation of a signature in cosign's tag format.
// https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
const (
	simpleSigning       types.MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
	signatureAnnotation string          = "dev.cosignproject.cosign/signature"
)

// signature stores a signature over image, and returns its descriptor and the
// public key in PEM.
func (b *builder) signature(image v1.Descriptor) (v1.Descriptor, []byte, error) {
	sum := sha256.Sum256([]byte(seed))
	key := ed25519.NewKeyFromSeed(sum[:])
	payload := fmt.Appendf(nil,
		`{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":null}`,
		image.Digest)
	layer := b.blob(simpleSigning, payload)
	layer.Annotations = map[string]string{signatureAnnotation: base64.StdEncoding.EncodeToString(ed25519.Sign(key, payload))}
	config, err := b.json(types.OCIConfigJSON, &v1.ConfigFile{RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{layer.Digest}}})
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	d, err := b.json(types.OCIManifestSchema1, v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{layer},
	})
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	return d, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}), nil
}
