package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/sbom"
)

// layers says how the layers were made that something in the report is in, from
// the base up.
func (t *text) layers() {
	if t.r.Image == nil {
		return
	}
	named := map[string]bool{}
	for _, b := range t.packages {
		for _, p := range b.places {
			named[p.location.Layer] = true
		}
	}
	for i := range t.r.Lint {
		named[t.r.Lint[i].Layer] = true
	}
	for i := range t.r.Gaps {
		named[t.r.Gaps[i].Layer] = true
	}
	var list []*sbom.Layer
	for i := range t.r.Image.History {
		l := &t.r.Image.History[i]
		if (named[l.Digest] || t.opts.Verbose) && (l.CreatedBy != "" || l.Base) {
			list = append(list, l)
		}
	}
	if len(list) == 0 {
		return
	}
	t.section("Layers", t.base())
	shown := t.limit(maxLines, len(list))
	for _, l := range list[:shown] {
		t.madeBy(l)
	}
	if n := len(list) - shown; n > 0 {
		t.line("  ", fmt.Sprintf("and %d more (--verbose shows them)", n))
	}
}

// madeBy writes one layer: its digest, its instruction, and where that stands.
func (t *text) madeBy(l *sbom.Layer) {
	where := ""
	switch {
	case l.File != "":
		where = t.clean(place(l.File, l.Line))
	case l.Base:
		where = "base"
	}
	if where != "" {
		where = "  " + t.paint(dim, where)
	}
	head := t.layer(l.Digest) + "  "
	words := t.clean(l.Instruction())
	if t.opts.Verbose && cells("  "+head+words+where) > t.width {
		t.wrapped("  "+head, words+where)
		return
	}
	t.line("  ", head+shorten(words, max(t.width-2-cells(head)-cells(where), 20))+where)
}

// base says what is known of the base image, "" for nothing.
func (t *text) base() string {
	b := t.r.Base
	if b == nil {
		return ""
	}
	name := t.word(b.Name)
	if name == "" {
		name = t.word(shortDigest(b.Digest))
	}
	lowest := "the lowest " + count(b.Layers, "layer is", "layers are") + " of " + name
	switch b.Known {
	case audit.BaseNamed:
		return lowest
	case audit.BaseSeen:
		return lowest + t.apart(b, name) + ", which was read before"
	case audit.BaseBuilt:
		return lowest + ", by its Dockerfile and history"
	}
	return "the image says that it is built on " + name
}

// apart tells the images of one name apart, as those of several platforms.
func (t *text) apart(b *audit.Base, name string) string {
	if b.Digest == "" || strings.Contains(name, "@") || name == t.word(shortDigest(b.Digest)) {
		return ""
	}
	return " (" + t.word(shortDigest(b.Digest)) + ")"
}

// madeIn returns the instruction of a Dockerfile that made the layer of a
// location, as a location, if it is known.
func madeIn(r *audit.Report, l sbom.Location) (sbom.Location, bool) {
	if l.Layer == "" || r.Image == nil {
		return sbom.Location{}, false
	}
	i := slices.IndexFunc(r.Image.History, func(o sbom.Layer) bool { return o.Digest == l.Layer })
	if i < 0 || r.Image.History[i].File == "" {
		return sbom.Location{}, false
	}
	return sbom.Location{File: r.Image.History[i].File, Line: r.Image.History[i].Line}, true
}
