package image

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// record returns a RECORD of paths and contents, with the lines that have no
// digest.
func record(dir string, files ...string) string {
	var b strings.Builder
	for i := 0; i < len(files); i += 2 {
		sum := sha256.Sum256([]byte(files[i+1]))
		fmt.Fprintf(&b, "%s,sha256=%s,%d\n", files[i], base64.RawURLEncoding.EncodeToString(sum[:]), len(files[i+1]))
	}
	return b.String() + "a/__pycache__/x.cpython-312.pyc,,\n" + dir + "/RECORD,,\n"
}

// wheel is a distribution as pip leaves it: a module, a compiled one, a script
// outside, and its RECORD.
func wheel() []item {
	meta := metadata("a", "1")
	return []item{
		{site + "a/__init__.py", "import os\n"}, {site + "a/_c.so", "ELF"}, {site + "a/data.json", "{}"},
		{site + "a/__pycache__/x.cpython-312.pyc", "compiled"}, {"usr/local/bin/a", "#!python\n"},
		{site + "a-1.dist-info/METADATA", meta}, {site + "a-1.dist-info/INSTALLER", "pip\n"},
		{site + "a-1.dist-info/RECORD", record("a-1.dist-info", "a/__init__.py", "import os\n", "a/_c.so", "ELF", "a/data.json", "{}",
			"../../../bin/a", "#!python\n", "a-1.dist-info/METADATA", meta, "a-1.dist-info/INSTALLER", "pip\n")},
	}
}

