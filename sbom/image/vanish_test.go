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

// TestThirdParty: what a third party put into a package of the distribution's
// kind is not what the distribution's advisories are about.
func TestThirdParty(t *testing.T) {
	const pkg = `{"name":"lodash","version":"4.17.0"}`
	rust := elfOf("/rustc/"+strings.Repeat("a", 40)+"/x", cratesOf(`{"packages":[{"name":"time","version":"0.1.42","source":"crates.io"}]}`))
	six := []string{"usr/lib/python3.9/site-packages/six.py", "six", "usr/lib/python3.9/site-packages/six-1.15.0.dist-info/METADATA", metadata("six", "1.15.0")}
	base := rpmWith([]string{"vendor AlmaLinux"}, "bash", "5.1-1.el9", "")
	libc := rpmWith([]string{"vendor AlmaLinux"}, "glibc", "2.34-1.el9", "")
	dpkg := func(fields string, files ...string) []item {
		items := []item{{"etc/os-release", debian12}, {"var/lib/dpkg/status", fields + deb("p", "1")}, {"var/lib/dpkg/info/p.md5sums", sums(files...)}}
		for i := 0; i < len(files); i += 2 {
			items = append(items, item{files[i], files[i+1]})
		}
		return items
	}
	rpm := func(vendor string) []item {
		return []item{{"etc/os-release", alma9}, {rpmDB, rpms(base, libc, rpmWith([]string{vendor, "python3dist(six)"}, "python3-six", "1.15.0-9.el9", "", six...))}, {six[0], six[1]}, {six[2], six[3]}}
	}
	for name, tc := range map[string]struct {
		items      []item
		want, gaps string
	}{
		"npm, of Debian":                        {dpkg("", "usr/share/nodejs/a/node_modules/lodash/package.json", pkg), "npm lodash 4.17.0 os-owned", ""},
		"npm, in an application's own folder":   {dpkg("", "usr/share/grafana/node_modules/lodash/package.json", pkg), "npm lodash 4.17.0 installed", ""},
		"a jar, of Debian":                      {dpkg("", "usr/share/java/a.jar", "PK"), "", ""},
		"a jar, in an application's own folder": {dpkg("", "usr/share/elasticsearch/lib/log4j.jar", "PK"), "", "unsupported /usr/share/elasticsearch/lib/log4j.jar"},
		"crates, of Ubuntu":                     {dpkg("X-Cargo-Built-Using: rustc (= 1.63.0+dfsg1-2)\n", "usr/bin/p", rust), "crates.io time 0.1.42 os-owned", ""},
		"crates":                                {dpkg("", "usr/bin/p", rust), "crates.io time 0.1.42 installed", ""},
		"Python, of AlmaLinux":                  {rpm("vendor AlmaLinux"), "PyPI six 1.15.0 os-owned", ""},
		"Python, of EPEL":                       {rpm("vendor Fedora Project"), "PyPI six 1.15.0 installed", ""},
	} {
		components, gaps, _ := read(t, imageOf(t, tarOf(t, tc.items...)))
		has := func(list []string, prefix string) bool {
			return slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, prefix) })
		}
		if !has(components, tc.want) && tc.want != "" || (len(gaps) == 0) != (tc.gaps == "") || tc.gaps != "" && !has(gaps, tc.gaps) {
			t.Errorf("%s: got %q, %q; want %q, %q", name, components, gaps, tc.want, tc.gaps)
		}
	}
}

// TestLinkToWhitedOut: a program that a layer gives a second name and whose
// first one it removes is there still.
func TestLinkToWhitedOut(t *testing.T) {
	program := elfOf("", goBlob("go1.20.1", "path\tx\nmod\texample.com/x\tv1.0.0\t\n"))
	got, gaps, _ := read(t, imageOf(t, tarOf(t, item{"opt/a", program}), tarOf(t, item{"opt/b", "=> opt/a"}, item{"opt/.wh.a", ""})))
	if len(got)+len(gaps) == 0 {
		t.Error("the program is gone")
	}
}
