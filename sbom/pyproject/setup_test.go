package pyproject_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pyproject"
)

func TestSetupCfg(t *testing.T) {
	run(t, []table{
		{name: "tools only", files: []string{"setup.cfg", "[flake8]\nmax-line-length = 100\n[isort]\nknown =\n    a\n    b\n"}},
		{name: "options", files: []string{"setup.cfg", `[metadata]
name = x
[options]
install_requires =
    gradio==4.19.0
    # a comment
    torch>=2; python_version < "3.12"

    numpy
setup-requires = wheel; cython
tests_require = pytest ; python_version > "3"
python_requires = >=3.8
[options.extras_require]
dev = ruff
win:sys_platform == "win32" =
    pywin32
`}, want: []string{"5  gradio==4.19.0", `7  torch>=2; python_version < "3.12"`, "9  numpy", "10 build wheel", "10 build cython", `11 dev pytest; python_version > "3"`,
			"14 extra:dev ruff", `16 extra:win pywin32; sys_platform == "win32"`}},
		{name: "files", files: []string{"a/setup.cfg", "[options]\ninstall_requires = file: r.txt, s.txt\n", "a/r.txt", "x\n", "a/s.txt", "\ny\n"}, want: []string{"a/r.txt:1  x", "a/s.txt:2  y"}},
		{name: "outside", files: []string{"setup.cfg", "[options]\ninstall_requires = file: ../r.txt\n"}, gaps: []string{"2 include"}},
		{name: "links", files: []string{"setup.cfg", "[options]\ndependency_links = https://u:p@h/\n"}, gaps: []string{"2 unsupported"}},
		{name: "no INI", files: []string{"setup.cfg", "install_requires = a\n[options]\nwhat\n"}, gaps: []string{"1 unparsed", "3 unparsed"}},
	})
}

func TestSetupPyLiterals(t *testing.T) {
	run(t, []table{
		{name: "lists", files: []string{"setup.py", `from setuptools import setup
setup(
    name="x",
    install_requires=[
        "gradio==4.19.0",  # why
        'torch>=2; python_version < "3.12"',
        "num" "py",
        r"raw", u"old", """triple""",
        "sp" + "lit",
    ],
    extras_require={"dev": ["ruff"], ':sys_platform == "win32"': ("pywin32",), "E:os_name=='nt'": "a\nb"},
    setup_requires=("wheel",),
    tests_require="pytest",
    python_requires=">=3.8",
)
`}, want: []string{"5  gradio==4.19.0", `6  torch>=2; python_version < "3.12"`, "7  numpy", "8  raw", "8  old", "8  triple", "9  split",
			"11 extra:dev ruff", `11  pywin32; sys_platform == "win32"`, `11 extra:e a; os_name == "nt"`, `12 extra:e b; os_name == "nt"`, "12 build wheel", "13 dev pytest"}},
		{name: "names", files: []string{"setup.py", `import setuptools
base = ["a"]
more: list = base + [
    "b"]
extras = {"x": more}
options = dict
setuptools.setup(install_requires=more, extras_require=extras)
`}, want: []string{"2  a", "4  b", "2 extra:x a", "4 extra:x b"}},
		{name: "keywords spread", files: []string{"setup.py", "kw = {'install_requires': ['a']}\nsetup(**kw)\n"}, want: []string{"1  a"}},
		{name: "list spread", files: []string{"setup.py", "a = ['x']\nsetup(install_requires=[*a, 'y'])\n"}, want: []string{"1  x", "2  y"}},
		{name: "in a condition", files: []string{"setup.py", "if __name__ == '__main__':\n    setup(install_requires=['a'])\n"}, want: []string{"2  a"}},
		{name: "two calls", files: []string{"setup.py", "if x:\n    setup(install_requires=['a'])\nelse:\n    setup(install_requires=['b'])\n"}, want: []string{"2  a", "4  b"}},
		{name: "none of it", files: []string{"setup.py", "setup(name='x', packages=find_packages(), install_requires=None, extras_require=None)\n"}},
		{name: "in a comment", files: []string{"setup.py", "# setup(install_requires=['a'])\nx = \"setup(install_requires=['b'])\"\n'''\nsetup(install_requires=['c'])\n'''\nsetup()\n"}},
		{name: "continued lines", files: []string{"setup.py", "setup(install_requires=[\\\n'a'\\\n])\n"}, want: []string{"2  a"}},
		{name: "semicolon", files: []string{"setup.py", "import x; setup(install_requires=['a'])\n"}, want: []string{"1  a"}},
		{name: "CRLF", files: []string{"setup.py", "setup(\r\ninstall_requires=['a'])\r\n"}, want: []string{"2  a"}},
	})
}

