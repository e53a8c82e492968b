package pyproject

import (
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// uv reads uv's section, whose sources speak of all requirements read before.
// https://docs.astral.sh/uv/reference/settings/
func (r *reader) uv(n *node) {
	if !r.table(n, "tool.uv") {
		return
	}
	r.requirements(n.get("dev-dependencies"), "tool.uv.dev-dependencies", "dev")
	if sources := n.get("sources"); r.table(sources, "tool.uv.sources") {
		r.sources(sources)
	}
	for _, key := range []string{"constraint-dependencies", "build-constraint-dependencies"} {
		scope := ""
		if key == "build-constraint-dependencies" {
			scope = "build"
		}
		r.strings(n.get(key), "tool.uv."+key, func(item *node) {
			if q, ok := r.parse(item.text, item.line, scope); ok {
				q.Constraint = true
				r.add(q)
			}
		})
	}
	r.strings(n.get("override-dependencies"), "tool.uv.override-dependencies", func(item *node) {
		if q, ok := r.parse(item.text, item.line, ""); ok {
			r.addOverride(q)
		}
	})
	r.uvIndexes(n)
}

// addOverride keeps an override. It limits versions and brings nothing in.
func (r *reader) addOverride(q Requirement) {
	q.Override, q.Constraint = true, true
	if r.overridden == nil {
		r.overridden = map[string]Requirement{}
	}
	r.overridden[pep508.NormalizeName(q.Requirement.Name)] = q
	r.add(q)
}

// uvIndexes reads the package indexes of uv.
// https://docs.astral.sh/uv/concepts/indexes/
func (r *reader) uvIndexes(n *node) {
	for _, n := range []*node{n, n.get("pip")} {
		if indexes := n.get("index"); indexes != nil && indexes.kind == list {
			for _, x := range indexes.list {
				r.index(Index{
					Name: sbom.RedactText(x.get("name").string()), Default: x.get("default").isTrue(),
					Explicit: x.get("explicit").isTrue(), Links: x.get("format").string() == "flat",
				}, x.get("url"))
			}
		}
		r.index(Index{Default: true}, n.get("index-url"))
		r.strings(n.get("extra-index-url"), "tool.uv.extra-index-url", func(item *node) { r.index(Index{}, item) })
		r.strings(n.get("find-links"), "tool.uv.find-links", func(item *node) { r.index(Index{Links: true}, item) })
	}
}

// sources gives the requirements the places that uv takes them from.
// https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources
func (r *reader) sources(sources *node) {
	byName := map[string]*node{}
	for _, name := range sources.keys {
		byName[pep508.NormalizeName(name)] = sources.values[name]
	}
	read := r.file.Requirements
	r.file.Requirements = nil
	gaps := r.file.Gaps
	r.file.Gaps = nil
	for _, q := range read {
		n := byName[pep508.NormalizeName(q.Requirement.Name)]
		switch {
		case n == nil || q.Link != "" || q.File != r.file.Name:
			r.file.Requirements = append(r.file.Requirements, q)
		case n.kind == list:
			r.sourceList(q, n)
		default:
			r.add(r.sourced(q, n))
		}
	}
	r.file.Gaps = append(gaps, r.file.Gaps...)
}

// sourceList keeps a requirement once for each of its sources, and once more
// for the environments that none of them is for.
func (r *reader) sourceList(q Requirement, n *node) {
	rest := true
	for _, source := range n.list {
		if r.full {
			return
		}
		applies, always := sourceApplies(source, q.Scope)
		if applies {
			r.add(r.sourced(q, source))
			rest = rest && !always
		}
	}
	if rest {
		r.add(q)
	}
}

// sourceApplies reports whether a source is for requirements of the scope, and
// whether it is so in every environment.
func sourceApplies(source *node, scope string) (applies, always bool) {
	for _, key := range []string{"extra", "group"} {
		if of := source.get(key).string(); of != "" && scope != key+":"+normal(of) {
			return false, false
		}
	}
	return true, source.get("marker").string() == ""
}

// sourced returns the requirement as it is from one source.
func (r *reader) sourced(q Requirement, source *node) Requirement {
	if applies, _ := sourceApplies(source, q.Scope); !applies {
		return q
	}
	if marker := source.get("marker"); marker.string() != "" {
		if m, err := pep508.ParseMarker(marker.text); err != nil {
			r.gap(sbom.GapUnparsed, marker.line, "%q is no marker: %s", shown(marker.text), shown(err.Error()))
		} else {
			q.Requirement.Marker = q.Requirement.Marker.And(m)
		}
	}
	q.Editable = source.get("editable").isTrue()
	switch {
	case source.get("workspace").isTrue():
		q.Own = true
	case source.get("index").string() != "":
		q.Index = sbom.RedactText(source.get("index").text)
	default:
		r.tableLink(&q, source)
	}
	return q
}
