package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// unpack lays layers over one another in a folder, the way that the image
// specification puts it and nothing more: the whiteouts of a layer first, then
// its entries. It shares no code with squash. A layer that a runtime could not
// unpack is an error.
// https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets
func unpack(t testing.TB, layers [][]byte) (root string, err error) {
	t.Helper()
	u := unpacker(t.TempDir())
	for _, data := range layers {
		if err := errors.Join(u.each(data, u.whiteout), u.each(data, u.entry)); err != nil {
			return "", err
		}
	}
	return string(u), nil
}

type unpacker string

func (u unpacker) each(data []byte, f func(h *tar.Header, r io.Reader) error) error {
	archive := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(h, archive)
		}
		if err != nil {
			return err
		}
	}
}

// at is where a name of an archive is on disk; links above it are followed by
// reading them there, as if the folder were the root.
func (u unpacker) at(name string) (string, error) {
	dir, left := "/", strings.Split(path.Clean("/"+name), "/")[1:]
	base := left[len(left)-1]
	for left, hops := left[:len(left)-1], 0; len(left) > 0; {
		next := path.Join(dir, left[0])
		left = left[1:]
		target, err := os.Readlink(string(u) + next)
		switch {
		case err != nil:
			dir = next
			continue
		case hops > 255:
			return "", errors.New("links in a circle")
		case path.IsAbs(target):
			dir = "/"
		}
		hops++
		left = append(strings.Split(target, "/"), left...)
	}
	return string(u) + path.Join(dir, base), nil
}

func (u unpacker) whiteout(h *tar.Header, _ io.Reader) error {
	dir, base := path.Split(path.Clean("/" + h.Name))
	name, is := strings.CutPrefix(base, ".wh.")
	if !is || name == "" || name == "." || name == ".." {
		return nil
	}
	if name == ".wh..opq" {
		inside, err := u.at(path.Join(dir, "x"))
		if err != nil {
			return err
		}
		entries, _ := os.ReadDir(filepath.Dir(inside))
		for _, e := range entries {
			if err := os.RemoveAll(filepath.Join(filepath.Dir(inside), e.Name())); err != nil {
				return err
			}
		}
		return nil
	}
	if strings.HasPrefix(name, ".wh.") {
		return nil
	}
	at, err := u.at(path.Join(dir, name))
	if err != nil {
		return err
	}
	return os.RemoveAll(at)
}

