package pylock_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pylock"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// read reads text as a lock of a name. A and B stand for two digests.
func read(name, text string) *pylock.File {
	text = strings.NewReplacer("DIGEST-A", digestA, "DIGEST-B", digestB,
		"HEX-A", digestA[7:], "HEX-B", digestB[7:]).Replace(text)
	return pylock.Read(fstest.MapFS{name: {Data: []byte(text)}}, name)
}

// show writes an inventory as text: components, edges, gaps.
func show(d *sbom.Document) string {
	var b strings.Builder
	for _, c := range d.Components {
		fmt.Fprintf(&b, "%s %s", c.Name, c.Version)
		if len(c.Extras) > 0 {
			fmt.Fprintf(&b, " %v", c.Extras)
		}
		for _, field := range []string{c.Scope, c.Marker, c.URL, strings.Join(c.Hashes, ",")} {
			if field != "" {
				b.WriteString(" | " + strings.NewReplacer(digestA, "A", digestB, "B").Replace(field))
			}
		}
		for _, l := range c.Locations {
			fmt.Fprintf(&b, " :%d", l.Line)
		}
		b.WriteByte('\n')
	}
	for _, e := range d.Dependencies {
		if len(e.DependsOn) > 0 {
			fmt.Fprintf(&b, "%s -> %s\n", strings.TrimPrefix(e.PURL, "pkg:pypi/"), strings.ReplaceAll(strings.Join(e.DependsOn, " "), "pkg:pypi/", ""))
		}
	}
	for _, g := range d.Gaps {
		fmt.Fprintf(&b, "gap %s :%d %s: %s\n", g.Kind, g.Line, g.Package, g.Reason)
	}
	return b.String()
}

func TestReads(t *testing.T) {
	for base, want := range map[string]pylock.Kind{
		"uv.lock": pylock.UV, "app.py.lock": pylock.UV, "poetry.lock": pylock.Poetry, "pdm.lock": pylock.PDM,
		"pdm.prod.lock": pylock.PDM, "Pipfile.lock": pylock.Pipenv, "pylock.toml": pylock.Standard, "pylock.spam.toml": pylock.Standard,
		"pylock.a.b.toml": "", "pylock..toml": "", ".py.lock": "", "pdm..lock": "", "pdm.toml": "", "Cargo.lock": "", "package-lock.json": "",
		"pyproject.toml": "", "yarn.lock": "", "": "", "pylock.": "", "xpylock.toml": "",
	} {
		if got := pylock.KindOf(base); got != want || pylock.Reads(base) != (want != "") {
			t.Errorf("KindOf(%q) = %q, Reads %t, want %q", base, got, pylock.Reads(base), want)
		}
	}
}

