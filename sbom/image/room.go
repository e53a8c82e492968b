package image

import (
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// room is what a layer's entries have taken of the memory that they may take.
// The zero value is all of it.
type room struct {
	entries, files, texts int
	full                  bool
	last                  string // the path whose beginning the next one need not say
}

// take reports whether there is room for e. The first time that there is none,
// the facts get a gap, which hides: what the layer has beyond is not known.
func (r *room) take(facts *layerFacts, e entry) bool {
	r.entries++
	if e.Type == entryFile || metadataDir(e.Path) || e.Type == entryDir && storeFolder(e.Path) {
		r.files++
	}
	// What an entry takes: entryList says what is other than in the one before, and
	// a tree has every name whole.
	r.texts += max(len(e.Path)-shared(r.last, e.Path), len(e.Path)-strings.LastIndexByte(e.Path, '/')) + len(e.Target)
	r.last = e.Path
	if r.entries <= limit.LayerKeptEntries && r.files <= limit.LayerKeptFiles && r.texts <= limit.LayerTextBytes {
		return true
	}
	if !r.full {
		r.full = true
		facts.Gaps = append(facts.Gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, "more links, folders and files of packages than are kept of one layer: what else it has is not known"))
	}
	return false
}
