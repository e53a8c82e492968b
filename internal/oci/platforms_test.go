package oci

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestPlatformsOf lists what a registry and a layout have, and opens each by
// its digest: the image is that one and its index stays known.
func TestPlatformsOf(t *testing.T) {
	amd, arm, odd := testImage(t, "amd64"), testImage(t, "arm64"), testImage(t, "s390x")
	both := indexOf(t, map[string]v1.Image{"linux/amd64": amd, "linux/arm64/v8": arm}, true)
	mute := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: odd})
	nested := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: both})
	hidden := mutate.AppendManifests(indexOf(t, map[string]v1.Image{"linux/amd64": amd}, true), mutate.IndexAddendum{
		Add: arm, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "linux", Architecture: "arm64"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
		},
	})
	host, dir := newRegistry(t), filepath.Join(t.TempDir(), "layout")
	l, err := ggcrlayout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for tag, index := range map[string]v1.ImageIndex{"both": both, "mute": mute, "nested": nested, "hidden": hidden} {
		push(t, host+"/app:"+tag, index)
		if err := l.AppendIndex(index, ggcrlayout.WithAnnotations(map[string]string{refName: tag})); err != nil {
			t.Fatal(err)
		}
	}
	push(t, host+"/app:single", amd)
	if err := l.AppendImage(amd, ggcrlayout.WithAnnotations(map[string]string{refName: "single"})); err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]map[string]v1.Image{
		"both":   {"linux/amd64": amd, "linux/arm64/v8": arm},
		"mute":   {"linux/s390x": odd},
		"nested": {"linux/amd64": amd, "linux/arm64/v8": arm},
		"hidden": {"linux/amd64": amd, "linux/arm64": arm},
		"single": {"linux/amd64": amd},
	} {
		for _, where := range []string{host + "/app:", "oci:" + dir + ":", "oci:" + tarDir(t, dir) + ":"} {
			ref := where + tag
			got := listed(t, ref)
			if diff := cmp.Diff(digestsOf(t, want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", ref, diff)
			}
			for platform, digest := range got {
				h, err := v1.NewHash(digest)
				if err != nil {
					t.Fatal(err)
				}
				img := open(t, ref, Options{Digest: h, Platform: "linux/ppc64le"})
				if img.Digest() != h || len(img.Others()) > 0 || (tag != "single") == (img.Index() == v1.Hash{}) {
					t.Errorf("%s: for %s opened %s of index %s, beside %v", ref, platform, img.Digest(), img.Index(), img.Others())
				}
			}
			if _, err := tryOpen(t, ref, Options{Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}}); !errors.Is(err, ErrPlatform) {
				t.Errorf("%s: a digest that is not there: %v", ref, err)
			}
		}
	}
}

func listed(t *testing.T, ref string) map[string]string {
	t.Helper()
	parsed, err := Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	platforms, err := Platforms(t.Context(), parsed, Options{Platform: "linux/arm64"})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, o := range platforms {
		out[o.Platform] = o.Digest.String()
		if o.Absent {
			out[o.Platform] = "absent"
		}
	}
	return out
}

func digestsOf(t *testing.T, images map[string]v1.Image) map[string]string {
	t.Helper()
	out := map[string]string{}
	for platform, img := range images {
		out[platform] = digestOf(t, img).String()
	}
	return out
}

// A layout may name what it does not hold, and its index.json may be the index.
func TestPlatformsOfAnExport(t *testing.T) {
	amd, arm := testImage(t, "amd64"), testImage(t, "arm64")
	dir := filepath.Join(t.TempDir(), "layout")
	if _, err := ggcrlayout.Write(dir, indexOf(t, map[string]v1.Image{"linux/amd64": amd, "linux/arm64": arm}, true)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "blobs", "sha256", digestOf(t, arm).Hex)); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"linux/amd64": digestOf(t, amd).String(), "linux/arm64": "absent"}
	if diff := cmp.Diff(want, listed(t, "oci:"+dir)); diff != "" {
		t.Error(diff)
	}
}

func TestPlatformsOfAnArchive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image.tar")
	tag, err := name.NewTag("example.test/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(file, tag, testImage(t, "riscv64")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"linux/riscv64": open(t, file, Options{}).Digest().String()}
	if diff := cmp.Diff(want, listed(t, file)); diff != "" {
		t.Error(diff)
	}
}

// What has no image has no platform, and that is an error.
func TestPlatformsOfNothing(t *testing.T) {
	host := newRegistry(t)
	push(t, host+"/app:att", indexOf(t, nil, true))
	push(t, host+"/app:chart", mutate.ConfigMediaType(testImage(t, "amd64"), "application/vnd.cncf.helm.config.v1+json"))
	for _, tag := range []string{"att", "chart"} {
		ref, err := Parse(host + "/app:" + tag)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Platforms(t.Context(), ref, Options{}); !errors.Is(err, ErrMediaType) || len(got) > 0 {
			t.Errorf("%s: %v, %v", tag, got, err)
		}
	}
}

// An engine takes the first entry of an index that has its platform, whatever
// an annotation or a type of artifact says beside it; so does this.
func TestPlatformIsWhatAnEngineTakes(t *testing.T) {
	evil, good := testImage(t, "amd64"), testImage(t, "amd64")
	platform := &v1.Platform{OS: "linux", Architecture: "amd64"}
	for name, d := range map[string]v1.Descriptor{
		"attestation": {Platform: platform, Annotations: map[string]string{buildKitType: buildKitAttest}},
		"signature":   {Platform: platform, Annotations: map[string]string{cosignKind: cosignSigs}},
		"artifact":    {Platform: platform, ArtifactType: "application/spdx+json"},
		"tag":         {Platform: platform, Annotations: map[string]string{refName: "sha256-" + strings.Repeat("0", 64) + ".sig"}},
	} {
		index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: evil, Descriptor: d},
			mutate.IndexAddendum{Add: good, Descriptor: v1.Descriptor{Platform: platform}})
		ref := newRegistry(t) + "/app:1"
		push(t, ref, index)
		if got := open(t, ref, Options{Platform: "linux/amd64"}).Digest(); got != digestOf(t, evil) {
			t.Errorf("%s: %s is taken, and an engine takes %s", name, got, digestOf(t, evil))
		}
	}
}
