package pyproject_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyproject"
)

// folder makes a file system of "name", "content" pairs.
func folder(pairs ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return out
}

// read reads the first of "name", "content" pairs.
func read(pairs ...string) *pyproject.File { return pyproject.Read(folder(pairs...), pairs[0]) }

// lines returns "line scope requirement" for each requirement.
func lines(f *pyproject.File) []string {
	out := []string{}
	for _, q := range f.Requirements {
		text := fmt.Sprintf("%d %s ", q.Line, q.Scope)
		if q.File != f.Name {
			text = q.File + ":" + text
		}
		requirement := q.Requirement
		requirement.URL = ""
		text += requirement.String()
		if q.Link != "" {
			text += " <" + q.Link + ">"
		}
		for word, is := range map[string]bool{" own": q.Own} {
			if is {
				text += word
			}
		}
		if q.Editable {
			text += " editable"
		}
		if q.Constraint {
			text += " constraint"
		}
		if q.Index != "" {
			text += " from " + q.Index
		}
		out = append(out, text)
	}
	return out
}

// gaps returns "line kind" for each gap.
func gaps(f *pyproject.File) []string {
	out := []string{}
	for _, g := range f.Gaps {
		out = append(out, fmt.Sprintf("%d %s", g.Line, g.Kind))
	}
	return out
}

// table is a case: a file, what it names and what could not be read.
type table struct {
	name  string
	files []string
	want  []string
	gaps  []string
}

func run(t *testing.T, cases []table) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			f := read(tt.files...)
			if tt.want == nil {
				tt.want = []string{}
			}
			if tt.gaps == nil {
				tt.gaps = []string{}
			}
			if diff := cmp.Diff(lines(f), tt.want); diff != "" {
				t.Errorf("requirements: got -, want +\n%s", diff)
			}
			if diff := cmp.Diff(gaps(f), tt.gaps); diff != "" {
				t.Errorf("gaps: got -, want +\n%s\n%v", diff, f.Gaps)
			}
		})
	}
}

func TestProjectTable(t *testing.T) {
	run(t, []table{
		{name: "nothing", files: []string{"pyproject.toml", ""}},
		{name: "tools only", files: []string{"pyproject.toml", "[tool.ruff]\nline-length = 100\n[tool.black]\n"}},
		{name: "project", files: []string{"pyproject.toml", `[build-system]
requires = ["hatchling>=1.27"]
[project]
name = "x"
requires-python = ">=3.10"
dependencies = [
  "gradio==4.19.0",
  # a comment
  "Torch [a,B] >= 2 ; python_version < '3.12'", "y @ https://u:p@h/y-1.0-py3-none-any.whl",
]
[project.optional-dependencies]
Dev_Tools = ["ruff"]
`}, want: []string{
			"7  gradio==4.19.0", `9  Torch[a,b]>=2; python_version < "3.12"`, "9  y <https://h/y-1.0-py3-none-any.whl>", "12 extra:dev-tools ruff", "2 build hatchling>=1.27",
		}},
		{name: "multi-line strings and CRLF", files: []string{"pyproject.toml", "[project]\r\ndependencies = [\r\n\"\"\"a\"\"\",\r\n'b'\r\n]\r\n"}, want: []string{"3  a", "4  b"}},
		{name: "dotted keys", files: []string{"pyproject.toml", "project.name = 'x'\nproject.dependencies = [\n'a']\n"}, want: []string{"3  a"}},
		{name: "inline table", files: []string{"pyproject.toml", "project = {name = 'x', dependencies = ['a']}\n"}, want: []string{"1  a"}},
		{name: "extras of the project itself", files: []string{"pyproject.toml", `[project]
name = "X.y"
[project.optional-dependencies]
a = ["one"]
b = ["two", "x-y[a]"]
all = ["x_y[a,b]"]
loop = ["x-y[loop]"]
pinned = ["x-y[a]==1"]
`}, want: []string{
			"4 extra:a one", "5 extra:b two", "5 extra:b x-y[a] own", "4 extra:b one",
			"6 extra:all x_y[a,b] own", "4 extra:all one", "5 extra:all two", "5 extra:all x-y[a] own", "7 extra:loop x-y[loop] own", "8 extra:pinned x-y[a]==1",
		}},
		{name: "wrong types", files: []string{"pyproject.toml", "[project]\ndependencies = 'a'\n[project.optional-dependencies]\nx = [\n1]\n"}, gaps: []string{"2 unparsed", "5 unparsed"}},
		{name: "no requirement", files: []string{"pyproject.toml", "[project]\ndependencies = ['a', '!']\n"}, want: []string{"2  a"}, gaps: []string{"2 unparsed"}},
		{name: "no TOML", files: []string{"pyproject.toml", "[project]\ndependencies = ['a'\n"}, gaps: []string{"2 unparsed"}},
		{name: "a table twice", files: []string{"pyproject.toml", "[project]\ndependencies = ['a']\n[project]\ndependencies = ['b']\n"}, gaps: []string{"3 unparsed"}},
		{name: "a key twice", files: []string{"pyproject.toml", "[project]\ndependencies = ['a']\ndependencies = ['b']\n"}, gaps: []string{"3 unparsed"}},
		{name: "direct reference", files: []string{"pyproject.toml", "[project]\ndependencies = ['a @ git+https://t:x@h/r@main']\n"}, want: []string{"2  a <git+https://h/r@main>"}, gaps: []string{"2 unversioned"}},
	})
}

