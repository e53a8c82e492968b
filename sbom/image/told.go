package image

import (
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// told returns the layers with what the history says of each. A history is one
// entry for each instruction, of which those that made no layer say so; one
// that has another number of layers than the image is of other layers, and none
// of it is told.
// https://github.com/opencontainers/image-spec/blob/main/config.md#properties (history)
func (p *parts) told() (layers []sbom.Layer, unhistoried bool) {
	var lines []string
	for _, h := range p.config.History {
		if !h.EmptyLayer {
			lines = append(lines, h.CreatedBy)
		}
	}
	unhistoried = len(p.config.History) > 0 && len(lines) != len(p.layers)
	layers = make([]sbom.Layer, len(p.layers))
	for i, l := range p.layers {
		layers[i] = sbom.Layer{Digest: l.digest, DiffID: l.diffID}
		// What is longer is no instruction that a person wrote.
		if len(lines) == len(p.layers) && len(lines[i]) <= limit.HistoryLineBytes {
			layers[i].CreatedBy = validText(sbom.RedactCommand(lines[i]))
		}
	}
	return layers, unhistoried
}
