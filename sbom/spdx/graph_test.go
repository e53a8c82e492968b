package spdx_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/spdx"
)

func graphed() *sbom.Document {
	d := &sbom.Document{
		Components: []sbom.Component{
			{Name: "a", Version: "1", Ecosystem: "PyPI", PURL: "pkg:pypi/a@1", Evidence: sbom.Declared},
			{Name: "a", Version: "1", Ecosystem: "PyPI", PURL: "pkg:pypi/a@1", Evidence: sbom.Locked},
			{Name: "b", Version: "2", Ecosystem: "PyPI", PURL: "pkg:pypi/b@2", Evidence: sbom.Locked},
		},
		Dependencies: []sbom.Dependency{
			{PURL: "pkg:pypi/a@1", DependsOn: []string{"pkg:pypi/b@2", "pkg:pypi/absent@1"}},
			{PURL: "pkg:pypi/b@2"},
			{PURL: "pkg:pypi/nowhere@2", DependsOn: []string{"pkg:pypi/a@1"}},
		},
	}
	d.Normalize()
	return d
}

// TestGraph: the edges lie between the packages of the document, at the locked
// one where several have one package URL, so that another tool can follow them.
func TestGraph(t *testing.T) {
	want := graphed()
	text := encode(t, want, spdx.Options{})
	if diff := cmp.Diff(want, decode(t, text)); diff != "" {
		t.Errorf("decoding what was encoded (-want +got):\n%s", diff)
	}
	var doc struct {
		Packages []struct {
			SPDXID      string
			Name        string
			Annotations []struct{ Comment string }
		}
		Relationships []struct{ SpdxElementID, RelationshipType, RelatedSpdxElement string }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"NONE": "NONE"}
	for _, p := range doc.Packages {
		names[p.SPDXID] = p.Name
		if strings.Contains(p.Annotations[0].Comment, `"locked"`) {
			names[p.SPDXID] += " locked"
		}
	}
	var got []string
	for _, r := range doc.Relationships {
		if r.RelationshipType == "DEPENDS_ON" {
			got = append(got, names[r.SpdxElementID]+" -> "+names[r.RelatedSpdxElement])
		}
	}
	if diff := cmp.Diff([]string{"a locked -> b locked", "b locked -> NONE"}, got); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
}

// TestGraphOfAnotherTool: both directions are read by package URL; what is no
// package falls away.
func TestGraphOfAnotherTool(t *testing.T) {
	d := decode(t, []byte(`{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "packages": [
		{"SPDXID": "A", "name": "a", "versionInfo": "1", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:pypi/a@1"}]},
		{"SPDXID": "B", "name": "b", "versionInfo": "2", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:pypi/b@2"}]},
		{"SPDXID": "C", "name": "c", "versionInfo": "3", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:pypi/c@3"}]}],
		"relationships": [
		{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "A"},
		{"spdxElementId": "A", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "B"},
		{"spdxElementId": "C", "relationshipType": "DEPENDENCY_OF", "relatedSpdxElement": "A"},
		{"spdxElementId": "A", "relationshipType": "CONTAINS", "relatedSpdxElement": "C"},
		{"spdxElementId": "A", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-File-1"}]}`))
	want := []sbom.Dependency{{PURL: "pkg:pypi/a@1", DependsOn: []string{"pkg:pypi/b@2", "pkg:pypi/c@3"}}}
	if diff := cmp.Diff(want, d.Dependencies); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
}

// TestChangedGraph: an edge to nowhere says that somebody cut packages out of a
// document of ours.
func TestChangedGraph(t *testing.T) {
	changed := strings.Replace(string(encode(t, graphed(), spdx.Options{})), `"relatedSpdxElement": "NONE"`, `"relatedSpdxElement": "gone"`, 1)
	if d, err := spdx.Decode(strings.NewReader(changed)); err == nil {
		t.Errorf("decoded %+v, want an error", d.Dependencies)
	}
}
