package audit

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// scopesOfFiles audits a folder and returns "name scope file:line" lines of its
// Python components.
func scopesOfFiles(t *testing.T, f *Folder) []string {
	t.Helper()
	s, err := (&Auditor{Stages: []string{StageSBOM}}).collect(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	components := sbom.Merge("", s.docs...).Components
	if s.rescopes(components) {
		components = sbom.Merge("", &sbom.Document{Components: s.scoped(components, nil)}).Components
	}
	var out []string
	for _, c := range components {
		var files []string
		for _, at := range c.Locations {
			files = append(files, at.File)
		}
		out = append(out, c.Name+" "+strings.Join(c.AllScopes(), "+")+" "+strings.Join(files, "+"))
	}
	return out
}

func TestDemoScope(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for _, test := range []struct {
		name string
		dir  string
		fsys fstest.MapFS
		want []string
	}{
		{"ByPath", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/x/requirements.txt": file("b==1\n"), "src/Examples/requirements.txt": file("c==1\n"),
			"demonstration/requirements.txt": file("d==1\n"),
		}, []string{"a runtime requirements.txt", "b demo demo/x/requirements.txt", "c demo src/Examples/requirements.txt", "d runtime demonstration/requirements.txt"}},
		{"TheAuditedFolderIsADemo", "demo/x", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/x/requirements.txt": file("b==1\n"),
		}, []string{"b runtime requirements.txt"}},
		{"NothingButDemos", ".", fstest.MapFS{
			"examples/x/requirements.txt": file("b==1\n"),
		}, []string{"b runtime examples/x/requirements.txt"}},
		{"NothingButDemosAndAConstraint", ".", fstest.MapFS{
			"requirements.txt": file("-c examples/x/requirements.txt\n"), "examples/x/requirements.txt": file("b==1\n"),
		}, []string{"b runtime examples/x/requirements.txt", "b runtime examples/x/requirements.txt"}},
		{"IncludedFromOutside", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n-r demo/requirements.txt\n"), "demo/requirements.txt": file("b==1\n-r more.txt\n"), "demo/more.txt": file("c==1\n"),
		}, []string{"a runtime requirements.txt", "b runtime demo/requirements.txt", "c runtime demo/more.txt"}},
		{"InstalledFromOutside", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/requirements.txt": file("b==1\n"), "demo/y/requirements.txt": file("c==1\n"),
			"Dockerfile": file("FROM python:3.13\nRUN pip install -r demo/requirements.txt\n"),
		}, []string{"a runtime requirements.txt", "b runtime demo/requirements.txt", "c demo demo/y/requirements.txt"}},
		{"CopiedFromOutside", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/x/requirements.txt": file("b==1\n"), "demo/y/requirements.txt": file("c==1\n"),
			"docker/Dockerfile": file("FROM python:3.13\nCOPY ./demo/x/*.txt /app/\nRUN pip install -r /app/requirements.txt\n"),
		}, []string{"a runtime requirements.txt", "b runtime demo/x/requirements.txt", "c demo demo/y/requirements.txt"}},
		{"BuiltFromOutside", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/x/requirements.txt": file("b==1\n"), "demo/y/requirements.txt": file("c==1\n"),
			"compose.yaml": file("services: {x: {build: ./demo/x}}\n"), "demo/y/compose.yaml": file("services: {x: {build: .}}\n"),
		}, []string{"a runtime requirements.txt", "b runtime demo/x/requirements.txt", "c demo demo/y/requirements.txt"}},
		{"TheWholeFolderIsCopied", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/x/requirements.txt": file("b==1\n"),
			"Dockerfile": file("FROM python:3.13\nCOPY . .\nRUN pip install -r requirements.txt\n"),
		}, []string{"a runtime requirements.txt", "b demo demo/x/requirements.txt"}},
		{"TheDemosOwnDockerfile", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/x/requirements.txt": file("b==1\n"),
			"demo/x/Dockerfile": file("FROM python:3.13\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"),
		}, []string{"a runtime requirements.txt", "b demo demo/x/requirements.txt"}},
		{"EnteredAfterTheWholeFolderIsCopied", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/x/requirements.txt": file("b==1\n"), "demo/y/requirements.txt": file("c==1\n"), "demo/z/requirements.txt": file("d==1\n"),
			"Dockerfile": file("FROM python:3.13\nCOPY . /src\nWORKDIR /src/demo/x\nRUN pip install -r requirements.txt\nRUN cd /src/demo/y && pip install -r requirements.txt\n"),
		}, []string{"a runtime requirements.txt", "b runtime demo/x/requirements.txt", "c runtime demo/y/requirements.txt", "d demo demo/z/requirements.txt"}},
		{"InstalledAsAFolder", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/x/requirements.txt": file("b==1\n"), "demo/y/requirements.txt": file("c==1\n"),
			"Dockerfile": file("FROM python:3.13\nCOPY . /src\nRUN pip install /src/demo/x[all]\nRUN uv sync --project=/src/demo/y\n"),
		}, []string{"/src/demo/x runtime Dockerfile", "a runtime requirements.txt", "b runtime demo/x/requirements.txt", "c runtime demo/y/requirements.txt"}},
		{"AFolderOfTheSameNameInTheImage", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/requirements.txt": file("b==1\n"),
			"Dockerfile": file("FROM python:3.13\nWORKDIR /demo\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"),
		}, []string{"a runtime requirements.txt", "b demo demo/requirements.txt"}},
		{"BuiltByACompose", ".", fstest.MapFS{
			"requirements.txt": file("a==1\n"), "demo/x/requirements.txt": file("b==1\n"), "demo/y/requirements.txt": file("c==1\n"),
			"demo/x/Dockerfile": file("FROM python:3.13\nRUN pip install d==1\n"),
			"compose.yaml":      file("services:\n  app:\n    build: demo/x\n"), "demo/y/compose.yaml": file("services:\n  app:\n    build: .\n"),
		}, []string{"a runtime requirements.txt", "b runtime demo/x/requirements.txt", "c demo demo/y/requirements.txt", "d runtime demo/x/Dockerfile"}},
		{"GroupsAndExtras", ".", fstest.MapFS{
			"pyproject.toml":      file("[dependency-groups]\ndev = [\"a==1\"]\ndocs = [\"b==1\"]\n"),
			"demo/pyproject.toml": file("[dependency-groups]\ndev = [\"c==1\"]\ndocs = [\"d==1\"]\n"),
		}, []string{"a dev pyproject.toml", "b group:docs pyproject.toml", "c dev demo/pyproject.toml", "d demo demo/pyproject.toml"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, scopesOfFiles(t, &Folder{FS: test.fsys, Dir: test.dir})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A finding is a demo's only when nothing else brings the package in.
func TestDemoScopeOfAFinding(t *testing.T) {
	at := func(file string) sbom.Location { return sbom.Location{File: file, Line: 1} }
	s := &source{demo: map[string]bool{"demo/r.txt": true}}
	components := []sbom.Component{
		{Name: "a", Ecosystem: "PyPI", Locations: []sbom.Location{at("demo/r.txt"), at("r.txt")}},
		{Name: "a", Ecosystem: "PyPI", Constraint: true, Locations: []sbom.Location{at("c.txt")}},
	}
	layer := at("demo/r.txt")
	layer.Layer = "sha256:1"
	for _, test := range []struct {
		name   string
		places []sbom.Location
		scopes []string
		want   []string
	}{
		{"Demo", []sbom.Location{at("demo/r.txt")}, nil, []string{"demo"}},
		{"DemoAndConstraint", []sbom.Location{at("c.txt"), at("demo/r.txt")}, nil, []string{"demo"}},
		{"DemoAndRuntime", []sbom.Location{at("demo/r.txt"), at("r.txt")}, nil, []string{"demo", "runtime"}},
		{"ExtraOfADemo", []sbom.Location{at("demo/r.txt")}, []string{"extra:ui"}, []string{"demo"}},
		{"DevOfADemo", []sbom.Location{at("demo/r.txt")}, []string{"dev"}, []string{"demo", "dev"}},
		{"GroupDev", []sbom.Location{at("r.txt")}, []string{"group:dev"}, []string{"dev"}},
		{"RuntimeAlone", []sbom.Location{at("r.txt")}, nil, nil},
		{"AFileOfThatNameInAnImage", []sbom.Location{layer}, nil, nil},
		{"NoPlace", nil, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings := []vuln.Finding{{Package: "a", Ecosystem: "PyPI", Locations: test.places, Scopes: test.scopes}}
			s.scoped(components, findings)
			if diff := cmp.Diff(test.want, findings[0].Scopes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDevelopmentThatIsShippedIsNoDevelopment: what a Dockerfile installs gates,
// whatever its project calls it.
func TestDevelopmentThatIsShippedIsNoDevelopment(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	project := file("[project]\nname = \"x\"\nversion = \"1\"\n[dependency-groups]\ndev = [\"a==1\"]\n[tool.uv]\ndev-dependencies = [\"b==1\"]\n")
	for _, test := range []struct {
		name, dockerfile, run, want string
	}{
		{"Installed", "Dockerfile", "uv sync", "group:dev"},
		{"LeftOut", "Dockerfile", "uv sync --no-dev", "dev"},
		{"OfAnotherProject", "other/Dockerfile", "uv sync", "dev"},
		{"ByADemo", "app/demo/Dockerfile", "uv sync", "dev"},
		{"FromAFolderBelow", "app/docker/Dockerfile", "pip install --group dev", "group:dev"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := fstest.MapFS{"app/pyproject.toml": project, "app/" + test.dockerfile: file("FROM python:3.12\nRUN " + test.run + "\n")}
			if test.name == "OfAnotherProject" || test.name == "ByADemo" {
				delete(fsys, "app/"+test.dockerfile)
				fsys[test.dockerfile] = file("FROM python:3.12\nRUN " + test.run + "\n")
			}
			want := []string{"a " + test.want + " app/pyproject.toml", "b " + test.want + " app/pyproject.toml"}
			if diff := cmp.Diff(want, scopesOfFiles(t, &Folder{FS: fsys, Dir: "."})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
