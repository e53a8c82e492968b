package image

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// elfOf builds an executable for Linux on amd64: a page of headers, text, which
// is loaded to be run, and data, which is loaded to be written to.
func elfOf(text, data string) string {
	const page = 4096
	round := func(n int) int { return (n + page - 1) / page * page }
	le := binary.LittleEndian
	head := make([]byte, page)
	copy(head, "\x7fELF\x02\x01\x01")
	le.PutUint16(head[16:], elfExecutable)
	le.PutUint16(head[18:], 62) // EM_X86_64
	le.PutUint32(head[20:], 1)
	le.PutUint64(head[32:], 64) // program headers
	le.PutUint16(head[52:], 64)
	le.PutUint16(head[54:], 56)
	le.PutUint16(head[56:], 2)
	segment := func(at int, flags uint32, offset, size int) {
		le.PutUint32(head[at:], elfLoad)
		le.PutUint32(head[at+4:], flags)
		le.PutUint64(head[at+8:], uint64(offset))
		le.PutUint64(head[at+16:], uint64(0x400000+offset))
		le.PutUint64(head[at+32:], uint64(size))
		le.PutUint64(head[at+40:], uint64(size))
		le.PutUint64(head[at+48:], page)
	}
	segment(64, 5, page, len(text))
	segment(120, 6, page+round(len(text)), len(data))
	return string(head) + text + strings.Repeat("\x00", round(len(text))-len(text)) + data
}

// goBlob builds build information as the linker writes it.
func goBlob(version, modules string) string {
	if modules != "" {
		modules = "0w\xaf\f\x92t\b\x02A\xe1\xc1\a\xe6\xd6\x18\xe6" + modules + "\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2"
	}
	b := append([]byte(goMagic), 8, goInline)
	b = append(b, make([]byte, goHeader-len(b))...)
	for _, s := range []string{version, modules} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return string(b)
}

// goProgram builds a Go program of modules: lines as "mod\tpath\tversion\tsum".
func goProgram(version, modules string) string {
	return elfOf(strings.Repeat("text", 1000), goBlob(version, modules)+strings.Repeat("data", 100))
}

// cratesOf compresses a list as cargo-auditable does.
func cratesOf(list string) string {
	var buf bytes.Buffer
	z := zlib.NewWriter(&buf)
	if _, err := io.WriteString(z, list); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.String()
}

