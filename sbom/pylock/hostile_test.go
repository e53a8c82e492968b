package pylock_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pylock"
)

// TestBroken holds that a break of the grammar costs no more than the package
// that it stands in, and is a gap.
func TestBroken(t *testing.T) {
	const before, after = "[[package]]\nname = \"a\"\nversion = \"1\"\n\n", "\n[[package]]\nname = \"z\"\nversion = \"26\"\n"
	for _, c := range []struct{ what, text, want string }{
		{"merge conflict", "version = 1\n" + before + "[[package]]\nname = \"b\"\n<<<<<<< HEAD\nversion = \"1\"\n=======\nversion = \"2\"\n>>>>>>> x\n" + after, `
a 1 :2
z 26 :14
gap unparsed :8 b: a package of the lock cannot be read: invalid character at start of key: U+003C '<'
`},
		{"duplicate key", "version = 1\n" + before + "[[package]]\nname = \"b\"\nversion = \"1\"\nversion = \"2\"\n" + after, `
a 1 :2
z 26 :11
gap unparsed :9 b: a package of the lock cannot be read: key version is already defined
`},
		{"string that does not end", "version = 1\n" + before + "[[package]]\nname = \"b\"\nx = '''\n" + after, `
a 1 :2
z 26 :10
gap unparsed :9 b: a package of the lock cannot be read: multiline literal string not terminated by '''
`},
		{"array that does not end", "version = 1\n" + before + "[[package]]\nname = \"b\"\nx = [\n" + after + "y = ']'\nq = 3 ]\n", `
a 1 :2
gap unparsed :9 b: a package of the lock cannot be read: array is incomplete
gap unparsed :14 z: a package of the lock cannot be read: expected newline but got U+005D ']'
`},
		{"head that does not end", "version = 1\nx = [\n" + before + after, `
a 1 :3
z 26 :8
gap unparsed :10 : the lock's own data cannot be read: array is incomplete
`},
		{"value of another type", "version = 1\n" + before + "[[package]]\nname = \"b\"\nversion = \"1\"\nwheels = 3\n" + after, `
a 1 :2
b 1 :6
z 26 :11
gap unparsed :9 b: a package of the lock cannot be read: cannot decode TOML integer as package.wheels
`},
		{"version that is a number", "version = 1\n" + before + "[[package]]\nname = \"b\"\nversion = 1\n" + after, `
a 1 :2
z 26 :10
gap unparsed :8 b: a package of the lock cannot be read: cannot decode TOML integer as package.version
`},
		{"no name", "version = 1\n" + before + "[[package]]\nversion = \"1\"\n" + after, `
a 1 :2
z 26 :9
gap unparsed :6 : "" is not the name of a package
`},
		{"no version", "version = 1\n[[package]]\nname = \"b\"\nsource = { registry = \"https://pypi.org/simple\" }\n", `
b  :2
gap unversioned :2 b: the lock has no version for "b"
`},
		{"bad marker counts everywhere", "version = 1\n[[package]]\nname = \"b\"\nversion = \"1\"\nresolution-markers = [\"nonsense\"]\n", `
b 1 :2
gap unparsed :2 b: the marker of "b": column 2: expected a marker variable or a quoted text
`},
		{"bad digest", "version = 1\n[[package]]\nname = \"b\"\nversion = \"1\"\nsdist = { hash = \"sha256:xyz\" }\n", `
b 1 :2
gap unparsed :2 b: a digest of "b" is not an algorithm and hexadecimal digits
`},
		{"table away from its package", "version = 1\n" + before + "[options]\n[package.metadata]\n" + after, `
a 1 :2
z 26 :9
gap unparsed :0 : "" is not the name of a package
gap unparsed :7 : a table that belongs to a package stands away from it
`},
		{"folder outside", "version = 1\n[[package]]\nname = \"b\"\nsource = { editable = \"../b\" }\n", `
gap include :2 b: the folder "../b" of package "b" lies outside of what is audited
`},
		{"format of the future", "version = 2\n" + before, `
a 1 :2
gap unsupported :0 : version "2" of the lock format is not known
`},
		{"empty", "", `
gap unparsed :0 : the file does not say which version of the lock format it has
`},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := show(read("uv.lock", c.text).Document())
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), got); diff != "" {
				t.Errorf("inventory (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHiddenPackage: each of these spells a package in a way that TOML allows
// and a search for "[[package]]" does not find.
func TestHiddenPackage(t *testing.T) {
	const evil = "name = \"evil\"\nversion = \"6.6.6\"\n"
	for _, text := range []string{
		"[[ package ]]\n" + evil,
		"[[package]] # comment ]]\n" + evil,
		"\t [[\"package\"]]\n" + evil,
		"[['package']]\n" + evil,
		"[[\"\\u0070ackage\"]]\n" + evil,
		"package = [{ name = \"evil\", version = \"6.6.6\" }]\n",
		"\"package\" = [\n{ name = \"evil\", version = \"6.6.6\" },\n]\n",
		"[[package]]\r\nname = \"evil\"\r\nversion = \"6.6.6\"\r\n",
		"x = '''\n[[package]]\n'''\n[[package]]\n" + evil,
		"x = \"\"\"\\\"\"\"\"\n[[package]]\n" + evil,
		"x = '#'\n[[package]]\n" + evil,
		"x = \"\\\\\" # \"\"\"\n[[package]]\n" + evil,
		"x = ['''''', \"]\", [\n[\"package\"]\n]]\n[[package]]\n" + evil,
		"[[package]]\n" + strings.ReplaceAll(evil, "name", "\"n\\u0061me\""),
	} {
		f := read("uv.lock", "\ufeffversion = 1\n"+text)
		if len(f.Packages) != 1 || f.Packages[0].Name != "evil" || f.Packages[0].Version != "6.6.6" || len(f.Gaps) > 0 {
			t.Errorf("%q: packages %+v, gaps %+v", text, f.Packages, f.Gaps)
		}
	}
}

// TestNoPackageInString: what stands in a string is no package.
func TestNoPackageInString(t *testing.T) {
	f := read("uv.lock", "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\nx = '''\n[[package]]\nname = \"b\"\nversion = \"2\"\n'''\n")
	if len(f.Packages) != 1 || len(f.Gaps) != 0 {
		t.Errorf("packages %+v, gaps %+v", f.Packages, f.Gaps)
	}
}

// TestFileFromElsewhere: a lock that says PyPI and fetches from elsewhere (an
// edit that a reviewer overlooks among hundreds of lines) shows where.
func TestFileFromElsewhere(t *testing.T) {
	for name, text := range map[string]string{
		"uv.lock": `version = 1
[[package]]
name = "a"
version = "1"
source = { registry = "https://pypi.org/simple" }
wheels = [
  { url = "https://files.pythonhosted.org/a.whl", hash = "DIGEST-A" },
  { url = "https://files.pythonhosted.org.evil.example/a.whl", hash = "DIGEST-B" },
]
`,
		"pdm.lock": `[metadata]
lock_version = "4.5"
[[package]]
name = "a"
version = "1"
files = [{ url = "https://files.pythonhosted.org.evil.example/a.whl", hash = "DIGEST-A" }]
`,
		"pylock.toml": `lock-version = "1.0"
[[packages]]
name = "a"
version = "1"
wheels = [{ url = "https://files.pythonhosted.org.evil.example/a.whl", hashes = { sha256 = "HEX-A" } }]
`,
	} {
		d := read(name, text).Document()
		if len(d.Components) != 1 || d.Components[0].URL != "https://files.pythonhosted.org.evil.example/a.whl" {
			t.Errorf("%s: %+v", name, d.Components)
		}
	}
	for _, index := range []string{
		"http://pypi.org/simple", "https://pypi.org.evil.example/simple", "https://pypi.org@evil.example/simple", "https://evil.example/pypi.org/simple",
		"https://pypi.org:8443/simple", "file:///mirror", "../mirror",
	} {
		d := read("uv.lock", "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \""+index+"\" }\n").Document()
		if len(d.Components) != 1 || d.Components[0].URL == "" {
			t.Errorf("index %q looks like PyPI: %+v", index, d.Components)
		}
	}
}

// TestPipfileBroken: JSON cannot be read behind a break of its grammar; a
// package of the wrong shape costs itself alone.
func TestPipfileBroken(t *testing.T) {
	const meta = `{"_meta": {"pipfile-spec": 6},` + "\n"
	for _, c := range []struct{ what, text, want string }{
		{"wrong shapes", meta + `"default": {"a": {"version": "==1"},` + "\n" + `"b": 3,` + "\n" + `"c": {"version": ["x"], "hashes": ["DIGEST-A"]},` + "\n" + `"d": {"version": ">=2"}, "e": {"version": "==5"}}}`, `
a 1 :2
b  :3
c  | A :4
d  :5
e 5 :5
gap unparsed :3 b: package "b" of the lock cannot be read: cannot use number as this
gap unversioned :3 b: the lock has no version for "b"
gap unparsed :4 c: package "c" of the lock cannot be read: cannot use array as version
gap unversioned :4 c: the lock has no version for "c"
gap range :5 d: the lock has ">=2" for "d" and not one version
gap unversioned :5 d: the lock has no version for "d"
`},
		{"cut off", meta + `"default": {"a": {"version": "==1"},` + "\n" + `"b": {"ver`, `
a 1 :2
gap unparsed :3 : from here on the lock cannot be read: unexpected EOF
`},
		{"section that is no object", meta + `"default": []}`, `
gap unparsed :2 : from here on the lock cannot be read: section "default": not an object
`},
		{"two documents", meta + `"default": {}} {"default": {"a": {"version": "==1"}}}`, `
gap unparsed :2 : from here on the lock cannot be read: there is more behind the end of the object
`},
		{"a name twice", meta + `"default": {"a": {"version": "==1"}, "a": {"version": "==2"}}}`, `
a 1 :2
a 2 :2
`},
		{"no format", `{"default": {"a": {"version": "==1"}}}`, `
a 1 :1
gap unparsed :0 : the file does not say which version of the lock format it has
`},
		{"data of the wrong shape", `{"_meta": [], "default": {"a": {"version": "==1"}}}`, `
a 1 :1
gap unparsed :0 : the file does not say which version of the lock format it has
gap unparsed :1 : the lock's own data cannot be read: cannot use array as this
`},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := show(read("Pipfile.lock", c.text).Document())
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), got); diff != "" {
				t.Errorf("inventory (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnreadable: a file that cannot be read is a gap, whatever stands there.
func TestUnreadable(t *testing.T) {
	for _, c := range []struct {
		name string
		file *fstest.MapFile
		want sbom.GapKind
	}{
		{"missing/uv.lock", nil, sbom.GapUnread},
		{"uv.lock", &fstest.MapFile{Mode: fs.ModeDir}, sbom.GapUnread},
		{"uv.lock", &fstest.MapFile{Mode: fs.ModeNamedPipe}, sbom.GapUnread},
		{"uv.lock", &fstest.MapFile{Data: make([]byte, limit.ManifestBytes+1)}, sbom.GapTooLarge},
		{"other.lock", &fstest.MapFile{Data: []byte("version = 1")}, sbom.GapUnsupported},
	} {
		fsys := fstest.MapFS{}
		if c.file != nil {
			fsys[c.name] = c.file
		}
		f := pylock.Read(fsys, c.name)
		if len(f.Gaps) != 1 || f.Gaps[0].Kind != c.want || !f.Gaps[0].Hides || len(f.Packages) != 0 {
			t.Errorf("%s: gaps %+v, want one %q", c.name, f.Gaps, c.want)
		}
	}
	if f := pylock.Read(failing{}, "uv.lock"); len(f.Gaps) != 1 || f.Gaps[0].Reason != "no such luck" {
		t.Errorf("gaps %+v", f.Gaps)
	}
}

type failing struct{}

func (failing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("no such luck")}
}

// TestNoCredentials: whatever field a password stands in, it comes out nowhere.
func TestNoCredentials(t *testing.T) {
	const secret = "https://bob:hunter2@example.com/x"
	for name, texts := range map[string][]string{
		"uv.lock": {uvLock, fmt.Sprintf("version = 1\nrequires-python = %[1]q\n[[package]]\nname = %[1]q\nversion = %[1]q\n"+
			"[[package]]\nname = \"a\"\nversion = %[1]q\nresolution-markers = [%[1]q]\nsource = { git = %[1]q }\nsdist = { hash = %[1]q }\n"+
			"[package.metadata]\nrequires-dist = [{ name = %[1]q, specifier = %[1]q }, { name = \"b\", marker = %[1]q, url = %[1]q }, { name = \"b\", path = %[1]q }]\n"+
			"[[package]]\nname = \"c\"\nsource = { editable = %[1]q }\n[[package]]\nname = \"d\"\nversion = \"1\"\nsource = { git = \"https://h/?rev=%[1]s\" }\n", secret)},
		"poetry.lock":  {poetry2, fmt.Sprintf("[[package]]\nname = \"a\"\nversion = \"1\"\ngroups = [%[1]q]\nsource = { type = \"git\", url = %[1]q, reference = %[1]q }\n[metadata]\nlock-version = %[1]q\ncontent-hash = %[1]q\npython-versions = %[1]q\n", secret)},
		"pdm.lock":     {pdmLock, fmt.Sprintf("[[package]]\nname = \"a\"\nversion = \"1\"\nextras = [%[1]q]\ndependencies = [%[1]q, \"b @ %[1]s\"]\npath = %[1]q\n", secret)},
		"Pipfile.lock": {pipfileLock, fmt.Sprintf(`{"_meta": {"requires": {"python_version": %[1]q}}, "default": {"a": {"version": %[1]q, "index": %[1]q, "markers": %[1]q}, %[1]q: {}}, %[1]q: {"b": {"version": "==%[1]s"}}}`, secret)},
		"pylock.toml":  {standardLock, fmt.Sprintf("lock-version = %[1]q\n[[packages]]\nname = \"a\"\nversion = \"1\"\nindex = %[1]q\nmarker = %[1]q\narchive = { path = %[1]q, hashes = { %[1]q = %[1]q } }\n", secret)},
	} {
		for _, text := range texts {
			f := read(name, text)
			for _, out := range []string{fmt.Sprintf("%+v", f), fmt.Sprintf("%+v", f.Document()), fmt.Sprint(f.Violations(requirements(t, "a>9", "b @ "+secret)))} {
				if strings.Contains(out, "hunter2") {
					t.Errorf("%s shows the password:\n%s", name, out)
				}
			}
		}
	}
}

// TestBounds: what grows faster than the file ends in a gap, not in minutes.
// The test binary's own timeout is the judge.
func TestBounds(t *testing.T) {
	t.Run("packages", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		b.WriteString("version = 1\n")
		for i := range limit.LockPackages + 2 {
			fmt.Fprintf(&b, "[[package]]\nname = \"p%d\"\nversion = \"1\"\n", i)
		}
		f := read("uv.lock", b.String())
		wantTooLarge(t, f.Gaps, "packages are not read")
		if len(f.Packages) != limit.LockPackages {
			t.Errorf("%d packages, want %d", len(f.Packages), limit.LockPackages)
		}
	})
	t.Run("versions of one name", func(t *testing.T) {
		t.Parallel()
		f := read("uv.lock", "version = 1\n"+strings.Repeat("[[package]]\nname = \"x\"\nversion = \"1\"\ndependencies = [{ name = \"x\" }]\n", 10_000))
		wantTooLarge(t, f.Gaps, "entries for")
	})
	t.Run("graph", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		b.WriteString("[metadata]\nlock_version = \"4\"\n")
		for i := range 200 {
			fmt.Fprintf(&b, "[[package]]\nname = \"x\"\nversion = \"%d\"\n", i)
		}
		for i := range 30_000 {
			fmt.Fprintf(&b, "[[package]]\nname = \"y%d\"\nversion = \"1\"\ndependencies = [\"x>2\"]\n", i)
		}
		d := read("pdm.lock", b.String()).Document()
		wantTooLarge(t, d.Gaps, "graph of the lock")
		if len(d.Components) != 30_200 || d.Dependencies != nil {
			t.Errorf("%d components, %d dependencies", len(d.Components), len(d.Dependencies))
		}
	})
	t.Run("scopes", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		b.WriteString("version = 1\n[[package]]\nname = \"me\"\nsource = { virtual = \".\" }\n[package.optional-dependencies]\n")
		for i := range 5_000 {
			fmt.Fprintf(&b, "e%d = [{ name = \"p0\" }]\n", i)
		}
		for i := range 5_000 {
			fmt.Fprintf(&b, "[[package]]\nname = \"p%d\"\nversion = \"1\"\ndependencies = [{ name = \"p%d\" }]\n", i, i+1)
		}
		f := read("uv.lock", b.String())
		wantTooLarge(t, f.Gaps, "refer to one another")
		for _, p := range f.Packages {
			if p.Scopes != nil {
				t.Fatalf("%q has the scopes %v of a graph that was not read to its end", p.Name, p.Scopes)
			}
		}
	})
	t.Run("shared digests", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		b.WriteString("[metadata]\nlock-version = \"1.1\"\nfiles.x = [\n" + strings.Repeat("{hash = \""+digestA+"\"},\n", 50_000) + "]\n")
		for i := range 200 {
			fmt.Fprintf(&b, "[[package]]\nname = \"x\"\nversion = \"%d\"\n", i)
		}
		wantTooLarge(t, read("poetry.lock", b.String()).Gaps, "digests")
	})
	t.Run("nesting", func(t *testing.T) {
		t.Parallel()
		deep := strings.Repeat("[", 1<<20)
		for _, text := range []string{"version = 1\nx = " + deep, "version = 1\n[[package]]\nname = \"a\"\nsource = " + deep, deep, strings.Repeat("[[package]]\nx=[", 1<<16), strings.Repeat("[[package]]\nx='''\n", 1<<16+1)} {
			if f := read("uv.lock", text); len(f.Gaps) == 0 {
				t.Errorf("%.40q: no gap", text)
			}
		}
		for _, text := range []string{strings.Repeat("[", 1<<20), `{"default":` + strings.Repeat(`{"a":`, 1<<20), `{"_meta":{},"default":{"a":` + strings.Repeat("[", 1<<20)} {
			if f := read("Pipfile.lock", text); len(f.Gaps) == 0 {
				t.Errorf("%.40q: no gap", text)
			}
		}
	})
}

