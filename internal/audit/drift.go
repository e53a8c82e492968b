package audit

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/policy/drift"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/image"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// drifted compares what the folder asks for with what the image has.
func (a *Auditor) drifted(s *source, inventory *image.Inventory, config *v1.ConfigFile) []lint.Finding {
	return drift.Check(s.inventory(), inventory.Document, drift.Options{
		Environment: pep508.NewEnvironment("", config.OS+"/"+config.Architecture),
		Created:     created(inventory, config), Enable: a.Enable,
	})
}

// created says which instruction made each layer, by the image's history.
// https://github.com/opencontainers/image-spec/blob/main/config.md#properties
func created(inventory *image.Inventory, config *v1.ConfigFile) map[string]string {
	out, at := map[string]string{}, 0
	for _, h := range config.History {
		if h.EmptyLayer {
			continue
		}
		if at == len(inventory.Layers) {
			return nil // the history is of other layers
		}
		out[inventory.Layers[at]] = h.CreatedBy
		at++
	}
	return out
}
