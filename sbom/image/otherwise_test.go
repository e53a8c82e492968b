package image

import (
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
)

// TestPlantedSignOfAnotherPackageManagerIsTold: a sign of another family at the
// beginning of a layer keeps the digests from being made that the lists of its
// packages name. The packages are not verified then, and that is said, once for
// the layer, and no file of them is called altered.
func TestPlantedSignOfAnotherPackageManagerIsTold(t *testing.T) {
	plant := func(sign string, rest []item) []item { return append([]item{{sign, "x"}}, rest...) }
	d := debian()
	files, database := append(d[:3:3], d[4:8]...), []item{d[3], d[8]} // as in an archive that is sorted
	sorted := func() []item { return append(files[:len(files):len(files)], database...) }
	for _, test := range []struct {
		name   string
		layers [][]item
		want   string // what is told, "" for nothing
		grade  sbom.Evidence
	}{
		{"Debian", [][]item{sorted()}, "", sbom.Verified},
		{"DebianAfterApk", [][]item{plant("etc/apk/world", sorted())}, "2 files of 1 packages", sbom.Installed},
		{"DebianAfterRpm", [][]item{plant("usr/lib/.build-id/x", sorted())}, "2 files of 1 packages", sbom.Installed},
		{"DebianAfterApkBelowItsList", [][]item{plant("etc/apk/world", files), database}, "2 files of 1 packages", sbom.Installed},
		{"DebianAfterBoth", [][]item{plant("etc/apt/x", plant("etc/apk/world", sorted()))}, "", sbom.Verified},
		{"AlpineAfterDpkg", [][]item{plant("etc/debian_version", alpine())}, "1 files of 1 packages", sbom.Installed},
		{"Wheel", [][]item{plant("etc/apk/world", wheel())}, "", sbom.Verified},
	} {
		t.Run(test.name, func(t *testing.T) {
			var tars [][]byte
			for _, l := range test.layers {
				tars = append(tars, tarOf(t, l...))
			}
			_, _, inv := read(t, imageOf(t, tars...))
			var told []string
			for _, g := range inv.Document.Gaps {
				if g.Kind == sbom.GapUnverified {
					told = append(told, g.Reason)
					if g.Layer != inv.Layers[0] || g.File == "" {
						t.Errorf("gap %+v", g)
					}
				}
			}
			if (test.want == "") != (len(told) == 0) || len(told) > 1 || len(told) == 1 && !strings.HasPrefix(told[0], test.want+" could not be held") {
				t.Errorf("told %q, want %q", told, test.want)
			}
			for _, c := range inv.Document.Components {
				if c.Evidence != test.grade {
					t.Errorf("%s is %s, want %s", c.Name, c.Evidence, test.grade)
				}
			}
			if len(inv.Document.Files) != 0 {
				t.Errorf("files %+v", inv.Document.Files)
			}
		})
	}
}