func (u unpacker) entry(h *tar.Header, r io.Reader) error {
	if strings.HasPrefix(path.Base(path.Clean("/"+h.Name)), ".wh.") || path.Clean("/"+h.Name) == "/" {
		return nil
	}
	at, err := u.at(h.Name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	info, err := os.Lstat(at)
	if h.Typeflag == tar.TypeDir && err == nil && info.IsDir() {
		return nil
	}
	if h.Typeflag == tar.TypeLink {
		target, err := u.at(h.Linkname)
		if err != nil {
			return err
		}
		// A name that is to be a link to itself stays what it is.
		if target == at {
			return nil
		}
		return errors.Join(os.RemoveAll(at), os.Link(target, at))
	}
	if err := os.RemoveAll(at); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return os.Mkdir(at, 0o755)
	case tar.TypeSymlink:
		return os.Symlink(h.Linkname, at)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(at, content, 0o644)
}

// packed is the folder as one layer.
func packed(t testing.TB, root string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		link, _ := os.Readlink(p)
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		h.Name = strings.TrimPrefix(p, root+"/")
		if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
			return err
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// withoutLayers is a document in which no layer is named.
func withoutLayers(doc *sbom.Document) *sbom.Document {
	out := &sbom.Document{Components: slices.Clone(doc.Components), Gaps: slices.Clone(doc.Gaps)}
	for i, c := range out.Components {
		out.Components[i].Locations = slices.Clone(c.Locations)
		for j := range c.Locations {
			out.Components[i].Locations[j].Layer = ""
		}
	}
	for i := range out.Gaps {
		out.Gaps[i].Layer = ""
	}
	out.Normalize()
	return out
}

// rootCases are images whose packages have to be those of the root that they
// unpack to. want has name and version of each component.
var rootCases = []struct {
	name   string
	layers [][]item
	want   []string
}{
	{"./ before names", [][]item{{{"./" + site + "a-1.dist-info/METADATA", metadata("a", "1")}}, {{"./" + site + "./.wh.a-1.dist-info", ""}, {"./" + site + "b-1.dist-info/METADATA", metadata("b", "1")}}}, []string{"b 1"}},
	{"absolute names", [][]item{{{"/" + site + "a-1.dist-info/METADATA", metadata("a", "1")}}, {{"/" + site + "a-1.dist-info/METADATA", metadata("a", "1.0")}}}, []string{"a 1.0"}},
	{"double slashes and dots in names", [][]item{{{"usr//local/./lib/python3.12/x/../site-packages/a-1.dist-info//METADATA", metadata("a", "1")}}}, []string{"a 1"}},
	{"names longer than a header has room for", [][]item{{{"opt/" + strings.Repeat("long/", 60) + site + "a-1.dist-info/METADATA", metadata("a", "1")}}, {{"opt/" + strings.Repeat("long/", 59) + ".wh.long", ""}, {site + "b-1.dist-info/METADATA", metadata("b", "1")}}}, []string{"b 1"}},
	{"names that are not ASCII", [][]item{{{"opt/größe/a-1.dist-info/METADATA", metadata("a", "1")}, {"opt/grösse/b-1.dist-info/METADATA", metadata("b", "1")}}, {{"opt/.wh.größe", ""}}}, []string{"b 1"}},
	{"a whiteout of a single file", [][]item{{{site + "a.egg-info", metadata("a", "1")}, {site + "b.egg-info", metadata("b", "1")}}, {{site + ".wh.a.egg-info", ""}}}, []string{"b 1"}},
	{"a whiteout of what is not there", [][]item{{{site + "a.egg-info", metadata("a", "1")}}, {{site + ".wh.b.egg-info", ""}, {"nowhere/.wh.x", ""}, {"nowhere/.wh..wh..opq", ""}}}, []string{"a 1"}},
	{"a whiteout, then the same again in the layer above it", [][]item{{{site + "a.egg-info", metadata("a", "1")}}, {{site + ".wh.a.egg-info", ""}}, {{site + "a.egg-info", metadata("a", "2")}}, {{site + "x", ""}}}, []string{"a 2"}},
	{"a whiteout and a new folder of that name in one layer", [][]item{{{site + "a.egg-info/PKG-INFO", metadata("a", "1")}, {site + "a.egg-info/top_level.txt", "a"}}, {{site + ".wh.a.egg-info", ""}, {site + "a.egg-info/", ""}, {site + "a.egg-info/PKG-INFO", metadata("a", "2")}}}, []string{"a 2"}},
	{"a whiteout of a folder does not touch one that begins alike", [][]item{{{"opt/a/x-1.dist-info/METADATA", metadata("x", "1")}, {"opt/a-b/y-1.dist-info/METADATA", metadata("y", "1")}, {"opt/a.b/z-1.dist-info/METADATA", metadata("z", "1")}}, {{"opt/.wh.a", ""}}}, []string{"y 1", "z 1"}},
	{"an opaque root", [][]item{{{site + "a.egg-info", metadata("a", "1")}}, {{".wh..wh..opq", ""}, {site + "b.egg-info", metadata("b", "1")}}}, []string{"b 1"}},
	{"an opaque folder that is empty", [][]item{{{"opt/v/a.egg-info", metadata("a", "1")}, {site + "b.egg-info", metadata("b", "1")}}, {{"opt/v/", ""}, {"opt/v/.wh..wh..opq", ""}}}, []string{"b 1"}},
	{"an opaque folder inside of one that goes", [][]item{{{"opt/v/w/a.egg-info", metadata("a", "1")}}, {{"opt/v/w/.wh..wh..opq", ""}, {"opt/.wh.v", ""}, {"opt/v/w/b.egg-info", metadata("b", "1")}}}, []string{"b 1"}},
	{"an opaque folder behind a link", [][]item{{{"usr/lib/python3/dist-packages/a.egg-info", metadata("a", "1")}, {"lib", "-> usr/lib"}}, {{"lib/python3/dist-packages/.wh..wh..opq", ""}, {"lib/python3/dist-packages/b.egg-info", metadata("b", "1")}}}, []string{"b 1"}},
	{"a whiteout of a link leaves what it leads to", [][]item{{{"opt/real/a.egg-info", metadata("a", "1")}, {"opt/link", "-> real"}}, {{"opt/.wh.link", ""}}}, []string{"a 1"}},
	{"a link whose target goes", [][]item{{{"opt/real/a.egg-info", metadata("a", "1")}, {"opt/link", "-> real"}}, {{"opt/.wh.real", ""}, {site + "b.egg-info", metadata("b", "1")}}}, []string{"b 1"}},
	{"writing through a link to a folder of the layer below", [][]item{{{"opt/real/a.egg-info", metadata("a", "1")}, {"opt/link", "-> real"}}, {{"opt/link/a.egg-info", metadata("a", "2")}, {"opt/link/b.egg-info", metadata("b", "1")}}}, []string{"a 2", "b 1"}},
	{"writing through two links", [][]item{{{"lib64", "-> lib"}, {"lib", "-> usr/lib"}, {"usr/lib/a.egg-info", metadata("a", "1")}}, {{"lib64/a.egg-info", metadata("a", "2")}}}, []string{"a 2"}},
	{"writing through an absolute link that climbs", [][]item{{{"opt/link", "-> /../../usr/lib"}, {"usr/lib/a.egg-info", metadata("a", "1")}}, {{"opt/link/a.egg-info", metadata("a", "2")}}}, []string{"a 2"}},
	{"writing through a relative link that climbs out", [][]item{{{"opt/link", "-> ../../../../usr/lib"}, {"usr/lib/a.egg-info", metadata("a", "1")}}, {{"opt/link/.wh.a.egg-info", ""}, {"opt/link/b.egg-info", metadata("b", "1")}}}, []string{"b 1"}},
	{"a folder in the place of a link to a folder", [][]item{{{"usr/lib/a.egg-info", metadata("a", "1")}, {"lib", "-> usr/lib"}}, {{"lib/", ""}, {"lib/b.egg-info", metadata("b", "1")}}}, []string{"a 1", "b 1"}},
	{"a folder that becomes a link to where its files went", [][]item{{{"lib/python3/dist-packages/a.egg-info", metadata("a", "1")}}, {{"usr/lib/python3/dist-packages/a.egg-info", metadata("a", "1")}, {"lib", "-> usr/lib"}}}, []string{"a 1"}},
	{"a file in the place of a folder, then a folder again", [][]item{{{"opt/v/a.egg-info", metadata("a", "1")}}, {{"opt/v", "file"}}, {{"opt/v/", ""}, {"opt/v/b.egg-info", metadata("b", "1")}}}, []string{"b 1"}},
	{"a folder in the place of a file of metadata", [][]item{{{site + "a.egg-info", metadata("a", "1")}}, {{site + "a.egg-info/", ""}, {site + "a.egg-info/PKG-INFO", metadata("a", "2")}}}, []string{"a 2"}},
	{"a file in the place of a folder of metadata", [][]item{{{site + "a.egg-info/PKG-INFO", metadata("a", "1")}}, {{site + "a.egg-info", metadata("a", "2")}}}, []string{"a 2"}},
	{"a device in the place of a folder", [][]item{{{"opt/v/a.egg-info", metadata("a", "1")}, {site + "b.egg-info", metadata("b", "1")}}, {{"opt/v", "dev"}}}, []string{"b 1"}},
	{"a folder twice, with more in it the second time", [][]item{{{site, ""}, {site + "a.egg-info", metadata("a", "1")}, {site, ""}, {site + "b.egg-info", metadata("b", "1")}}}, []string{"a 1", "b 1"}},
	{"a name three times in a layer: file, link, file", [][]item{{{"opt/a.egg-info", metadata("a", "1")}, {"opt/a.egg-info", "-> /nowhere"}, {"opt/a.egg-info", metadata("a", "3")}}}, []string{"a 3"}},
	{"a folder, then a link of that name, in one layer", [][]item{{{"opt/v/a.egg-info", metadata("a", "1")}, {"opt/w/b.egg-info", metadata("b", "1")}, {"opt/v", "-> w"}, {"opt/v/b.egg-info", metadata("b", "2")}}}, []string{"b 2"}},
	{"a folder of metadata, then a link, then the folder again, in one layer", [][]item{{{site + "a.egg-info/", ""}, {site + "a.egg-info", "-> /opt/other"}, {site + "a.egg-info/", ""}, {site + "a.egg-info/PKG-INFO", metadata("a", "1")}, {"opt/other/x", ""}}}, []string{"a 1"}},
	{"a hard link to a file that its layer wrote anew", [][]item{{{"cache/a.egg-info", metadata("a", "1")}}, {{".wh.cache", ""}, {"cache/", ""}, {"cache/a.egg-info", metadata("a", "2")}, {site + "a.egg-info", "=> cache/a.egg-info"}}}, []string{"a 2", "a 2"}},
	{"a hard link outlives the first name of the file", [][]item{{{"cache/a.egg-info", metadata("a", "1")}}, {{site + "a.egg-info", "=> cache/a.egg-info"}}, {{".wh.cache", ""}}}, []string{"a 1"}},
	{"a hard link keeps the old content when the first name is written anew", [][]item{{{"cache/a.egg-info", metadata("a", "1")}, {site + "a.egg-info", "=> cache/a.egg-info"}}, {{"cache/a.egg-info", metadata("a", "2")}}}, []string{"a 1", "a 2"}},
	{"a hard link through a link", [][]item{{{"usr/lib/a.egg-info", metadata("a", "1")}, {"lib", "-> usr/lib"}}, {{"opt/a.egg-info", "=> lib/a.egg-info"}}}, []string{"a 1", "a 1"}},
	{"a hard link to itself", [][]item{{{site + "a.egg-info", metadata("a", "1")}}, {{site + "a.egg-info", "=> " + site + "a.egg-info"}}}, []string{"a 1"}},
	{"a hard link over another file", [][]item{{{"c/a.egg-info", metadata("a", "1")}, {"d/a.egg-info", metadata("a", "2")}}, {{"d/a.egg-info", "=> c/a.egg-info"}}}, []string{"a 1", "a 1"}},
	{"dpkg's database gone and written anew", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("a", "1") + deb("b", "1")}}, {{"var/lib/dpkg/.wh.status", ""}}, {{"var/lib/dpkg/status", deb("a", "2")}}}, []string{"a 2"}},
	{"dpkg's folder opaque", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("a", "1")}, {"var/lib/dpkg/status.d/b", deb("b", "1")}}, {{"var/lib/dpkg/.wh..wh..opq", ""}, {"var/lib/dpkg/status", deb("c", "1")}}}, []string{"c 1"}},
	{"dpkg's folder moved behind a link, which is a gap", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("a", "1")}}, {{"usr/lib/sysimage/dpkg/status", deb("a", "2")}, {"var/lib/dpkg", "-> ../../usr/lib/sysimage/dpkg"}}}, nil},
	{"distroless: one package of two removed", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg/status.d/a", deb("a", "1")}, {"var/lib/dpkg/status.d/b", deb("b", "1")}}, {{"var/lib/dpkg/status.d/.wh.a", ""}}}, []string{"b 1"}},
	{"os-release replaced above", [][]item{{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("a", "1")}}, {{"usr/lib/os-release", strings.ReplaceAll(debian12, "12", "13")}, {"etc/os-release", "-> ../usr/lib/os-release"}}}, []string{"a 1"}},
	{"links in a circle beside packages", [][]item{{{"opt/x", "-> y"}, {"opt/y", "-> x"}, {site + "a.egg-info", metadata("a", "1")}, {site + "self", "-> self"}}}, []string{"a 1"}},
	{"a program written over by a script, and one whose folder moved", [][]item{{{"srv/a/b/c/old", goProgram("go1.26.8", appInfo)}, {"usr/lib/x/y/old", goProgram("go1.26.8", appInfo)}, {"opt/a/b/c/new", elfOf("", cratesOf(crates))}}, {{"srv/a/b/c/old", "#!/bin/sh"}, {"usr/lib/x/y/old", "#!/bin/sh"}, {"opt/moved", "-> a/b"}, {"opt/moved/c/other", "=> opt/a/b/c/new"}}}, []string{"app 0.1.0", "app 0.1.0", "time 0.1.42", "time 0.1.42"}},
	{"node_modules replaced by a link", [][]item{{{"app/node_modules/left/package.json", `{"name":"left","version":"1"}`}}, {{"opt/m/node_modules/right/package.json", `{"name":"right","version":"1"}`}, {"app/node_modules", "-> ../opt/m/node_modules"}}}, []string{"right 1"}},
}

