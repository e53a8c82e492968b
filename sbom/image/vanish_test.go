package image

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
)

// TestLayerTwice: an image that lists the same layer again has what the layer
// brings, and not less.
func TestLayerTwice(t *testing.T) {
	program := elfOf("", goBlob("go1.20.1", "path\tx\nmod\texample.com/x\tv1.0.0\t\n"))
	for _, at := range []string{"usr/bin/tool", "usr/local/bin/tool", "opt/tool"} {
		once := tarOf(t, item{at, program})
		want, _, _ := read(t, imageOf(t, once))
		got, _, _ := read(t, imageOf(t, once, tarOf(t, item{"etc/x", "x"}), once))
		if len(got) != len(want) || len(got) == 0 {
			t.Errorf("%s: once %v, again %v", at, want, got)
		}
	}
}

// TestLinkIntoCopies: a copy that a link puts where Python looks is installed:
// uv does so with --link-mode symlink.
func TestLinkIntoCopies(t *testing.T) {
	const copied = "root/.cache/uv/archive-v0/Xy/"
	const site = "app/.venv/lib/python3.11/site-packages/"
	files := []item{{copied + "gradio-4.19.1.dist-info/METADATA", metadata("gradio", "4.19.1")}, {copied + "gradio/__init__.py", "x"}}
	for name, tc := range map[string]struct {
		links []item
		want  sbom.Evidence
	}{
		"no link":                 {nil, sbom.Claimed},
		"its metadata":            {[]item{{site + "gradio-4.19.1.dist-info/METADATA", "-> /" + copied + "gradio-4.19.1.dist-info/METADATA"}}, sbom.Installed},
		"its folder of metadata":  {[]item{{site + "gradio-4.19.1.dist-info", "-> /" + copied + "gradio-4.19.1.dist-info"}}, sbom.Installed},
		"its module":              {[]item{{site + "gradio", "-> /" + copied + "gradio"}}, sbom.Installed},
		"the folder that has all": {[]item{{strings.TrimSuffix(site, "/"), "-> /" + strings.TrimSuffix(copied, "/")}}, sbom.Installed},
		"a link inside the cache": {[]item{{"root/.cache/uv/wheels-v5/gradio", "-> /" + strings.TrimSuffix(copied, "/")}}, sbom.Claimed},
	} {
		_, _, inv := read(t, imageOf(t, tarOf(t, append(slices.Clone(files), tc.links...)...)))
		if c := inv.Document.Components; len(c) != 1 || c[0].Evidence != tc.want {
			t.Errorf("%s: got %+v, want %s", name, c, tc.want)
		}
	}
}
