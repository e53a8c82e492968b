package oci

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
)

// attested adds to an index what BuildKit adds about an image.
func attested(t *testing.T, index v1.ImageIndex, about v1.Image) (v1.ImageIndex, v1.Hash) {
	t.Helper()
	statement := func(predicate string) mutate.Addendum {
		return mutate.Addendum{
			Layer:       static.NewLayer([]byte(`{"_type":"https://in-toto.io/Statement/v0.1"}`), "application/vnd.in-toto+json"),
			Annotations: map[string]string{predicateType: predicate},
		}
	}
	says, err := mutate.Append(testImage(t, "unknown"), statement("https://spdx.dev/Document"), statement("https://slsa.dev/provenance/v0.2"))
	if err != nil {
		t.Fatal(err)
	}
	return mutate.AppendManifests(index, mutate.IndexAddendum{Add: says, Descriptor: v1.Descriptor{
		Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
		Annotations: map[string]string{buildKitType: buildKitAttest, buildKitDigest: digestOf(t, about).String()},
	}}), digestOf(t, says)
}

// TestBuildKitAttestations has an index with attestations about each image: they
// are listed for the image that they are about, as claims, and are no platform.
func TestBuildKitAttestations(t *testing.T) {
	amd, arm := testImage(t, "amd64"), testImage(t, "arm64")
	index := indexOf(t, map[string]v1.Image{"linux/amd64": amd, "linux/arm64": arm}, false)
	index, ofAmd := attested(t, index, amd)
	index, ofArm := attested(t, index, arm)
	index, second := attested(t, index, arm)
	host := newRegistry(t)
	push(t, host+"/app:1", index)
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := ggcrlayout.Write(whole, index); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(t.TempDir(), "inside")
	l, err := ggcrlayout.Write(inside, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{host + "/app:1", "oci:" + whole, "oci:" + inside} {
		for platform, c := range map[string]struct {
			want  []v1.Hash
			notes []string
		}{
			"linux/amd64": {[]v1.Hash{ofAmd}, []string{"of the index this is linux/amd64; it also has linux/arm64", "an attestation of the build, " + ofAmd.String()}},
			"linux/arm64": {[]v1.Hash{ofArm, second}, []string{"of the index this is linux/arm64; it also has linux/amd64", "2 attestations of the build"}},
		} {
			img := open(t, ref, Options{Platform: platform})
			got := img.Attestations()
			if len(got) != len(c.want) {
				t.Fatalf("%s for %s: %v", ref, platform, got)
			}
			for i, d := range got {
				if d.Digest != c.want[i] {
					t.Errorf("%s for %s: %s, want %s", ref, platform, d.Digest, c.want[i])
				}
				types := []string{"https://slsa.dev/provenance/v0.2", "https://spdx.dev/Document"}
				if strings.HasPrefix(ref, host) {
					types = nil // it would cost a request
				}
				if diff := cmp.Diff(types, d.Predicates); diff != "" || d.Problem != "" {
					t.Errorf("%s for %s: %s\n%s", ref, platform, d.Problem, diff)
				}
			}
			for _, note := range c.notes {
				if notes := strings.Join(img.Notes(), "\n"); !strings.Contains(notes, note) {
					t.Errorf("%s for %s: %q lacks %q", ref, platform, notes, note)
				}
			}
		}
	}
	if img := open(t, host+"/app:1", Options{Digest: digestOf(t, amd)}); len(img.Attestations()) != 1 || len(img.Notes()) != 1 {
		t.Errorf("by digest: %v, %q", img.Attestations(), img.Notes())
	}
}

// TestAttestationsThatCannotBeRead: one that is not there, one with other bytes
// and one without types are said, and change nothing else.
func TestAttestationsThatCannotBeRead(t *testing.T) {
	amd := testImage(t, "amd64")
	index, says := attested(t, indexOf(t, map[string]v1.Image{"linux/amd64": amd}, false), amd)
	for what, c := range map[string]struct {
		damage func(t *testing.T, blob string)
		note   string
	}{
		"whole":  {func(*testing.T, string) {}, " (https://slsa.dev/provenance/v0.2, https://spdx.dev/Document): nobody signed it"},
		"absent": {func(t *testing.T, blob string) { must(t, os.Remove(blob)) }, " (one that cannot be read: it is not there): nobody signed it"},
		"other": {func(t *testing.T, blob string) {
			data, err := os.ReadFile(blob)
			must(t, err)
			must(t, os.WriteFile(blob, bytes.ReplaceAll(data, []byte("spdx.dev"), []byte("spdy.dev")), 0o600))
		}, " (one that cannot be read: content does not match its digest"},
	} {
		dir := filepath.Join(t.TempDir(), "layout")
		if _, err := ggcrlayout.Write(dir, index); err != nil {
			t.Fatal(err)
		}
		c.damage(t, filepath.Join(dir, "blobs", "sha256", says.Hex))
		for _, ref := range []string{"oci:" + dir, tarDir(t, dir)} {
			img := open(t, ref, Options{})
			if notes := strings.Join(img.Notes(), "\n"); img.Digest() != digestOf(t, amd) || !strings.Contains(notes, says.String()+c.note) {
				t.Errorf("%s, %s: %s, %s", what, ref, img.Digest(), notes)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An entry that a machine would run is no attestation, whatever it is called.
func TestAnImageThatIsCalledAnAttestation(t *testing.T) {
	amd, arm := testImage(t, "amd64"), testImage(t, "arm64")
	index := mutate.AppendManifests(indexOf(t, map[string]v1.Image{"linux/amd64": amd}, false), mutate.IndexAddendum{
		Add: arm, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "linux", Architecture: "arm64"},
			Annotations: map[string]string{buildKitType: buildKitAttest, buildKitDigest: digestOf(t, amd).String()},
		},
	})
	host := newRegistry(t)
	push(t, host+"/app:1", index)
	img := open(t, host+"/app:1", Options{Platform: "linux/amd64"})
	if len(img.Attestations()) > 0 || !strings.Contains(strings.Join(img.Notes(), "\n"), "it also has linux/arm64") {
		t.Errorf("%v, %q", img.Attestations(), img.Notes())
	}
}
