package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/tallyman/tallyman/sbom"
)

// cpython is a program with CPython of a version in it, which stands by itself.
func cpython(version string) string {
	series := strings.Join(strings.SplitN(version, ".", 3)[:2], ".")
	tag := "cpython-" + strings.ReplaceAll(series, ".", "")
	return elfOf(strings.Repeat("text", 1000), "\x003.2.0\x00GLIBC_2.3.4\x00"+tag+"-x86_64-linux-gnu\x00"+tag+"\x00"+version+"\x00<prefix>/lib/python\x003.45.1\x00")
}

// starter is a program that starts the interpreter in a library.
func starter(library string) string {
	return elfOf("text", "\x00"+library+"\x00libc.so.6\x00GLIBC_2.3.4\x00")
}

// nodejs is a program with Node of a version in it.
func nodejs(version string) string {
	return elfOf(strings.Repeat("text", 1000), "\x00node.js/v"+version+"\x00https://nodejs.org/download/release/v"+version+"/node-v"+version+".tar.gz\x00"+
		"https://nodejs.org/download/release/v"+version+"/node-v"+version+"-headers.tar.gz\x00")
}

func TestRuntimePrograms(t *testing.T) {
	python := func(version string) *runtimeFact { return &runtimeFact{Name: "python", Version: version} }
	silent := &runtimeFact{Name: "python"}
	window := strings.Repeat("\x00", windowBytes)
	for _, tc := range []struct {
		name, path, program string
		want                *runtimeFact
	}{
		{"its own", "/usr/local/bin/python3.11", cpython("3.11.7"), python("3.11.7")},
		{"a name without the series", "/usr/local/bin/python", cpython("3.12.1"), python("3.12.1")},
		{"a release candidate", "/usr/local/bin/python3.14", cpython("3.14.0rc2"), python("3.14.0rc2")},
		{"on the way to the next", "/usr/local/bin/python3.15", cpython("3.15.0a1+"), python("3.15.0a1+")},
		{"without the lock", "/usr/local/bin/python3.13t", cpython("3.13.0"), python("3.13.0")},
		{"a debug build", "/usr/local/bin/python3.13td", cpython("3.13.0"), python("3.13.0")},
		{"a library", "/usr/local/lib/libpython3.6m.so.1.0", cpython("3.6.15"), python("3.6.15")},
		{"a library that a wheel copied", "/x/libpython3.11-0badcafe.so.1.0", cpython("3.11.7"), python("3.11.7")},
		{"a name that lies", "/usr/local/bin/python3.13", cpython("3.8.18"), python("3.8.18")},
		{"the end of its folder", "/v/bin/python3.11", elfOf("", "cpython-311\x00/root/.pyenv/versions/3.11.7\x00"), python("3.11.7")},
		{"the end of two folders", "/v/bin/python3.11", elfOf("", "cpython-311\x00/root/.pyenv/versions/3.11.7\x00/tmp/Python-3.11.7\x00"), python("3.11.7")},
		{"by itself, and the end of a folder that is called otherwise", "/v/bin/python3.11", elfOf("", "cpython-311\x00/opt/3.11.9\x003.11.7\x00"), python("3.11.7")},
		{"across windows", "/v/bin/python3.11", elfOf("", window[:len(window)-8192-12]+"cpython-311\x00"+window[:len(window)-14]+"3.11.7\x00"), python("3.11.7")},
		{"the first byte of a window", "/v/bin/python3.11", elfOf("", "cpython-311"+window[:windowBytes-carryBytes-8192-11]+"3.11.7\x00"), python("3.11.7")},
		{"Python 2", "/usr/local/bin/python2.7", elfOf("", "\x00lib/python2.7\x00/opt/2.7.18\x00GLIBC_2.7\x00"), python("2.7.18")},
		{"an old Python 2 in a Python 3", "/usr/local/bin/python3.11", elfOf("", "cpython-311\x00lib/python2.5\x00\x003.11.7\x002.5.1\x00"), python("3.11.7")},
		{"no more than the beginning of a text", "/b/python3.11", elfOf("", "cpython-311\x00\x003.11.7/lib\x00"), silent},
		{"a part of a longer number", "/b/python3.11", elfOf("", "cpython-311\x00\x0013.11.7\x001.3.11.7\x00"), silent},
		{"nothing that is Python", "/b/python3.11", elfOf("", "\x003.11.7\x00"), silent},
		{"another series only", "/b/python3.11", elfOf("", "cpython-311\x003.12.1\x00"), silent},
		{"two Pythons", "/b/python3.11", elfOf("", "cpython-311\x00cpython-312\x00\x003.11.7\x003.12.1\x00"), silent},
		{"two versions by themselves", "/b/python3.11", elfOf("", "cpython-311\x00\x003.11.7\x003.11.8\x00"), &runtimeFact{Name: "python", Several: true}},
		{"two ends", "/b/python3.11", elfOf("", "cpython-311\x00a-3.11.7\x00b-3.11.8\x00"), &runtimeFact{Name: "python", Several: true}},
		{"a starter", "/v/bin/python3.11", starter("libpython3.11.so.1.0"), &runtimeFact{Name: "python", Needs: "libpython3.11.so.1.0"}},
		{"a starter of two", "/v/bin/python3.11", starter("libpython3.11.so.1.0\x00libpython3.12.so.1.0"), silent},
		{"a script", "/usr/local/bin/python3.11", "#!/bin/sh\n" + cpython("3.11.7"), nil},
		{"another name", "/usr/local/bin/interpreter", cpython("3.11.7"), nil},
		{"a name that only begins so", "/usr/local/bin/python3.11-config", cpython("3.11.7"), nil},
		{"the library for all versions", "/usr/local/lib/libpython3.so", cpython("3.11.7"), nil},
		{"an extension", "/usr/lib/python3/_x.cpython-311-x86_64-linux-gnu.so", cpython("3.11.7"), nil},
		{"Node", "/usr/local/bin/node", nodejs("20.20.2"), &runtimeFact{Name: "node", Version: "20.20.2"}},
		{"Node of a night", "/usr/local/bin/node", nodejs("26.0.0-nightly20260301abcdef0123"), &runtimeFact{Name: "node", Version: "26.0.0-nightly20260301abcdef0123"}},
		{"Node as Debian called it", "/opt/bin/nodejs", nodejs("20.20.2"), &runtimeFact{Name: "node", Version: "20.20.2"}},
		{"Node that cannot be debugged", "/usr/local/bin/node", elfOf("", "\x00https://x/node-v20.20.2.tar.gz\x00"), &runtimeFact{Name: "node", Version: "20.20.2"}},
		{"Node in a library", "/usr/local/lib/libnode.so.115", nodejs("20.20.2"), &runtimeFact{Name: "node", Version: "20.20.2"}},
		{"a starter of Node", "/usr/local/bin/node", starter("libnode.so.115"), &runtimeFact{Name: "node", Needs: "libnode.so.115"}},
		{"two Nodes", "/usr/local/bin/node", elfOf("", "node.js/v20.1.1\x00node.js/v20.1.2\x00"), &runtimeFact{Name: "node", Several: true}},
		{"a node that is something else", "/usr/local/bin/node", elfOf("", "nodes of a tree\x00v20.20.2\x00"), &runtimeFact{Name: "node"}},
		{"PyPy", "/opt/pypy/bin/pypy3.10", starter("libpypy3.10-c.so"), &runtimeFact{Name: "pypy"}},
		{"PyPy's library", "/opt/pypy/bin/libpypy3.10-c.so", elfOf("", "\x007.3.15\x00"), &runtimeFact{Name: "pypy"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, n := range []int{1 << 20, windowBytes, 4096, 7} {
				r := newProgramReader()
				r.reset(tc.path)
				if _, err := io.CopyBuffer(struct{ io.Writer }{r}, strings.NewReader(tc.program), make([]byte, n)); err != nil {
					t.Fatal(err)
				}
				var got *runtimeFact
				if f := r.finish(); f != nil {
					got = f.Runtime
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Fatalf("in pieces of %d bytes (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}

// TestRuntimes: what of an image's interpreters is listed, where, and what of
// them is a gap.
func TestRuntimes(t *testing.T) {
	status := item{"var/lib/dpkg/status", deb("python3.11-minimal", "3.11.2-6")}
	release := item{"etc/os-release", "ID=debian\nVERSION_ID=12\n"}
	owned := []item{release, status, {"usr/bin/python3.11", cpython("3.11.2")}, {"usr/bin/python3", "-> python3.11"},
		{"var/lib/dpkg/info/python3.11-minimal.md5sums", sums("usr/bin/python3.11", cpython("3.11.2"))}}
	const dpkg = "Debian:12 python3.11-minimal 3.11.2-6 "
	for _, tc := range []struct {
		name             string
		layers           [][]item
		components, gaps []string
		locations        int // of the first interpreter
	}{
		{"an official image", [][]item{
			{{"usr/local/bin/python3.11", starter("libpython3.11.so.1.0")}, {"usr/local/bin/python3", "-> python3.11"}, {"usr/local/bin/python", "-> python3"},
				{"usr/local/lib/libpython3.11.so.1.0", cpython("3.11.7")}, {"usr/local/lib/libpython3.11.so", "-> libpython3.11.so.1.0"}},
			{{"usr/local/bin/node", nodejs("20.20.2")}, {"usr/local/bin/nodejs", "-> /usr/local/bin/node"}},
		}, []string{" node 20.20.2 installed layer 2", " python 3.11.7 installed layer 1"}, nil, 1},
		{"a program and its copies", [][]item{{{"opt/bin/python3.11", cpython("3.11.7")}, {"opt/bin/python3", "=> opt/bin/python3.11"}, {"app/.venv/bin/python", cpython("3.11.7")}}},
			[]string{" python 3.11.7 installed layer 1"}, nil, 3},
		{"a copy of a starter, of several of that name", [][]item{{
			{"a/bin/python3.11", starter("libpython3.11.so.1.0")}, {"a/lib/libpython3.11.so.1.0", cpython("3.11.7")},
			{"b/bin/python3.11", starter("libpython3.11.so.1.0")}, {"b/lib/libpython3.11.so.1.0", cpython("3.11.8")},
			{"app/.venv/bin/python", starter("libpython3.11.so.1.0")},
		}}, []string{" python 3.11.7 installed layer 1", " python 3.11.8 installed layer 1"}, nil, 2},
		{"the distribution's", [][]item{owned}, []string{dpkg + "verified layer 1"}, nil, 0},
		{"the distribution's and a starter of it", [][]item{{release, {"var/lib/dpkg/status", deb("libpython3.11", "3.11.2-6")}, {"usr/lib/libpython3.11.so.1.0", cpython("3.11.2")},
			{"var/lib/dpkg/info/libpython3.11.md5sums", sums("usr/lib/libpython3.11.so.1.0", cpython("3.11.2"))}, {"app/bin/python3", starter("libpython3.11.so.1.0")}}},
			[]string{"Debian:12 libpython3.11 3.11.2-6 verified layer 1"}, nil, 0},
		{"the distribution's, and another over it", [][]item{owned, {{"usr/bin/python3.11", cpython("3.11.9")}}},
			[]string{" python 3.11.9 installed layer 2", dpkg + "installed layer 1"}, nil, 1},
		{"removed", [][]item{{{"opt/bin/python3.11", cpython("3.11.7")}}, {{"opt/bin/.wh.python3.11", ""}}}, nil, nil, 0},
		{"a script over it", [][]item{{{"opt/bin/python3.11", cpython("3.11.7")}}, {{"opt/bin/python3.11", "#!/bin/sh\n"}}}, nil, nil, 0},
		{"another version over it", [][]item{{{"opt/bin/python3.11", cpython("3.11.7")}}, {{"opt/bin/python3.11", cpython("3.11.8")}}}, []string{" python 3.11.8 installed layer 2"}, nil, 1},
		{"scripts", [][]item{{{"opt/bin/python3.11", "#!/bin/sh\n"}, {"opt/bin/node", "#!/bin/sh\n"}}}, nil, nil, 0},
		{"a hard link in a layer above", [][]item{{{"opt/bin/python3.11", cpython("3.11.7")}}, {{"opt/bin/python3", "=> opt/bin/python3.11"}}}, []string{" python 3.11.7 installed layer 1"}, nil, 2},
		{"no version", [][]item{{{"opt/bin/python3.11", elfOf("", "x")}}}, nil, []string{"unsupported /opt/bin/python3.11 layer 1"}, 0},
		{"another node where programs are", [][]item{{{"opt/bin/node", elfOf("", "x")}}}, nil, []string{"unsupported /opt/bin/node layer 1"}, 0},
		{"another node elsewhere", [][]item{{{"opt/x/node", elfOf("", "x")}}}, nil, nil, 0},
		{"a Go program of the name", [][]item{{{"opt/bin/node", goProgram("go1.26.8", "path\tx\nmod\tx\tv1.0.0\t\n")}}}, []string{"Go stdlib 1.26.8 installed layer 1", "Go x v1.0.0 installed layer 1"}, nil, 0},
		{"a starter without its library", [][]item{{{"opt/bin/python3.11", starter("libpython3.11.so.1.0")}}}, nil, []string{"unsupported /opt/bin/python3.11 layer 1"}, 0},
		{"a hard link to another name", [][]item{{{"opt/x/interp", cpython("3.11.7")}, {"opt/bin/python3.11", "=> opt/x/interp"}}}, nil, []string{"unread /opt/bin/python3.11 layer 1"}, 0},
		{"PyPy", [][]item{{{"opt/pypy/bin/pypy3.10", starter("libpypy3.10-c.so")}, {"opt/pypy/bin/libpypy3.10-c.so", elfOf("", "x")}, {"opt/pypy/bin/python3", "-> pypy3.10"}}}, nil, []string{"unsupported /opt/pypy/bin/libpypy3.10-c.so layer 1"}, 0},
		{"Node with Rust in it", [][]item{{{"opt/bin/node", nodejs("26.1.0") + rustc}}}, []string{" node 26.1.0 installed layer 1"}, nil, 1},
		{"a Rust program that poses as Python", [][]item{{{"opt/bin/python3", cpython("3.11.7") + rustc}}}, []string{" python 3.11.7 installed layer 1"}, []string{"unsupported /opt/bin/python3 layer 1"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			components, gaps, inv := read(t, imageOf(t, tarsOf(t, tc.layers)...))
			if diff := cmp.Diff(tc.components, components); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			for _, g := range inv.Document.Gaps {
				if !g.Hides {
					t.Errorf("%v does not hide", g)
				}
			}
			for _, c := range inv.Document.Components {
				if want := "pkg:generic/" + c.Name + "@" + c.Version; c.Ecosystem == "" {
					if c.PURL != want || len(c.Locations) != tc.locations {
						t.Errorf("%s at %v, want %s at %d places", c.PURL, c.Locations, want, tc.locations)
					}
					break
				}
			}
		})
	}
}

// TestManyRuntimes: an image full of names of interpreters is a few gaps.
func TestManyRuntimes(t *testing.T) {
	items := []item{{"opt/x", "x"}}
	for i := range 100 {
		items = append(items, item{fmt.Sprintf("a/%03d/bin/node", i), elfOf("", "x")}, item{fmt.Sprintf("b/%03d/bin/python3", i), "=> opt/x"})
	}
	_, gaps, inv := read(t, imageOf(t, tarOf(t, items...)))
	if len(gaps) != maxFolders+2 {
		t.Errorf("%d gaps, want %d: %v", len(gaps), maxFolders+2, inv.Document.Gaps)
	}
	for p, words := range map[string]string{"/a/020/bin/node": "79 more", "/b/000/bin/python3": "names like it: 100"} {
		if !slices.ContainsFunc(inv.Document.Gaps, func(g sbom.Gap) bool { return g.File == p && strings.Contains(g.Reason, words) && g.Hides }) {
			t.Errorf("no gap of %s with %q: %v", p, words, inv.Document.Gaps)
		}
	}
}

// TestRealRuntimes reads the Pythons that pyenv built and the Node of this
// machine, in an image like the official ones: each program that a runtime would
// start tells what it answers to --version. What a machine has there is its own
// affair (a conda, a shim), so it has to be asked for:
//
//	TALLYMAN_RUNTIMES=1 go test ./sbom/image -run TestRealRuntimes
func TestRealRuntimes(t *testing.T) {
	if os.Getenv("TALLYMAN_RUNTIMES") == "" {
		t.Skip("TALLYMAN_RUNTIMES=1 reads the Pythons and the Node of this machine")
	}
	pythons, _ := filepath.Glob("/root/.pyenv/versions/[23].*[0-9]/bin/python[23].*[0-9]")
	node, err := exec.LookPath("node")
	if len(pythons) == 0 || err != nil {
		t.Skip("no Pythons of pyenv in /root/.pyenv/versions, or no node")
	}
	if node, err = filepath.EvalSymlinks(node); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(node); err != nil || info.Size() < 20<<20 {
		t.Skipf("%s is no Node in one file, as its project publishes it: %v", node, err)
	}
	want := map[string][]string{}
	layer := filepath.Join(t.TempDir(), "layer.tar")
	f, err := os.Create(layer)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	for _, p := range pythons {
		version := filepath.Base(filepath.Dir(filepath.Dir(p)))
		want["python "+version] = append(want["python "+version], p)
		packAs(t, w, p, p)
		libraries, _ := filepath.Glob(filepath.Join(p, "../../lib/libpython*"))
		for _, l := range libraries {
			packAs(t, w, l, l)
			if info, err := os.Lstat(l); err == nil && info.Mode().IsRegular() && filepath.Base(l) != "libpython3.so" {
				want["python "+version] = append(want["python "+version], l)
			}
		}
	}
	packAs(t, w, node, "/usr/local/bin/node")
	out, err := exec.Command(node, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	want["node "+strings.TrimPrefix(strings.TrimSpace(string(out)), "v")] = []string{"/usr/local/bin/node"}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromFile(layer, tarball.WithCompressionLevel(gzip.NoCompression))
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	inv, err := Read(t.Context(), img, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, c := range inv.Document.Components {
		for _, l := range c.Locations {
			got[c.Name+" "+c.Version] = append(got[c.Name+" "+c.Version], l.File)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("interpreters (-want +got):\n%s", diff)
	}
	if len(inv.Document.Gaps) > 0 {
		t.Errorf("gaps %v", inv.Document.Gaps)
	}
}

// packAs puts a file of this machine into an archive under a name.
func packAs(t *testing.T, w *tar.Writer, file, name string) {
	t.Helper()
	info, err := os.Lstat(file)
	if err != nil {
		t.Fatal(err)
	}
	target := ""
	if info.Mode()&os.ModeSymlink != 0 {
		if target, err = os.Readlink(file); err != nil {
			t.Fatal(err)
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		t.Fatal(err)
	}
	h.Name = name[1:]
	if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := io.Copy(w, in); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkRuntime reads the Node of this machine and a library of CPython, when
// they are called so and when not.
func BenchmarkRuntime(b *testing.B) {
	for _, of := range []struct{ file, name string }{
		{"/usr/bin/node", "node"}, {"/root/.pyenv/versions/3.11.7/lib/libpython3.11.so.1.0", "libpython3.11.so.1.0"},
	} {
		data, err := os.ReadFile(of.file)
		if err != nil {
			b.Skipf("no %s", of.file)
		}
		r := newProgramReader()
		for _, name := range []string{of.name, "other"} {
			b.Run(of.name+" as "+name, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				buf := make([]byte, 64<<10)
				for b.Loop() {
					r.reset("/usr/local/bin/" + name)
					if _, err := io.CopyBuffer(struct{ io.Writer }{r}, struct{ io.Reader }{bytes.NewReader(data)}, buf); err != nil {
						b.Fatal(err)
					}
					if f := r.finish(); (f != nil && f.Runtime != nil) != (name == of.name) {
						b.Fatalf("read %+v", f)
					}
				}
			})
		}
	}
}

// FuzzRuntime: however a program comes in pieces, it tells the same; and what it
// tells stands in it.
func FuzzRuntime(f *testing.F) {
	for _, p := range []string{cpython("3.11.7"), cpython("3.15.0a1+"), starter("libpython3.11.so.1.0"), nodejs("20.20.2"), elfOf("", "cpython-311\x00/root/.pyenv/versions/3.11.7\x00"), elfOf("", "lib/python2.7\x002.7.18\x00")} {
		for _, name := range []string{"python", "python3.11", "node", "pypy3"} {
			f.Add(name, p, uint16(7))
		}
	}
	f.Fuzz(func(t *testing.T, name, program string, size uint16) {
		read := func(n int) *runtimeFact {
			r := newProgramReader()
			r.reset("/usr/bin/" + name)
			if _, err := io.CopyBuffer(struct{ io.Writer }{r}, struct{ io.Reader }{strings.NewReader(program)}, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			if f := r.finish(); f != nil {
				return f.Runtime
			}
			return nil
		}
		got := read(windowBytes)
		if diff := cmp.Diff(got, read(1+int(size))); diff != "" {
			t.Fatalf("in pieces of %d bytes (-whole +pieces):\n%s", 1+int(size), diff)
		}
		if got == nil {
			return
		}
		if got.Name != runtimeOf("/"+name) || !strings.Contains(program, got.Version) || !strings.Contains(program, got.Needs) {
			t.Errorf("read %+v", got)
		}
		if got.Version != "" && (got.Needs != "" || got.Several || strings.Trim(got.Version[:2], "0123456789.") != "") {
			t.Errorf("read %+v", got)
		}
	})
}
