package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/tallyman/tallyman/sbom"
)

// item is one entry of a layer under test. A name that ends in a slash is a
// folder; a content that begins with "-> " is a symbolic link, with "=> " a
// hard link, and "dev" a device.
type item struct{ name, content string }

// tarOf builds the archive of a layer.
func tarOf(t testing.TB, items ...item) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, i := range items {
		h := &tar.Header{Name: i.name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(i.content))}
		link, isLink := strings.CutPrefix(i.content, "-> ")
		hard, isHard := strings.CutPrefix(i.content, "=> ")
		switch {
		case strings.HasSuffix(i.name, "/"):
			h.Typeflag, h.Size = tar.TypeDir, 0
		case isLink:
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, link, 0
		case isHard:
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, hard, 0
		case i.content == "dev":
			h.Typeflag, h.Devmajor, h.Devminor, h.Size = tar.TypeChar, 1, 3, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, i.content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tarsOf builds several layers, no two of which are equal.
func tarsOf(t testing.TB, layers [][]item) [][]byte {
	t.Helper()
	var out [][]byte
	for i, items := range layers {
		out = append(out, tarOf(t, append(slices.Clone(items), item{"layer" + strconv.Itoa(i), ""})...))
	}
	return out
}

// imageOf builds an image of layers, each an archive.
func imageOf(t testing.TB, layers ...[]byte) v1.Image {
	t.Helper()
	img := v1.Image(empty.Image)
	for _, data := range layers {
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// read inventories an image and returns its components in one line each, with
// the number of the layer that brought it, from 1, and its gaps.
func read(t testing.TB, img v1.Image) (components, gaps []string, inv *Inventory) {
	t.Helper()
	inv, err := Read(t.Context(), img, Options{})
	if err != nil {
		t.Fatal(err)
	}
	number := map[string]string{}
	for i, l := range inv.Layers {
		number[l] = string(rune('1' + i))
	}
	for _, c := range inv.Document.Components {
		line := strings.Join([]string{c.Ecosystem, c.Name, c.Version, string(c.Evidence), "layer " + number[c.Locations[0].Layer]}, " ")
		if c.Owner != "" {
			line += " of " + c.Owner
		}
		components = append(components, line)
	}
	for _, g := range inv.Document.Gaps {
		gaps = append(gaps, string(g.Kind)+" "+g.File+" layer "+number[g.Layer])
	}
	return components, gaps, inv
}

func metadata(name, version string) string {
	return "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\nSummary: x\n\nName: not this one\n"
}

func deb(name, version string) string {
	return "Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: " + version + "\n\n"
}

// sums returns a package's md5sums of paths and contents.
func sums(files ...string) string {
	var out strings.Builder
	for i := 0; i < len(files); i += 2 {
		fmt.Fprintf(&out, "%x  %s\n", md5.Sum([]byte(files[i+1])), files[i])
	}
	return out.String()
}

const (
	debian12 = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n"
	site     = "usr/local/lib/python3.12/site-packages/"
	dist     = "usr/lib/python3/dist-packages/"
)

// squashCases are images with what their inventory has to be.
var squashCases = []struct {
	name   string
	layers [][]item
	want   []string
	gaps   []string
}{
	{
		name: "a package of the base, one removed above, one rewritten above",
		layers: [][]item{
			{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("base", "1") + deb("gone", "1") + deb("moved", "1")}},
			{{"var/lib/dpkg/status", deb("base", "1") + deb("moved", "2") + deb("new", "1")}},
			{{"var/lib/dpkg/status", deb("base", "1") + deb("moved", "2") + deb("new", "1")}},
		},
		want: []string{"Debian:12 base 1 installed layer 1", "Debian:12 moved 2 installed layer 2", "Debian:12 new 1 installed layer 2"},
	},
	{
		name: "a distribution removed by a whiteout of its folder",
		layers: [][]item{
			{{site + "a-1.dist-info/", ""}, {site + "a-1.dist-info/METADATA", metadata("a", "1")}, {site + "b-1.dist-info/METADATA", metadata("b", "1")}},
			{{site + ".wh.a-1.dist-info", ""}},
		},
		want: []string{"PyPI b 1 installed layer 1"},
	},
	{
		name: "a distribution upgraded by an upper layer",
		layers: [][]item{
			{{site + "a-1.dist-info/METADATA", metadata("a", "1")}},
			{{site + ".wh.a-1.dist-info", ""}, {site + "a-2.dist-info/METADATA", metadata("a", "2")}},
		},
		want: []string{"PyPI a 2 installed layer 2"},
	},
	{
		name: "metadata that an upper layer writes again as it was belongs to the lower",
		layers: [][]item{
			{{site + "a-1.dist-info/METADATA", metadata("a", "1")}},
			{{site + "a-1.dist-info/METADATA", metadata("a", "1")}},
		},
		want: []string{"PyPI a 1 installed layer 1"},
	},
	{
		name: "metadata that was removed and came back belongs to the layer of its return",
		layers: [][]item{
			{{site + "a-1.dist-info/METADATA", metadata("a", "1")}},
			{{site + ".wh.a-1.dist-info", ""}},
			{{site + "a-1.dist-info/METADATA", metadata("a", "1")}},
		},
		want: []string{"PyPI a 1 installed layer 3"},
	},
	{
		name: "metadata changed in place",
		layers: [][]item{
			{{site + "a.dist-info/METADATA", metadata("a", "1")}},
			{{site + "a.dist-info/METADATA", metadata("a", "1.1")}},
		},
		want: []string{"PyPI a 1.1 installed layer 2"},
	},
	{
		name: "an opaque folder hides what is below and keeps what its layer brings, before or after",
		layers: [][]item{
			{{site + "a-1.dist-info/METADATA", metadata("a", "1")}},
			{{site + "b-1.dist-info/METADATA", metadata("b", "1")}, {site + ".wh..wh..opq", ""}, {site + "c-1.dist-info/METADATA", metadata("c", "1")}},
		},
		want: []string{"PyPI b 1 installed layer 2", "PyPI c 1 installed layer 2"},
	},
	{
		name: "a whiteout does not touch its own layer",
		layers: [][]item{
			{{site + "a.dist-info/METADATA", metadata("a", "1")}},
			{{site + "a.dist-info/METADATA", metadata("a", "2")}, {site + "a.dist-info/.wh.METADATA", ""}},
		},
		want: []string{"PyPI a 2 installed layer 2"},
	},
	{
		name: "the whiteout of a folder far above",
		layers: [][]item{
			{{"opt/venv/lib/python3.12/site-packages/a-1.dist-info/METADATA", metadata("a", "1")}, {"opt/venvironment/x-1.dist-info/METADATA", metadata("x", "1")}},
			{{"opt/.wh.venv", ""}},
		},
		want: []string{"PyPI x 1 installed layer 1"},
	},
	{
		name: "a file in the place of a folder removes what was in it",
		layers: [][]item{
			{{"opt/venv/lib/python3.12/site-packages/a-1.dist-info/METADATA", metadata("a", "1")}},
			{{"opt/venv", "now a file"}},
		},
	},
	{
		name: "a link in the place of a folder removes what was in it",
		layers: [][]item{
			{{site + "a-1.dist-info/METADATA", metadata("a", "1")}},
			{{"usr/local/lib/python3.12", "-> /elsewhere"}},
		},
	},
	{
		name: "the later of two entries of one path wins",
		layers: [][]item{
			{{site + "a.dist-info/METADATA", metadata("a", "1")}, {site + "a.dist-info/METADATA", metadata("a", "2")}},
		},
		want: []string{"PyPI a 2 installed layer 1"},
	},
	{
		name: "an upper layer writes through a link of the base, as a runtime would",
		layers: [][]item{
			{{"lib", "-> usr/lib"}, {"usr/lib/python3/dist-packages/a.dist-info/METADATA", metadata("a", "1")}},
			{{"lib/python3/dist-packages/a.dist-info/METADATA", metadata("a", "2")}},
		},
		want: []string{"PyPI a 2 installed layer 2"},
	},
	{
		name: "a folder in the place of a link no longer leads anywhere",
		layers: [][]item{
			{{"a", "-> /b"}, {"b/x.dist-info/METADATA", metadata("x", "1")}},
			{{"a/", ""}, {"a/x.dist-info/METADATA", metadata("x", "2")}},
		},
		want: []string{"PyPI x 1 installed layer 1", "PyPI x 2 installed layer 2"},
	},
	{
		name: "a whiteout through a link",
		layers: [][]item{
			{{"lib", "-> usr/lib"}, {"usr/lib/python3/dist-packages/a-1.dist-info/METADATA", metadata("a", "1")}},
			{{"lib/python3/dist-packages/.wh.a-1.dist-info", ""}},
		},
	},
	{
		name: "hard links to metadata",
		layers: [][]item{
			{{"cache/a-1.dist-info/METADATA", metadata("a", "1")}, {site + "a-1.dist-info/METADATA", "=> cache/a-1.dist-info/METADATA"}},
			{{"cache/", ""}, {".wh.cache", ""}},
		},
		want: []string{"PyPI a 1 installed layer 1"},
	},
	{
		name: "egg-info as folder and as file, EGG-INFO",
		layers: [][]item{
			{
				{site + "a.egg-info/PKG-INFO", metadata("a", "1")}, {site + "b-1.egg-info", metadata("b", "1")},
				{site + "c-1-py3.12.egg/EGG-INFO/PKG-INFO", metadata("c", "1")},
			},
		},
		want: []string{"PyPI a 1 installed layer 1", "PyPI b 1 installed layer 1", "PyPI c 1 installed layer 1"},
	},
	{
		name:   "METADATA forged: what its folder is called by is matched too",
		layers: [][]item{{{site + "gradio-4.19.1.dist-info/METADATA", metadata("six", "1.16.0")}}},
		want:   []string{"PyPI gradio 4.19.1 installed layer 1", "PyPI six 1.16.0 installed layer 1"},
		gaps:   []string{"conflict /" + site + "gradio-4.19.1.dist-info/METADATA layer 1"},
	},
	{
		name: "a copy inside another package is a claim",
		layers: [][]item{
			{{site + "setuptools/_vendor/wheel-0.43.0.dist-info/METADATA", metadata("wheel", "0.43.0")}},
			{{"_vendor/x-1.dist-info/METADATA", metadata("x", "1")}},
		},
		want: []string{"PyPI wheel 0.43.0 claimed layer 1", "PyPI x 1 installed layer 2"},
	},
	{
		name: "distroless: one status file a package, owned files by md5sums, os-release behind a link",
		layers: [][]item{
			{
				{"usr/lib/os-release", debian12}, {"etc/os-release", "-> ../usr/lib/os-release"},
				{"var/lib/dpkg/status.d/python3-x", "Package: python3-x\nVersion: 1-2\nArchitecture: all\n"},
				{"var/lib/dpkg/status.d/python3-x.md5sums", "c5b1beb96a7b9a1e1a32cf0a8fd7ff31  usr/lib/python3/dist-packages/other.egg-info\n7ee2a0d8f4f0d6ad3d4a7b5f3ccaa0ff  usr/share/doc/x\n"},
			},
		},
		want: []string{"Debian:12 python3-x 1-2 installed layer 1"},
	},
	{
		name: "files of a distribution package, with a merged /usr and a linked dist-packages",
		layers: [][]item{
			{
				{"etc/os-release", debian12}, {"lib", "-> usr/lib"}, {"usr/lib/python3.12/dist-packages", "-> ../python3/dist-packages"},
				{"var/lib/dpkg/status", deb("python3-a", "1-1") + deb("python3-b", "2-1") + strings.Replace(deb("python3-c", "3-1"), "install ok installed", "deinstall ok config-files", 1)},
				{dist + "a-1.dist-info/METADATA", metadata("a", "1")}, {dist + "b-2.egg-info", metadata("b", "2")}, {dist + "c-3.egg-info", metadata("c", "3")},
				{dist + "a/__init__.py", "a = 1\n"}, {dist + "b.py", "b = 1\n"}, {dist + "c.py", ""},
				{"var/lib/dpkg/info/python3-a.md5sums", sums("/lib/python3/dist-packages/a-1.dist-info/METADATA", metadata("a", "1"), "lib/python3/dist-packages/a/__init__.py", "a = 1\n")},
				{"var/lib/dpkg/info/python3-b:amd64.md5sums", sums("usr/lib/python3.12/dist-packages/b-2.egg-info", metadata("b", "2"), "usr/lib/python3.12/dist-packages/b.py", "b = 1\n")},
				{"var/lib/dpkg/info/python3-c.md5sums", sums(dist+"c-3.egg-info", metadata("c", "3"), dist+"c.py", "")},
			},
		},
		want: []string{
			"Debian:12 python3-a 1-1 verified layer 1", "Debian:12 python3-b 2-1 verified layer 1",
			"PyPI a 1 os-owned layer 1 of python3-a 1-1", "PyPI b 2 os-owned layer 1 of python3-b 2-1", "PyPI c 3 installed layer 1",
		},
	},
	{
		name: "another file in the place of the distribution's is not the distribution's",
		layers: [][]item{
			{
				{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("python3-a", "1-1")}, {dist + "a.egg-info", metadata("a", "1")},
				{"var/lib/dpkg/info/python3-a.list", "/usr/lib/python3/dist-packages/a.egg-info\n"},
				{"var/lib/dpkg/info/python3-a.md5sums", "00000000000000000000000000000000  usr/lib/python3/dist-packages/a.egg-info\n"},
			},
		},
		want: []string{"Debian:12 python3-a 1-1 installed layer 1", "PyPI a 1 installed layer 1"},
	},
	{
		name: "a virtual environment in a third party's package is not the distribution's",
		layers: [][]item{
			{
				{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("shop", "1")}, {"opt/venvs/shop/lib/python3.12/site-packages/a-1.dist-info/METADATA", metadata("a", "1")},
				{"var/lib/dpkg/info/shop.list", "/opt/venvs/shop/lib/python3.12/site-packages/a-1.dist-info/METADATA\n"},
			},
		},
		want: []string{"Debian:12 shop 1 installed layer 1", "PyPI a 1 installed layer 1"},
	},
	{
		name: "npm packages",
		layers: [][]item{
			{
				{"usr/lib/node_modules/npm/package.json", `{"name":"npm","version":"10.1.0"}`},
				{"usr/lib/node_modules/npm/node_modules/@npmcli/fs/package.json", `{"name":"@npmcli/fs","version":"3.1.0"}`},
				{"usr/lib/node_modules/npm/lib/package.json", `{"type":"module"}`},
				{"app/package.json", `{"name":"app","version":"0"}`},
			},
		},
		want: []string{"npm @npmcli/fs 3.1.0 installed layer 1", "npm npm 10.1.0 installed layer 1"},
	},
	{
		name: "npm packages inside of the distribution's own, and in a third party's package",
		layers: [][]item{
			{
				{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("node-tar", "6") + deb("nodejs", "20")},
				{"usr/share/nodejs/tar/node_modules/fs-minipass/package.json", `{"name":"fs-minipass","version":"2.1.0"}`},
				{"usr/lib/node_modules/npm/package.json", `{"name":"npm","version":"10.1.0"}`},
				{"var/lib/dpkg/info/node-tar.md5sums", sums("usr/share/nodejs/tar/node_modules/fs-minipass/package.json", `{"name":"fs-minipass","version":"2.1.0"}`)},
				{"var/lib/dpkg/info/nodejs.md5sums", sums("usr/lib/node_modules/npm/package.json", `{"name":"npm","version":"10.1.0"}`)},
			},
		},
		want: []string{
			"Debian:12 node-tar 6 verified layer 1", "Debian:12 nodejs 20 verified layer 1",
			"npm fs-minipass 2.1.0 os-owned layer 1 of node-tar 6", "npm npm 10.1.0 installed layer 1",
		},
	},
	{
		name: "names that climb out stay inside; devices and odd whiteouts are nothing",
		layers: [][]item{
			{{"../../" + site + "a-1.dist-info/METADATA", metadata("a", "1")}, {"dev/null", "dev"}, {"etc/os-release", "-> /../../../../etc/passwd"}},
			{{"opt/.wh...", ""}, {"opt/.wh..", ""}, {".wh.", ""}, {"/.wh..wh.plnk", ""}},
		},
		want: []string{"PyPI a 1 installed layer 1"},
	},
	{
		name: "links in a circle",
		layers: [][]item{
			{{"a", "-> b"}, {"b", "-> a"}, {"a/x-1.dist-info/METADATA", metadata("x", "1")}, {"etc/os-release", "-> os-release"}},
		},
		want: []string{"PyPI x 1 installed layer 1"},
	},
}

func TestSquash(t *testing.T) {
	for _, tc := range squashCases {
		t.Run(tc.name, func(t *testing.T) {
			layers := tarsOf(t, tc.layers)
			got, gaps, _ := read(t, imageOf(t, layers...))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// TestGaps has images in which somebody took away or hid what would have told
// about a package.
func TestGaps(t *testing.T) {
	for _, tc := range []struct {
		name   string
		layers [][]item
		want   []string
	}{
		{"METADATA removed", [][]item{{{site + "a-1.dist-info/METADATA", metadata("a", "1")}, {site + "a-1.dist-info/RECORD", ""}}, {{site + "a-1.dist-info/.wh.METADATA", ""}}},
			[]string{"unparsed /" + site + "a-1.dist-info layer 1"}},
		{"a folder without METADATA from the start", [][]item{{{site + "a-1.dist-info/RECORD", ""}}}, []string{"unparsed /" + site + "a-1.dist-info layer 1"}},
		{"METADATA that calls itself another distribution", [][]item{{{site + "gradio-4.19.1.dist-info/METADATA", metadata("six", "1.16.0")}}}, []string{"conflict /" + site + "gradio-4.19.1.dist-info/METADATA layer 1"}},
		{"METADATA that calls itself another version", [][]item{{{site + "gradio-4.19.1.dist-info/METADATA", metadata("gradio", "99")}}}, []string{"conflict /" + site + "gradio-4.19.1.dist-info/METADATA layer 1"}},
		{"version removed", [][]item{{{site + "a-1.dist-info/METADATA", "Name: a\n\nVersion: 1\n"}}}, []string{"unparsed /" + site + "a-1.dist-info/METADATA layer 1"}},
		{"name removed", [][]item{{{site + "a-1.dist-info/METADATA", "Name: ../a\nVersion: 1\n"}}}, []string{"unparsed /" + site + "a-1.dist-info/METADATA layer 1"}},
		{"METADATA behind a link to elsewhere", [][]item{{{site + "a-1.dist-info/METADATA", "-> /srv/m"}, {"srv/m", metadata("a", "1")}}}, []string{"unread /" + site + "a-1.dist-info/METADATA layer 1"}},
		{"METADATA as a hard link to elsewhere", [][]item{{{"srv/m", metadata("a", "1")}, {site + "a-1.dist-info/METADATA", "=> srv/m"}}}, []string{"unread /" + site + "a-1.dist-info/METADATA layer 1"}},
		{"dist-info behind a link to elsewhere", [][]item{{{site + "a-1.dist-info", "-> /srv/m"}, {"srv/m/METADATA", metadata("a", "1")}}}, []string{"unread /" + site + "a-1.dist-info layer 1"}},
		{"dpkg's database behind a link", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg", "-> /srv/dpkg"}, {"srv/dpkg/status", deb("a", "1")}}}, []string{"unread /etc/os-release layer 1", "unread /var/lib/dpkg/status layer 1"}},
		{"dpkg's status file behind a link", [][]item{{{"var/lib/dpkg/status", "-> /srv/status"}, {"srv/status", deb("a", "1")}}}, []string{"unread /var/lib/dpkg/status layer 1"}},
		{"dpkg's database removed", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("a", "1")}}, {{"var/lib/.wh.dpkg", ""}}}, []string{"unread /etc/os-release layer 1"}},
		{"dpkg's database emptied", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("a", "1")}}, {{"var/lib/dpkg/status", ""}}}, []string{"unread /etc/os-release layer 1"}},
		{"dpkg's status and os-release removed", [][]item{{{"var/lib/dpkg/info/a.list", "/.\n"}}}, []string{"unread /var/lib/dpkg/status layer 1"}},
		{"os-release and dpkg removed, the C library left", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("a", "1")}, {"usr/lib/x86_64-linux-gnu/libssl.so.3", "ELF"}, {"lib", "-> usr/lib"}}, {{"etc/.wh.os-release", ""}, {"var/lib/.wh.dpkg", ""}}},
			[]string{"unread /usr/lib/x86_64-linux-gnu/libssl.so.3 layer 1"}},
		{"os-release and apk removed, the dynamic linker left", [][]item{{{"lib/ld-musl-x86_64.so.1", "ELF"}}}, []string{"unread /lib/ld-musl-x86_64.so.1 layer 1"}},
		{"os-release and dpkg removed, the shell's link left", [][]item{{{"bin", "-> usr/bin"}, {"usr/bin/sh", "-> dash"}}}, []string{"unread /usr/bin/sh layer 1"}},
		{"one static program and an application's packages", [][]item{{{"app/serve", "ELF"}, {"opt/lib/libc.so.6", "ELF"}, {site + "a-1.dist-info/METADATA", metadata("a", "1")}}}, nil},
		{"apk's database removed", [][]item{{{"etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n"}}}, []string{"unread /etc/os-release layer 1"}},
		{"dpkg's paragraph without a version", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("a", "1") + "Package: b\nStatus: install ok installed\n\n"}}}, []string{"unparsed /var/lib/dpkg/status layer 1"}},
		{"no os-release", [][]item{{{"var/lib/dpkg/status", deb("a", "1")}}}, []string{"ecosystem /var/lib/dpkg/status layer 1"}},
		{"no release number", [][]item{{{"etc/os-release", "ID=debian\n"}, {"var/lib/dpkg/status", deb("a", "1")}}}, []string{"ecosystem /var/lib/dpkg/status layer 1"}},
		{"a derivative", [][]item{{{"etc/os-release", "ID=raspbian\nID_LIKE=debian\nVERSION_ID=12\n"}, {"var/lib/dpkg/status", deb("a", "1")}}}, []string{"ecosystem /var/lib/dpkg/status layer 1"}},
		{"databases without a reader", [][]item{{
			{"lib/apk/db/installed", "P:a\nV:1\n"}, {"usr/lib/sysimage/rpm/rpmdb.sqlite", "x"},
			{"srv/app.jar", "PK"}, {"rootfs/var/lib/dpkg/status", deb("a", "1")}, {"usr/local/lib/ruby/specifications/a.gemspec", "x"},
		}}, []string{
			"ecosystem /lib/apk/db/installed layer 1", "unsupported /rootfs/var/lib/dpkg/status layer 1", "unsupported /srv/app.jar layer 1",
			"unparsed /usr/lib/sysimage/rpm/rpmdb.sqlite layer 1", "unsupported /usr/local/lib/ruby/specifications/a.gemspec layer 1",
		}},
		{"a package.json without a version", [][]item{{{"srv/node_modules/a/package.json", `{"name":"a"}`}}}, []string{"unparsed /srv/node_modules/a/package.json layer 1"}},
		{"gaps go with their file", [][]item{{{site + "a-1.dist-info/METADATA", "x"}, {"srv/app.jar", "PK"}}, {{site + ".wh.a-1.dist-info", ""}, {"srv/.wh.app.jar", ""}}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			layers := tarsOf(t, tc.layers)
			_, gaps, inv := read(t, imageOf(t, layers...))
			if diff := cmp.Diff(tc.want, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			for _, g := range inv.Document.Gaps {
				if !g.Hides || g.Reason == "" || g.Kind == sbom.GapOther {
					t.Errorf("gap %+v hides nothing or has no reason", g)
				}
			}
		})
	}
}

