package image

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/tallyman/tallyman/sbom"
)

// placesOf writes locations as "path layer", the layers numbered from 1.
func placesOf(inv *Inventory, locations []sbom.Location) []string {
	out := []string{}
	for _, l := range locations {
		out = append(out, fmt.Sprint(strings.TrimPrefix(l.File, "/"+site), " ", slices.Index(inv.Layers, l.Layer)+1))
	}
	return out
}

// TestFilesNameTheirLayer: each file that is not as its list says names the
// layer that made it so, and never one below that. The lowest layer is the base
// of whoever only judges what he added.
func TestFilesNameTheirLayer(t *testing.T) {
	module := site + "a/__init__.py"
	patched := func() []item { // the base's own: a module that it altered
		return append(wheel(), item{module, "patched"})
	}
	two := []item{{site + "b.py", "two"}}
	for _, test := range []struct {
		name   string
		layers [][]item
		want   []string
	}{
		{"AlteredByTheBase", [][]item{patched(), two}, []string{"a/__init__.py 1"}},
		{"AlteredByALayerOnTop", [][]item{wheel(), two, {{module, "evil"}}}, []string{"a/__init__.py 3"}},
		{"AlteredByTheBaseAndAgainOnTop", [][]item{patched(), {{module, "evil"}}}, []string{"a/__init__.py 2"}},
		{"OneOfEach", [][]item{patched(), {{site + "a/_c.so", "evil"}}}, []string{"a/__init__.py 1", "a/_c.so 2"}},
		{"WhitedOutAndBroughtAgain", [][]item{patched(), {{site + "a/.wh.__init__.py", ""}}, {{module, "evil"}}}, []string{"a/__init__.py 3"}},
		{"OpaqueAndBroughtAgain", [][]item{wheel(), {{site + "a/.wh..wh..opq", ""}, {module, "evil"}}}, []string{"a/__init__.py 2", "a/_c.so 2", "a/data.json 2"}},
		{"RemovedByALayerOnTop", [][]item{wheel(), two, {{site + "a/.wh.data.json", ""}}}, []string{"a/data.json 3"}},
		{"ItsFolderRemovedByALayerOnTop", [][]item{wheel(), {{site + ".wh.a", ""}}}, []string{"a/__init__.py 2", "a/_c.so 2", "a/data.json 2"}},
		{"AFolderOnTopInItsPlace", [][]item{wheel(), two, {{module + "/", ""}}}, []string{"a/__init__.py 3"}},
		{"AFolderOnTopInItsPlaceAndOneOverThat", [][]item{wheel(), {{module + "/", ""}}, {{module + "/", ""}}}, []string{"a/__init__.py 2"}},
		{"AFolderOnTopInPlaceOfALinkToItsFolder", [][]item{
			append(slices.DeleteFunc(wheel(), func(i item) bool { return strings.HasPrefix(i.name, site+"a/") }),
				item{site + "old/__init__.py", "vulnerable"}, item{site + "old/_c.so", "ELF"}, item{site + "old/data.json", "{}"}, item{site + "a", "-> old"}),
			two, {{site + "a/", ""}},
		}, []string{"a/__init__.py 3", "a/_c.so 3", "a/data.json 3"}},
		{"NeverInTheBase", [][]item{slices.DeleteFunc(wheel(), func(i item) bool { return path.Base(i.name) == "data.json" }), two}, []string{"a/data.json 1"}},
		{"LinkedOnTopToAFileOfTheBase", [][]item{append(wheel(), item{site + "old.py", "vulnerable"}), two, {{module, "-> ../old.py"}}}, []string{"a/__init__.py 3"}},
		{"ItsFolderLinkedOnTopToOneOfTheBase", [][]item{
			append(wheel(), item{site + "old/__init__.py", "vulnerable"}, item{site + "old/_c.so", "ELF"}, item{site + "old/data.json", "{}"}),
			{{site + ".wh.a", ""}}, {{site + "a", "-> old"}},
		}, []string{"old/__init__.py 3"}},
		{"HardLinkedOnTopToAFileOfTheBase", [][]item{append(wheel(), item{site + "old.py", "vulnerable"}), {{site + "old.py", "vulnerable"}, {module, "=> " + site + "old.py"}}}, []string{"a/__init__.py 2"}},
		{"ListExchangedOnTop", [][]item{wheel(), {{site + "a-1.dist-info/RECORD", record("a-1.dist-info", "a/__init__.py", "patched, it says")}}}, []string{"a/__init__.py 2", "a/_c.so 2"}},
		{"ListWrittenAgainOnTop", [][]item{patched(), {wheel()[7]}}, []string{"a/__init__.py 1"}},
		{"AFileMoreOfTheBase", [][]item{append(wheel(), item{site + "a/more.py", "x"}), two}, []string{"a/more.py 1"}},
		{"AFileMoreOnTop", [][]item{wheel(), two, {{site + "a/more.py", "x"}}}, []string{"a/more.py 3"}},
		{"StartsOnTop", [][]item{wheel(), {{site + "evil.pth", "import evil"}}}, []string{"evil.pth 2"}},
		{"AlpinesDatabaseWrittenAgain", [][]item{
			append(alpine(), item{"bin/x", "patched"}), append(alpine(), item{apkDB, apk("x", "1", "x", "bin/x", "ELF x", "bin/y", "/bin/x", "etc/x.conf", "theirs") + apk("z", "1", "z")})[4:],
		}, []string{"/bin/x 1"}},
		{"AlpinesDatabaseForged", [][]item{alpine(), {{apkDB, apk("x", "1", "x", "bin/x", "fixed, it says")}}}, []string{"/bin/x 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var tars [][]byte
			for _, l := range test.layers {
				tars = append(tars, tarOf(t, l...))
			}
			_, _, inv := read(t, imageOf(t, tars...))
			got := []string{}
			for i := range inv.Document.Files {
				f := &inv.Document.Files[i]
				got = append(got, placesOf(inv, f.Locations)...)
				if named := len(f.Altered) + len(f.Missing) + len(f.Extra) + len(f.Starts); named != len(f.Locations) {
					t.Errorf("%d files, %d places", named, len(f.Locations))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAlteredFileOnTopIsNotCutFromAmongThoseOfTheBase: where more files are
// altered than are named, who adds one cannot hide it behind the base's.
func TestAlteredFileOnTopIsNotCutFromAmongThoseOfTheBase(t *testing.T) {
	items, files := manyAltered()
	files = append(files, "a/z.py", "as it was")
	items = append(items, item{site + "a/z.py", "as it was"}, item{site + "a-1.dist-info/RECORD", record("a-1.dist-info", files...)})
	_, _, inv := read(t, imageOf(t, tarOf(t, items...), tarOf(t, item{site + "a/z.py", "evil"})))
	f := &inv.Document.Files[0]
	if last := f.Altered[len(f.Altered)-1]; last != "/"+site+"a/z.py" || f.LayerOf(last) != inv.Layers[1] || f.Unnamed != 8 {
		t.Errorf("last %q of %q, %d unnamed", last, f.LayerOf(last), f.Unnamed)
	}
}

// TestModesNameTheirLayer: a setuid file is of the layer that has its content, a
// folder that everyone can write to of the one that made it so.
func TestModesNameTheirLayer(t *testing.T) {
	img := imageOf(t,
		modesOf(t, mode{"usr/local/bin/a", 0o4755}, mode{"usr/local/bin/b", 0o4755}, mode{"app/", 0o777}, mode{"app/x/", 0o777}, mode{"app/y/", 0o755}, mode{"app/z/", 0o777}, mode{"app/f.py", 0o666}),
		modesOf(t, mode{"usr/local/bin/b", 0o4755}, mode{"app/", 0o755}, mode{"app/x/", 0o777}, mode{"app/y/", 0o777}, mode{"app/.wh.z", 0}, mode{"app/f.py/", 0o777}),
		modesOf(t, mode{"app/z/", 0o777}, mode{"app/x/one", 0o644}, mode{"app/y/", 0o777}),
	)
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config = v1.Config{WorkingDir: "/app"}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	_, _, inv := read(t, img)
	want := []string{"/app/f.py 2", "/app/x 1", "/app/y 2", "/app/z 3", "/usr/local/bin/a 1", "/usr/local/bin/b 2"}
	if diff := cmp.Diff(want, placesOf(inv, inv.FileLocations)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
