package audit

import (
	"context"
	"os"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom/image"
)

const chatbotImage = "oci:../../testdata/images/chatbot"

// opened is an image of the example, or of what edit makes of it.
func opened(t *testing.T, edit func(v1.Image) v1.Image) *oci.Image {
	t.Helper()
	ref := chatbotImage
	if edit != nil {
		dir := t.TempDir()
		path, err := layout.Write(dir, empty.Index)
		if err != nil {
			t.Fatal(err)
		}
		if err := path.AppendImage(edit(opened(t, nil).Image())); err != nil {
			t.Fatal(err)
		}
		ref = "oci:" + dir
	}
	parsed, err := oci.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	img, err := oci.Open(t.Context(), parsed, oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// lowest keeps the lowest n layers.
func lowest(t *testing.T, n int) func(v1.Image) v1.Image {
	return func(img v1.Image) v1.Image {
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		out, err := mutate.AppendLayers(empty.Image, layers[:n]...)
		if err != nil {
			t.Fatal(err)
		}
		if out, err = mutate.Config(out, v1.Config{User: "1000"}); err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// baseOf is an opened image as one that others are built on.
func baseOf(t *testing.T, img *oci.Image) BaseImage {
	t.Helper()
	config, err := img.Image().ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	b := BaseImage{Name: img.Name(), Digest: img.Digest().String()}
	for _, id := range config.RootFS.DiffIDs {
		b.DiffIDs = append(b.DiffIDs, id.String())
	}
	return b
}

func auditOf(t *testing.T, img *oci.Image, cache *image.Cache, bases ...BaseImage) *Report {
	t.Helper()
	a := &Auditor{
		Tool: Tool{Name: "tallyman", Version: "test"}, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Stages: []string{StageSBOM, StageVuln, StageLint}, Layers: cache, Parameters: policy.Parameters{OnlyAdded: true},
		Bases: func(context.Context, string, *image.Cache) ([]BaseImage, error) { return bases, nil },
	}
	r, err := a.Run(t.Context(), Target{Image: img})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSeenBaseChangesNoDecision: what a cache remembers is told, and the decision
// is the same byte for byte.
func TestSeenBaseChangesNoDecision(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	cache := image.NewCache(root, image.CacheOptions{})
	target := opened(t, nil)
	cold := auditOf(t, target, nil)
	auditOf(t, opened(t, lowest(t, 2)), cache)
	warm := auditOf(t, target, cache)
	if cold.Base != nil || warm.Base == nil || warm.Base.Known != BaseSeen || warm.Base.Layers != 2 {
		t.Errorf("base without the cache %+v, with it %+v", cold.Base, warm.Base)
	}
	if got, want := warm.Decision.Digest(), cold.Decision.Digest(); got != want {
		t.Errorf("the decision is %s with a cache, %s without", got, want)
	}
	if err := warm.Recheck(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestNamedBaseIsInTheDecision: the base that counts is part of what is decided
// on, so that it cannot be changed afterwards.
func TestNamedBaseIsInTheDecision(t *testing.T) {
	target := opened(t, nil)
	base := baseOf(t, opened(t, lowest(t, 2)))
	r := auditOf(t, target, nil, base, baseOf(t, opened(t, lowest(t, 1))))
	want := &policy.Base{Name: base.Name, Digest: base.Digest, Layers: 2}
	if r.Image.Base == nil || *r.Image.Base != *want || r.Base.Known != BaseNamed {
		t.Fatalf("base %+v, want %+v", r.Image.Base, want)
	}
	for i, l := range r.Image.History {
		if l.Base != (i < 2) {
			t.Errorf("layer %d: base %v", i, l.Base)
		}
	}
	if err := r.Recheck(t.Context(), nil); err != nil {
		t.Error(err)
	}
	r.Image.Base.Layers = 7
	if err := r.Recheck(t.Context(), nil); err == nil {
		t.Error("a report whose base was changed holds together")
	}
}

// TestOtherImageIsNotTheBase: neither one with other layers nor the image itself.
func TestOtherImageIsNotTheBase(t *testing.T) {
	target := opened(t, nil)
	swapped := baseOf(t, opened(t, lowest(t, 2)))
	swapped.DiffIDs[0], swapped.DiffIDs[1] = swapped.DiffIDs[1], swapped.DiffIDs[0]
	for name, bases := range map[string][]BaseImage{
		"itself": {baseOf(t, target)}, "another order": {swapped}, "without layers": {{Name: "scratch", Digest: "sha256:00"}}, "none": nil,
	} {
		if r := auditOf(t, target, nil, bases...); r.Image.Base != nil || r.Base != nil {
			t.Errorf("%s: base %+v, %+v", name, r.Image.Base, r.Base)
		}
	}
}
