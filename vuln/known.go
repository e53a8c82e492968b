package vuln

import (
	"slices"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// known is the versions of one PyPI package that are known to exist and can be
// installed.
type known struct {
	// versions are sorted, each once.
	versions []pep440.Version
	// complete is true when an index has told them: there are no others.
	complete bool
	// locked are those that only a lock names.
	locked map[pep440.Version]bool
}

// gatherKnown is the known versions of a package: what an index says alone, or
// else what the records name in lists and events and what locks name. A limit
// event only bounds, and what malware was published as has been taken away.
func (o *order) gatherKnown(index []string, complete bool, records []Advisory, locks []string) *known {
	k := &known{complete: complete, locked: map[pep440.Version]bool{}}
	if complete {
		k.add(o, index)
		k.sort()
		return k
	}
	for i := range records {
		a := &records[i]
		for j := range a.Affected {
			if !a.Malicious() {
				k.add(o, a.Affected[j].Versions)
			}
			for _, r := range a.Affected[j].Ranges {
				for e := range r.Events {
					if r.Events[e].Limit == "" && r.Events[e].Introduced != "0" && r.Events[e].Fixed != "0" {
						k.addOne(o.read(r.Events[e].version()))
					}
				}
			}
		}
	}
	k.sort()
	gone := o.withdrawnMalware(records)
	k.versions = slices.DeleteFunc(k.versions, gone.Contains)
	for _, text := range locks {
		if v, err := o.parse(text); err == nil && !k.has(v.pep) && !gone.Contains(v.pep) {
			k.locked[v.pep] = true
		}
	}
	for v := range k.locked {
		k.versions = append(k.versions, v)
	}
	k.sort()
	return k
}

// withdrawnMalware is the single versions that records call malware.
func (o *order) withdrawnMalware(records []Advisory) pep440.Set {
	var gone []pep440.Set
	for i := range records {
		if a := &records[i]; a.Malicious() && a.Withdrawn.IsZero() {
			if r := o.regionOf(a); r.spans.IsEmpty() {
				gone = append(gone, r.sure)
			}
		}
	}
	return pep440.UnionOf(gone...)
}

func (k *known) add(o *order, texts []string) {
	var last *parsed
	for _, text := range texts {
		last = o.readAfter(last, text)
		k.addOne(last)
	}
}

func (k *known) addOne(p *parsed) {
	if p.known == k {
		return // records repeat one another's lists
	}
	p.known = k
	if p.err == nil {
		k.versions = append(k.versions, p.pep)
	}
}

func (k *known) sort() {
	slices.SortFunc(k.versions, pep440.Version.Compare)
	k.versions = slices.CompactFunc(k.versions, pep440.Version.Equal)
}

func (k *known) has(v pep440.Version) bool {
	_, found := slices.BinarySearchFunc(k.versions, v, pep440.Version.Compare)
	return found
}

// admitted is the versions that requirements admit.
type admitted struct {
	set pep440.Set
	// prereleases is true when a clause names one, so that installers take
	// them like any other version.
	prereleases bool
	// choice is candidates, once asked for.
	choice []pep440.Version
}

// admits reports whether an installer takes v where it has a choice.
func (s *admitted) admits(v pep440.Version) bool {
	return (s.prereleases || !v.IsPrerelease()) && s.set.Contains(v)
}

// candidates are the known versions that an installer chooses from, sorted:
// pre-releases only when they are asked for or nothing else will do.
// https://packaging.python.org/en/latest/specifications/version-specifiers/#handling-of-pre-releases
func (k *known) candidates(s *admitted) []pep440.Version {
	if s.choice == nil {
		s.choice = k.choose(s)
	}
	return s.choice
}

// choose is candidates, which many advisories ask for the same package.
func (k *known) choose(s *admitted) []pep440.Version {
	all := make([]pep440.Version, 0, len(k.versions))
	for _, v := range k.versions {
		if !s.set.Contains(v) {
			continue
		}
		all = append(all, v)
	}
	if s.prereleases {
		return all
	}
	final := slices.DeleteFunc(slices.Clone(all), pep440.Version.IsPrerelease)
	if len(final) == 0 {
		return all
	}
	return final
}

// floor returns the smallest known version that can stand behind a ">=": it is
// above all of bad, in s unless anywhere is true, and not in avoid. The zero
// Version says that there is none.
func (k *known) floor(s *admitted, bad, avoid pep440.Set, anywhere bool) pep440.Version {
	first, _ := slices.BinarySearchFunc(k.versions, true, func(v pep440.Version, _ bool) int {
		if bad.IsBelow(v) {
			return 0
		}
		return -1
	})
	for _, v := range k.versions[first:] {
		if !anywhere && !s.set.Contains(v) || avoid.Contains(v) || v.HasLocal() || v.IsPrerelease() && !s.prereleases {
			continue
		}
		return v
	}
	return pep440.Version{}
}

// above returns the smallest known final version above v that is not in avoid,
// and failing that the smallest pre-release if v is one too. The zero Version
// says that there is none.
func (k *known) above(v pep440.Version, avoid pep440.Set) pep440.Version {
	s := &admitted{set: pep440.AtMost(v).Complement()}
	to := k.floor(s, pep440.None(), avoid, false)
	if !to.IsValid() && v.IsPrerelease() {
		s.prereleases = true
		to = k.floor(s, pep440.None(), avoid, false)
	}
	return to
}