// debian is a package of dpkg, whose list says /lib where the root says
// /usr/lib.
func debian() []item {
	return []item{
		{"usr/lib/", ""}, {"lib", "-> usr/lib"}, {"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("x", "1")},
		{"usr/bin/x", "ELF x"}, {"usr/lib/libx.so.1", "ELF lib"}, {"usr/share/doc/x/copyright", "c"}, {"etc/x.conf", "mine"},
		{"var/lib/dpkg/info/x.md5sums", sums("usr/bin/x", "ELF x", "lib/libx.so.1", "ELF lib", "usr/share/doc/x/changelog.gz", "left out", "etc/x.conf", "theirs")},
	}
}

func alpine() []item {
	return []item{
		{"etc/os-release", alpine320}, {"bin/x", "ELF x"}, {"bin/y", "-> /bin/x"},
		{apkDB, apk("x", "1", "x", "bin/x", "ELF x", "bin/y", "/bin/x", "etc/x.conf", "theirs")},
	}
}

// edits are what may be done to files after they were installed, and what has
// to be said of them: grade, number of files checked, altered, missing, extra.
var edits = []struct {
	name string
	base func() []item
	edit []item
	want string
}{
	{"nothing", wheel, nil, "verified"},
	{"a module altered", wheel, []item{{site + "a/__init__.py", "import evil\n"}}, "installed 6 altered a/__init__.py"},
	{"one byte of a compiled module", wheel, []item{{site + "a/_c.so", "ELf"}}, "installed 6 altered a/_c.so"},
	{"a data file emptied", wheel, []item{{site + "a/data.json", ""}}, "installed 6 altered a/data.json"},
	{"the script outside altered", wheel, []item{{"usr/local/bin/a", "#!evil\n"}}, "installed 6 altered /usr/local/bin/a"},
	{"the metadata altered", wheel, []item{{site + "a-1.dist-info/METADATA", metadata("a", "1") + "x"}}, "installed 6 altered a-1.dist-info/METADATA"},
	{"INSTALLER altered", wheel, []item{{site + "a-1.dist-info/INSTALLER", "uv\n"}}, "installed 6 altered a-1.dist-info/INSTALLER"},
	{"written again as it was", wheel, []item{{site + "a/__init__.py", "import os\n"}, {site + "a/_c.so", "ELF"}}, "verified"},
	{"a module removed", wheel, []item{{site + "a/.wh.__init__.py", ""}}, "installed 6 missing a/__init__.py"},
	{"the folder removed", wheel, []item{{site + ".wh.a", ""}}, "installed 6 missing a/__init__.py missing a/_c.so missing a/data.json"},
	{"the folder made opaque, one file brought again", wheel, []item{{site + "a/.wh..wh..opq", ""}, {site + "a/_c.so", "ELF"}}, "installed 6 missing a/__init__.py missing a/data.json"},
	{"a device in the place of a module", wheel, []item{{site + "a/__init__.py", "dev"}}, "installed 6 altered a/__init__.py"},
	{"a folder in the place of a module", wheel, []item{{site + "a/__init__.py/", ""}}, "installed 6 missing a/__init__.py"},
	{"a file in the place of the folder", wheel, []item{{site + "a", "x"}}, "installed 6 missing a/__init__.py missing a/_c.so missing a/data.json"},
	{"a link to another content", wheel, []item{{site + "e.py", "evil"}, {site + "a/__init__.py", "-> ../e.py"}}, "installed 6 altered a/__init__.py"},
	{"a link to the same content", wheel, []item{{site + "e.py", "import os\n"}, {site + "a/__init__.py", "-> ../e.py"}}, "verified"},
	{"a hard link to another content", wheel, []item{{site + "e.py", "evil"}, {site + "a/__init__.py", "=> " + site + "e.py"}}, "installed 6 altered a/__init__.py"},
	{"a hard link to what was not digested", wheel, []item{{"srv/e", "evil"}, {site + "a/__init__.py", "=> srv/e"}}, "installed"},
	{"the folder moved and a link left", wheel, []item{{site + "a", "-> /srv/a"}, {"srv/a/__init__.py", "x"}}, "installed 6 missing a/__init__.py missing a/_c.so missing a/data.json"},
	{"altered and put right again in one layer", wheel, []item{{site + "a/__init__.py", "evil"}, {site + "a/__init__.py", "import os\n"}}, "verified"},
	{"put right and altered again in one layer", wheel, []item{{site + "a/__init__.py", "import os\n"}, {site + "a/__init__.py", "evil"}}, "installed 6 altered a/__init__.py"},
	{"a module that another distribution brings as well", wheel, []item{
		{site + "a/__init__.py", "import b\n"}, {site + "b-1.dist-info/METADATA", metadata("b", "1")},
		{site + "b-1.dist-info/RECORD", record("b-1.dist-info", "a/__init__.py", "import b\n")},
	}, "installed"},
	{"a module more", wheel, []item{{site + "a/evil.py", "x"}, {site + "a/README", "x"}}, "installed 6 extra a/evil.py"},
	{"a module more in a folder below", wheel, []item{{site + "a/b/evil.so", "x"}}, "installed 6 extra a/b/evil.so"},
	{"a compiled module, which no list can vouch for", wheel, []item{{site + "a/__pycache__/y.cpython-312.pyc", "x"}}, "verified"},
	{"a module replaced by a link to what is not there", wheel, []item{{site + "a/__init__.py", "-> nowhere.py"}}, "installed"},
	{"a module replaced by a link to what is not digested", wheel, []item{{"srv/e.py", "evil"}, {site + "a/__init__.py", "-> /srv/e.py"}}, "installed"},
	{"a module moved aside and brought again with a byte more", wheel, []item{{site + "a/.wh.__init__.py", ""}, {site + "a/__init__.py", "import os\n\n"}}, "installed 6 altered a/__init__.py"},
	{"a module exchanged with another of the same distribution", wheel, []item{{site + "a/__init__.py", "ELF"}}, "installed 6 altered a/__init__.py"},
	{"two files altered, one removed, one more", wheel, []item{{site + "a/_c.so", "elf"}, {site + "a/data.json", "[]"}, {site + "a/.wh.__init__.py", ""}, {site + "a/x.py", ""}},
		"installed 6 altered a/_c.so altered a/data.json missing a/__init__.py extra a/x.py"},
	{"a .pth file among the modules", wheel, []item{{site + "a/z.pth", "import evil"}}, "installed 6 extra a/z.pth"},
	{"RECORD altered to fit an altered module, METADATA left alone", wheel, []item{{site + "a/__init__.py", "evil"}, {site + "a-1.dist-info/RECORD", record("a-1.dist-info", "a/__init__.py", "import os\n", "a/_c.so", "ELF")}}, "installed 2 altered a/__init__.py"},
	{"RECORD without the line of an added module", wheel, []item{{site + "a/evil.py", "x"}, {site + "a-1.dist-info/RECORD", record("a-1.dist-info", "a/__init__.py", "import os\n", "a/_c.so", "ELF", "a/data.json", "{}")}}, "installed 3 extra a/evil.py"},
	{"RECORD replaced by a link", wheel, []item{{site + "a-1.dist-info/RECORD", "-> /dev/null"}}, "installed"},
	{"RECORD removed", wheel, []item{{site + "a-1.dist-info/.wh.RECORD", ""}}, "installed"},
	{"RECORD emptied", wheel, []item{{site + "a-1.dist-info/RECORD", ""}}, "installed"},
	{"RECORD written again as it was, alone in its layer", wheel, []item{wheel()[7]}, "verified"},
	{"RECORD of a digest that nobody knows", wheel, []item{{site + "a-1.dist-info/RECORD", "a/__init__.py,sha999=x,1\na/_c.so,md5=eA,1\n"}}, "installed"},
	{"RECORD names what is outside", wheel, []item{{site + "a-1.dist-info/RECORD", record("a-1.dist-info", "../../../../../../../../etc/passwd", "x", "/etc/shadow", "y")}}, "installed"},

	{"dpkg: nothing", debian, nil, "verified"},
	{"dpkg: a program altered", debian, []item{{"usr/bin/x", "evil"}}, "installed 2 altered /usr/bin/x"},
	{"dpkg: a library altered, by the name that the link leads to", debian, []item{{"lib/libx.so.1", "evil"}}, "installed 2 altered /usr/lib/libx.so.1"},
	{"dpkg: a library removed", debian, []item{{"usr/lib/.wh.libx.so.1", ""}}, "installed 2 missing /usr/lib/libx.so.1"},
	{"dpkg: what is made to be edited, and documents", debian, []item{{"etc/x.conf", "other"}, {"usr/share/doc/.wh.x", ""}}, "verified"},
	{"dpkg: upgraded", debian, []item{{"usr/bin/x", "ELF 2"}, {"var/lib/dpkg/info/x.md5sums", sums("usr/bin/x", "ELF 2")}}, "verified"},
	{"dpkg: a program altered in a layer of another family", debian, []item{{"etc/apk/world", "x"}, {"usr/bin/x", "evil"}}, "installed 2 altered /usr/bin/x"},
	{"dpkg: the same, and signs of its own after it", debian, []item{{"etc/apk/world", "x"}, {"usr/bin/x", "evil"}, {"usr/lib/x86_64-linux-gnu/y", ""}}, "installed 2 altered /usr/bin/x"},
	{"dpkg: written again as it was, with signs of both", debian, []item{{"etc/apk/world", "x"}, {"etc/apt/y", ""}, {"usr/bin/x", "ELF x"}}, "verified"},
	{"dpkg: a program emptied", debian, []item{{"usr/bin/x", ""}}, "installed 2 altered /usr/bin/x"},
	{"dpkg: a program removed", debian, []item{{"usr/bin/.wh.x", ""}}, "installed 2 missing /usr/bin/x"},
	{"dpkg: the folder of programs made opaque", debian, []item{{"usr/bin/.wh..wh..opq", ""}}, "installed 2 missing /usr/bin/x"},
	{"dpkg: a program replaced by a device", debian, []item{{"usr/bin/x", "dev"}}, "installed 2 altered /usr/bin/x"},
	{"dpkg: a program replaced by a hard link to another", debian, []item{{"usr/bin/e", "evil"}, {"usr/bin/x", "=> usr/bin/e"}}, "installed 2 altered /usr/bin/x"},
	{"dpkg: a program replaced by a link to another", debian, []item{{"usr/bin/e", "evil"}, {"usr/bin/x", "-> e"}}, "installed 2 altered /usr/bin/x"},
	{"dpkg: a program replaced by a folder", debian, []item{{"usr/bin/x/", ""}}, "installed 2 missing /usr/bin/x"},
	{"dpkg: a program and a library altered", debian, []item{{"usr/bin/x", "evil"}, {"usr/lib/libx.so.1", "evil"}}, "installed 2 altered /usr/bin/x altered /usr/lib/libx.so.1"},
	{"dpkg: md5sums altered in one digest", debian, []item{{"var/lib/dpkg/info/x.md5sums", sums("usr/bin/x", "ELF x", "lib/libx.so.1", "another")}}, "installed 2 altered /usr/lib/libx.so.1"},
	{"dpkg: the list gone", debian, []item{{"var/lib/dpkg/info/.wh.x.md5sums", ""}}, "installed"},

	{"apk: nothing", alpine, nil, "verified"},
	{"apk: a program altered", alpine, []item{{"bin/x", "evil"}}, "installed 2 altered /bin/x"},
	{"apk: a program altered in a layer of another family", alpine, []item{{"usr/lib/x86_64-linux-gnu/y", ""}, {"bin/x", "evil"}}, "installed 2 altered /bin/x"},
	{"apk: written again as it was, with signs of both", alpine, []item{{"usr/lib/x86_64-linux-gnu/y", ""}, {"lib/apk/y", ""}, {"bin/x", "ELF x"}}, "verified"},
	{"apk: a program removed", alpine, []item{{"bin/.wh.x", ""}}, "installed 2 missing /bin/x"},
	{"apk: a program emptied", alpine, []item{{"bin/x", ""}}, "installed 2 altered /bin/x"},
	{"apk: a program replaced by a device", alpine, []item{{"bin/x", "dev"}}, "installed 2 altered /bin/x"},
	{"apk: a link replaced by a program", alpine, []item{{"bin/y", "evil"}}, "installed 2 altered /bin/y"},
	{"apk: a link altered", alpine, []item{{"bin/y", "-> /bin/evil"}}, "installed"},
	{"apk: the database written again by a layer above", alpine, []item{{apkDB, apk("x", "1", "x", "bin/x", "ELF x", "bin/y", "/bin/x") + apk("z", "1", "z")}}, "verified"},
	{"apk: the same, and the program altered", alpine, []item{{"bin/x", "evil"}, {apkDB, apk("x", "1", "x", "bin/x", "ELF x")}}, "installed 1 altered /bin/x"},
}

// TestEdits: every edit is told, whether it comes in the layer of the package
// or in one above, and nothing else is.
func TestEdits(t *testing.T) {
	for _, tc := range edits {
		t.Run(tc.name, func(t *testing.T) {
			layers := [][]item{tc.base()}
			if tc.edit != nil {
				layers = append(layers, tc.edit)
			}
			_, _, inv := read(t, imageOf(t, tarsOf(t, layers)...))
			for _, c := range inv.Document.Components {
				if c.Name != "a" && c.Name != "x" {
					continue
				}
				if got := filesOf(c, inv); got != tc.want {
					t.Errorf("got  %s\nwant %s", got, tc.want)
				}
				return
			}
			t.Error("the package is gone")
		})
	}
}

// filesOf writes what is said of a component's files in one line.
func filesOf(c sbom.Component, inv *Inventory) string {
	out := string(c.Evidence)
	if len(inv.Document.Files) == 0 {
		return out
	}
	f := inv.Document.Files[0]
	if f.PURL != c.PURL || len(inv.Document.Files) > 1 {
		return "the files of another package"
	}
	out += fmt.Sprint(" ", f.Checked)
	for _, list := range []struct {
		word  string
		files []string
	}{{"altered", f.Altered}, {"missing", f.Missing}, {"extra", f.Extra}} {
		for _, f := range list.files {
			out += " " + list.word + " " + strings.TrimPrefix(f, "/"+site)
		}
	}
	return out
}

// manyAltered is a distribution without its list, of which more files are altered
// than are named; files are those that the list has, each with its content.
func manyAltered() (items []item, files []string) {
	items = []item{{site + "a-1.dist-info/METADATA", metadata("a", "1")}}
	for i := range sbom.FilesNamed + 7 {
		name := fmt.Sprintf("a/m%03d.py", i)
		files = append(files, name, "as it was")
		items = append(items, item{site + name, "altered"})
	}
	return items, files
}

// TestFilesBound: of very many altered files some are named, and the rest are
// counted.
func TestFilesBound(t *testing.T) {
	items, files := manyAltered()
	_, _, inv := read(t, imageOf(t, tarOf(t, append(items, item{site + "a-1.dist-info/RECORD", record("a-1.dist-info", files...)})...)))
	if len(inv.Document.Files) != 1 {
		t.Fatalf("files %+v", inv.Document.Files)
	}
	f := inv.Document.Files[0]
	if len(f.Altered) != sbom.FilesNamed || f.Unnamed != 7 || f.Checked != sbom.FilesNamed+7 {
		t.Errorf("files %+v", f)
	}
}

// FuzzRecord: what a RECORD says is absolute, clean and has a whole digest, and
// a line after it that is sound is found when the file as a whole is.
func FuzzRecord(f *testing.F) {
	for _, i := range wheel() {
		if path.Base(i.name) == "RECORD" {
			f.Add(i.content)
		}
	}
	f.Add("\"a,b.py\",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\r\n..\\..\\x,sha256=,\n\"x\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines, complete := parseRecord("/s/a.dist-info/RECORD", []byte(text))
		for l := range lines.lines.all() {
			if !strings.HasPrefix(l.Path, "/") || path.Clean(l.Path) != l.Path || len(l.SHA256) != sha256.Size {
				t.Errorf("line %+v", l)
			}
		}
		more, again := parseRecord("/s/a.dist-info/RECORD", []byte(record("a.dist-info", "b.py", "b")+text))
		if complete && (!again || more.lines.Count != lines.lines.Count+1) {
			t.Errorf("%d lines, and %d with one before", lines.lines.Count, more.lines.Count)
		}
	})
}

