package pyproject_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyproject"
)

// hostile are files that are made to take for ever, or to crash.
func hostile() map[string][2]string {
	const n = 5_000
	var chain, groups, names strings.Builder
	chain.WriteString("[project]\nname='x'\n[project.optional-dependencies]\n")
	groups.WriteString("[dependency-groups]\n")
	for i := range n {
		fmt.Fprintf(&chain, "e%d=['x[e%d]','p']\n", i, i+1)
		fmt.Fprintf(&groups, "g%d=['p',{include-group='g%d'},{include-group='g%d'}]\n", i, i+1, i+2)
		fmt.Fprintf(&names, "n%d = n%d + n%d\n", i, i+1, i+1)
	}
	return map[string][2]string{
		"a chain of extras":         {"pyproject.toml", chain.String()},
		"a chain of groups":         {"pyproject.toml", groups.String()},
		"nested arrays":             {"pyproject.toml", "[project]\ndependencies=" + strings.Repeat("[", 1<<20)},
		"nested tables":             {"pyproject.toml", "a=" + strings.Repeat("{a=", 1<<18)},
		"a dotted key":              {"pyproject.toml", strings.Repeat("a.", 1<<18) + "a=1"},
		"alternatives":              {"pyproject.toml", "[tool.poetry.dependencies]\na='" + strings.Repeat("^1||", 1<<18) + "'"},
		"clauses":                   {"pyproject.toml", "[tool.poetry.dependencies]\na='" + strings.Repeat("!=1,", 1<<18) + "'"},
		"a number":                  {"pyproject.toml", "[tool.poetry.dependencies]\na='^" + strings.Repeat("9", 1<<20) + "'"},
		"sources":                   {"pyproject.toml", "[project]\ndependencies=[" + strings.Repeat("'a',", n) + "]\n[tool.uv.sources]\na=[" + strings.Repeat("{index='x'},", n) + "]"},
		"calls inside of calls":     {"setup.py", strings.Repeat("setup(", limit.PythonBytes/6)},
		"brackets":                  {"setup.py", "setup(install_requires=" + strings.Repeat("[", limit.PythonBytes/2)},
		"sums":                      {"setup.py", "setup(install_requires=" + strings.Repeat("['a']+", limit.PythonBytes/8) + "[])"},
		"names that double":         {"setup.py", names.String() + "setup(install_requires=n0)"},
		"uses of a name":            {"setup.py", "a=['x']\nb=[" + strings.Repeat("a,", limit.PythonBytes/3) + "]\nsetup(install_requires=b)"},
		"a string that never ends":  {"setup.py", "setup(install_requires=['''" + strings.Repeat("\\", 1<<19)},
		"larger than Python's":      {"setup.py", "setup(install_requires=['a'])" + strings.Repeat(" ", limit.PythonBytes)},
		"opened blocks":             {"app.py", strings.Repeat("# /// script\n", 1<<18)},
		"larger than any":           {"pyproject.toml", strings.Repeat("\n", limit.ManifestBytes+1)},
		"aliases of aliases":        {"environment.yml", "a: &a [x,x,x,x]\nb: &b {pip: *a}\ndependencies: [" + strings.Repeat("*b,", n*2) + "]\n"},
		"an alias of itself":        {"environment.yml", "dependencies: &a [*a, {pip: *a}]\n"},
		"deep YAML":                 {"environment.yml", strings.Repeat("[", 1<<17)},
		"an option without an end":  {"setup.cfg", "[options]\ninstall_requires=" + strings.Repeat("a;", 1<<18)},
		"a requirement that is all": {"Pipfile", "[packages]\na='" + strings.Repeat("=", 1<<20) + "'"},
	}
}

// TestHostileFiles holds that each of them ends, in little time and memory,
// with something to show for it.
func TestHostileFiles(t *testing.T) {
	silent := map[string]bool{"a dotted key": true, "sums": true, "opened blocks": true, "a requirement that is all": true, "aliases of aliases": true}
	for name, file := range hostile() {
		t.Run(name, func(t *testing.T) {
			f := read(file[0], file[1])
			if len(f.Gaps) == 0 && !silent[name] {
				t.Errorf("%d requirements and no gap", len(f.Requirements))
			}
			if len(f.Requirements) > limit.ManifestLines {
				t.Errorf("%d requirements", len(f.Requirements))
			}
			for _, g := range f.Gaps {
				if len(g.Reason) > 4000 {
					t.Errorf("a reason of %d bytes", len(g.Reason))
				}
			}
		})
	}
}

