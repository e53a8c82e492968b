package oci

import (
	"context"
	"errors"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
)

// Platforms lists the images that ref leads to, one for each platform, in the
// order of the index; one that a layout names without holding it is marked.
// There is at least one, or an error. Attestations (unknown/unknown), signatures
// and other artifacts are none, but neither a tag nor an annotation makes an
// artifact of what a machine would run: see [Look].
//
// To open one of them, so that its index stays known, set Options.Digest.
func Platforms(ctx context.Context, ref Ref, opts Options) ([]Other, error) {
	opts.Platform, opts.Digest = "", v1.Hash{}
	survey, err := everyPlatform(ctx, ref, opts)
	if err != nil {
		return nil, err
	}
	if len(survey.Images) == 0 {
		return nil, &Error{Ref: ref.String(), Reason: ErrMediaType, Err: errors.New(survey.Artifact)}
	}
	for i, o := range survey.Images {
		if o.Platform != "" || o.Absent {
			continue
		}
		opts.Digest = o.Digest
		if survey.Images[i].Platform, err = platformOf(ctx, ref, opts); err != nil {
			return nil, err
		}
	}
	return survey.Images, nil
}

// everyPlatform is Look, with what a layout lacks.
func everyPlatform(ctx context.Context, ref Ref, opts Options) (*Survey, error) {
	l, err := layoutOf(ctx, ref, opts)
	if err != nil {
		return nil, layoutError(ref, err)
	}
	if l == nil {
		return Look(ctx, ref, opts)
	}
	entries, err := l.entries(ref)
	if err != nil {
		return nil, layoutError(ref, err)
	}
	walk := &looker{left: limit.ManifestListEntries, absent: func(h v1.Hash) bool { return !l.has(h) }}
	walk.fetch = func(d v1.Descriptor) (v1.Descriptor, []byte, error) {
		if err := ctx.Err(); err != nil {
			return d, nil, err
		}
		raw, err := readBlob(l.src, d)
		if errors.Is(err, fs.ErrNotExist) {
			return d, nil, &Error{Reason: ErrNotFound, Err: err}
		}
		return d, raw, err
	}
	for _, d := range entries {
		look := walk.look
		if len(entries) > 1 { // index.json is the index
			look = walk.entry
		}
		if err := look(d, 0); err != nil {
			return nil, layoutError(ref, err)
		}
	}
	return walk.survey(), nil
}

// layoutOf is the layout that ref leads to, nil when it leads to something else.
func layoutOf(ctx context.Context, ref Ref, opts Options) (*layout, error) {
	var src *tarSource
	var err error
	switch ref.Kind {
	case KindLayout:
		return newLayout(ctx, ref.Path, opts)
	case KindDockerArchive:
		if src, err = openTar(ctx, ref.Path, opts); err == nil && src.has("manifest.json") {
			return nil, nil
		}
	case KindTar:
		src, err = openTar(ctx, ref.Path, opts)
	case KindDocker, KindPodman:
		src, _, err = daemonSource(ctx, ref, opts)
	case KindStream:
		src, err = streamSource(ctx, opts)
	}
	if err != nil || src == nil || !src.has("index.json") {
		return nil, err
	}
	return &layout{src: src}, nil
}

// platformOf is the platform that an image itself says it is for.
func platformOf(ctx context.Context, ref Ref, opts Options) (string, error) {
	img, err := Open(ctx, ref, opts)
	if err != nil {
		return "", err
	}
	config, err := img.image.ConfigFile()
	if err != nil {
		return "", layoutError(ref, err)
	}
	return platformName(v1.Descriptor{Platform: config.Platform()}), nil
}