// TestManyFolders has more folders of jars than are named one by one.
func TestManyFolders(t *testing.T) {
	var items []item
	for i := range 60 {
		items = append(items, item{"srv/" + strings.Repeat("x", i+1) + "/a.jar", "PK"})
	}
	_, gaps, inv := read(t, imageOf(t, tarOf(t, items...)))
	if len(gaps) != maxFolders+1 || !strings.HasSuffix(inv.Document.Gaps[len(gaps)-1].Reason, "in 39 more folders") {
		t.Errorf("%d gaps, the last %+v", len(gaps), inv.Document.Gaps[len(gaps)-1])
	}
}

func TestCompressions(t *testing.T) {
	data := tarOf(t, item{site + "a-1.dist-info/METADATA", metadata("a", "1")})
	var gz, zs bytes.Buffer
	gw := gzip.NewWriter(&gz)
	gw.Write(data)
	gw.Close()
	zw, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	zw.Write(data)
	zw.Close()
	for name, stored := range map[string][]byte{"plain": data, "gzip": gz.Bytes(), "zstd": zs.Bytes()} {
		img := withLayer(t, stored, data)
		got, _, _ := read(t, img)
		if diff := cmp.Diff([]string{"PyPI a 1 installed layer 1"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// withLayer is an image whose only layer is stored as given, while its
// configuration names the digest of content.
func withLayer(t testing.TB, stored, content []byte) v1.Image {
	t.Helper()
	diffID, _, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return lyingImage{imageOf(t), stored, diffID}
}

// lyingImage says of its layer what it is told to.
type lyingImage struct {
	v1.Image
	stored []byte
	diffID v1.Hash
}

func (l lyingImage) Layers() ([]v1.Layer, error) {
	return []v1.Layer{static.NewLayer(l.stored, types.OCILayer)}, nil
}

func (l lyingImage) ConfigFile() (*v1.ConfigFile, error) {
	return &v1.ConfigFile{RootFS: v1.RootFS{DiffIDs: []v1.Hash{l.diffID}}}, nil
}

// TestDamagedLayer: whatever was done to the bytes of a layer, there is no
// inventory of it.
func TestDamagedLayer(t *testing.T) {
	data := tarOf(t, item{site + "a-1.dist-info/METADATA", metadata("a", "1")}, item{site + "b-1.dist-info/METADATA", metadata("b", "1")})
	var gz bytes.Buffer
	gw := gzip.NewWriter(&gz)
	gw.Write(data)
	gw.Close()
	changed := bytes.Replace(data, []byte("Version: 1"), []byte("Version: 9"), 1)
	for name, stored := range map[string][]byte{
		"a version changed":       changed,
		"cut in the archive":      data[:700],
		"cut between files":       data[:1024],
		"cut in the end mark":     data[:len(data)-512],
		"something added":         append(bytes.Clone(data), 1),
		"an end mark put first":   append(make([]byte, 1024), data...),
		"empty":                   {},
		"gzip cut":                gz.Bytes()[:gz.Len()-9],
		"gzip without checksum":   gz.Bytes()[:gz.Len()-8],
		"gzip with a second file": append(bytes.Clone(gz.Bytes()), gz.Bytes()...),
		"gzip with rubbish added": append(bytes.Clone(gz.Bytes()), "rubbish"...),
		"not an archive":          []byte(strings.Repeat("x", 2048)),
	} {
		if inv, err := Read(t.Context(), withLayer(t, stored, data), Options{}); err == nil {
			t.Errorf("%s: read as sound, %d components", name, len(inv.Document.Components))
		}
	}
}

func TestLayersMissing(t *testing.T) {
	img := lyingImage{Image: imageOf(t, tarOf(t), tarOf(t, item{"a", "b"}))}
	two, err := img.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), configured{img, two}, Options{}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("an image with a layer less than its configuration names: %v", err)
	}
}

type configured struct {
	lyingImage
	config *v1.ConfigFile
}

func (c configured) ConfigFile() (*v1.ConfigFile, error) { return c.config, nil }

func TestReadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, imageOf(t, tarOf(t, item{"a", "b"})), Options{}); err == nil {
		t.Error("read after its context was done")
	}
}

