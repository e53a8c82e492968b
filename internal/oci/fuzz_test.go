package oci

import (
	"bytes"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// FuzzStream holds that what is opened of a tar and read to its end is what its
// digests name, and that a second look finds the same image.
func FuzzStream(f *testing.F) {
	img := testImage(f, "amd64")
	whole, layout := saved(f, img), exported(f, img)
	for _, seed := range [][]byte{nil, whole, layout, whole[:2000], gzipped(f, whole), zstandard(f, layout), make([]byte, 1024)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		kept := NewSpools(t.TempDir())
		defer kept.Close()
		opts := Options{Stdin: bytes.NewReader(data), Spools: kept}
		got, err := Open(t.Context(), Ref{Kind: KindStream}, opts)
		if err != nil {
			return
		}
		raw, err := got.Image().RawManifest()
		if err != nil {
			t.Fatalf("opened without a manifest: %v", err)
		}
		if h, _, _ := v1.SHA256(bytes.NewReader(raw)); h != got.Digest() {
			t.Errorf("the manifest is %s, and the image %s", h, got.Digest())
		}
		config, err := got.Image().RawConfigFile()
		if err != nil {
			t.Fatalf("opened without a configuration: %v", err)
		}
		m, err := got.Image().Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if h, n, _ := v1.SHA256(bytes.NewReader(config)); h != m.Config.Digest || n != m.Config.Size {
			t.Errorf("the configuration is %s of %d bytes, named is %s of %d", h, n, m.Config.Digest, m.Config.Size)
		}
		if layers, err := got.Image().Layers(); err == nil {
			for i, layer := range layers {
				r, err := layer.Compressed()
				if err != nil {
					continue
				}
				if h, n, err := v1.SHA256(r); err == nil && (h != m.Layers[i].Digest || n != m.Layers[i].Size) {
					t.Errorf("layer %d is %s of %d bytes, named is %s of %d", i, h, n, m.Layers[i].Digest, m.Layers[i].Size)
				}
				r.Close()
			}
		}
		again, err := Open(t.Context(), Ref{Kind: KindStream}, opts)
		if err != nil || again.Digest() != got.Digest() {
			t.Errorf("a second look: %v", err)
		}
	})
}
