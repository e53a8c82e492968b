package space_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/space"
)

// folder makes a file system of "name", "content" pairs.
func folder(pairs ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return out
}

func readme(content string) *space.Space {
	return space.Read(folder("README.md", content), "README.md")
}

// gaps returns "kind file:line" for each gap of the Space's document.
func gaps(s *space.Space) []string {
	out := []string{}
	for _, g := range s.Document().Gaps {
		out = append(out, fmt.Sprintf("%s %s:%d", g.Kind, g.File, g.Line))
	}
	return out
}

// component returns the component of a name, failing without one.
func component(t *testing.T, d *sbom.Document, name string) sbom.Component {
	t.Helper()
	for _, c := range d.Components {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no component %q in %v", name, d.Components)
	return sbom.Component{}
}

func TestGradioComesFromSDKVersion(t *testing.T) {
	s := space.Read(folder("README.md", "---\ntitle: x\nsdk: gradio\nsdk_version: 4.18.0\n---\n", "requirements.txt", ""), "README.md")
	got := component(t, s.Document(), "gradio")
	want := sbom.Component{
		Name: "gradio", Version: "4.18.0", Specifier: "==4.18.0", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.18.0",
		Evidence: sbom.Assumed, Locations: []sbom.Location{{File: "README.md", Line: 4}}, Extras: []string{"mcp", "oauth"},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	if diff := cmp.Diff(gaps(s), []string{}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

func TestWhatTheBuilderAdds(t *testing.T) {
	d := readme("---\nsdk: gradio\nsdk_version: 5.0.0\n---\n").Document()
	var got []string
	for _, c := range d.Components {
		if c.Evidence != sbom.Assumed || c.Locations[0].Line == 0 {
			t.Errorf("%+v", c)
		}
		got = append(got, strings.TrimSpace(c.Scope+" "+c.Name+c.Specifier))
	}
	want := []string{
		"base cmake", "base ffmpeg", "base git", "base git-lfs", "base libgl1", "base libsm6", "base libxext6", "base nodejs", "base rsync",
		"base click<8.1", "base datasets", "gradio==5.0.0", "base hf-transfer>=0.1.4", "base huggingface-hub>=0.30", "base protobuf<4",
		"spaces", "uvicorn>=0.14.0", "websockets>=10.4",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

func TestOtherSDKsAddNothing(t *testing.T) {
	for _, sdk := range []string{"docker", "static", "Docker"} {
		s := space.Read(folder("README.md", "---\nsdk: "+sdk+"\nsdk_version: 4.18.0\n---\n", "packages.txt", "git\n", "pre-requirements.txt", "x==1\n"), "README.md")
		if d := s.Document(); len(d.Components)+len(d.Gaps) != 0 {
			t.Errorf("%s: %v %v", sdk, d.Components, d.Gaps)
		}
	}
}

func TestReadmeOfNoSpace(t *testing.T) {
	for name, content := range map[string]string{
		"empty":            "",
		"markdown":         "# Title\n\nsdk: gradio\n",
		"front matter":     "---\ntitle: x\n---\nsdk: gradio\n",
		"another tool's":   "---\nsdk: android\n---\n",
		"nested":           "---\na:\n  sdk: gradio\n---\n",
		"a sentence first": "Hello\nsdk: gradio\n---\n",
		"key in code":      "Title: hello\n\n# Use\n\nsdk: gradio\n---\n",
	} {
		if s := readme(content); s != nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestMalformedFrontMatterIsAGapAndIsReadEvenSo(t *testing.T) {
	for _, tt := range []struct {
		name, content, version string
		line                   int
	}{
		{"no opening line", "title: x\nsdk: gradio\nsdk_version: 4.18.0\n---\n", "4.18.0", 1},
		{"no opening line after blanks", "\n\ntitle: x\nsdk: gradio\nsdk_version: 4.18.0\n---\n", "4.18.0", 2},
		{"no closing line", "---\nsdk: gradio\nsdk_version: 4.18.0\n\n# Title\n", "4.18.0", 1},
		{"four dashes", "----\nsdk: gradio\nsdk_version: 4.18.0\n---\n", "4.18.0", 1},
		{"no YAML", "---\nsdk: gradio\ntitle: [\nsdk_version: 4.18.0\n---\n", "4.18.0", 2},
		{"a key twice", "---\nsdk: gradio\nsdk_version: 4.18.0\nsdk: gradio\n---\n", "4.18.0", 4},
		{"no mapping after all", "---\n- sdk: gradio\nsdk: gradio\n---\n", "", 2},
		{"tab", "---\nsdk: gradio\n\tsdk_version: 4.18.0\n---\n", "", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := readme(tt.content)
			if s == nil {
				t.Fatal("not seen as a Space")
			}
			if s.Malformed == "" || s.MalformedLine != tt.line || s.SDKVersion != tt.version {
				t.Errorf("got %q at line %d, version %q; want line %d, version %q", s.Malformed, s.MalformedLine, s.SDKVersion, tt.line, tt.version)
			}
			if diff := cmp.Diff(gaps(s), []string{fmt.Sprintf("unparsed README.md:%d", tt.line)}); diff != "" {
				t.Errorf("got -, want +\n%s", diff)
			}
			if !s.Document().Gaps[0].Hides {
				t.Error("the gap hides nothing")
			}
		})
	}
}

func TestVersions(t *testing.T) {
	for _, tt := range []struct {
		front, sdk, python string
		gaps               []string
	}{
		{"sdk_version: 4.0.0\npython_version: '3.10'", "4.0.0", "3.10", []string{}},
		{"sdk_version: \"5.10\"", "5.10", "", []string{}},
		{"sdk_version: 5.1", "5.1", "", []string{}},
		{"sdk_version: 5.10", "5.1", "", []string{"conflict README.md:3"}},
		{"sdk_version: 5.0", "5", "", []string{"conflict README.md:3"}},
		{"python_version: 3.11", "", "3.11", []string{}},
		{"python_version: 3.10", "", "", []string{}},
		{"sdk_version: latest", "", "", []string{"version README.md:3"}},
		{"sdk_version:", "", "", []string{}},
		{"sdk_version: &v 4.0.0\npython_version: *v", "4.0.0", "4.0.0", []string{}},
	} {
		s := readme("---\nsdk: gradio\n" + tt.front + "\n---\n")
		if s.SDKVersion != tt.sdk || s.PythonVersion != tt.python {
			t.Errorf("%q: got %q and %q", tt.front, s.SDKVersion, s.PythonVersion)
		}
		if diff := cmp.Diff(gaps(s), tt.gaps); diff != "" {
			t.Errorf("%q: got -, want +\n%s", tt.front, diff)
		}
	}
}

func TestConfiguration(t *testing.T) {
	s := readme(`---
sdk: gradio
sdk_version: 5.0.0
app_file: src/app.py
hf_oauth: true
hf_oauth_scopes:
  - email
  - write-repos
hf_oauth_expiration_minutes: 600
hf_oauth_authorized_org: acme
custom_headers:
  cross-origin-embedder-policy: require-corp
preload_from_hub:
  - a/b
  - c/d x.bin,y.json 0123456789abcdef0123456789abcdef01234567
---
`)
	want := space.OAuth{
		Enabled: true, Line: 5, Scopes: []space.Item{{Value: "email", Line: 7}, {Value: "write-repos", Line: 8}},
		ExpirationMinutes: 600, Organizations: []space.Item{{Value: "acme", Line: 10}},
	}
	if diff := cmp.Diff(s.OAuth, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	preload := []space.Preload{
		{Repository: "a/b", Line: 14},
		{Repository: "c/d", Files: []string{"x.bin", "y.json"}, Revision: "0123456789abcdef0123456789abcdef01234567", Line: 15},
	}
	if diff := cmp.Diff(s.PreloadFromHub, preload); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	header := s.Key("custom_headers").Table[0]
	if s.AppFile != "src/app.py" || header.Name != "cross-origin-embedder-policy" || header.Line != 12 {
		t.Errorf("app file %q, header %+v", s.AppFile, header)
	}
}

func TestFilesBeside(t *testing.T) {
	fsys := folder("a/README.md", "---\nsdk: gradio\nsdk_version: 5.0.0\n---\n",
		"a/packages.txt", "git\nlibpq-dev=1.2 curl:amd64\nrm;\n", "a/pre-requirements.txt", "pip<24\nnumpy==1.26.4\n", "packages.txt", "vim\n")
	s := space.Read(fsys, "a/README.md")
	if diff := cmp.Diff(gaps(s), []string{"ecosystem a/packages.txt:0", "unparsed a/packages.txt:3"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	s.Distribution = "debian-13"
	d := s.Document()
	pq := component(t, d, "libpq-dev")
	if pq.Ecosystem != "Debian:13" || pq.Version != "1.2" || pq.PURL != "pkg:deb/debian/libpq-dev@1.2?distro=debian-13" || pq.Locations[0] != (sbom.Location{File: "a/packages.txt", Line: 2}) {
		t.Errorf("%+v", pq)
	}
	if c := component(t, d, "numpy"); c.Version != "1.26.4" || c.Evidence != sbom.Declared || c.Locations[0].File != "a/pre-requirements.txt" {
		t.Errorf("%+v", c)
	}
	if diff := cmp.Diff(s.Files, []string{"a/README.md", "a/packages.txt", "a/pre-requirements.txt"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

func TestHostileReadme(t *testing.T) {
	for name, content := range map[string]string{
		"aliases":     "---\nsdk: gradio\na: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\n",
		"self":        "---\nsdk: gradio\na: &a\n  b: *a\n---\n",
		"nested":      "---\nsdk: gradio\na: " + strings.Repeat("[", 100_000) + "\n---\n",
		"NUL":         "---\nsdk: gradio\x00\n---\n",
		"not UTF-8":   "---\nsdk: gradio\ntitle: \xff\xfe\n---\n",
		"huge matter": "---\nsdk: gradio\ntitle: " + strings.Repeat("x", limit.ConfigBytes) + "\n---\n",
	} {
		if s := readme(content); s != nil && s.File != "README.md" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	s := readme("---\nsdk: gradio\ntitle: " + strings.Repeat("x", limit.ConfigBytes) + "\n---\n")
	if s == nil || s.Malformed == "" {
		t.Errorf("front matter beyond the bound is silent")
	}
	if s := readme(strings.Repeat(" ", limit.ManifestBytes+1)); s == nil || s.Gaps[0].Kind != sbom.GapTooLarge {
		t.Errorf("a README beyond the bound is silent")
	}
}

func TestCredentialsAreNotKept(t *testing.T) {
	s := readme("---\nsdk: gradio\nsdk_version: https://u:hunter2@h/\npreload_from_hub: [\"https://u:hunter2@h/a\"]\n---\n")
	if text := fmt.Sprintf("%+v %+v", s, s.Document()); strings.Contains(text, "hunter2") {
		t.Error(text)
	}
}

// shared opens a folder of the data that developers have beside the project.
func shared(tb testing.TB, name string) fs.FS {
	tb.Helper()
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("the shared data is not here (%v); set TALLYMAN_SHARED to run this", err)
	}
	r, err := os.OpenRoot(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.Close() })
	return r.FS()
}

func TestRealSpaces(t *testing.T) {
	fsys := shared(t, "data/spaces")
	var got []string
	for i := range 7 {
		s := space.Read(fsys, fmt.Sprintf("space-%d.md", i+1))
		if s == nil {
			t.Fatalf("space-%d.md is not seen as one", i+1)
		}
		got = append(got, fmt.Sprintf("%d sdk=%s version=%s python=%s malformed=%t gaps=%d", i+1, s.SDK, s.SDKVersion, s.PythonVersion, s.Malformed != "", len(s.Gaps)))
	}
	want := []string{
		"1 sdk=gradio version=5.44.0 python= malformed=true gaps=1",
		"2 sdk=gradio version=5.23.3 python= malformed=false gaps=0",
		"3 sdk=gradio version= python=3.11 malformed=false gaps=0",
		"4 sdk=gradio version= python= malformed=false gaps=0",
		"5 sdk=gradio version=6.26.0 python=3.13 malformed=false gaps=0",
		"6 sdk=gradio version=5.22.0 python=3.10 malformed=false gaps=0",
		"7 sdk=gradio version=4.0.0 python= malformed=false gaps=0",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

// FuzzRead holds that nothing panics, that lines are lines of the file, that
// the Hub's view is never silent where the front matter is malformed, and that
// gradio is there exactly once for the SDK.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"---\nsdk: gradio\nsdk_version: 4.18.0\n---\n", "sdk: gradio\n---\n", "---\nsdk: docker\napp_port: 7860\n---\n", "---\nsdk: gradio\n",
		"---\nsdk: [gradio]\nsdk_version: 5.10\n---\n", "---\nsdk: &a gradio\nsdk_version: *a\nhf_oauth_scopes: [a, b]\n---\n", "----\nsdk: x\napp_file: y\n...\n",
	} {
		f.Add(seed, "git\ncurl=1")
	}
	f.Fuzz(func(t *testing.T, content, packages string) {
		s := space.Read(folder("README.md", content, "packages.txt", packages), "README.md")
		if s == nil {
			return
		}
		lines := strings.Count(strings.ReplaceAll(content, "\r", "\n"), "\n") + 1
		for _, k := range s.Keys {
			if k.Line < 1 || k.Line > lines {
				t.Errorf("key %+v of %d lines", k, lines)
			}
		}
		if s.Malformed != "" && len(s.Gaps) == 0 {
			t.Error("malformed without a gap")
		}
		n := 0
		for _, c := range s.Document().Components {
			if c.Name == "gradio" && c.Ecosystem == "PyPI" {
				n++
			}
		}
		if want := map[bool]int{true: 1}[s.SDK == "gradio"]; n != want {
			t.Errorf("gradio is there %d times for the SDK %q", n, s.SDK)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	fsys := shared(b, "data/spaces")
	content, err := fs.ReadFile(fsys, "space-5.md")
	if err != nil {
		b.Fatal(err)
	}
	memory := folder("README.md", string(content))
	b.ReportAllocs()
	for b.Loop() {
		space.Read(memory, "README.md").Document()
	}
}
