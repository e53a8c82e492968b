package image

import (
	"strings"
	"testing"
)

// gradioLayer is pip's gradio in the distribution's folder, with more files
// and a package database that somebody wrote around it.
func gradioLayer(status string, more ...item) []item {
	return append([]item{
		{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("libc6", "2.36-9") + status},
		{dist + "gradio/__init__.py", "import gradio\n"}, {dist + "gradio-4.19.1.dist-info/METADATA", metadata("gradio", "4.19.1")},
		{dist + "gradio-4.19.1.dist-info/INSTALLER", "pip\n"}, {dist + "gradio-4.19.1.dist-info/RECORD", "gradio/__init__.py,,\ngradio-4.19.1.dist-info/METADATA,,\n"},
	}, more...)
}

const gradioMetadata = dist + "gradio-4.19.1.dist-info/METADATA"

// TestForgedOwner: who plants a package's file list in an image does not
// silence what is said in PyPI about the package.
func TestForgedOwner(t *testing.T) {
	allOf := sums(gradioMetadata, metadata("gradio", "4.19.1"), dist+"gradio/__init__.py", "import gradio\n",
		dist+"gradio-4.19.1.dist-info/INSTALLER", "pip\n", dist+"gradio-4.19.1.dist-info/RECORD", "gradio/__init__.py,,\ngradio-4.19.1.dist-info/METADATA,,\n")
	for _, tc := range []struct {
		name   string
		status string
		items  []item
		owned  bool
	}{
		{"a list without digests names the metadata", deb("harmless", "1"),
			[]item{{"var/lib/dpkg/info/harmless.list", "/" + gradioMetadata + "\n"}}, false},
		{"a list without digests names everything, under the right name", deb("python3-gradio", "1"),
			[]item{{"var/lib/dpkg/info/python3-gradio.list", "/" + gradioMetadata + "\n/" + dist + "gradio/__init__.py\n"}}, false},
		{"a planted status.d with the metadata's digest", "",
			[]item{{"var/lib/dpkg/status.d/evil", "Package: evil\nVersion: 1\nArchitecture: all\n"}, {"var/lib/dpkg/status.d/evil.md5sums", sums(gradioMetadata, metadata("gradio", "4.19.1"))}}, false},
		{"a planted status.d with every digest, called like nothing in Debian", "",
			[]item{{"var/lib/dpkg/status.d/evil", "Package: evil\nVersion: 1\nArchitecture: all\n"}, {"var/lib/dpkg/status.d/evil.md5sums", allOf}}, false},
		{"the right name, and the metadata alone", deb("python3-gradio", "1"),
			[]item{{"var/lib/dpkg/info/python3-gradio.md5sums", sums(gradioMetadata, metadata("gradio", "4.19.1"))}}, false},
		{"the right name, and a module that has another content", deb("python3-gradio", "1"),
			[]item{{"var/lib/dpkg/info/python3-gradio.md5sums", strings.ReplaceAll(allOf, sums(dist+"gradio/__init__.py", "import gradio\n"), sums(dist+"gradio/__init__.py", "other"))}}, false},
		{"the right name, and no digest of what pip left beside the metadata", deb("python3-gradio", "1"),
			[]item{{"var/lib/dpkg/info/python3-gradio.md5sums", sums(gradioMetadata, metadata("gradio", "4.19.1"), dist+"gradio/__init__.py", "import gradio\n")}}, false},
		{"the right name, and what pip left hidden behind the link of a merged root", deb("python3-gradio", "1"), []item{
			{"lib", "-> usr/lib"}, {strings.TrimPrefix(dist, "usr/") + "gradio-4.19.1.dist-info/REQUESTED", ""},
			{"var/lib/dpkg/info/python3-gradio.md5sums", allOf},
		}, false},
		{"RECORD says of another module that it is the package's", deb("python3-six", "1"), []item{
			{dist + "six.py", "six"},
			{dist + "gradio-4.19.1.dist-info/RECORD", "six.py,,\n"},
			{"var/lib/dpkg/info/python3-six.md5sums", sums(gradioMetadata, metadata("gradio", "4.19.1"), dist+"six.py", "six",
				dist+"gradio-4.19.1.dist-info/INSTALLER", "pip\n", dist+"gradio-4.19.1.dist-info/RECORD", "six.py,,\n")},
		}, false},
		{"a package that is not installed", strings.Replace(deb("python3-gradio", "1"), "install ok installed", "deinstall ok config-files", 1),
			[]item{{"var/lib/dpkg/info/python3-gradio.md5sums", allOf}}, false},
		// Nothing offline tells this database from the distribution's own.
		{"the package as the distribution would have it", deb("python3-gradio", "1"),
			[]item{{"var/lib/dpkg/info/python3-gradio.md5sums", allOf}}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, inv := read(t, imageOf(t, tarOf(t, gradioLayer(tc.status, tc.items...)...)))
			for _, c := range inv.Document.Components {
				if c.Name == "gradio" {
					if owned := c.Owner != ""; owned != tc.owned || owned != (c.Evidence == "os-owned") {
						t.Errorf("gradio is %s, owned by %q", c.Evidence, c.Owner)
					}
					return
				}
			}
			t.Error("gradio is gone")
		})
	}
}