func TestDependencyGroups(t *testing.T) {
	run(t, []table{
		{name: "includes", files: []string{"pyproject.toml", "[dependency-groups]\na = ['x']\nB_b = [{include-group = 'A'}, 'y']\nc = [{include-group='b-b'}, {include-group='a'}, 'z']\n"}, want: []string{
			"2 group:a x", "2 group:b-b x", "3 group:b-b y", "2 group:c x", "3 group:c y", "4 group:c z"}},
		{name: "circle", files: []string{"pyproject.toml", "[dependency-groups]\na = [\n{include-group='b'}]\nb = [\n{include-group='a'}, 'y']\n"},
			want: []string{"5 group:a y", "5 group:b y"}, gaps: []string{"5 include", "3 include"}},
		{name: "itself", files: []string{"pyproject.toml", "[dependency-groups]\na = [{include-group='a'}]\n"}, gaps: []string{"2 include"}},
		{name: "missing", files: []string{"pyproject.toml", "[dependency-groups]\na = [{include-group='b'}]\n"}, gaps: []string{"2 include"}},
		{name: "another table", files: []string{"pyproject.toml", "[dependency-groups]\na = [{set-phasers-to='stun'}, 1]\n"}, gaps: []string{"2 unparsed", "2 unparsed"}},
		{name: "two of a name", files: []string{"pyproject.toml", "[dependency-groups]\na-a = ['x']\na_a = ['y']\n"}, want: []string{"2 group:a-a x"}, gaps: []string{"3 unparsed"}},
	})
}

