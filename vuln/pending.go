package vuln

import (
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// pending is a finding about a range in some environments; the same lines may
// have others in other environments or beside other files.
type pending struct {
	finding      Finding
	demand       *demand
	admitted     *admitted
	floor        pep440.Version
	group        string
	environments []int
}

func newPending(d *demand, s *admitted, v *rangeVerdict) *pending {
	c := *d.lines[0].component
	c.Locations = d.locations()
	f := newFinding(&c, v.group)
	f.Specifier, f.Verdict, f.Basis = d.specifier(), v.verdict, v.group.basisOr(v.basis)
	f.Fixed, f.Floor, f.Exclude = v.fixed.String(), v.floor.String(), v.exclude
	if slices.ContainsFunc(d.lines[:d.requirements], func(l *line) bool { return l.component.Evidence == sbom.Declared }) {
		f.Evidence = sbom.Declared
	}
	return &pending{finding: f, demand: d, admitted: s, floor: v.floor, group: v.group.ids(), environments: d.environments}
}

// joinPending makes one finding of those about one vulnerability that share a
// requirement: the worst verdict, with the environments that it is for. What
// then differs in nothing but the places becomes one with all of them.
func joinPending(all []*pending, count int, environments []Environment) []Finding {
	type same struct {
		records, specifier  string
		verdict             Verdict
		evidence            sbom.Evidence
		basis, environments string
		floor, fixed, caps  string
	}
	clusters := clustersOf(all)
	out := make([]Finding, 0, len(clusters))
	at, more := make(map[same]int, len(clusters)), map[int]bool{}
	for _, cluster := range clusters {
		f := worst(cluster, count, environments)
		key := same{strings.Join(f.Records, "\x00"), f.Specifier, f.Verdict, f.Evidence, f.Basis, strings.Join(f.Environments, "\x00"), f.Floor, f.Fixed, strings.Join(f.Caps, "\x00")}
		i, seen := at[key]
		if !seen {
			at[key] = len(out)
			out = append(out, f)
			continue
		}
		out[i].Locations = append(out[i].Locations, f.Locations...)
		more[i] = true
	}
	for i := range more {
		slices.SortFunc(out[i].Locations, sbom.CompareLocations)
		out[i].Locations = slices.Compact(out[i].Locations)
	}
	return out
}

// clustersOf parts findings into those that are about one vulnerability and
// share a requirement, directly or through others; in the order given.
func clustersOf(all []*pending) [][]*pending {
	type key struct {
		group string
		line  *line
	}
	parent := make([]int, len(all))
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	seen := make(map[key]int, len(all))
	for i, p := range all {
		parent[i] = i
		lines := p.demand.lines[:p.demand.requirements]
		if p.demand.alone {
			lines = lines[:1]
		}
		for _, l := range lines {
			k := key{p.group, l}
			if j, ok := seen[k]; ok {
				j, i := root(j), root(i)
				parent[max(i, j)] = min(i, j)
			} else {
				seen[k] = i
			}
		}
	}
	out := make([][]*pending, 0, len(all))
	place := make(map[int]int, len(all))
	for i, p := range all {
		r := root(i)
		at, ok := place[r]
		if !ok {
			place[r] = len(out)
			out = append(out, all[i:i+1:i+1])
			continue
		}
		out[at] = append(out[at], p)
	}
	return out
}

// worst joins the worst of a cluster.
func worst(cluster []*pending, count int, environments []Environment) Finding {
	first := slices.MaxFunc(cluster, func(a, b *pending) int { return a.finding.Verdict.rank() - b.finding.Verdict.rank() })
	f := first.finding
	floor := first.floor
	var where []int
	other := false
	for _, p := range cluster {
		if p.floor.Compare(floor) > 0 && floor.IsValid() && first.admitted.set.Contains(p.floor) {
			floor = p.floor
		}
		if p.finding.Verdict != f.Verdict {
			continue
		}
		if p != first {
			f.Locations = append(f.Locations, p.finding.Locations...)
		}
		where = append(where, p.environments...)
		other = other || p.environments == nil
	}
	f.Floor = floor.String()
	slices.Sort(where)
	where = slices.Compact(where)
	if len(where) < count {
		for _, n := range where {
			f.Environments = append(f.Environments, environments[n].Name)
		}
		if other {
			f.Environments = append(f.Environments, elsewhere)
		}
	}
	if len(cluster) > 1 {
		slices.SortFunc(f.Locations, sbom.CompareLocations)
		f.Locations = slices.Compact(f.Locations)
	}
	return f
}
