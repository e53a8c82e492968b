package decode

import (
	"strings"
	"testing"
)

// A file in tallyman's own JSON is no more believed than any other: what it
// says of a component must agree with the package URL.
func TestEcosystemIsThePURLsWhenAnAttackerForgesOurJSON(t *testing.T) {
	const forged = `{"version":1,"tool":{"name":"tallyman","version":"x"},"command":"sbom","target":{"name":"app"},"components":[{"name":"gradio","version":"4.19.1","specifier":"","ecosystem":"npm",
		"purl":"pkg:pypi/gradio@4.19.1","evidence":"os-owned","locations":[]}],"gaps":[]}`
	doc, _, err := Decode(strings.NewReader(forged))
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Components) != 1 || doc.Components[0].Ecosystem != "PyPI" {
		t.Errorf("components: %+v", doc.Components)
	}
	hides := false
	for _, g := range doc.Gaps {
		hides = hides || g.Hides
	}
	if !hides {
		t.Error("the contradiction is no gap")
	}
}
