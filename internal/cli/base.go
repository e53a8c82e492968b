package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/sbom/image"
)

// baseImages opens the images of --base, once for each platform that is asked
// for. It reads manifests and configurations, no layer, and nothing at all of one
// that is named by a digest and was read before.
func (a *app) baseImages() func(context.Context, string, *image.Cache) ([]audit.BaseImage, error) {
	if len(a.flags.bases) == 0 {
		return nil
	}
	var lock sync.Mutex
	known := map[string][]audit.BaseImage{}
	return func(ctx context.Context, platform string, layers *image.Cache) ([]audit.BaseImage, error) {
		lock.Lock()
		defer lock.Unlock()
		if bases, ok := known[platform]; ok {
			return bases, nil
		}
		var bases []audit.BaseImage
		for _, word := range a.flags.bases {
			b, err := a.baseImage(ctx, word, platform, layers)
			if err != nil {
				return nil, fmt.Errorf("--base: %w", err)
			}
			bases = append(bases, b)
		}
		known[platform] = bases
		return bases, nil
	}
}

func (a *app) baseImage(ctx context.Context, word, platform string, layers *image.Cache) (audit.BaseImage, error) {
	ref, err := a.imageRef(word)
	if err != nil {
		return audit.BaseImage{}, err
	}
	if _, digest, pinned := strings.Cut(word, "@"); pinned && ref.Kind == oci.KindRegistry {
		// Its digest says what it is, wherever it is from.
		if seen := layers.Image(digest); seen != nil {
			return audit.BaseImage{Name: ref.String(), Digest: seen.Digest, Index: seen.Index, DiffIDs: seen.DiffIDs}, nil
		}
	}
	opts := a.ociOptions()
	opts.Platform = platform
	img, err := oci.Open(ctx, ref, opts)
	if err != nil {
		return audit.BaseImage{}, err
	}
	config, err := img.Image().ConfigFile()
	if err != nil {
		return audit.BaseImage{}, fmt.Errorf("reading the configuration of %q: %w", img.Name(), err)
	}
	b := audit.BaseImage{Name: img.Name(), Digest: img.Digest().String()}
	if index, ok := img.IndexDescriptor(); ok {
		b.Index = index.Digest.String()
	}
	for _, id := range config.RootFS.DiffIDs {
		b.DiffIDs = append(b.DiffIDs, id.String())
	}
	return b, nil
}