func TestDynamic(t *testing.T) {
	const hatch = "[build-system]\nrequires=[]\nbuild-backend='hatchling.build'\n[project]\nname='x'\n"
	run(t, []table{
		{name: "hatch-requirements-txt", files: []string{"a/pyproject.toml", hatch + "dynamic=['dependencies','optional-dependencies']\n[tool.hatch.metadata.hooks.requirements_txt]\nfilename='requirements.txt'\n[tool.hatch.metadata.hooks.requirements_txt.optional-dependencies]\noauth=['o.txt']\n",
			"a/requirements.txt", "gradio==5\n# c\nnumpy", "a/o.txt", "authlib\n", "requirements.txt", "evil\n"},
			want: []string{"a/requirements.txt:1  gradio==5", "a/requirements.txt:3  numpy", "a/o.txt:1 extra:oauth authlib"}},
		{name: "hatch's default file", files: []string{"pyproject.toml", hatch + "dynamic=['dependencies']\n[tool.hatch.metadata.hooks.requirements_txt]\n", "requirements.txt", "a\n"}, want: []string{"requirements.txt:1  a"}},
		{name: "setuptools", files: []string{"pyproject.toml", "[project]\ndynamic=['dependencies','optional-dependencies']\n[tool.setuptools.dynamic]\ndependencies={file=['a.txt','b.txt']}\noptional-dependencies.t={file='c.txt'}\n",
			"a.txt", "a", "b.txt", "b", "c.txt", "c"}, want: []string{"a.txt:1  a", "b.txt:1  b", "c.txt:1 extra:t c"}},
		{name: "missing file", files: []string{"pyproject.toml", "[project]\ndynamic=['dependencies']\n[tool.setuptools.dynamic]\ndependencies={file='a.txt'}\n"}, gaps: []string{"4 include"}},
		{name: "outside", files: []string{"pyproject.toml", "[project]\ndynamic=['dependencies']\n[tool.setuptools.dynamic]\ndependencies={file=['../a.txt','/etc/a.txt']}\n"}, gaps: []string{"4 include", "4 include"}},
		{name: "code", files: []string{"pyproject.toml", hatch + "dynamic=['version','dependencies']\n"}, gaps: []string{"6 dynamic"}},
		{name: "optional code", files: []string{"pyproject.toml", hatch + "dynamic=['optional-dependencies']\n"}, gaps: []string{"6 dynamic"}},
		{name: "setup.py beside", files: []string{"pyproject.toml", "[project]\ndynamic=['dependencies']\n", "setup.py", ""}},
		{name: "setup.py beside, which another backend ignores", files: []string{"pyproject.toml", hatch + "dynamic=['dependencies']\n", "setup.py", ""}, gaps: []string{"6 dynamic"}},
		{name: "Poetry tells", files: []string{"pyproject.toml", "[build-system]\nbuild-backend='poetry.core.masonry.api'\n[project]\ndynamic=['dependencies']\n[tool.poetry.dependencies]\na='*'\n"}, want: []string{"6  a"}},
		{name: "Python", files: []string{"pyproject.toml", "[project]\ndynamic=['requires-python']\n"}, gaps: []string{"2 dynamic"}},
	})
}

func TestPoetry(t *testing.T) {
	run(t, []table{
		{name: "tables", files: []string{"pyproject.toml", `[tool.poetry]
name = "x"
[tool.poetry.dependencies]
python = "^3.8"
a = "^1.2.3"
b = {version = "~1.2", extras = ["X"], markers = "os_name == 'nt'", python = ">=3.9"}
c = {git = "https://u:p@h/c.git", tag = "v1", subdirectory = "d"}
d = {path = "../d", develop = true}
e = {url = "https://h/e-1.0-py3-none-any.whl"}
f = {version = "1", optional = true}
g = {version = "2", optional = true}
h = [{version = "1", python = "<3.10"}, {version = "2", python = ">=3.10"}]
i = {version = "*", source = "corp"}
[tool.poetry.extras]
one = ["f"]
Two = ["F"]
[tool.poetry.dev-dependencies]
j = ">=1,<2"
[tool.poetry.group.Docs.dependencies]
k = "1.*"
[[tool.poetry.source]]
name = "corp"
url = "https://u:p@corp/simple"
`}, want: []string{
			"5  a<2,>=1.2.3",
			`6  b[x]<1.3,>=1.2; os_name == "nt" and python_version >= "3.9"`,
			"7  c <git+https://h/c.git@v1#subdirectory=d>",
			"8  d <../d> editable",
			"9  e <https://h/e-1.0-py3-none-any.whl>",
			"10 extra:one f==1", "10 extra:two f==1", "11 extra: g==2",
			`12  h==1; python_version < "3.10"`, `12  h==2; python_version >= "3.10"`,
			"13  i from corp", "18 dev j<2,>=1", "20 group:docs k==1.*",
		}, gaps: []string{"7 unversioned", "8 unversioned"}},
		{name: "alternatives", files: []string{"pyproject.toml", "[tool.poetry.dependencies]\na = '^1 || ^3'\nb='^1 || ^1.2'\n"}, want: []string{"2  a<4,>=1", "3  b<2,>=1"}, gaps: []string{"2 range"}},
		{name: "wrong", files: []string{"pyproject.toml", "[tool.poetry.dependencies]\na = 1\nb = '^x'\nc = {version = 1}\n'!' = '1'\nd = {version='1', extras=['!'], markers='?'}\n"}, want: []string{"6  d==1"},
			gaps: []string{"2 unparsed", "3 unparsed", "4 unparsed", "5 unparsed", "6 unparsed", "6 unparsed"}},
	})
	f := read("pyproject.toml", "[tool.poetry.dependencies]\npython = '~3.8'\n")
	if f.RequiresPython != "<3.9,>=3.8" || f.RequiresPythonLine != 2 {
		t.Errorf("Python %q at line %d", f.RequiresPython, f.RequiresPythonLine)
	}
}