func TestConfig(t *testing.T) {
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: "arm64",
		Config: v1.Config{
			User: "app", Env: []string{"PATH=/bin", "HF_TOKEN=hf_x", "GPG_KEY=7169", "OPENAI_API_KEY=", "GRADIO_SERVER_NAME=0.0.0.0", "GRADIO_AUTH_TOKEN=x"},
			ExposedPorts: map[string]struct{}{"8080/tcp": {}, "7860/tcp": {}}, Cmd: []string{"python", "app.py"},
			Healthcheck: &v1.HealthConfig{Test: []string{"NONE"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	inv, err := Read(t.Context(), img, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		OS: "linux", Architecture: "arm64", User: "app", ExposedPorts: []string{"7860/tcp", "8080/tcp"}, Entrypoint: []string{}, Cmd: []string{"python", "app.py"},
		EnvNames:       []string{"GPG_KEY", "GRADIO_AUTH_TOKEN", "GRADIO_SERVER_NAME", "HF_TOKEN", "OPENAI_API_KEY", "PATH"},
		SecretEnvNames: []string{"GRADIO_AUTH_TOKEN", "HF_TOKEN"}, GradioEnv: map[string]string{"GRADIO_SERVER_NAME": "0.0.0.0"}, Labels: map[string]string{},
	}
	if diff := cmp.Diff(want, inv.Config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}
