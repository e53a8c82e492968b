package cyclonedx_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/cyclonedx"
)

// TestGraph: the edges lie between bom-refs that exist, so that another tool
// can follow them.
func TestGraph(t *testing.T) {
	var bom struct {
		Components   []struct{ Ref, Name string }
		Dependencies []struct {
			Ref       string
			DependsOn []string
		}
	}
	text := strings.ReplaceAll(string(encode(t, sample(), cyclonedx.Options{})), `"bom-ref"`, `"ref"`)
	if err := json.Unmarshal([]byte(text), &bom); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, c := range bom.Components {
		names[c.Ref] = c.Name
	}
	got := map[string][]string{}
	for _, d := range bom.Dependencies {
		got[names[d.Ref]] = []string{}
		for _, ref := range d.DependsOn {
			got[names[d.Ref]] = append(got[names[d.Ref]], names[ref])
		}
	}
	want := map[string][]string{"Gradio": {"fastapi", "models"}, "fastapi": {}, "models": {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
}

// TestGraphOfAnotherTool: edges are read by package URL; those of the target
// and of files fall away.
func TestGraphOfAnotherTool(t *testing.T) {
	d := decode(t, []byte(`{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
		{"type": "library", "bom-ref": "1", "name": "a", "version": "1", "purl": "pkg:pypi/a@1"},
		{"type": "library", "bom-ref": "2", "name": "b", "version": "2", "purl": "pkg:pypi/b@2"},
		{"type": "file", "bom-ref": "f", "name": "/x"}],
		"dependencies": [{"ref": "root", "dependsOn": ["1"]}, {"ref": "1", "dependsOn": ["2", "f", "gone"]}, {"ref": "2"}]}`))
	want := []sbom.Dependency{{PURL: "pkg:pypi/a@1", DependsOn: []string{"pkg:pypi/b@2"}}, {PURL: "pkg:pypi/b@2", DependsOn: []string{}}}
	if diff := cmp.Diff(want, d.Dependencies); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
}

// TestChangedGraph: an edge to nowhere says that somebody cut components out of
// a document of ours.
func TestChangedGraph(t *testing.T) {
	text := encode(t, sample(), cyclonedx.Options{})
	ref := `"dependsOn": [` + "\n"
	at := strings.Index(string(text), ref)
	if at < 0 {
		t.Fatal("no edge")
	}
	changed := string(text[:at+len(ref)]) + `"gone",` + string(text[at+len(ref):])
	if d, err := cyclonedx.Decode(strings.NewReader(changed)); err == nil {
		t.Errorf("decoded %+v, want an error", d.Dependencies)
	}
}