func TestTools(t *testing.T) {
	run(t, []table{
		{name: "PDM", files: []string{"pyproject.toml", "[tool.pdm.dev-dependencies]\ntest = [\n'a',\n'-e file:///${PROJECT_ROOT}/s#egg=s']\n[tool.pdm.resolution.overrides]\nb = '1.0'\nc = '>=2'\n"},
			want: []string{"3 group:test a", "4 group:test s <file:///${PROJECT_ROOT}/s#egg=s> editable", "6  b==1.0 constraint", "7  c>=2 constraint"}, gaps: []string{"4 unversioned"}},
		{name: "Flit of old", files: []string{"pyproject.toml", "[tool.flit.metadata]\nrequires=['a']\ndev-requires=['b']\n[tool.flit.metadata.requires-extra]\nx=['c']\n"}, want: []string{"2  a", "3 dev b", "5 extra:x c"}},
		{name: "Rye", files: []string{"pyproject.toml", "[tool.rye]\ndev-dependencies=['a']\n"}, want: []string{"2 dev a"}},
		{name: "Pixi is not read", files: []string{"pyproject.toml", "[tool.pixi.pypi-dependencies]\na='*'\n"}, gaps: []string{"1 unsupported"}},
		{name: "Hatch", files: []string{"pyproject.toml", "[tool.hatch.envs.lint]\ndependencies = ['a']\nextra-dependencies = ['b']\n[tool.hatch.envs.lint.overrides]\nmatrix.x.dependencies = [{value='c', if=['1']}, 'd']\n[tool.hatch.build.targets.wheel.hooks.v]\ndependencies=['no']\n[tool.hatch.build.hooks.v]\ndependencies=['e']\n"},
			want: []string{"2 group:lint a", "3 group:lint b", "5 group:lint c", "5 group:lint d", "9 build e"}},
		{name: "uv", files: []string{"pyproject.toml", `[project]
name = "x"
dependencies = ["a>=1", "b", "c", "d", "e", "f"]
[dependency-groups]
dev = ["a"]
[tool.uv]
dev-dependencies = ["g"]
constraint-dependencies = ["h<2"]
override-dependencies = ["f==3"]
[tool.uv.sources]
a = {git = "https://u:p@h/a", rev = "0123456789abcdef0123456789abcdef01234567"}
b = {index = "corp"}
c = [{index = "corp", marker = "sys_platform == 'linux'"}]
d = {workspace = true}
e = [{path = "../e", group = "dev"}, {url = "https://h/e-1.0-py3-none-any.whl"}]
[[tool.uv.index]]
name = "corp"
url = "https://u:p@corp/simple"
explicit = true
`}, want: []string{
			"3  a>=1 <git+https://h/a@0123456789abcdef0123456789abcdef01234567>", "3  b from corp",
			`3  c; sys_platform == "linux" from corp`, "3  c", "3  d own", "3  e <https://h/e-1.0-py3-none-any.whl>", "3  f==3",
			"5 group:dev a <git+https://h/a@0123456789abcdef0123456789abcdef01234567>", "7 dev g", "8  h<2 constraint", "9  f==3 constraint",
		}, gaps: []string{"3 unversioned", "5 unversioned"}},
		{name: "uv's sources are for the build too", files: []string{"pyproject.toml", "[build-system]\nrequires=['a']\n[tool.uv]\nbuild-constraint-dependencies=['b<2']\n[tool.uv.sources]\na={url='https://h/a-1.0-py3-none-any.whl'}\n"},
			want: []string{"2 build a <https://h/a-1.0-py3-none-any.whl>", "4 build b<2 constraint"}},
	})
}