// factOf reads a program in pieces of n bytes.
func factOf(t testing.TB, program string, n int) *programFact {
	t.Helper()
	r := newProgramReader()
	r.reset("")
	if _, err := io.CopyBuffer(struct{ io.Writer }{r}, strings.NewReader(program), make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	return r.finish()
}

const (
	rustc   = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/fmt/mod.rs"
	appInfo = "path\texample.com/app\nmod\texample.com/app\t(devel)\t\ndep\tgolang.org/x/net\tv0.1.0\th1:x=\n"
	crates  = `{"packages":[{"name":"app","version":"0.1.0","source":"local","dependencies":[1],"root":true},{"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},{"name":"time","version":"0.1.42","source":"crates.io"}]}`
)

// appFact is what goProgram("go1.26.8", appInfo) says.
var appFact = goFact{Version: "go1.26.8", Path: "example.com/app", Modules: []goModule{{Path: "example.com/app"}, {Path: "golang.org/x/net", Version: "v0.1.0"}}}

func TestPrograms(t *testing.T) {
	app := &programFact{Go: &appFact}
	fill := func(n int) string { return strings.Repeat("x\x00\xffq", n/4) }
	rust := func(data string) string { return elfOf(fill(8192)+rustc, data) }
	magic := goMagic + "\x08\x02" + strings.Repeat("\x00", 16)
	list := cratesOf(crates)
	for _, tc := range []struct {
		name, program string
		want          *programFact
	}{
		{"Go", goProgram("go1.26.8", appInfo), app},
		{"no program", "#!/bin/sh\n" + goBlob("go1.26.8", appInfo), nil},
		{"an object file", strings.Replace(goProgram("go1.26.8", appInfo), "\x7fELF\x02\x01\x01"+strings.Repeat("\x00", 9)+"\x02", "\x7fELF\x02\x01\x01"+strings.Repeat("\x00", 9)+"\x01", 1), nil},
		{"C", elfOf(fill(100_000), fill(100_000)), nil},
		{"the magic in text before the blob", elfOf(fill(64)+goMagic+strings.Repeat("\xff", 64), goBlob("go1.26.8", appInfo)), app},
		{"another blob in text before the blob", elfOf(goBlob("go1.1.1", ""), goBlob("go1.26.8", appInfo)), app},
		{"a blob in text only", elfOf(goBlob("go1.26.8", appInfo), fill(100)), app},
		{"a broken blob before the blob", elfOf("", goMagic+strings.Repeat("\xff", 50)+goBlob("go1.26.8", appInfo)), app},
		{"a blob at no address that is a multiple of 16", elfOf("", "x"+goBlob("go1.26.8", appInfo)), nil},
		{"the magic again and again before the blob", elfOf("", strings.Repeat(goMagic+"\x08\x02", 9)+goBlob("go1.26.8", appInfo)), app},
		{"far into the data", elfOf(fill(1<<20), fill(1<<20)+goBlob("go1.26.8", appInfo)), app},
		{"across a window", elfOf(fill(windowBytes), fill(windowBytes-8192-32)+goBlob("go1.26.8", appInfo+strings.Repeat("build\tx=y\n", 20_000))), app},
		{"two blobs: the first", elfOf("", goBlob("go1.26.8", appInfo)+strings.Repeat("\x00", 16-len(goBlob("go1.26.8", appInfo))%16)+goBlob("go1.20", appInfo)), app},
		{"of no modules", goProgram("go1.26.8", ""), &programFact{Go: &goFact{Version: "go1.26.8"}, Problem: "a Go program that was not built from modules, so that what it was built from is not known"}},
		{"modules damaged", goProgram("go1.26.8", "path\tx\ndep\tx\n"), &programFact{Go: &goFact{Version: "go1.26.8"}, Problem: "a Go program whose list of modules is damaged"}},
		{"cut off", elfOf("", goBlob("go1.26.8", appInfo)[:100]), &programFact{Problem: errGoDamaged.Error()}},
		{"no version", elfOf("", goBlob("", appInfo)), &programFact{Problem: errGoDamaged.Error()}},
		{"a length that is no number", elfOf("", magic+strings.Repeat("\xff", 64)), &programFact{Problem: errGoDamaged.Error()}},
		{"a length beyond the bound", elfOf("", magic+"\x02go\xff\xff\xff\x7f"+fill(1024)), &programFact{Problem: errGoTooLarge.Error(), TooLarge: true}},
		{"a length beyond all numbers", elfOf("", magic+"\x02go\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"+fill(1024)), &programFact{Problem: errGoTooLarge.Error(), TooLarge: true}},
		{"more modules than the bound", goProgram("go1.26.8", appInfo+strings.Repeat("dep\ta\tv1\n", limit.GoModules)), &programFact{Go: &goFact{Version: "go1.26.8"}, Problem: "a Go program with more modules than the bound"}},
		{"before 1.18", elfOf("", goMagic+"\x08\x00"+strings.Repeat("\x00", 64)), &programFact{Problem: errGoPointers.Error()}},
		{"nothing but the note", elfOf("\x04\x00\x00\x00\x53\x00\x00\x00"+string(goNote)+"id", fill(100)), &programFact{Problem: "a Go program without the information of what it was built from"}},
		{"packed", strings.Replace(elfOf(fill(100), ""), strings.Repeat("\x00", 60), "\x00\x00\x00\x00UPX!"+strings.Repeat("\x00", 52), 1), &programFact{Problem: "a program that is packed with UPX, so that what it was built from cannot be read"}},
		{"Rust", rust(""), &programFact{Rust: true}},
		{"Rust of a distribution", elfOf("/usr/src/rustc-1.63.0/library/std/src/io/mod.rs", ""), &programFact{Rust: true}},
		{"no Rust: words like its path", elfOf("/rustc/ /rustc/59807616/ /rustc-1.x/library/", ""), nil},
		{"Rust with its crates", rust("." + list), &programFact{Rust: true, Listed: true, Crates: []crate{{"app", "0.1.0"}, {"time", "0.1.42"}}}},
		{"Rust with its crates, across a window", elfOf(fill(windowBytes), fill(windowBytes-8192-7)+list), &programFact{Rust: true, Listed: true, Crates: []crate{{"app", "0.1.0"}, {"time", "0.1.42"}}}},
		{"a list of no crates", rust(cratesOf(`{"packages":[]}`)), &programFact{Rust: true, Listed: true}},
		{"crates damaged", rust(list[:len(list)-9] + "123456789"), &programFact{Rust: true, Problem: "a Rust program whose list of crates is damaged"}},
		{"more crates than the bound", rust(cratesOf(`{"packages":[` + strings.Repeat(`{"name":"a","version":"1"},`, limit.Crates) + `{"name":"a","version":"1"}]}`)), &programFact{Rust: true, Problem: "a Rust program whose list of crates is larger than the bound", TooLarge: true}},
		{"what only looks like crates", rust(strings.Repeat("x\x9c\x04\xc0\x00x\xda", 50_000)), &programFact{Rust: true}},
		{"crates after one that is broken", rust(list[:len(list)-9] + "123456789" + strings.Repeat("-", limit.CrateListBytes) + list), &programFact{Rust: true, Listed: true, Crates: []crate{{"app", "0.1.0"}, {"time", "0.1.42"}}}},
		{"a crate without a version", rust(cratesOf(`{"packages":[{"name":"x"}]}`)), &programFact{Rust: true, Problem: "a Rust program whose list of crates is damaged"}},
		{"crates beyond the bound", rust(cratesOf(`{"packages":[` + strings.Repeat(" ", limit.CrateJSONBytes) + "]}")), &programFact{Rust: true, Problem: "a Rust program whose list of crates is larger than the bound", TooLarge: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, n := range []int{1 << 20, windowBytes, 4096, 7} {
				got := factOf(t, tc.program, n)
				if got != nil && got.Go != nil {
					got.Go.problem = ""
				}
				if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(goFact{})); diff != "" {
					t.Fatalf("in pieces of %d bytes (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}

// TestOwnProgram holds what is read of this very test against what the standard
// library reads of it, by the file and from within.
func TestOwnProgram(t *testing.T) {
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, err := buildinfo.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(data, []byte(elfMagic)) {
		t.Skip("programs are not ELF here")
	}
	r := newProgramReader()
	if _, err := io.Copy(struct{ io.Writer }{r}, iotest.HalfReader(bytes.NewReader(data))); err != nil {
		t.Fatal(err)
	}
	f := r.finish()
	if f == nil || f.Go == nil || f.Problem != "" {
		t.Fatalf("read %+v", f)
	}
	if diff := cmp.Diff(modulesOf(want), f.Go.Modules); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
	if want.GoVersion != f.Go.Version || want.Path != f.Go.Path {
		t.Errorf("got %q of %q, want %q of %q", f.Go.Path, f.Go.Version, want.Path, want.GoVersion)
	}
	if inside, ok := debug.ReadBuildInfo(); !ok || inside.GoVersion != f.Go.Version {
		t.Errorf("from within: %v", inside)
	}
}

// modulesOf is what the modules of a program are taken for.
func modulesOf(info *debug.BuildInfo) []goModule {
	var out []goModule
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		name, version := m.Path, m.Version
		if r := m.Replace; r != nil {
			if version = r.Version; version != "" {
				name = r.Path
			}
		}
		if version == "(devel)" {
			version = ""
		}
		if m.Path != "" {
			out = append(out, goModule{Path: validText(name), Version: validText(version)})
		}
	}
	return out
}

// FuzzGoProgram: of a blob of any bytes nothing is read that the standard
// library does not read alike, and whatever it reads is read.
func FuzzGoProgram(f *testing.F) {
	f.Add([]byte(goBlob("go1.26.8", appInfo)), uint16(7))
	f.Add([]byte(goBlob("go1.26.8", "path\tx\nmod\tm\tv1\t\n=>\tn\tv2\th1:\ndep\td\tv1\n=>\t./d\t\t\n")), uint16(100))
	f.Add([]byte(goBlob("devel go1.27-abc", "")), uint16(1))
	f.Add([]byte(goMagic+"\x08\x00"+strings.Repeat("\x00", 64)), uint16(1))
	f.Fuzz(func(t *testing.T, blob []byte, piece uint16) {
		program := elfOf("", string(blob))
		want, err := buildinfo.Read(strings.NewReader(program))
		got := factOf(t, program, int(piece)+1)
		if got != nil && got.Go == nil && got.Problem == "" && !got.Rust {
			t.Errorf("a fact that says nothing: %+v", got)
		}
		if got != nil && len(got.Go.modules()) > limit.GoModules+1 {
			t.Errorf("%d modules", len(got.Go.modules()))
		}
		if err != nil || bytes.Count(blob, []byte(goMagic)) > 1 || len(want.Deps) > limit.GoModules || len(want.GoVersion) > limit.GoVersionBytes {
			return
		}
		if blob[goFlags]&goInline == 0 {
			return // pointers
		}
		if got == nil || got.Go == nil || got.Go.Version != validText(want.GoVersion) {
			t.Fatalf("read %+v, want %q", got, want.GoVersion)
		}
		if diff := cmp.Diff(modulesOf(want), got.Go.Modules); diff != "" {
			t.Errorf("modules (-want +got):\n%s", diff)
		}
	})
}

func (f *goFact) modules() []goModule {
	if f == nil {
		return nil
	}
	return f.Modules
}

func TestStandardVersion(t *testing.T) {
	for toolchain, want := range map[string]string{
		"go1.26.8":                          "1.26.8",
		"go1.21":                            "1.21.0",
		"go1.22.5 X:nocoverageredesign":     "1.22.5",
		"go1.21.13 (Red Hat 1.21.13-1.el9)": "1.21.13",
		"go1.20.12-fips":                    "1.20.12",
		"go1.19.13b7":                       "1.19.13",
		"go1.22rc1":                         "1.22.0-rc.1",
		"go1.18beta2":                       "1.18.0-beta.2",
		"go1.22-20240109-RC01 cl/597041403 +dcbe77": "1.22.0",
		"devel go1.27-8c1a2b Mon Jan 1":             "",
		"devel +8c1a2b":                             "",
		"go2":                                       "",
		"":                                          "",
	} {
		if got := standardVersion(toolchain); got != want {
			t.Errorf("%q: got %q, want %q", toolchain, got, want)
		}
	}
}

func TestProgramsInImages(t *testing.T) {
	app, rust := goProgram("go1.26.8", appInfo), elfOf(rustc, "")
	installed := []string{"Go example.com/app  installed layer 1", "Go golang.org/x/net v0.1.0 installed layer 1", "Go stdlib 1.26.8 installed layer 1"}
	wheel := func(file, content string) []item {
		return []item{
			{site + "a-1.dist-info/METADATA", metadata("a", "1")},
			{site + "a-1.dist-info/RECORD", record("a-1.dist-info", strings.TrimPrefix(file, site), content)},
			{file, content},
		}
	}
	built := "Built-Using: a (= 1), golang-1.19 (= 1.19.8-2)\n"
	dpkg := func(file, content, info string, fields ...string) []item {
		return []item{
			{"etc/os-release", debian12},
			{"var/lib/dpkg/status", strings.Join(fields, "") + deb("p", "1")},
			{"var/lib/dpkg/info/p.md5sums", info},
			{file, content},
		}
	}
	for _, tc := range []struct {
		name   string
		layers [][]item
		want   []string
		gaps   []string
	}{
		{"a Go program", [][]item{{{"app/deep/down/server", app}}}, installed, nil},
		{"a Go program of the distribution", [][]item{dpkg("usr/bin/p", app, sums("usr/bin/p", app), built)},
			[]string{"Debian:12 p 1 verified layer 1", "Go example.com/app  os-owned layer 1 of p 1", "Go golang.org/x/net v0.1.0 os-owned layer 1 of p 1", "Go stdlib 1.26.8 os-owned layer 1 of p 1"}, nil},
		{"a Go program of a package that somebody else built", [][]item{dpkg("usr/bin/p", app, sums("usr/bin/p", app))},
			append([]string{"Debian:12 p 1 verified layer 1"}, installed...), nil},
		{"a Go program that tells nothing, of a package", [][]item{dpkg("usr/bin/p", goProgram("go1.1", ""), sums("usr/bin/p", goProgram("go1.1", "")), built)},
			[]string{"Debian:12 p 1 verified layer 1", "Go stdlib 1.1.0 os-owned layer 1 of p 1"}, nil},
		{"a Go program that the distribution has otherwise", [][]item{dpkg("usr/bin/p", app, sums("usr/bin/p", app+"x"), built)},
			append([]string{"Debian:12 p 1 installed layer 1"}, installed...), nil},
		{"a Go program beside the distribution's", [][]item{dpkg("usr/local/bin/p", app, sums("usr/local/bin/p", app), built)},
			append([]string{"Debian:12 p 1 installed layer 1"}, installed...), nil},
		{"a Rust program", [][]item{{{"usr/local/bin/tool", rust}}}, nil, []string{"unsupported /usr/local/bin/tool layer 1"}},
		{"a Rust program of the distribution", [][]item{dpkg("usr/bin/p", rust, sums("usr/bin/p", rust))}, []string{"Debian:12 p 1 verified layer 1"}, nil},
		{"a Rust module of a Python distribution", [][]item{wheel(site+"a/_a.so", rust)}, []string{"PyPI a 1 verified layer 1"}, nil},
		{"a Rust module that was altered", [][]item{wheel(site+"a/_a.so", rust), {{site + "a/_a.so", rust + "x"}}}, []string{"PyPI a 1 installed layer 1"}, []string{"unsupported /" + site + "a/_a.so layer 2"}},
		{"a Rust module that no RECORD lists", [][]item{wheel(site+"a/_a.so", rust), {{site + "a/_b.so", rust}}}, []string{"PyPI a 1 installed layer 1"}, []string{"unsupported /" + site + "a/_b.so layer 2"}},
		{"a Rust module of an npm package", [][]item{{{"app/node_modules/@s/n/package.json", `{"name":"@s/n","version":"1"}`}, {"app/node_modules/@s/n/lib/x.node", rust}}}, []string{"npm @s/n 1 installed layer 1"}, nil},
		{"a Rust module of no npm package", [][]item{{{"app/node_modules/n/x.node", rust}}}, nil, []string{"unsupported /app/node_modules/n/x.node layer 1"}},
		{"a Rust program that tells its crates", [][]item{{{"bin/uv", elfOf(rustc, cratesOf(crates))}}}, []string{"crates.io app 0.1.0 installed layer 1", "crates.io time 0.1.42 installed layer 1"}, nil},
		{"a jar of a Python distribution", [][]item{wheel(site+"a/jars/log4j.jar", "PK")}, []string{"PyPI a 1 verified layer 1"}, []string{"unsupported /" + site + "a/jars/log4j.jar layer 1"}},
		{"replaced, deep down", [][]item{{{"srv/x/y/z/server", app}}, {{"srv/x/y/z/server", "#!/bin/sh"}}}, nil, nil},
		{"replaced by a C program", [][]item{{{"srv/x/y/z/server", app}}, {{"srv/x/y/z/server", elfOf("", "")}}}, nil, nil},
		{"replaced where digests tell", [][]item{{{"usr/lib/x/y/server", app}}, {{"usr/lib/x/y/server", "#!/bin/sh"}}}, nil, nil},
		{"replaced where a list tells", [][]item{{{site + "a/_a.so", app}}, wheel(site+"a/_a.so", "none")}, []string{"PyPI a 1 verified layer 2"}, nil},
		{"removed", [][]item{{{"srv/x/y/z/server", app}}, {{"srv/x/.wh.y", ""}}}, nil, nil},
		{"twice in a layer", [][]item{{{"srv/x/y/z/server", app}, {"srv/x/y/z/server", ""}}}, nil, nil},
		{"another name, when the first is gone", [][]item{{{"srv/x/y/z/server", app}, {"srv/x/y/z/other", "=> srv/x/y/z/server"}}, {{"srv/x/y/z/.wh.server", ""}}}, installed, nil},
		{"another name in an upper layer", [][]item{{{"srv/x/y/z/server", app}}, {{"srv/x/y/z/other", "=> srv/x/y/z/server"}}, {{"srv/x/y/z/.wh.server", ""}}}, []string{"Go example.com/app  installed layer 2", "Go golang.org/x/net v0.1.0 installed layer 2", "Go stdlib 1.26.8 installed layer 2"}, nil},
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

// TestFindingsNameThePrograms: one component has all the programs that hold it.
func TestFindingsNameThePrograms(t *testing.T) {
	app := goProgram("go1.26.8", appInfo)
	_, _, inv := read(t, imageOf(t, tarOf(t, item{"a/b/c/one", app}, item{"a/b/c/two", app})))
	for _, c := range inv.Document.Components {
		var at []string
		for _, l := range c.Locations {
			at = append(at, l.File)
		}
		if diff := cmp.Diff([]string{"/a/b/c/one", "/a/b/c/two"}, at); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Name, diff)
		}
	}
	if n := len(inv.Document.Components); n != 3 {
		t.Errorf("%d components", n)
	}
	if c := inv.Document.Components[1]; c.PURL != "pkg:golang/golang.org/x/net@v0.1.0" || c.Evidence != sbom.Installed {
		t.Errorf("got %+v", c)
	}
}

// BenchmarkProgram reads a real program, this test, as a layer's files are read:
// hashed alone, looked at alone, and both.
func BenchmarkProgram(b *testing.B) {
	name, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	r, sum := newProgramReader(), sha256.New()
	for _, of := range []struct {
		name string
		to   io.Writer
	}{{"index", finder(goMagic)}, {"sha256", sum}, {"program", r}, {"both", io.MultiWriter(sum, r)}} {
		b.Run(of.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			buf := make([]byte, 64<<10)
			for b.Loop() {
				r.reset("")
				sum.Reset()
				if _, err := io.CopyBuffer(struct{ io.Writer }{of.to}, struct{ io.Reader }{bytes.NewReader(data)}, buf); err != nil {
					b.Fatal(err)
				}
				if f := r.finish(); (f != nil) != (of.name == "program" || of.name == "both") {
					b.Fatalf("read %+v", f)
				}
			}
		})
	}
}

// finder looks for a text in what is written to it.
type finder string

func (f finder) Write(p []byte) (int, error) {
	bytes.Index(p, []byte(f))
	return len(p), nil
}

// TestManyPrograms: a layer made of programs costs no more than the bound, and
// says so.
func TestManyPrograms(t *testing.T) {
	small := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02" + strings.Repeat("\x00", 47) + rustc
	items := make([]item, 0, limit.LayerPrograms+2)
	for i := range limit.LayerPrograms {
		items = append(items, item{"app/same/path", small}, item{fmt.Sprintf("app/x/y/%d", i), small})
	}
	facts, err := walk(bytes.NewReader(tarOf(t, items...)), "sha256:00")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for e := range facts.Entries.all() {
		if e.File != nil {
			files++
		}
	}
	if files != limit.LayerPrograms || len(facts.Gaps) != 1 || facts.Gaps[0].Kind != sbom.GapTooLarge || !facts.Gaps[0].Hides {
		t.Errorf("%d programs kept, gaps %v", files, facts.Gaps)
	}
}

// TestManyModules: the programs of an image are listed up to the bound.
func TestManyModules(t *testing.T) {
	full := &goFact{Version: "go1.26.8", Modules: make([]goModule, limit.GoModules)}
	facts := &layerFacts{Layer: "sha256:00"}
	for i := range limit.ImageCompiled/limit.GoModules + 2 {
		facts.Entries.add(entry{Path: fmt.Sprintf("/app/%03d", i), Type: entryFile, File: &file{Kind: kindProgram, Program: &programFact{Go: full}}})
	}
	inv := inventoryOf(t, facts)
	gaps := inv.Document.Gaps
	if len(gaps) != 1 || gaps[0].Kind != sbom.GapTooLarge || gaps[0].File != "/app/029" || !gaps[0].Hides {
		t.Errorf("gaps %v", gaps)
	}
}
