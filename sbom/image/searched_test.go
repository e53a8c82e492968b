package image

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// TestVendoredCopyThatIsImportableIsInstalled: each case is a vulnerable package
// in a folder whose packages are mere claims, and a way to make Python import it
// all the same.
func TestVendoredCopyThatIsImportableIsInstalled(t *testing.T) {
	const vendor, cache = site + "a/_vendor/", "root/.cache/uv/archive-v0/x/"
	copyIn := func(folder string, more ...item) []item {
		return append([]item{{folder + "v-1.dist-info/METADATA", metadata("v", "1")}, {folder + "v/__init__.py", ""}}, more...)
	}
	for _, test := range []struct {
		name, pythonPath, dir string
		items                 []item
		want                  sbom.Evidence
		gaps                  []string
	}{
		{"Nothing", "", "", copyIn(vendor), sbom.Claimed, nil},
		{"PYTHONPATH", "/" + vendor, "", copyIn(vendor), sbom.Installed, nil},
		{"PYTHONPATHAmongOthers", "/srv:/" + vendor + "/:x", "", copyIn(vendor), sbom.Installed, nil},
		{"PYTHONPATHRelative", "a/_vendor", "/" + site, copyIn(vendor), sbom.Installed, nil},
		{"PYTHONPATHEmptyEntry", "/srv:", "/" + vendor, copyIn(vendor), sbom.Installed, nil},
		{"PYTHONPATHByALink", "/srv/lib", "", copyIn(vendor, item{"srv/lib", "-> /" + vendor}), sbom.Installed, nil},
		{"PYTHONPATHOfTheFolderAbove", "/" + site + "a", "", copyIn(vendor), sbom.Claimed, nil},
		{"PYTHONPATHIntoACache", "/" + cache, "", copyIn(cache), sbom.Installed, nil},
		{"PthAbsolute", "", "", copyIn(vendor, item{site + "x.pth", "# a comment\n/" + vendor + "\n"}), sbom.Installed, nil},
		{"PthRelative", "", "", copyIn(vendor, item{site + "x.pth", "\ufeff./a/_vendor  \r\n"}), sbom.Installed, nil},
		{"PthClimbing", "", "", copyIn(vendor, item{"opt/v/lib/python3.12/site-packages/x.pth", "../../../../../" + vendor}), sbom.Installed, nil},
		{"EasyInstallPth", "", "", copyIn(vendor, item{site + "easy-install.pth", "import sys; sys.__plen = len(sys.path)\n/" + vendor + "\nimport sys; new = sys.path[sys.__plen:]"}), sbom.Installed, nil},
		{"PthOfDebian", "", "", copyIn(vendor, item{"usr/lib/python3/dist-packages/x.pth", "/" + vendor}), sbom.Installed, nil},
		{"PthLineEndedOtherwise", "", "", copyIn(vendor, item{site + "x.pth", "/srv\v/" + vendor + "\u2028/tmp"}), sbom.Installed, nil},
		{"PthInALayerOnTop", "", "", append(copyIn(vendor), item{"", "layer"}, item{site + "x.pth", "a/_vendor"}), sbom.Installed, nil},
		{"PthLinkedToTheCacheOfUv", "", "", copyIn(vendor, item{cache + "x.pth", "a/_vendor"}, item{site + "x.pth", "-> /" + cache + "x.pth"}), sbom.Installed, nil},
		{"PthLinkedToAnotherName", "", "", copyIn(vendor, item{"srv/lines", "a/_vendor"}, item{site + "x.pth", "-> /srv/lines"}), sbom.Claimed, []string{"unread /" + site + "x.pth layer 1"}},
		{"PthHardLinkedToAnotherName", "", "", copyIn(vendor, item{"srv/lines", "a/_vendor"}, item{site + "x.pth", "=> srv/lines"}), sbom.Claimed, []string{"unread /" + site + "x.pth layer 1"}},
		{"PthTooLarge", "", "", copyIn(vendor, item{site + "x.pth", strings.Repeat("#", 64<<10) + "\na/_vendor"}), sbom.Claimed, []string{"too-large /" + site + "x.pth layer 1"}},
		{"PthInACache", "", "", copyIn(vendor, item{cache + "x.pth", "/" + vendor}), sbom.Claimed, nil},
		{"PthElsewhere", "", "", copyIn(vendor, item{"srv/x.pth", "/" + vendor}), sbom.Claimed, nil},
		{"PthLineThatEndsInBlanks", "", "", copyIn(vendor, item{site + "x.pth", "/" + vendor + " \u00a0\u3000\x1f\n"}), sbom.Installed, nil},
		{"PthOfTooManyFolders", "", "", copyIn(vendor, item{site + "x.pth", numbered(1001, "/f%d\n") + "/" + vendor}), sbom.Claimed, []string{"unparsed /" + site + "x.pth layer 1"}},
		{"PthsOfTooManyFolders", "", "", copyIn(vendor, append(pths(115), item{site + "x.pth", "a/_vendor"})...), sbom.Claimed, []string{"too-large  layer 1"}},
		{"PthsOfTooManyFoldersByLinks", "", "", copyIn(vendor, append(pths(1, pthLinks(501)...), item{site + "x.pth", "a/_vendor"})...), sbom.Claimed, []string{"too-large /opt/0/site-packages/p.pth layer 1"}},
		{"PthRemoved", "", "", append(copyIn(vendor, item{site + "x.pth", "a/_vendor"}), item{"", "layer"}, item{site + ".wh.x.pth", ""}), sbom.Claimed, nil},
		{"PthCommentedOut", "", "", copyIn(vendor, item{site + "x.pth", "#/" + vendor}), sbom.Claimed, nil},
		{"VendorTxtImportable", "/" + vendor, "", []item{{vendor + "vendor.txt", "v==1\n"}}, sbom.Installed, nil},
		{"VendorTxt", "", "", []item{{vendor + "vendor.txt", "v==1\n"}}, sbom.Claimed, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, gaps, inv := read(t, searching(t, test.pythonPath, test.dir, test.items))
			if len(inv.Document.Components) != 1 || inv.Document.Components[0].Evidence != test.want {
				t.Errorf("components %+v, want one that is %s", inv.Document.Components, test.want)
			}
			if diff := cmp.Diff(test.gaps, gaps, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// numbered repeats a text with the numbers below n.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// pths are n files of a thousand folders each, and more items.
func pths(n int, more ...item) (out []item) {
	for i := range n {
		out = append(out, item{fmt.Sprintf("opt/%d/site-packages/p.pth", i), numbered(1000, "%03d\n")})
	}
	return append(out, more...)
}

// pthLinks are n links to the first of pths.
func pthLinks(n int) (out []item) {
	for i := range n {
		out = append(out, item{fmt.Sprintf("opt/l%d/site-packages/p.pth", i), "-> /opt/0/site-packages/p.pth"})
	}
	return out
}

// searching is an image of items, which an item of no name parts into layers,
// with a PYTHONPATH and a working directory.
func searching(t *testing.T, pythonPath, dir string, items []item) v1.Image {
	t.Helper()
	var layers [][]byte
	start := 0
	for i := range items {
		if items[i].name == "" {
			layers = append(layers, tarOf(t, items[start:i]...))
			start = i + 1
		}
	}
	img := imageOf(t, append(layers, tarOf(t, items[start:]...))...)
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config = v1.Config{WorkingDir: dir, Env: []string{"PATH=/bin"}}
	if pythonPath != "" {
		config.Config.Env = append(config.Config.Env, "PYTHONPATH="+pythonPath)
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// FuzzPathFile: what a .pth file adds is no code, no comment and not empty, and
// comes in a fixed order; and a folder on a line of its own is found.
func FuzzPathFile(f *testing.F) {
	for _, s := range []string{"", "a\n", "import x\n/opt/x\r\n", "#\n\x00\n\xff/x", "/a\v/b\u2028c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		got, err := parsePathFile([]byte(data + "\n/opt/own"))
		if err != nil {
			if len(data) < limit.PathFolders {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		own := false
		for i, folder := range got {
			if folder == "" || folder[0] == '#' || strings.HasPrefix(folder, "import ") || i > 0 && got[i-1] >= folder {
				t.Errorf("%q: %q", data, got)
			}
			if !strings.HasPrefix(joined("/d", folder), "/") || path.Clean(joined("/d", folder)) != joined("/d", folder) {
				t.Errorf("%q becomes %q", folder, joined("/d", folder))
			}
			own = own || folder == "/opt/own"
		}
		if !own {
			t.Errorf("%q: the line of its own is not in %q", data, got)
		}
	})
}
