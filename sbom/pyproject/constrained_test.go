package pyproject_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyproject"
)

// What one project constrains or overrides says nothing of another project in
// the tree, whose own requirement would be cleared by it, or contradicted.
func TestConstraintsBelongToTheirProject(t *testing.T) {
	const project = "[project]\nname = 'x'\nversion = '1'\ndependencies = ['demo>=2']\n"
	for _, test := range []struct {
		name, file, text string
		want             []string
	}{
		{"a constraint", "a/pyproject.toml", project + "[tool.uv]\nconstraint-dependencies = ['demo>=3']\n", []string{"demo>=2 latent"}},
		{"an override", "a/pyproject.toml", project + "[tool.uv]\noverride-dependencies = ['demo==3.0']\n", []string{"demo>=2 latent"}},
		{"an override below", "a/pyproject.toml", project + "[tool.uv]\noverride-dependencies = ['demo==1.0']\n", []string{"demo>=2 latent"}},
		{"PDM's override", "a/pyproject.toml", project + "[tool.pdm.resolution.overrides]\ndemo = '3.0'\n", []string{"demo>=2 latent"}},
		{"a script's constraint", "a/app.py", "# /// script\n# dependencies = ['demo']\n# [tool.uv]\n# constraint-dependencies = ['demo>=3']\n# ///\n", []string{"demo>=2 latent"}},
		{"nothing", "a/pyproject.toml", "[project]\nname = 'x'\nversion = '1'\n[tool.uv]\nconstraint-dependencies = ['demo>=3']\n", []string{"demo>=2 latent"}},
	} {
		fsys := fstest.MapFS{test.file: {Data: []byte(test.text)}, "b/pyproject.toml": {Data: []byte(project)}}
		a, b := pyproject.Read(fsys, test.file).Document(), pyproject.Read(fsys, "b/pyproject.toml").Document()
		if got := verdicts(t, a); len(got) != 0 {
			t.Errorf("%s: the project itself has %q", test.name, got)
		}
		merged := sbom.Merge("", a, b)
		if diff := cmp.Diff(test.want, verdicts(t, merged)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		for _, g := range merged.Gaps {
			if g.Kind == sbom.GapConflict {
				t.Errorf("%s: %v", test.name, g)
			}
		}
	}
}