// TestWhatThePackagerLeftOut: Debian does not ship every file of a wheel's
// RECORD, which is no news; a file that it does ship and that is gone is.
func TestWhatThePackagerLeftOut(t *testing.T) {
	meta := metadata("a", "1")
	list := record("a-1.dist-info", "a/__init__.py", "import os\n", "a/tests.py", "left out", "a-1.dist-info/METADATA", meta)
	layer := []item{
		{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("python3-a", "1")},
		{dist + "a/__init__.py", "import os\n"}, {dist + "a-1.dist-info/METADATA", meta}, {dist + "a-1.dist-info/RECORD", list},
		{"var/lib/dpkg/info/python3-a.md5sums", sums(dist+"a/__init__.py", "import os\n", dist+"a-1.dist-info/METADATA", meta, dist+"a-1.dist-info/RECORD", list)},
	}
	for _, tc := range []struct {
		name string
		edit []item
		want []string
	}{
		{"as packaged", []item{{"srv/x", ""}}, nil},
		// It is the distribution's no longer, so its own list counts as well.
		{"a module removed", []item{{dist + "a/.wh.__init__.py", ""}},
			[]string{"a /" + dist + "a/__init__.py", "a /" + dist + "a/tests.py", "python3-a /" + dist + "a/__init__.py"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, inv := read(t, imageOf(t, tarsOf(t, [][]item{layer, tc.edit})...))
			var got []string
			for _, f := range inv.Document.Files {
				for _, p := range f.Missing {
					got = append(got, f.Name+" "+p)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