// TestRead holds the inventory of one small lock of each format against what a
// person reads in it.
func TestRead(t *testing.T) {
	for _, c := range []struct{ what, name, text, want string }{
		{"uv", "uv.lock", uvLock, `
gradio 5.0.0 | A,B :15
Jinja2 3.1.4 :30
markupsafe 3.0.0 | extra:fast :36
numpy 1.26.4 | python_full_version < "3.11" :39
numpy 2.1.0 | python_full_version >= "3.11" or sys_platform == "win32" :44
private 1.0 | https://index.example.com/simple :50
pytest 8.0.0 | dev :54
spacy-model 3.8.0 | https://example.com/m-3.8.0-py3-none-any.whl | A :58
tool 0.1 | git+https://github.com/o/tool@0123456789012345678901234567890123456789 :64
gradio@5.0.0 -> jinja2@3.1.4 numpy@1.26.4 numpy@2.1.0
jinja2@3.1.4 -> markupsafe@3.0.0
`},
		{"uv script", "app.py.lock", `version = 1
requires-python = ">=3.12"
[manifest]
requirements = [{ name = "requests", extras = ["socks"], specifier = "<3" }]

[[package]]
name = "requests"
version = "2.32.0"
source = { registry = "https://pypi.org/simple" }
[package.optional-dependencies]
socks = [{ name = "pysocks" }]

[[package]]
name = "pysocks"
version = "1.7.1"
source = { registry = "https://pypi.org/simple" }
`, `
pysocks 1.7.1 :13
requests 2.32.0 :6
requests@2.32.0 -> pysocks@1.7.1
`},
		{"uv of the first releases", "uv.lock", `version = 1
[[distribution]]
name = "idna"
version = "3.6"
source = "registry+https://pypi.org/simple"
[[distribution]]
name = "me"
version = "1"
source = "editable+."
`, `
idna 3.6 :2
`},
		{"poetry 2", "poetry.lock", poetry2, poetry2Want},
		{"poetry 1", "poetry.lock", `[[package]]
name = "six"
version = "1.16.0"
category = "dev"
optional = false
python-versions = ">=2.7"

[metadata]
lock-version = "1.1"
python-versions = "^3.8"
content-hash = "HEX-A"

[metadata.files]
six = [
    {file = "six-1.16.0-py2.py3-none-any.whl", hash = "DIGEST-A"},
]
`, `
six 1.16.0 | dev | A :1
`},
		{"poetry before 1.0", "poetry.lock", `[[package]]
name = "six"
version = "1.12.0"
category = "main"
marker = "python_version < '3'"
[metadata]
content-hash = "HEX-A"
[metadata.hashes]
six = ["HEX-B"]
`, `
six 1.12.0 | python_version < "3" | B :1
`},
		{"pdm", "pdm.lock", pdmLock, `
local-wheel 1.0 | ./wheels/local_wheel-1.0-py3-none-any.whl :28
requests 2.26.0 | A :5
requests 2.26.0 [security] | group:net :13
tool 0.1 | group:lint | sys_platform == "linux" | git+https://example.com/o/tool.git@0123456789012345678901234567890123456789 :20
urllib3 1.26.20 :33
requests@2.26.0 -> urllib3@1.26.20
`},
		{"pipenv", "Pipfile.lock", pipfileLock, `
gradio 4.19.0 | A,B :12
pytest 8.0.0 | dev | python_version >= "3.8" :20
secret 1.0 | https://index.example.com/simple :16
sphinx 7.0 | group:docs :24
tool  | git+https://github.com/o/tool@0123456789 :17
gap unversioned :17 tool: the lock has no version for "tool"
`},
		{"pylock", "pylock.toml", standardLock, `
attrs 25.1.0 | A,B :6
cattrs 24.1.2 | https://mirror.example.com/cattrs-24.1.2.tar.gz | A :15
docs 1.0 | group:docs | "docs" in dependency_groups :26
fork 2.0 | git+https://github.com/o/fork@0123456789012345678901234567890123456789 :31
cattrs@24.1.2 -> attrs@25.1.0
`},
	} {
		t.Run(c.what, func(t *testing.T) {
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), show(read(c.name, c.text).Document())); diff != "" {
				t.Errorf("inventory (-want +got):\n%s", diff)
			}
		})
	}
}

const uvLock = `version = 1
revision = 3
requires-python = ">=3.10"

[[package]]
name = "my-app"
source = { editable = "." }
dependencies = [{ name = "gradio" }, { name = "private" }, { name = "tool" }, { name = "spacy-model" }]
optional-dependencies = { fast = [{ name = "jinja2", extra = ["speed"] }] }
dev-dependencies = { dev = [{ name = "pytest" }] }
[package.metadata]
requires-dist = [{ name = "gradio", specifier = ">=5" }]
[package.metadata.requires-dev]
dev = [{ name = "pytest", specifier = ">=8", marker = "python_version > '3'" }]
[[package]]
name = "gradio"
version = "5.0.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [
    { name = "jinja2" },
    { name = "numpy", version = "1.26.4", source = { registry = "https://pypi.org/simple" }, marker = "python_full_version < '3.11'" },
    { name = "numpy", version = "2.1.0", source = { registry = "https://pypi.org/simple" }, marker = "python_full_version >= '3.11'" },
]
sdist = { url = "https://files.pythonhosted.org/packages/gradio-5.0.0.tar.gz", hash = "DIGEST-B", size = 1 }
wheels = [
    { url = "https://files.pythonhosted.org/packages/gradio-5.0.0-py3-none-any.whl", hash = "DIGEST-A" },
    { url = "https://files.pythonhosted.org/packages/gradio-5.0.0-py3-none-any.whl", hash = "DIGEST-A" },
]

[[package]]
name = "Jinja2"
version = "3.1.4"
source = { registry = "https://pypi.org/simple/" }
[package.optional-dependencies]
speed = [{ name = "markupsafe" }]
[[package]]
name = "markupsafe"
version = "3.0.0"
[[package]]
name = "numpy"
version = "1.26.4"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version < '3.11'"]
[[package]]
name = "numpy"
version = "2.1.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version >= '3.11'", "sys_platform == 'win32'"]

[[package]]
name = "private"
version = "1.0"
source = { registry = "https://bob:hunter2@index.example.com/simple" }
[[package]]
name = "pytest"
version = "8.0.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "spacy-model"
version = "3.8.0"
source = { url = "https://bob:hunter2@example.com/m-3.8.0-py3-none-any.whl" }
wheels = [{ url = "https://bob:hunter2@example.com/m-3.8.0-py3-none-any.whl", hash = "DIGEST-A" }]

[[package]]
name = "tool"
version = "0.1"
source = { git = "https://bob:hunter2@github.com/o/tool?rev=main#0123456789012345678901234567890123456789" }
[[package]]
name = "member"
version = "1"
source = { virtual = "packages/member" }
`