// TestUnpackedRoot: every image has the packages and the gaps of the root that
// its layers unpack to.
func TestUnpackedRoot(t *testing.T) {
	cases := slices.Clone(rootCases)
	for _, tc := range squashCases {
		cases = append(cases, struct {
			name   string
			layers [][]item
			want   []string
		}{tc.name, tc.layers, nil})
	}
	compared := 0
	for i, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			layers := tarsOf(t, tc.layers)
			_, _, inv := read(t, imageOf(t, layers...))
			if i < len(rootCases) {
				var got []string
				for _, c := range inv.Document.Components {
					for range c.Locations {
						got = append(got, c.Name+" "+c.Version)
					}
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("components (-want +got):\n%s", diff)
				}
			}
			root, err := unpack(t, layers)
			if err != nil {
				if i < len(rootCases) {
					t.Fatal(err)
				}
				t.Skipf("a runtime cannot unpack it: %v", err)
			}
			compared++
			_, _, want := read(t, imageOf(t, packed(t, root)))
			if diff := cmp.Diff(withoutLayers(want.Document), withoutLayers(inv.Document)); diff != "" {
				t.Errorf("not what the root has (-root +image):\n%s", diff)
			}
			if diff := cmp.Diff(want.Distribution, inv.Distribution); diff != "" {
				t.Errorf("distribution (-root +image):\n%s", diff)
			}
		})
	}
	if compared < 50 {
		t.Errorf("%d cases compared, want 50 at least", compared)
	}
}