// What code could change is never taken for a literal.
func TestSetupPyCode(t *testing.T) {
	dynamic := func(name, source string, want []string, gaps ...string) table {
		return table{name: name, files: []string{"setup.py", source}, want: want, gaps: gaps}
	}
	run(t, []table{
		dynamic("call", "setup(install_requires=read('r.txt'))\n", nil, "1 dynamic"),
		dynamic("item", "setup(install_requires=['a',\nf()])\n", []string{"1  a"}, "2 dynamic"),
		dynamic("format", "v=1\nsetup(install_requires=['a==%s' % v, 'b'.lower(), f'c=={v}', f'd', 'e' if v else 'f'])\n", []string{"2  d"}, "2 dynamic", "2 dynamic", "2 dynamic", "2 dynamic"),
		dynamic("bytes", "setup(install_requires=[b'a'])\n", nil, "1 dynamic"),
		dynamic("escape", `setup(install_requires=['\x61'])`, nil, "1 dynamic"),
		dynamic("comprehension", "setup(install_requires=[x for x in y])\n", nil, "1 dynamic"),
		dynamic("sum", "setup(install_requires=['a'] + more)\n", []string{"1  a"}, "1 dynamic"),
		dynamic("bound twice", "a = ['x']\na = ['y']\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("bound in a condition", "a = ['x']\nif b:\n    a = ['y']\nsetup(install_requires=a)\n", nil, "4 dynamic"),
		dynamic("added to", "a = ['x']\na += ['y']\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("appended to", "a = ['x']\na.append('y')\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("changed by an index", "a = ['x']\na[0] = 'y'\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("given away", "a = ['x']\nf(a)\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("given away by a keyword", "a = ['x']\nf(b=a)\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("given away in a list", "a = ['x']\nf([a])\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("given away by another name", "a = ['x']\nb = a\nb.append('y')\nsetup(install_requires=a)\n", nil, "4 dynamic"),
		dynamic("changed by a loop", "a = ['x']\nfor a in [['y']]: pass\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("bound among others", "a = ['x']\nb, a = 1, ['y']\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("bound in an expression", "a = ['x']\nif (a := ['y']): pass\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("imported over", "a = ['x']\nfrom b import a\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("bound as a function", "a = ['x']\ndef a(): pass\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("changed behind its back", "a = ['x']\nglobals()['a'].append('y')\nsetup(install_requires=a)\n", nil, "3 dynamic"),
		dynamic("changed while it is given", "a = ['x']\nsetup(install_requires=a, name=a.pop())\n", nil, "2 dynamic"),
		dynamic("changed while something is given", "a = ['x']\nsetup(name=f(a), install_requires=a)\n", nil, "2 dynamic"),
		dynamic("indexed", "a = ['x']\nsetup(install_requires=a[1:])\n", nil, "2 dynamic"),
		dynamic("circle", "a = b\nb = a\nsetup(install_requires=a)\n", nil, "1 dynamic"),
		dynamic("keywords", "setup(**f())\n", nil, "1 dynamic"),
		dynamic("keywords in part", "setup(**{'install_requires': ['a'], k: ['b']})\n", []string{"1  a"}, "1 dynamic"),
		dynamic("extras", "setup(extras_require={'a': ['x'], **more, 'b': g()})\n", []string{"1 extra:a x"}, "1 dynamic", "1 dynamic"),
		dynamic("pbr", "setup(setup_requires=['pbr'], pbr=True)\n", []string{"1 build pbr"}, "1 dynamic"),
		dynamic("no call", "from setuptools import setup as s\ns(install_requires=['a'])\n", nil, "0 dynamic"),
		dynamic("own function", "import setuptools\ndef setup(x): pass\n", nil, "0 dynamic"),
		dynamic("Python", "setup(python_requires=f())\n", nil, "1 dynamic"),
		dynamic("no UTF-8", "setup(install_requires=['a'])\n# \xff\n", nil, "0 unparsed"),
		dynamic("no requirement", "setup(install_requires=['!', ''])\n", nil, "1 unparsed"),
	})
}

func TestConda(t *testing.T) {
	run(t, []table{
		{name: "pip section", files: []string{"a/environment.yml", `name: x
channels: [conda-forge]
dependencies:
  - python=3.10
  - pip
  - pip:
      - gradio==4.19.0
      - "torch>=2 ; python_version < '3.12'"
      - -r more.txt
      - --extra-index-url https://u:p@h/simple
      - git+https://h/r
`, "a/more.txt", "\nnumpy\n"}, want: []string{"7  gradio==4.19.0", `8  torch>=2; python_version < "3.12"`, "a/more.txt:2  numpy", "11   <git+https://h/r>"}, gaps: []string{"11 unversioned"}},
		{name: "the project itself", files: []string{"a/environment.yml", "dependencies:\n- pip:\n  - -e .\n  - -e ..\n  - -e ../..\n"}, want: []string{"3   <.> own editable", "4   <..> own editable", "5   <../..> editable"}, gaps: []string{"5 unversioned"}},
		{name: "aliases", files: []string{"environment.yml", "x: &p\n  - a\ndependencies:\n  - pip: *p\n"}, want: []string{"2  a"}},
		{name: "one line", files: []string{"environment.yml", "dependencies: [{pip: [a, 'b==1']}]\n"}, want: []string{"1  a", "1  b==1"}},
		{name: "no YAML", files: []string{"environment.yml", "a: [\n"}, gaps: []string{"0 unparsed"}},
		{name: "another tool's template", files: []string{"environment-x.yml", "a: {{ x }\n"}},
		{name: "another tool's", files: []string{"conda.yaml", "kind: x\n"}},
		{name: "wrong", files: []string{"environment.yml", "dependencies:\n  - [a]\n  - npm: [b]\n  - pip: [[c]]\n"}, gaps: []string{"2 unparsed", "3 unsupported", "4 unparsed"}},
		{name: "no list", files: []string{"environment.yml", "dependencies: a\n"}, gaps: []string{"1 unparsed"}},
	})
	f := read("environment.yml", "dependencies:\n- numpy=1.26\n- conda-forge::scipy==1.11.0\n- x 1.0 py310_0\n- y>=2,<3\n- python=3.10\n- z\n")
	want := []pyproject.CondaPackage{
		{Name: "numpy", Specifier: "=1.26", Line: 2}, {Name: "scipy", Version: "1.11.0", Specifier: "==1.11.0", Channel: "conda-forge", Line: 3},
		{Name: "x", Version: "1.0", Specifier: "1.0 py310_0", Build: "py310_0", Line: 4}, {Name: "y", Specifier: ">=2,<3", Line: 5},
		{Name: "python", Specifier: "=3.10", Line: 6}, {Name: "z", Line: 7},
	}
	if diff := cmp.Diff(f.Conda, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	if f.RequiresPython != "==3.10.*" {
		t.Errorf("Python %q", f.RequiresPython)
	}
	d := f.Document()
	if len(d.Gaps) != 1 || d.Gaps[0].Kind != "no-advisories" || !d.Gaps[0].Hides {
		t.Errorf("gaps %v", d.Gaps)
	}
	if c := d.Components[2]; c.PURL != "pkg:conda/scipy@1.11.0?channel=conda-forge" || c.Ecosystem != "" {
		t.Errorf("%+v", c)
	}
}