// TestForgedListDoesNotHideJars: nor does it silence that something was not
// read.
func TestForgedListDoesNotHideJars(t *testing.T) {
	for name, tc := range map[string]struct {
		list item
		gaps int
	}{
		"a list":        {item{"var/lib/dpkg/info/java-a.list", "/usr/share/java/a.jar\n"}, 1},
		"wrong digests": {item{"var/lib/dpkg/info/java-a.md5sums", sums("usr/share/java/a.jar", "other")}, 1},
		"digests":       {item{"var/lib/dpkg/info/java-a.md5sums", sums("usr/share/java/a.jar", "PK")}, 0},
	} {
		_, gaps, _ := read(t, imageOf(t, tarOf(t, item{"etc/os-release", debian12}, item{"var/lib/dpkg/status", deb("java-a", "1")}, item{"usr/share/java/a.jar", "PK"}, tc.list)))
		if len(gaps) != tc.gaps {
			t.Errorf("%s: gaps %v, want %d", name, gaps, tc.gaps)
		}
	}
}

// TestOwnedBy: what Debian's packages of Python projects look like beyond a
// folder of the project's name, and what each turns into when it is not all
// the package's.
func TestOwnedBy(t *testing.T) {
	part := dist + "zope/interface/__init__.py"
	for _, tc := range []struct {
		name, project, owner string
		files                []item // of the package, besides the metadata
		more                 []item // of nobody
		owned                bool
	}{
		{"a compiled module", "ujson", "python3-ujson", []item{{dist + "ujson.cpython-311-x86_64-linux-gnu.so", "ELF"}}, nil, true},
		{"a compiled module that was replaced", "ujson", "python3-ujson", []item{{dist + "ujson.cpython-311-x86_64-linux-gnu.so", "ELF"}},
			[]item{{dist + "ujson.cpython-311-x86_64-linux-gnu.so", "pip's"}}, false},
		{"a compiled module of nobody", "ujson", "python3-ujson", nil, []item{{dist + "ujson.cpython-311-x86_64-linux-gnu.so", "ELF"}}, false},
		{"a compiled module of another name", "ujson", "python3-ujson", []item{{dist + "ujson2.so", "ELF"}}, nil, false},
		{"part of a namespace", "zope", "python3-zope", []item{{part, "interface"}}, nil, true},
		{"a namespace of which it brings nothing", "zope", "python3-zope", nil, []item{{part, "interface"}}, false},
		{"py is left out of the package's name", "pytz", "python3-tz", []item{{dist + "pytz/__init__.py", "tz"}}, nil, true},
		{"and of the module's", "pycairo", "python3-cairo", []item{{dist + "cairo/__init__.py", "c"}}, nil, true},
		{"of another module only the beginning is the name", "pycairo", "python3-cairo", []item{{dist + "cairosvg/__init__.py", "c"}}, nil, false},
		{"a package of another name", "pytz", "python3-six", []item{{dist + "pytz/__init__.py", "tz"}}, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := append([]item{{dist + tc.project + "-1.egg-info/PKG-INFO", metadata(tc.project, "1")}}, tc.files...)
			var pairs []string
			for _, f := range files {
				pairs = append(pairs, f.name, f.content)
			}
			items := append([]item{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb(tc.owner, "1")},
				{"var/lib/dpkg/info/" + tc.owner + ".md5sums", sums(pairs...)}}, files...)
			_, _, inv := read(t, imageOf(t, tarOf(t, append(items, tc.more...)...)))
			for _, c := range inv.Document.Components {
				if c.Name == tc.project && c.Ecosystem == "PyPI" {
					if owned := c.Owner != ""; owned != tc.owned {
						t.Errorf("%s is %s, owned by %q", c.Name, c.Evidence, c.Owner)
					}
					return
				}
			}
			t.Errorf("%s is gone", tc.project)
		})
	}
}
