package image

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// TestStartup: what Python runs at every start is named when no list of a
// package names it.
func TestStartup(t *testing.T) {
	const dir = site + "a-1.dist-info"
	a := []item{{dir + "/METADATA", metadata("a", "1")}, {dir + "/RECORD", record(dir, "a.pth", "import a\n")}, {site + "a.pth", "import a\n"}}
	for _, tc := range []struct {
		name  string
		items []item
		want  []string
	}{
		{"listed", nil, nil},
		{"a path", []item{{site + "x.pth", "/tmp\n"}}, []string{"/" + site + "x.pth"}},
		{"code", []item{{site + "x.pth", "import os; os.system('x')\n"}, {site + "sitecustomize.py", "x"}, {site + "usercustomize.py", "x"}},
			[]string{"/" + site + "sitecustomize.py", "/" + site + "usercustomize.py", "/" + site + "x.pth"}},
		{"in folders that Python does not look into", []item{{site + "b/x.pth", "x"}, {"app/sitecustomize.py", "x"}}, nil},
		{"virtualenv's own line", []item{{site + "_virtualenv.pth", "import _virtualenv"}}, nil},
		{"another line under virtualenv's name", []item{{site + "_virtualenv.pth", "import os"}}, []string{"/" + site + "_virtualenv.pth"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, inv := read(t, imageOf(t, tarOf(t, append(tc.items, a...)...)))
			var got []string
			for _, f := range inv.Document.Files {
				if f.Name != "" || len(f.Starts) > 0 && f.List != "/"+site[:len(site)-1] {
					t.Errorf("files %+v", f)
				}
				got = append(got, f.Starts...)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	_, _, inv := read(t, imageOf(t, tarOf(t, item{site + "x.pth", "x"}), tarOf(t, item{site + ".wh.x.pth", ""})))
	if len(inv.Document.Files) != 0 {
		t.Errorf("removed, and still named: %+v", inv.Document.Files)
	}
}

// TestUnverified: a distribution with a list of its files that was not held
// against them does not pass for one that has none.
func TestUnverified(t *testing.T) {
	const dir = site + "a-1.dist-info"
	sound := record(dir, "a.py", "x")
	for _, tc := range []struct {
		name  string
		items []item
		gap   bool
	}{
		{"sound", []item{{dir + "/RECORD", sound}, {dir + "/INSTALLER", "pip"}}, false},
		{"without a list, of nobody", nil, false},
		{"without a list, of a distribution's tool", []item{{dir + "/INSTALLER", "debian"}}, false},
		{"without a list, of pip", []item{{dir + "/INSTALLER", "pip\n"}}, true},
		{"without a list, of uv", []item{{dir + "/INSTALLER", "uv"}}, true},
		{"a list of nothing that can be checked", []item{{dir + "/RECORD", "a-1.dist-info/RECORD,,\n"}, {dir + "/INSTALLER", "pip"}}, false},
		{"a list that breaks its grammar", []item{{dir + "/RECORD", sound + "\"a\nb,\"c"}}, true},
		{"a hard link to another list", []item{{site + "b-1.dist-info/METADATA", metadata("b", "1")}, {site + "b-1.dist-info/RECORD", sound}, {dir + "/RECORD", "=> " + site + "b-1.dist-info/RECORD"}}, true},
		{"a hard link to what was not read", []item{{"srv/x", sound}, {dir + "/RECORD", "=> srv/x"}}, true},
		{"a link in a circle", []item{{dir + "/RECORD", "-> RECORD"}}, true},
		{"a link to what was not read", []item{{"srv/x", sound}, {dir + "/RECORD", "-> /srv/x"}}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, inv := read(t, imageOf(t, tarOf(t, append(tc.items, item{dir + "/METADATA", metadata("a", "1")}, item{site + "a.py", "x"})...)))
			got := false
			for _, g := range inv.Document.Gaps {
				if got = true; g.Kind != sbom.GapUnverified || g.File != "/"+dir+"/RECORD" || g.Hides {
					t.Errorf("gap %+v", g)
				}
			}
			if got != tc.gap {
				t.Errorf("gaps %+v, want one: %v", inv.Document.Gaps, tc.gap)
			}
		})
	}
}