const poetry2 = `# This file is automatically @generated by Poetry 2.0.0.

[[package]]
name = "Flask"
version = "3.0.0"
optional = false
python-versions = ">=3.8"
groups = ["main", "dev"]
markers = {main = "sys_platform == \"linux\"", dev = "sys_platform == \"win32\""}
files = [
    {file = "flask-3.0.0-py3-none-any.whl", hash = "DIGEST-A"},
]

[package.dependencies]
Werkzeug = ">=3.0.0"
numpy = [
    {version = "<2", markers = "python_version < \"3.11\""},
    {version = ">=2", markers = "python_version >= \"3.11\"", extras = ["x"]},
]

[package.extras]
async = ["asgiref (>=3.2)"]

[[package]]
name = "numpy"
version = "1.26.4"
optional = false
groups = ["main"]
markers = {main = "python_version < \"3.11\""}

[[package]]
name = "numpy"
version = "2.1.0"
optional = false
groups = ["main"]

[[package]]
name = "werkzeug"
version = "3.0.0"
optional = true
groups = ["main"]
[package.source]
type = "legacy"
url = "https://bob:hunter2@index.example.com/simple"
reference = "private"

[[package]]
name = "pytest"
version = "8.0.0"
groups = ["test", "dev"]

[[package]]
name = "core"
version = "2.0"
groups = ["main"]
[package.source]
type = "git"
url = "https://github.com/o/core.git"
reference = "HEAD"
resolved_reference = "0123456789012345678901234567890123456789"

[[package]]
name = "sibling"
version = "0"
groups = ["main"]
[package.source]
type = "directory"
url = "sibling"

[extras]
web = ["Werkzeug"]

[metadata]
lock-version = "2.1"
python-versions = ">=3.10"
content-hash = "HEX-B"
`

const poetry2Want = `
core 2.0 | git+https://github.com/o/core.git@0123456789012345678901234567890123456789 :52
Flask 3.0.0 | sys_platform == "linux" or sys_platform == "win32" | A :3
numpy 1.26.4 | python_version < "3.11" :24
numpy 2.1.0 :31
pytest 8.0.0 | group:test :47
werkzeug 3.0.0 | extra:web | https://index.example.com/simple :37
flask@3.0.0 -> numpy@1.26.4 numpy@2.1.0 werkzeug@3.0.0
`

const pdmLock = `[metadata]
groups = ["default", "net"]
lock_version = "4.5.0"
content_hash = "DIGEST-A"
[[package]]
name = "requests"
version = "2.26.0"
groups = ["default", "net"]
dependencies = ["urllib3<1.27,>=1.21.1", "argparse; python_version == \"2.6\""]
files = [
    {file = "requests-2.26.0-py2.py3-none-any.whl", hash = "DIGEST-A"},
]
[[package]]
name = "requests"
version = "2.26.0"
extras = ["security"]
groups = ["net"]
dependencies = ["requests==2.26.0"]

[[package]]
name = "tool"
version = "0.1"
groups = ["lint"]
marker = "sys_platform == 'linux'"
git = "https://bob:hunter2@example.com/o/tool.git"
ref = "main"
revision = "0123456789012345678901234567890123456789"
[[package]]
name = "local-wheel"
version = "1.0"
path = "./wheels/local_wheel-1.0-py3-none-any.whl"

[[package]]
name = "urllib3"
version = "1.26.20"
[[package]]
name = "sibling"
version = "1"
path = "./sibling"
editable = true
`

