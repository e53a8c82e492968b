package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

var _ store = (*layout)(nil)

// artifact finds an artifact by digest, by its name in index.json, or, for what
// "cosign save" wrote without names, by what cosign's annotation says.
func (l *layout) artifact(_ context.Context, tag string) (v1.Image, error) {
	d, err := l.findArtifact(tag)
	if err != nil {
		return nil, err
	}
	if !isImage(d.MediaType) {
		return nil, &Error{Ref: tag, Reason: ErrMediaType, Err: fmt.Errorf("its manifest is of type %q", d.MediaType)}
	}
	return storedImage(l.src, d)
}

func (l *layout) findArtifact(tag string) (v1.Descriptor, error) {
	if digestOK.MatchString(tag) {
		return l.byDigest(tag)
	}
	index, err := l.index()
	if err != nil {
		return v1.Descriptor{}, err
	}
	for _, d := range index.Manifests {
		if named(d, tag) {
			return d, nil
		}
	}
	if d, ok := cosignSaved(index, tag); ok {
		return d, nil
	}
	return v1.Descriptor{}, fmt.Errorf("tag %q in the layout: %w", tag, ErrNotFound)
}

// cosignSaved finds the signatures or attestations that "cosign save" wrote:
// the layout holds one image or index, marked as such, and what belongs to it.
func cosignSaved(index *v1.IndexManifest, tag string) (v1.Descriptor, bool) {
	subject, suffix, _ := strings.Cut(tag, ".")
	want := map[string]string{"sig": cosignSigs, "att": cosignAtts}[suffix]
	if want == "" {
		return v1.Descriptor{}, false
	}
	saved := slices.ContainsFunc(index.Manifests, func(d v1.Descriptor) bool {
		kind := d.Annotations[cosignKind]
		return (kind == "dev.cosignproject.cosign/image" || kind == "dev.cosignproject.cosign/imageIndex") &&
			d.Digest.Algorithm+"-"+d.Digest.Hex == subject
	})
	if !saved {
		return v1.Descriptor{}, false
	}
	i := slices.IndexFunc(index.Manifests, func(d v1.Descriptor) bool { return d.Annotations[cosignKind] == want })
	if i < 0 {
		return v1.Descriptor{}, false
	}
	return index.Manifests[i], true
}

// referrers reads every manifest of the layout for its subject. A manifest that
// cannot be read could be one of them, so that is an error; one whose bytes are
// absent is not there.
func (l *layout) referrers(ctx context.Context, digest v1.Hash) ([]v1.Descriptor, error) {
	var out []v1.Descriptor
	seen := map[v1.Hash]bool{}
	err := l.each(func(d v1.Descriptor) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if seen[d.Digest] || !isImage(d.MediaType) {
			return nil
		}
		seen[d.Digest] = true
		m, _, err := readManifest(l.src, d)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case m.Subject == nil || m.Subject.Digest != digest:
			return nil
		}
		out = append(out, v1.Descriptor{
			MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Annotations: m.Annotations, ArtifactType: artifactType(m),
		})
		return nil
	})
	return out, err
}

// artifactType is the type that the referrers API shows for a manifest.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
func artifactType(m *v1.Manifest) string {
	if m.ArtifactType != "" {
		return m.ArtifactType
	}
	return string(m.Config.MediaType)
}

// put writes an artifact into the layout: blobs first, index.json last and at
// once, so that a reader sees all of it or nothing.
func (l *layout) put(_ context.Context, tag string, img v1.Image) error {
	if l.path == "" {
		return fmt.Errorf("%w: the layout is in a tar", ErrReadOnly)
	}
	root, err := os.OpenRoot(l.path)
	if err != nil {
		return err
	}
	defer root.Close()
	d, err := writeImage(root, img)
	if err != nil {
		return fmt.Errorf("writing into the layout %q: %w", l.path, err)
	}
	if tag != "" {
		d.Annotations = map[string]string{refName: tag}
	}
	return l.addToIndex(root, tag, *d)
}

// addToIndex writes index.json with d in it, in the place of what was called
// tag before.
func (l *layout) addToIndex(root *os.Root, tag string, d v1.Descriptor) error {
	index, err := l.index()
	if err != nil {
		return err
	}
	index.Manifests = slices.DeleteFunc(index.Manifests, func(old v1.Descriptor) bool {
		if tag != "" {
			return old.Annotations[refName] == tag
		}
		return old.Digest == d.Digest && old.Annotations[refName] == ""
	})
	index.Manifests = append(index.Manifests, d)
	raw, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(root, "index.json", func(w io.Writer) error {
		_, err := w.Write(append(raw, '\n'))
		return err
	})
}

// writeImage writes the blobs of img and returns its descriptor.
func writeImage(root *os.Root, img v1.Image) (*v1.Descriptor, error) {
	if err := root.MkdirAll("blobs/sha256", 0o755); err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	for _, layer := range layers {
		if err := writeLayer(root, layer); err != nil {
			return nil, err
		}
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	for _, raw := range [][]byte{config, manifest} {
		if err := writeBytes(root, raw); err != nil {
			return nil, err
		}
	}
	d, err := partial.Descriptor(img)
	if err != nil {
		return nil, err
	}
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	out := &v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, ArtifactType: m.ArtifactType}
	if out.MediaType == "" {
		out.MediaType = types.OCIManifestSchema1
	}
	return out, nil
}

func writeLayer(root *os.Root, layer v1.Layer) error {
	digest, err := layer.Digest()
	if err != nil {
		return err
	}
	r, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer r.Close()
	return writeBlob(root, digest, r)
}

func writeBytes(root *os.Root, raw []byte) error {
	digest, _, err := v1.SHA256(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	return writeBlob(root, digest, strings.NewReader(string(raw)))
}

func writeBlob(root *os.Root, digest v1.Hash, r io.Reader) error {
	return writeFile(root, "blobs/sha256/"+digest.Hex, func(w io.Writer) error {
		_, err := io.Copy(w, r)
		return err
	})
}

// writeFile writes a file beside its name and renames it.
func writeFile(root *os.Root, name string, write func(io.Writer) error) (err error) {
	beside := name + ".tallyman"
	if err := root.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, root.Remove(beside))
	}
	return root.Rename(beside, name)
}
