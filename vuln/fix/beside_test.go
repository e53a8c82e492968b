package fix

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// pillow is a line of the inventory.
func pillow(specifier, file string, line int, scope string) sbom.Component {
	return sbom.Component{
		Name: "pillow", Ecosystem: "PyPI", Specifier: specifier, Evidence: sbom.Declared, Scope: scope,
		Locations: []sbom.Location{{File: file, Line: line}},
	}
}

// TestExclusive: which lines are installed together, and exclude each other.
func TestExclusive(t *testing.T) {
	marked := pillow("==10.3.0", "requirements-dev.txt", 1, "")
	marked.Marker = "python_version < '3.9'"
	for _, test := range []struct {
		name string
		a, b sbom.Component
		want bool
	}{
		{"a group of a project", pillow(">=11.3.0", "pyproject.toml", 5, ""), pillow("==10.3.0", "pyproject.toml", 8, "group:dev"), true},
		{"an extra of a project", pillow(">=11.3.0", "pyproject.toml", 5, ""), pillow("<11", "pyproject.toml", 8, "extra:a"), true},
		{"two extras", pillow(">=11.3.0", "pyproject.toml", 5, "extra:b"), pillow("<11", "pyproject.toml", 8, "extra:a"), false},
		{"two projects", pillow(">=11.3.0", "pyproject.toml", 5, ""), pillow("<11", "lib/pyproject.toml", 8, "group:dev"), false},
		{"requirements for development", pillow(">=11.3.0", "a/requirements.txt", 5, ""), pillow("==10.3.0", "a/requirements-dev.txt", 1, ""), true},
		{"of another folder", pillow(">=11.3.0", "a/requirements.txt", 5, ""), pillow("==10.3.0", "b/requirements-dev.txt", 1, ""), false},
		{"tests and development", pillow(">=11.3.0", "requirements-test.txt", 5, ""), pillow("==10.3.0", "requirements-dev.txt", 1, ""), false},
		{"other hardware", pillow(">=11.3.0", "requirements.txt", 5, ""), pillow("==10.3.0", "requirements-gpu.txt", 1, ""), false},
		{"a marker", pillow(">=11.3.0", "requirements.txt", 5, ""), marked, false},
		{"that agree", pillow(">=11.3.0", "requirements.txt", 5, ""), pillow("==11.3.0", "requirements-dev.txt", 1, ""), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, list := range [][]sbom.Component{{test.a, test.b}, {test.b, test.a}} {
				got := Exclusive(list, nil)
				if (len(got) == 2) != test.want || len(got) == 1 || test.want && got[0].Kind != sbom.GapConflict {
					t.Errorf("got %+v, want a conflict at both: %v", got, test.want)
				}
			}
		})
	}
}

// TestPinsOfOneProjectMoveTogether: two pins of what is installed together, of
// which the findings ask different versions, move to the one that cures both.
func TestPinsOfOneProjectMoveTogether(t *testing.T) {
	fsys := fstest.MapFS{
		"requirements.txt":     {Data: []byte("pillow>=9\n")},
		"requirements-dev.txt": {Data: []byte("pillow==10.2.0\n")},
	}
	plan := New(fsys, []vuln.Finding{found("pillow", "requirements.txt", 1, "11.3.0"), found("pillow", "requirements-dev.txt", 1, "10.3.0")}, Options{
		Components: []sbom.Component{pillow(">=9", "requirements.txt", 1, ""), pillow("==10.2.0", "requirements-dev.txt", 1, "")},
	})
	files, err := plan.Apply(fsys.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{"requirements.txt": []byte("pillow>=11.3.0\n"), "requirements-dev.txt": []byte("pillow==11.3.0\n")}
	if diff := cmp.Diff(want, files); diff != "" || len(plan.Refused) > 0 {
		t.Errorf("(-want +got):\n%s%v", diff, plan.Refused)
	}
}
