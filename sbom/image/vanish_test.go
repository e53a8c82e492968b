package image

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/limit"
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

// TestBeginningsOfBuildInformation: a program of nothing but beginnings of Go's
// build information is given up on, and says so.
func TestBeginningsOfBuildInformation(t *testing.T) {
	one := goMagic + "\x08\x02" + strings.Repeat("\x00", 16) + "\x00\x80\x80\x40" + strings.Repeat("\x00", 12)
	for name, program := range map[string]string{
		"data": elfOf("", strings.Repeat(one, 6<<20/len(one))),
		"text": elfOf(strings.Repeat(one, 6<<20/len(one)), ""),
	} {
		r := newProgramReader()
		r.Write([]byte(program))
		fact := r.finish()
		if fact == nil || !fact.TooLarge || fact.Problem == "" {
			t.Errorf("%s: got %+v", name, fact)
		}
		if moved := max(r.data.moved, r.other.moved); moved > goMovedBytes+2<<20 {
			t.Errorf("%s: %d bytes were looked through again", name, moved)
		}
	}
}

// TestTooManyModules: a RECORD that names modules without end takes no memory
// for them, and is a gap.
func TestTooManyModules(t *testing.T) {
	var b strings.Builder
	for i := range 12_000 {
		b.WriteString(strings.Repeat("a", 1+i%3) + string(rune('A'+i%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i/676)) + "/x.py,,\n")
	}
	_, gaps, _ := read(t, imageOf(t, tarOf(t, item{"site-packages/a-1.dist-info/METADATA", metadata("a", "1")}, item{"site-packages/a-1.dist-info/RECORD", b.String()})))
	if !slices.ContainsFunc(gaps, func(g string) bool { return strings.HasPrefix(g, "too-large /site-packages/a-1.dist-info/RECORD") }) {
		t.Errorf("gaps %q", gaps)
	}
}

// TestRoomOfFarPaths: entries whose paths have nothing in common with the one
// before count with all that they take.
func TestRoomOfFarPaths(t *testing.T) {
	var facts layerFacts
	var r room
	deep := [2]string{strings.Repeat("/a", 2000), strings.Repeat("/b", 2000)}
	n := 0
	for r.take(&facts, entry{Path: deep[n%2], Type: entryOther}) {
		if n++; n > 20_000 {
			t.Fatal("there is always room")
		}
	}
	if len(facts.Gaps) != 1 || !facts.Gaps[0].Kind.Hides() {
		t.Errorf("gaps %v", facts.Gaps)
	}
}

// TestManyLongPaths: they are one gap, however many they are.
func TestManyLongPaths(t *testing.T) {
	long := strings.Repeat("x", 256)
	_, gaps, _ := read(t, imageOf(t, tarOf(t, item{long, ""}, item{"a/" + long + "/b", ""}, item{long + "c", ""})))
	if len(gaps) != 1 {
		t.Errorf("gaps %q", gaps)
	}
}

// TestDeepLinks: paths through links that are as deep as Linux allows cost what
// they are counted for.
func TestDeepLinks(t *testing.T) {
	s, err := squash(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.apply(entry{Path: "/l", Type: entryLink, Target: strings.Repeat("a/", 2000)}, 0, nil, new(folder))
	before := s.steps
	if _, err := s.resolve("/l/x"); err != nil || s.steps-before < 400_000 {
		t.Errorf("%d steps, %v", s.steps-before, err)
	}
}

// TestFarLines: lines of a list whose paths have nothing in common are bounded
// by what they take, and the layer says that not all were looked at.
func TestFarLines(t *testing.T) {
	l, s := listing{alg: algSHA256}, newSummer()
	deep := [2]string{strings.Repeat("/a", 2000), strings.Repeat("/b", 2000)}
	for i := range 50_000 {
		l.add(deep[i%2], make([]byte, 32))
	}
	if l.lines.Count > 40_000 {
		t.Errorf("%d lines are kept", l.lines.Count)
	}
	s.list("/x/RECORD", "", l)
	var facts layerFacts
	if s.facts(&facts); !facts.Unsummed || len(facts.Gaps) != 1 {
		t.Errorf("gaps %v", facts.Gaps)
	}
}

// TestManyClaims: SBOMs of one layer that list packages without end are cut off,
// and say so.
func TestManyClaims(t *testing.T) {
	list := strings.Repeat("a==1\n", limit.ClaimedPackages)
	var items []item
	for i := range limit.LayerClaims/limit.ClaimedPackages + 1 {
		items = append(items, item{"p" + string(rune('a'+i)) + "/_vendor/vendor.txt", list})
	}
	_, gaps, _ := read(t, imageOf(t, tarOf(t, items...)))
	if len(gaps) != 1 || !strings.HasPrefix(gaps[0], "claim ") {
		t.Errorf("gaps %q", gaps)
	}
}
