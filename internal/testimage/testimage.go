// Package testimage makes the example image of testdata/images/chatbot: what a
// build of testdata/apps/chatbot/Dockerfile could have given on one day in
// March 2024, cut down to the files that an audit reads. All of it is written
// here, byte by byte the same on each run; nothing is copied from a real image.
//
// The image is a small OCI layout with its layers stored uncompressed, and a
// signature in cosign's format, made with a key that anybody can compute from
// the seed in this package. It protects nothing.
package testimage

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

//go:generate go run ./gen ../../testdata

// Where Files puts the layout and the public key, below testdata.
const (
	LayoutDir = "images/chatbot"
	PublicKey = "keys/chatbot.pub"
)

// Tag is the image's name in its layout.
const Tag = "latest"

// built is the time of everything in the image.
var built = time.Date(2024, time.March, 15, 9, 30, 0, 0, time.UTC)

// Files returns the layout and the public key by their slash-separated path
// below testdata.
func Files() (map[string][]byte, error) {
	b := &builder{files: map[string][]byte{}}
	image, err := b.image()
	if err != nil {
		return nil, err
	}
	signature, pub, err := b.signature(image)
	if err != nil {
		return nil, err
	}
	image.Annotations = map[string]string{refName: Tag}
	signature.Annotations = map[string]string{refName: "sha256-" + image.Digest.Hex + ".sig"}
	index := v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{image, signature},
	}
	raw, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return nil, err
	}
	b.files[LayoutDir+"/index.json"] = append(raw, '\n')
	b.files[LayoutDir+"/oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}` + "\n")
	b.files[PublicKey] = pub
	return b.files, nil
}

const refName = "org.opencontainers.image.ref.name"

// builder collects the files.
type builder struct{ files map[string][]byte }

// blob stores data and describes it.
func (b *builder) blob(mediaType types.MediaType, data []byte) v1.Descriptor {
	sum := sha256.Sum256(data)
	d := v1.Descriptor{
		MediaType: mediaType, Size: int64(len(data)),
		Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])},
	}
	b.files[LayoutDir+"/blobs/sha256/"+d.Digest.Hex] = data
	return d
}

// json stores v as JSON.
func (b *builder) json(mediaType types.MediaType, v any) (v1.Descriptor, error) {
	var buf bytes.Buffer
	if err := json.NewEncoder(&buf).Encode(v); err != nil {
		return v1.Descriptor{}, fmt.Errorf("encoding %s: %w", mediaType, err)
	}
	return b.blob(mediaType, bytes.TrimSpace(buf.Bytes())), nil
}

// image stores layers, configuration and manifest.
func (b *builder) image() (v1.Descriptor, error) {
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	config := configuration()
	for _, step := range steps() {
		h := v1.History{Created: v1.Time{Time: built}, CreatedBy: step.instruction, EmptyLayer: step.layer == nil}
		config.History = append(config.History, h)
		if step.layer == nil {
			continue
		}
		data, err := step.layer.archive()
		if err != nil {
			return v1.Descriptor{}, fmt.Errorf("layer of %q: %w", step.instruction, err)
		}
		d := b.blob(types.OCIUncompressedLayer, data)
		manifest.Layers = append(manifest.Layers, d)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, d.Digest)
	}
	var err error
	if manifest.Config, err = b.json(types.OCIConfigJSON, config); err != nil {
		return v1.Descriptor{}, err
	}
	return b.json(types.OCIManifestSchema1, manifest)
}

// configuration is what the Dockerfile sets, on what its base sets.
func configuration() *v1.ConfigFile {
	return &v1.ConfigFile{
		Architecture: "amd64", OS: "linux", Created: v1.Time{Time: built}, Author: "demo@example.com",
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Env: []string{
				"PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "PYTHON_VERSION=3.12.2",
				"HF_TOKEN=hf_example_not_a_real_token", "GRADIO_SERVER_NAME=0.0.0.0",
			},
			WorkingDir:   "/app",
			Cmd:          []string{"/bin/sh", "-c", "python app.py"},
			ExposedPorts: map[string]struct{}{"7860/tcp": {}},
			Labels:       map[string]string{"org.opencontainers.image.title": "chatbot"},
		},
	}
}