func wantTooLarge(t *testing.T, gaps []sbom.Gap, reason string) {
	t.Helper()
	n := 0
	for _, g := range gaps {
		if g.Kind == sbom.GapTooLarge && strings.Contains(g.Reason, reason) && g.Hides {
			n++
		}
	}
	if n != 1 {
		t.Errorf("gaps %.500v, want one %q with %q", gaps, sbom.GapTooLarge, reason)
	}
}

// TestPackageTakenOut: who deletes a package from uv.lock, so that nothing is
// reported about it, leaves a need that nothing satisfies.
func TestPackageTakenOut(t *testing.T) {
	whole := read("uv.lock", uvLock)
	if len(whole.Gaps) != 0 {
		t.Fatal(whole.Gaps)
	}
	for _, taken := range []string{"gradio", "Jinja2", "markupsafe", "numpy", "private", "pytest", "spacy-model", "tool"} {
		at := strings.Index(uvLock, "[[package]]\nname = \""+taken+"\"")
		rest := uvLock[at+1:]
		text := uvLock[:at] + rest[strings.Index(rest, "[[package]]"):]
		f := read("uv.lock", text)
		if len(f.Gaps) != 1 || f.Gaps[0].Kind != sbom.GapConflict || f.Gaps[0].Package != strings.ToLower(taken) || !f.Gaps[0].Hides {
			t.Errorf("without %q: gaps %+v", taken, f.Gaps)
		}
	}
}
