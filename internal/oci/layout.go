package oci

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
)

// Annotations of an index.json.
const (
	// refName is a tag or a whole reference.
	// https://github.com/opencontainers/image-spec/blob/main/annotations.md
	refName = "org.opencontainers.image.ref.name"
	// containerdName is the whole reference in what Docker and containerd export.
	containerdName = "io.containerd.image.name"
	// cosignKind and its values are what "cosign save" writes.
	// https://github.com/sigstore/cosign/blob/v2.6.5/pkg/oci/layout/index.go
	cosignKind = "kind"
	cosignSigs = "dev.cosignproject.cosign/sigs"
	cosignAtts = "dev.cosignproject.cosign/atts"
)

// artifactTag is a tag under which something about another manifest is stored:
// cosign's ("sha256-<hex>.sig") or the referrers fallback ("sha256-<hex>").
var artifactTag = regexp.MustCompile(`^sha256-[0-9a-f]{64}(\.[a-z]+)?$`)

// maxIndexDepth is how deep indexes may nest.
const maxIndexDepth = 4

// layout is an OCI layout, in a folder or in a tar.
// https://github.com/opencontainers/image-spec/blob/main/image-layout.md
type layout struct {
	src source
	// path is the folder, "" for a tar, which is never written to.
	path string
}

func newLayout(ctx context.Context, path string, opts Options) (*layout, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &layout{src: dirSource(path), path: path}, nil
	}
	src, err := openTar(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	return &layout{src: src}, nil
}

// index reads index.json.
func (l *layout) index() (*v1.IndexManifest, error) {
	raw, err := readFile(l.src, "index.json")
	if err != nil {
		return nil, err
	}
	return parseIndex(raw, "index.json")
}

// openLayout opens an image of an OCI layout.
func openLayout(ctx context.Context, ref Ref, opts Options) (*Image, error) {
	l, err := newLayout(ctx, ref.Path, opts)
	if err != nil {
		return nil, layoutError(ref, err)
	}
	return l.image(ref, opts)
}

// image opens an image of the layout.
func (l *layout) image(ref Ref, opts Options) (*Image, error) {
	out, err := l.resolve(ref, opts)
	if err != nil {
		return nil, err
	}
	return out, layoutError(ref, l.agrees(ref, out))
}

// resolve finds an image of the layout by what its index.json says.
func (l *layout) resolve(ref Ref, opts Options) (*Image, error) {
	d, way, err := l.find(ref, opts)
	if err != nil {
		return nil, layoutError(ref, err)
	}
	out := &Image{ref: ref, store: &Repository{l}, passed: way}
	for depth := 0; isIndex(d.MediaType); depth++ {
		if depth == maxIndexDepth {
			return nil, layoutError(ref, fmt.Errorf("indexes nested deeper than %d", maxIndexDepth))
		}
		index, err := readIndex(l.src, d)
		if err != nil {
			return nil, layoutError(ref, err)
		}
		if depth == 0 {
			out.index = v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}
		}
		if d, err = opts.choose(index); err != nil {
			return nil, layoutError(ref, err)
		}
		out.by(opts, index.Manifests, d)
	}
	out.attested(l.src)
	for i, o := range out.others {
		out.others[i].Absent = !l.has(o.Digest)
	}
	if out.image, err = storedImage(l.src, d); err != nil {
		return nil, layoutError(ref, err)
	}
	out.digest = d.Digest
	return out, layoutError(ref, out.check(opts))
}

// layoutError names the layout in err.
func layoutError(ref Ref, err error) error {
	if err == nil {
		return nil
	}
	var ours *Error
	if errors.As(err, &ours) && ours.Ref == "" {
		ours.Ref = ref.String()
		return ours
	}
	out := &Error{Ref: ref.String(), Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		out.Reason = ErrNotFound
	}
	return out
}

// find returns the descriptor of what ref names inside, or of the only image, and
// what the layout has beside it.
func (l *layout) find(ref Ref, opts Options) (d v1.Descriptor, way passed, err error) {
	images, err := l.entries(ref)
	if err != nil {
		return d, way, err
	}
	if len(images) == 1 {
		d = images[0]
	} else if d, err = opts.choose(&v1.IndexManifest{Manifests: images}); err != nil {
		return d, way, err
	}
	index, err := l.index()
	if err != nil {
		return d, way, err
	}
	way.by(opts, images, d)
	way.about(index.Manifests, d)
	return d, way, nil
}

// entries are what ref names inside, or the only image: one image or index, or
// several images of which each is for another platform.
func (l *layout) entries(ref Ref) ([]v1.Descriptor, error) {
	name := ref.inside()
	images, err := l.candidates(name)
	switch digest := pin(name); {
	case digest != "" && (errors.Is(err, ErrNotFound) || digest == name):
		d, err := l.byDigest(digest)
		return []v1.Descriptor{d}, err
	case err != nil:
		return nil, err
	case len(images) == 0:
		return nil, &Error{Reason: ErrMediaType, Err: errors.New("the layout holds no image")}
	case len(images) > 1 && !onePerPlatform(images):
		return nil, several(ref, calledInLayout(images))
	}
	return images, nil
}