func TestIndexes(t *testing.T) {
	f := read("pyproject.toml", "[tool.uv]\nindex-url='https://u:p@a/'\nextra-index-url=['http://b/']\nfind-links=['./w']\n[[tool.uv.index]]\nurl='https://c/'\nname='c'\nexplicit=true\n[[tool.pdm.source]]\nname='pypi'\nurl='https://d/'\nverify_ssl=false\n")
	want := []pyproject.Index{
		{Name: "pypi", URL: "https://d/", Line: 11, Default: true, Insecure: true},
		{Name: "c", URL: "https://c/", Line: 6, Explicit: true},
		{URL: "https://a/", Line: 2, Default: true, Credentials: true}, {URL: "http://b/", Line: 3}, {URL: "./w", Line: 4, Links: true},
	}
	if diff := cmp.Diff(f.Indexes, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	var options []string
	for _, o := range f.Pip().Options {
		options = append(options, fmt.Sprintf("%d %s %s", o.Line, o.Name, o.Value))
	}
	if diff := cmp.Diff(options, []string{"11 --index-url https://d/", "11 --trusted-host d", "6 --index-url https://c/", "2 --index-url https://a/", "3 --extra-index-url http://b/", "4 --find-links ./w"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

// A source whose certificate Pipenv does not check is what --trusted-host is to
// pip, which is how the linter hears of it.
func TestUnverifiedSource(t *testing.T) {
	for _, test := range []struct{ verify, want string }{
		{"false", "4 --trusted-host corp:8443"}, {"true", ""}, {"'false'", ""},
	} {
		f := read("Pipfile", "[[source]]\nverify_ssl = "+test.verify+"\nname = 'x'\nurl = 'https://u:p@corp:8443/simple'\n[packages]\na = '*'\n")
		got := ""
		for _, o := range f.Pip().Options {
			if o.Name == "--trusted-host" {
				got = fmt.Sprintf("%d %s %s", o.Line, o.Name, o.Value)
			}
		}
		if got != test.want {
			t.Errorf("verify_ssl = %s: got %q, want %q", test.verify, got, test.want)
		}
	}
}

func TestPipfile(t *testing.T) {
	run(t, []table{{name: "Pipfile", files: []string{"Pipfile", `[[source]]
url = "https://pypi.org/simple"
verify_ssl = true
name = "pypi"
[packages]
a = "*"
b = "==1.0"
c = {version = ">=1", extras = ["x"], sys_platform = "== 'win32'", index = "corp"}
d = {git = "git@h:o/d.git", ref = "main", editable = true}
e = {path = ".", editable = true}
f = {file = "https://h/f-1.0.tar.gz"}
[dev-packages]
g = "~=1.2"
[docs]
h = "*"
[requires]
python_version = "3.11"
[scripts]
run = "python x.py"
`}, want: []string{"6  a", "7  b==1.0", `8  c[x]>=1; sys_platform == "win32" from corp`, "9  d <git+ssh://git@h/o/d.git@main> editable", "10  e <.> own editable",
		"11  f <https://h/f-1.0.tar.gz>", "13 dev g~=1.2", "15 group:docs h"}, gaps: []string{"9 unversioned", "11 unversioned"}}})
}

func TestScript(t *testing.T) {
	run(t, []table{
		{name: "none", files: []string{"app.py", "import os\n# /// is used here\n"}},
		{name: "script", files: []string{"app.py", "#!/usr/bin/env python\n# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"gradio==4.19.0\",\n#\n#   'rich',\n# ]\n# ///\nimport gradio\n"}, want: []string{"5  gradio==4.19.0", "7  rich"}},
		{name: "other type", files: []string{"app.py", "# /// other\n# dependencies = ['a']\n# ///\n"}},
		{name: "not closed", files: []string{"app.py", "# /// script\n# dependencies = ['a']\n\n# ///\n"}},
		{name: "two", files: []string{"app.py", "# /// script\n# dependencies = ['a']\n# ///\n\n# /// script\n# dependencies = ['b']\n# ///\n"}, want: []string{"2  a", "6  b"}, gaps: []string{"5 unparsed"}},
		{name: "no TOML", files: []string{"app.py", "# /// script\n# x = [\n# ///\n"}, gaps: []string{"2 unparsed"}},
		{name: "CRLF", files: []string{"app.py", "# /// script\r\n# dependencies = ['a']\r\n# ///\r\n"}, want: []string{"2  a"}},
		{name: "uv's sources", files: []string{"app.py", "# /// script\n# dependencies = ['a']\n# [tool.uv.sources]\n# a = {git='https://h/a'}\n# ///\n"}, want: []string{"2  a <git+https://h/a>"}, gaps: []string{"2 unversioned"}},
	})
}

func TestDocument(t *testing.T) {
	d := read("a/pyproject.toml", "[project]\nname='x'\ndependencies=['Gradio[B,a]==4.19.0; os_name==\"nt\"', 'n>=1,<2', 'w @ https://u:p@h/w-1.0-py3-none-any.whl#sha256=AB']\n[tool.uv.sources]\nn={index='c'}\n[[tool.uv.index]]\nname='c'\nurl='https://u:p@c/simple'\n").Document()
	at := []sbom.Location{{File: "a/pyproject.toml", Line: 3}}
	want := []sbom.Component{
		{Name: "Gradio", Version: "4.19.0", Specifier: "==4.19.0", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.0", Evidence: sbom.Declared, Locations: at, Extras: []string{"a", "b"}, Marker: `os_name == "nt"`},
		{Name: "n", Specifier: "<2,>=1", Ecosystem: "PyPI", PURL: "pkg:pypi/n", Evidence: sbom.Declared, Locations: at, URL: "https://c/simple"},
		{Name: "w", Version: "1.0", Ecosystem: "PyPI", PURL: "pkg:pypi/w@1.0", Evidence: sbom.Declared, Locations: at, URL: "https://h/w-1.0-py3-none-any.whl#sha256=AB", Hashes: []string{"sha256:ab"}},
	}
	if diff := cmp.Diff(d.Components, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	if len(d.Gaps) != 0 {
		t.Errorf("gaps %v", d.Gaps)
	}
}

func TestPip(t *testing.T) {
	f := read("pyproject.toml", "[build-system]\nrequires=['s']\n[project]\nname='x'\ndependencies=['a @ git+https://h/a@main']\n[project.optional-dependencies]\ne=['b', 'x[e]']\n")
	for want, scopes := range map[string][]string{"a b s": nil, "a": {""}, "b s": {"build", "extra:e"}} {
		var got []string
		for _, e := range f.Pip(scopes...).Entries {
			got = append(got, e.Requirement.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, want %s", scopes, got, want)
		}
	}
}

func TestReads(t *testing.T) {
	for base, want := range map[string]bool{
		"pyproject.toml": true, "setup.py": true, "setup.cfg": true, "Pipfile": true, "environment.yml": true, "environment.yaml": true, "environment-gpu.yml": true,
		"conda.yaml": true, "app.py": true, "requirements.txt": false, "Pipfile.lock": false, "environment.json": false, "values.yaml": false, "tox.ini": false,
	} {
		if pyproject.Reads(base) != want {
			t.Errorf("%s: %t", base, !want)
		}
	}
	if f := read("tox.ini", "x"); len(f.Gaps) != 1 || f.Gaps[0].Kind != sbom.GapUnsupported {
		t.Errorf("%v", f.Gaps)
	}
	if f := pyproject.Read(folder(), "setup.py"); len(f.Gaps) != 1 || f.Gaps[0].Kind != sbom.GapUnread || strings.Contains(f.Gaps[0].Reason, "open") {
		t.Errorf("%v", f.Gaps)
	}
}