// TestNoCredentialsLeave puts a secret wherever a URL may stand.
func TestNoCredentialsLeave(t *testing.T) {
	const url = "https://user:hunter2@h.example/x"
	for name, content := range map[string]string{
		"pyproject.toml": "[build-system]\nrequires=['a @ U', '! U']\n[project]\nname='U'\nrequires-python='U'\ndependencies=['b @ git+U','c U']\ndynamic=['dependencies']\n[tool.setuptools.dynamic]\ndependencies={file=['U']}\n" +
			"[dependency-groups]\n'U'=['U',{include-group='U'}]\n[tool.poetry.dependencies]\nd={git='U',markers='U',extras=['U']}\ne='U'\n'U'='1'\n[tool.pdm.dev-dependencies]\nx=['-e git+U#egg=f','-f U']\n[tool.pdm.resolution.overrides]\ng='U'\n" +
			"[tool.uv]\nindex-url='U'\n[tool.uv.sources]\nb={url='U',marker='U'}\nh={git='U'}\n[[tool.uv.index]]\nname='U'\nurl='U'\n[[tool.poetry.source]]\nname='z'\nurl='U'\n",
		"setup.py":        "setup(name='U', install_requires=['a @ U', 'U', f()], extras_require={'U': ['U'], 'x:U': ['a']}, python_requires='U')\n",
		"setup.cfg":       "[metadata]\nname = U\n[options]\ninstall_requires =\n    a @ U\n    U\npython_requires = U\n[options.extras_require]\nx:U = a\nU\n",
		"Pipfile":         "[packages]\na={git='U',ref='U'}\nb='U'\nc={file='U'}\n[[source]]\nname='x'\nurl='U'\n",
		"environment.yml": "dependencies:\n- U\n- a=U\n- pip:\n  - a @ U\n  - --index-url U\n  - U\n- U: [x]\n",
		"app.py":          "# /// script\n# dependencies = ['a @ U', 'U']\n# x = U\n# ///\n",
	} {
		f := read(name, strings.ReplaceAll(content, "U", url))
		for what, value := range map[string]any{"gaps": f.Gaps, "document": f.Document(), "indexes": f.Indexes, "requirements": fmt.Sprintf("%+v", f.Requirements), "conda": f.Conda, "project": f.Project, "python": f.RequiresPython} {
			if text := fmt.Sprintf("%+v", value); strings.Contains(text, "hunter2") {
				t.Errorf("%s: %s: %s", name, what, text)
			}
		}
	}
}

// FuzzRead holds for every format that nothing panics, that lines are lines of
// the file, that each requirement is named or linked, and that what the gaps
// hide is set.
func FuzzRead(f *testing.F) {
	names := []string{"pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "environment.yml", "app.py"}
	for i, seed := range []string{
		"[project]\nname='x'\ndependencies=['a==1']\n[project.optional-dependencies]\nb=['x[c]']\n[dependency-groups]\ng=[{include-group='g'}]\n[tool.poetry.dependencies]\np={version='^1||2',optional=true}\n[tool.uv.sources]\na=[{index='i',marker=\"os_name=='nt'\"}]\n",
		"a=['x']\nb: list = a + ['y']\nsetup(install_requires=b, extras_require={'c:os_name==\"nt\"': '''d\ne'''}, **{'python_requires': '>=3'})\n",
		"[options]\ninstall_requires =\n  a\n  b;c\n[options.extras_require]\nd:os_name=='nt' = e\n",
		"[[source]]\nurl='https://u:p@h/'\n[packages]\na={version='*',os_name=\"=='nt'\"}\n",
		"dependencies:\n- a=1=b\n- pip: &p\n  - c==1\n  - '-r x'\n- pip: *p\n",
		"# /// script\n# dependencies=['a']\n# ///\n",
	} {
		f.Add(uint8(i), seed)
	}
	f.Fuzz(func(t *testing.T, which uint8, content string) {
		name := names[int(which)%len(names)]
		file := read(name, content)
		count := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(content), "\n") + 1
		if strings.HasSuffix(name, ".yml") {
			// YAML ends lines at more characters.
			count += strings.Count(content, "\u0085") + strings.Count(content, "\u2028") + strings.Count(content, "\u2029")
		}
		for _, q := range file.Requirements {
			if q.Requirement.Name == "" && q.Link == "" || q.File != name || q.Line < 1 || q.Line > count {
				t.Errorf("%s, %d lines: %+v", name, count, q)
			}
			if q.Alternatives != nil && !q.Alternatives.SubsetOf(q.Requirement.Specifiers.Set()) {
				t.Errorf("%s: %q does not admit %s", name, q.Requirement.Specifiers, q.Alternatives)
			}
		}
		for _, g := range file.Gaps {
			if g.Line < 0 || g.Line > count+1 || g.Hides != g.Kind.Hides() {
				t.Errorf("%s, %d lines: %+v", name, count, g)
			}
		}
		for _, c := range file.Document().Components {
			if c.Evidence != sbom.Declared || c.Name == "" {
				t.Errorf("%s: %+v", name, c)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for _, x := range []struct{ folder, name string }{
		{"data/gradio", "pyproject.toml"},
		{"data/gradio-apps", "bmaltais+kohya_ss/pyproject.toml"},
		{"data/gradio-apps", "microsoft+unilm/edgelm/setup.py"},
	} {
		b.Run(x.name, func(b *testing.B) {
			fsys := shared(b, x.folder)
			b.ReportAllocs()
			for b.Loop() {
				pyproject.Read(fsys, x.name).Document()
			}
		})
	}
}
