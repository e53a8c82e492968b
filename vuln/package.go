package vuln

import (
	"slices"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// pack is what is known of one PyPI package.
type pack struct {
	order *order
	// live are the advisories that are not withdrawn.
	live []*Advisory
	// kins parts live; nil when that depends on which of them affect something.
	kins  []*kin
	known *known
	// malware is the single versions that are malicious.
	malware pep440.Set
	// affected is what any advisory affects.
	affected pep440.Set
	// verdicts are those about ranges, by specifier.
	verdicts map[string]*rangeVerdicts
}

// packOf returns what is known of a package; list is all its advisories.
func (m *matcher) packOf(name string, list []Advisory) *pack {
	if p, ok := m.packages[name]; ok {
		return p
	}
	o := m.orderOf(pypi)
	index, complete := m.opts.Known[name]
	p := &pack{order: o, known: o.gatherKnown(index, complete, list, m.locks[name]), verdicts: map[string]*rangeVerdicts{}}
	p.malware = o.withdrawnMalware(list)
	var all []pep440.Set
	for i := range list {
		if list[i].Withdrawn.IsZero() {
			p.live = append(p.live, &list[i])
			all = append(all, o.regionOf(&list[i]).sure)
		}
	}
	p.affected = pep440.UnionOf(all...)
	if !slices.ContainsFunc(p.live, func(a *Advisory) bool { return len(a.Upstream) > 0 }) {
		p.kins = kinsOf(p.live, nil)
	}
	m.packages[name] = p
	return p
}

// group is groupAdvisories for all that are live.
func (p *pack) group(judge func(*Advisory) judgement) []group {
	if p.kins == nil {
		return groupAdvisories(p.live, judge)
	}
	return fill(p.kins, judgeAll(p.live, judge))
}

// group is groupAdvisories for what names a component; list is all that is
// live, or some of it.
func (m *matcher) group(c *sbom.Component, list []*Advisory, judge func(*Advisory) judgement) []group {
	if c.Ecosystem == pypi {
		name := c.NormalName()
		if p := m.packOf(name, m.known[subject{pypi, name}]); slices.Equal(p.live, list) {
			return p.group(judge)
		}
	}
	return groupAdvisories(list, judge)
}

// affectedBy is what a group of advisories affects: whatever one of them does.
func (p *pack) affectedBy(g *group) pep440.Set {
	if g.affected == nil {
		sets := make([]pep440.Set, len(g.members))
		for i, a := range g.members {
			sets[i] = p.order.regionOf(a).sure
		}
		all := pep440.UnionOf(sets...)
		g.affected = &all
	}
	return *g.affected
}

// judgeByRegion is judgeVersion for PyPI, from the sets that the advisory was made into
// unless it leaves the version in doubt.
func (o *order) judgeByRegion(v version, a *Advisory) judgement {
	r := o.regionOf(a)
	switch {
	case r.spans.Contains(v.pep):
		return judgement{outcome: yes, basis: "events"}
	case r.sure.Contains(v.pep):
		return judgement{outcome: yes, basis: "versions"}
	case !r.maybe.Contains(v.pep):
		return judgement{outcome: no}
	}
	return o.judgeVersion(v, a)
}

// locksOf returns the versions that locks name, by normal name.
func locksOf(components []sbom.Component) map[string][]string {
	out := map[string][]string{}
	for i := range components {
		if c := &components[i]; c.Ecosystem == pypi && c.Evidence == sbom.Locked && c.Version != "" && c.URL == "" {
			name := c.NormalName()
			out[name] = append(out[name], c.Version)
		}
	}
	return out
}

// pinFloors says where to move an exact version of a PyPI package.
type pinFloors struct {
	pack *pack
	// to is the smallest known version above it that cures all that can be
	// cured, the zero Version if there is none.
	to pep440.Version
}

// of returns the version to move to because of a group, "" for none.
func (f *pinFloors) of(g *group) string {
	if f == nil || !f.to.IsValid() || f.pack.affectedBy(g).Contains(f.to) {
		return ""
	}
	return f.to.String()
}

// pinFloors returns nil where there is nothing to say. The version that no
// advisory names is the best; failing that, one that cures what can be cured.
// It is never one that an advisory affects which does not affect v.
func (m *matcher) pinFloors(c *sbom.Component, v version, groups []group) *pinFloors {
	if c.Ecosystem != pypi || !v.pep.IsValid() {
		return nil
	}
	name := c.NormalName()
	p := m.packOf(name, m.known[subject{pypi, name}])
	f := &pinFloors{pack: p, to: p.known.above(v.pep, p.affected)}
	if f.to.IsValid() {
		return f
	}
	var had []pep440.Set
	avoid := []pep440.Set{p.malware}
	for i := range groups {
		if g := &groups[i]; len(g.affecting) > 0 {
			had = append(had, p.affectedBy(g))
		} else {
			avoid = append(avoid, p.affectedBy(g))
		}
	}
	never := pep440.UnionOf(avoid...)
	curable := []pep440.Set{never}
	for _, a := range had {
		if p.known.above(v.pep, a.Union(never)).IsValid() {
			curable = append(curable, a)
		}
	}
	if len(curable) > 1 {
		f.to = p.known.above(v.pep, pep440.UnionOf(curable...))
	}
	return f
}

// fixFor is the order's for a PyPI package: a final release is better than a
// pre-release, even one that no record names as fixed, and what an index does
// not have is none.
func (p *pack) fixFor(v version, g *group) string {
	fixes := slices.DeleteFunc(p.order.fixes(v, g.affecting), func(w version) bool {
		return p.malware.Contains(w.pep) || p.known.complete && !p.known.has(w.pep)
	})
	for _, w := range fixes {
		if !w.pep.IsPrerelease() {
			return w.text
		}
	}
	if len(fixes) == 0 {
		return ""
	}
	if known := p.known.above(v.pep, p.affectedBy(g).Union(p.malware)); known.IsValid() && !known.IsPrerelease() {
		return known.String()
	}
	return fixes[0].text
}

// pureList reports whether all advisories of a group that affect something
// only list single malicious versions.
func (p *pack) pureList(g *group) bool {
	return !slices.ContainsFunc(g.affecting, func(a *Advisory) bool {
		return !a.Malicious() || !p.order.regionOf(a).spans.IsEmpty()
	})
}
