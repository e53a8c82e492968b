package image

import (
	"crypto/sha1"
	"encoding/base64"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

const (
	alpine320 = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n"
	wolfi     = "ID=wolfi\nNAME=\"Wolfi\"\nPRETTY_NAME=\"Wolfi\"\nVERSION_ID=\"20230201\"\n"
	apkDB     = "lib/apk/db/installed"
	apkSite   = "usr/lib/python3.12/site-packages/"
)

// apk returns a paragraph of apk's database, of paths and contents.
func apk(name, version, origin string, files ...string) string {
	var b strings.Builder
	b.WriteString("C:Q1kJdFh0hVYsPBw1uM2uhPVWGqBHk=\nP:" + name + "\nV:" + version + "\nA:x86_64\nS:1\nI:2\nT:x: y\nU:https://example.org/\nL:MIT\no:" + origin + "\nt:1\nD:so:libc.musl-x86_64.so.1\n")
	for i := 0; i < len(files); i += 2 {
		sum := sha1.Sum([]byte(files[i+1]))
		b.WriteString("F:" + path.Dir(files[i]) + "\nM:0:0:755\nR:" + path.Base(files[i]) + "\na:0:0:644\nZ:Q1" + base64.StdEncoding.EncodeToString(sum[:]) + "\n")
	}
	return b.String() + "\n"
}

// TestAPK: packages of Alpine and Wolfi, the layer of each, and what goes when
// an upper layer rewrites or removes the database.
func TestAPK(t *testing.T) {
	pip := []item{{apkSite + "pip/__init__.py", "pip"}, {apkSite + "pip-24.0.dist-info/METADATA", metadata("pip", "24.0")}}
	pipFiles := []string{pip[0].name, pip[0].content, pip[1].name, pip[1].content}
	for _, tc := range []struct {
		name   string
		layers [][]item
		want   []string
		gaps   []string
	}{
		{"a base, one package added, one upgraded, one removed", [][]item{
			{{"etc/os-release", alpine320}, {apkDB, apk("musl", "1.2.5-r0", "musl") + apk("libssl3", "3.3.1-r0", "openssl") + apk("gone", "1", "gone")}},
			{{apkDB, apk("musl", "1.2.5-r0", "musl") + apk("libssl3", "3.3.2-r1", "openssl") + apk("curl", "8.9.0-r0", "curl")}},
		}, []string{"Alpine:v3.20 curl 8.9.0-r0 installed layer 2", "Alpine:v3.20 libssl3 3.3.2-r1 installed layer 2", "Alpine:v3.20 musl 1.2.5-r0 installed layer 1"}, nil},
		{"Wolfi, its database in a merged root", [][]item{
			{{"usr/lib/", ""}, {"lib", "-> usr/lib"}, {"etc/os-release", wolfi}, {"usr/" + apkDB, apk("glibc", "2.40-r1", "glibc")}},
			{{apkDB, apk("glibc", "2.40-r1", "glibc") + apk("ld-linux", "2.40-r1", "glibc")}},
		}, []string{"Wolfi glibc 2.40-r1 installed layer 1", "Wolfi ld-linux 2.40-r1 installed layer 2"}, nil},
		{"Python files that a package owns", [][]item{
			append([]item{{"etc/os-release", alpine320}, {apkDB, apk("py3-pip", "24.0-r2", "py3-pip", pipFiles...)}}, pip...),
		}, []string{"Alpine:v3.20 py3-pip 24.0-r2 verified layer 1", "PyPI pip 24.0 os-owned layer 1 of py3-pip 24.0-r2"}, nil},
		{"Python files that Wolfi owns", [][]item{
			append([]item{{"etc/os-release", wolfi}, {apkDB, apk("py3.12-pip", "24.0-r2", "py3-pip", pipFiles...)}}, pip...),
		}, []string{"PyPI pip 24.0 os-owned layer 1 of py3.12-pip 24.0-r2", "Wolfi py3.12-pip 24.0-r2 verified layer 1"}, nil},
		{"Python files that a package of another name claims", [][]item{
			append([]item{{"etc/os-release", alpine320}, {apkDB, apk("harmless", "24.0-r2", "py3-pip", pipFiles...)}}, pip...),
		}, []string{"Alpine:v3.20 harmless 24.0-r2 verified layer 1", "PyPI pip 24.0 installed layer 1"}, nil},
		{"a module that was altered after apk wrote it", [][]item{
			append([]item{{"etc/os-release", alpine320}, {apkDB, apk("py3-pip", "24.0-r2", "py3-pip", pipFiles...)}}, pip...),
			{{apkSite + "pip/__init__.py", "import evil"}},
		}, []string{"Alpine:v3.20 py3-pip 24.0-r2 installed layer 1", "PyPI pip 24.0 installed layer 1"}, nil},
		{"pip's own beside apk's", [][]item{
			append([]item{{"etc/os-release", alpine320}, {apkDB, apk("py3-pip", "24.0-r2", "py3-pip", pipFiles...)}}, pip...),
			{{site + "pip-25.0.dist-info/METADATA", metadata("pip", "25.0")}},
		}, []string{"Alpine:v3.20 py3-pip 24.0-r2 verified layer 1", "PyPI pip 24.0 os-owned layer 1 of py3-pip 24.0-r2", "PyPI pip 25.0 installed layer 2"}, nil},
		{"the database removed", [][]item{
			{{"etc/os-release", alpine320}, {apkDB, apk("musl", "1", "musl")}}, {{"lib/apk/.wh.db", ""}},
		}, nil, []string{"unread /etc/os-release layer 1"}},
		{"the database emptied", [][]item{
			{{"etc/os-release", alpine320}, {apkDB, apk("musl", "1", "musl")}}, {{apkDB, ""}},
		}, nil, []string{"unread /etc/os-release layer 1"}},
		{"the database behind a link to what was not read", [][]item{
			{{"etc/os-release", alpine320}, {apkDB, "-> /srv/db"}, {"srv/db", apk("musl", "1", "musl")}},
		}, nil, []string{"unread /etc/os-release layer 1", "unread /lib/apk/db/installed layer 1"}},
		{"a package without a version, and a line that is no field", [][]item{
			{{"etc/os-release", alpine320}, {apkDB, apk("musl", "1", "musl") + "P:b\nA:x\n\nP:c\nV:2\nwhat\n\n"}},
		}, []string{"Alpine:v3.20 c 2 installed layer 1", "Alpine:v3.20 musl 1 installed layer 1"}, []string{"unparsed /lib/apk/db/installed layer 1", "unparsed /lib/apk/db/installed layer 1"}},
		{"packages of apk in Debian", [][]item{
			{{"etc/os-release", debian12}, {apkDB, apk("musl", "1", "musl")}},
		}, []string{" musl 1 installed layer 1"}, []string{"ecosystem /lib/apk/db/installed layer 1"}},
		{"another root inside", [][]item{
			{{"etc/os-release", alpine320}, {apkDB, apk("musl", "1", "musl")}, {"srv/root/" + apkDB, apk("evil", "1", "evil")}},
		}, []string{"Alpine:v3.20 musl 1 installed layer 1"}, []string{"unsupported /srv/root/lib/apk/db/installed layer 1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			components, gaps, _ := read(t, imageOf(t, tarsOf(t, tc.layers)...))
			if diff := cmp.Diff(tc.want, components); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAPKComponent: the package URL and the origin, by which Alpine's
// advisories speak.
func TestAPKComponent(t *testing.T) {
	_, _, inv := read(t, imageOf(t, tarOf(t, item{"etc/os-release", alpine320}, item{apkDB, "\n" + apk("libssl3", "3.3.1-r0", "openssl")})))
	want := sbom.Component{
		Name: "libssl3", Version: "3.3.1-r0", Ecosystem: "Alpine:v3.20", Evidence: sbom.Installed, Source: "openssl", SourceVersion: "3.3.1-r0",
		PURL:      "pkg:apk/alpine/libssl3@3.3.1-r0?arch=x86_64&distro=alpine-3.20.3&upstream=openssl",
		Locations: []sbom.Location{{File: "/" + apkDB, Line: 2, Layer: inv.Layers[0]}},
	}
	if diff := cmp.Diff([]sbom.Component{want}, inv.Document.Components); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	again, err := sbom.FromPURL(want.PURL, "")
	if err != nil || again.Ecosystem != want.Ecosystem || again.Source != want.Source {
		t.Errorf("the package URL says %+v, %v", again, err)
	}
}

// FuzzAPK: a sound paragraph after anything at all is found, and nothing that
// is found has a broken name or version, or owns what is outside.
func FuzzAPK(f *testing.F) {
	f.Add(apk("musl", "1.2.5-r0", "musl", "lib/apk/db/installed", "x", apkSite+"a/__init__.py", "") + apk("b", "1", "a"))
	f.Add("P:a\r\nV:1\r\nF:../../usr/lib/python3.12/site-packages\nR:../x.py\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\nP:\nV\n:\n")
	f.Add("P:a\nP:b\nV:1\no:\xff\nZ:Q1x\nR:\nF:\n")
	f.Fuzz(func(t *testing.T, text string) {
		before, _ := parseAPK([]byte(text))
		for _, p := range before {
			if !debWord(p.Name) || !debWord(p.Version) || p.Line < 1 || p.Source == p.Name {
				t.Errorf("package %+v", p)
			}
			for _, o := range p.Owned {
				if !strings.HasPrefix(o.Path, "/") || path.Clean(o.Path) != o.Path || len(o.SHA1) != 40 {
					t.Errorf("owns %+v", o)
				}
			}
		}
		after, _ := parseAPK([]byte(text + "\n\n" + apk("sentinel", "1", "s")))
		names := []string{}
		for _, p := range after {
			names = append(names, p.Name)
		}
		if len(after) != len(before)+1 || !slices.Contains(names, "sentinel") {
			t.Errorf("%d packages, and with one more %q", len(before), names)
		}
	})
}
