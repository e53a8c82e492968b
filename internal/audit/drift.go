package audit

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/policy/drift"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/image"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// drifted compares what the folder asks for with what the image has.
func (a *Auditor) drifted(s *source, inventory *image.Inventory, config *v1.ConfigFile) []lint.Finding {
	return drift.Check(s.inventory(), inventory.Document, drift.Options{
		Environment: pep508.NewEnvironment("", config.OS+"/"+config.Architecture),
		Created:     created(inventory.Document.Layers), Base: base(inventory.Document.Layers), Enable: a.Enable,
	})
}

// base are the digests of the layers of the base that the user named.
func base(layers []sbom.Layer) []string {
	var out []string
	for _, l := range layers {
		if l.Base {
			out = append(out, l.Digest)
		}
	}
	return out
}

// created says which instruction made each layer, by the image's history.
func created(layers []sbom.Layer) map[string]string {
	out := map[string]string{}
	for _, l := range layers {
		out[l.Digest] = l.CreatedBy
	}
	return out
}
