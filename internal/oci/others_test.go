package oci

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// An attacker who adds an image to an index gets it noticed, whatever the
// annotations beside it claim that it is.
func TestOthersWhereAnAttackerHidesAnImage(t *testing.T) {
	good, bad := testImage(t, "amd64"), testImage(t, "arm64")
	arm := &v1.Platform{OS: "linux", Architecture: "arm64"}
	for name, c := range map[string]struct {
		entry v1.Descriptor
		want  []string
	}{
		"beside":                {v1.Descriptor{Platform: arm}, []string{"linux/arm64"}},
		"as an attestation":     {v1.Descriptor{Platform: arm, Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"}}, []string{"linux/arm64"}},
		"as a signature":        {v1.Descriptor{Platform: arm, Annotations: map[string]string{cosignKind: cosignSigs}}, []string{"linux/arm64"}},
		"as an artifact":        {v1.Descriptor{Platform: arm, ArtifactType: "application/spdx+json"}, []string{"linux/arm64"}},
		"without a platform":    {v1.Descriptor{}, []string{"an unnamed platform"}},
		"of the same platform":  {v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}, []string{"linux/amd64"}},
		"a BuildKit provenance": {v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			index := mutate.AppendManifests(empty.Index,
				mutate.IndexAddendum{Add: good, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
				mutate.IndexAddendum{Add: bad, Descriptor: c.entry})
			host := newRegistry(t)
			push(t, host+"/app:1", index)
			dir := filepath.Join(t.TempDir(), "layout")
			l, err := ggcrlayout.Write(dir, empty.Index)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.AppendIndex(index); err != nil {
				t.Fatal(err)
			}
			for _, ref := range []string{host + "/app:1", "oci:" + dir} {
				img, err := tryOpen(t, ref, Options{})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, o := range img.Others() {
					got = append(got, o.Platform)
					if o.Absent {
						t.Errorf("%s: %s counts as absent", ref, o.Platform)
					}
				}
				want := c.want
				if img.Digest() == digestOf(t, bad) {
					want = []string{"linux/amd64"} // on an arm64 machine
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: others (-want +got):\n%s", ref, diff)
				}
				if others := open(t, ref, Options{Platform: "linux/amd64"}).Others(); len(others) > 0 {
					t.Errorf("%s: asked for amd64 and got others %v", ref, others)
				}
			}
		})
	}
}

// An export of one platform keeps the names of the others.
func TestOthersThatAnExportLeftOut(t *testing.T) {
	bad := testImage(t, "s390x")
	index := indexOf(t, map[string]v1.Image{"linux/amd64": testImage(t, "amd64"), "linux/arm64": testImage(t, "arm64"), "linux/s390x": bad}, false)
	dir := filepath.Join(t.TempDir(), "layout")
	l, err := ggcrlayout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "blobs", "sha256", digestOf(t, bad).Hex)); err != nil {
		t.Fatal(err)
	}
	for _, o := range open(t, "oci:"+dir, Options{}).Others() {
		if o.Absent != (o.Platform == "linux/s390x") {
			t.Errorf("%s: absent is %v", o.Platform, o.Absent)
		}
	}
}