// candidates are the images and indexes that name may mean, "" for any.
func (l *layout) candidates(name string) ([]v1.Descriptor, error) {
	index, err := l.index()
	if err != nil {
		return nil, err
	}
	images := slices.DeleteFunc(slices.Clone(index.Manifests), notPlatform)
	if name != "" {
		all := images
		if images = closest(all, name, layoutNames); len(images) == 0 {
			return nil, missing(name, calledInLayout(all))
		}
	}
	if len(images) > 1 {
		return l.onlyImages(images)
	}
	return images, nil
}

// has reports whether the layout holds the blob h.
func (l *layout) has(h v1.Hash) bool {
	r, err := openBlob(l.src, h)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	r.Close()
	return true
}

// onlyImages drops the artifacts that only their manifest gives away. What is
// named with a platform and is not there stays, for who passes it by.
func (l *layout) onlyImages(in []v1.Descriptor) ([]v1.Descriptor, error) {
	var out []v1.Descriptor
	for _, d := range in {
		if isImage(d.MediaType) {
			m, _, err := readManifest(l.src, d)
			absent := errors.Is(err, fs.ErrNotExist) && d.Platform != nil
			if err != nil && !absent {
				return nil, err
			}
			if !absent && (m.Subject != nil || artifactManifest(m)) {
				continue
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// artifactManifest reports whether m is not the manifest of a container image.
func artifactManifest(m *v1.Manifest) bool {
	return m.ArtifactType != "" || !imageConfig(m.Config.MediaType)
}

// onePerPlatform reports whether the entries are one image for several
// platforms.
func onePerPlatform(images []v1.Descriptor) bool {
	seen := map[string]bool{}
	for _, d := range images {
		if d.Platform == nil || seen[d.Platform.String()] {
			return false
		}
		seen[d.Platform.String()] = true
	}
	return true
}

// named reports whether d is called tag, by itself or at the end of a whole
// reference.
func named(d v1.Descriptor, tag string) bool {
	return slices.ContainsFunc(layoutNames(d), func(n string) bool { return n == tag || lastTag(n) == tag })
}

// layoutNames are the names that an index.json has for d.
func layoutNames(d v1.Descriptor) []string {
	names := []string{d.Annotations[containerdName], d.Annotations[refName]}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// calledInLayout says how to ask for each. What containerd exports has the whole
// name beside its tag, which is the better one.
func calledInLayout(in []v1.Descriptor) []called {
	var out []called
	for _, d := range in {
		one := called{names: layoutNames(d), digest: d.Digest}
		if len(one.names) == 2 && lastTag(one.names[0]) == one.names[1] {
			one.names = one.names[:1]
		}
		if d.Platform != nil {
			one.platform = d.Platform.String()
		}
		out = append(out, one)
	}
	return out
}

// lastTag returns the tag of a whole reference, or s when it is but a tag.
func lastTag(s string) string { return s[strings.LastIndex(s, ":")+1:] }

// byDigest returns the descriptor with this digest, also inside of indexes.
func (l *layout) byDigest(digest string) (v1.Descriptor, error) {
	found := v1.Descriptor{}
	err := l.each(func(d v1.Descriptor) error {
		if d.Digest.String() == digest {
			found = d
			return fs.SkipAll
		}
		return nil
	})
	if err == nil && found.Digest == (v1.Hash{}) {
		err = fmt.Errorf("digest %s: %w", digest, ErrNotFound)
	}
	return found, err
}

// each calls f for every manifest and index that the layout lists, top down.
// An index whose own bytes are missing is not entered: exports of one platform
// keep the names of the others. f may end it with fs.SkipAll.
func (l *layout) each(f func(v1.Descriptor) error) error {
	index, err := l.index()
	if err != nil {
		return err
	}
	left := limit.ManifestListEntries
	err = l.walk(index, 0, &left, f)
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

func (l *layout) walk(index *v1.IndexManifest, depth int, left *int, f func(v1.Descriptor) error) error {
	for _, d := range index.Manifests {
		if *left--; *left < 0 {
			return fmt.Errorf("the layout: %w of %d manifests", limit.ErrTooLarge, limit.ManifestListEntries)
		}
		if err := f(d); err != nil {
			return err
		}
		if !isIndex(d.MediaType) {
			continue
		}
		if depth == maxIndexDepth {
			return fmt.Errorf("indexes nested deeper than %d", maxIndexDepth)
		}
		child, err := readIndex(l.src, d)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := l.walk(child, depth+1, left, f); err != nil {
			return err
		}
	}
	return nil
}