const pipfileLock = `{
    "_meta": {
        "hash": {"sha256": "HEX-A"},
        "pipfile-spec": 6,
        "requires": {"python_version": "3.11"},
        "sources": [
            {"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": true},
            {"name": "private", "url": "https://bob:hunter2@index.example.com/simple"}
        ]
    },
    "default": {
        "gradio": {
            "hashes": ["DIGEST-B", "DIGEST-A"],
            "index": "pypi", "version": "==4.19.0"
        },
        "secret": {"version": "==1.0", "index": "private"},
        "tool": {"git": "https://bob:hunter2@github.com/o/tool", "ref": "0123456789", "editable": true}
    },
    "develop": {
        "pytest": {"markers": "python_version >= '3.8'", "version": "==8.0.0"},
        "me": {"editable": true, "path": "."}
    },
    "docs": {
        "sphinx": {"version": "==7.0"}
    }
}
`

const standardLock = `lock-version = "1.0"
requires-python = ">=3.12"
dependency-groups = ["docs"]
default-groups = []
created-by = "hand"
[[packages]]
name = "attrs"
version = "25.1.0"
wheels = [{name = "attrs-25.1.0-py3-none-any.whl", url = "https://files.pythonhosted.org/attrs-25.1.0-py3-none-any.whl", hashes = {sha256 = "HEX-A"}}]
[packages.sdist]
name = "attrs-25.1.0.tar.gz"
url = "https://files.pythonhosted.org/attrs-25.1.0.tar.gz"
hashes = {sha256 = "HEX-B"}

[[packages]]
name = "cattrs"
version = "24.1.2"
index = "https://pypi.org/simple"
[packages.sdist]
url = "https://mirror.example.com/cattrs-24.1.2.tar.gz"
[packages.sdist.hashes]
sha256 = "HEX-A"
[[packages.dependencies]]
name = "attrs"

[[packages]]
name = "docs"
version = "1.0"
marker = "'docs' in dependency_groups"

[[packages]]
name = "fork"
version = "2.0"
[packages.vcs]
type = "git"
url = "https://bob:hunter2@github.com/o/fork"
requested-revision = "main"
commit-id = "0123456789012345678901234567890123456789"

[[packages]]
name = "me"
[packages.directory]
path = "."
editable = true
`

// TestReadHead holds what a lock says of itself.
func TestReadHead(t *testing.T) {
	type head struct {
		Kind                  pylock.Kind
		Version, Python, Hash string
	}
	for _, c := range []struct {
		name, text string
		want       head
	}{
		{"uv.lock", uvLock, head{pylock.UV, "1", ">=3.10", ""}},
		{"poetry.lock", poetry2, head{pylock.Poetry, "2.1", ">=3.10", digestB}},
		{"pdm.lock", pdmLock, head{pylock.PDM, "4.5.0", "", digestA}},
		{"Pipfile.lock", pipfileLock, head{pylock.Pipenv, "6", "==3.11.*", digestA}},
		{"pylock.toml", standardLock, head{pylock.Standard, "1.0", ">=3.12", ""}},
	} {
		f := read(c.name, c.text)
		if diff := cmp.Diff(c.want, head{f.Kind, f.FormatVersion, f.RequiresPython, f.ContentHash}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestReadManifest holds what uv repeats of the manifest.
func TestReadManifest(t *testing.T) {
	var got []string
	for _, m := range read("uv.lock", uvLock).Manifest {
		got = append(got, m.Package+" "+m.Scope+" "+m.Requirement.String())
	}
	want := []string{"my-app  gradio>=5", `my-app group:dev pytest>=8; python_version > "3"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	script := read("x.py.lock", "version = 1\n[manifest]\nrequirements = [{ name = \"a\", git = \"https://u:hunter2@h/a?tag=v1#0123456\" }]\n")
	if len(script.Manifest) != 1 || script.Manifest[0].Requirement.URL != "git+https://h/a@0123456" {
		t.Errorf("manifest of a script: %+v", script.Manifest)
	}
}

func TestManifestName(t *testing.T) {
	for name, want := range map[string]string{
		"uv.lock": "pyproject.toml", "a/b/poetry.lock": "a/b/pyproject.toml", "pdm.lock": "pyproject.toml", "x/pdm.ci.lock": "x/pyproject.toml",
		"a/Pipfile.lock": "a/Pipfile", "tools/app.py.lock": "tools/app.py", "pylock.dev.toml": "pyproject.toml", "a/Cargo.lock": "", "": "",
	} {
		if got := pylock.ManifestName(name); got != want {
			t.Errorf("ManifestName(%q) = %q, want %q", name, got, want)
		}
	}
}
