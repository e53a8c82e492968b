package pep440

import (
	"slices"
	"strings"
)

// Set is a set of versions: what [Specifiers] admit when pre-releases are
// allowed, and all that follows by union, intersection and complement. The
// answers are exact, not for the versions of some index but for all that PEP
// 440 can write. The zero value is the empty set. Sets do not change.
type Set struct {
	// cuts are where membership changes, sorted, none twice: versions after
	// the first and before the second are in the set, and so on. Their number
	// is even.
	cuts []string
}

// None returns the empty set.
func None() Set { return Set{} }

// All returns the set of all versions.
func All() Set { return interval(cutStart, cutEnd) }

// interval returns what is after lo and before hi.
func interval(lo, hi string) Set {
	if lo >= hi {
		return Set{}
	}
	return Set{cuts: []string{lo, hi}}
}

// AtLeast returns the versions that sort with v or after it.
func AtLeast(v Version) Set {
	if !v.IsValid() {
		return None()
	}
	return interval(v.key, cutEnd)
}

// Below returns the versions that sort before v. Unlike the clause "<v" it has
// the pre-releases of v: it is the plain order, as the events of an advisory
// mean it.
func Below(v Version) Set { return interval(cutStart, v.key) }

// AtMost returns the versions that sort with v or before it. Unlike the clause
// "<=v" it has no local version of v.
func AtMost(v Version) Set {
	if !v.IsValid() {
		return None()
	}
	return interval(cutStart, v.key+cutAfter)
}

// Only returns the versions that are equal to v: it and its spellings with
// more or fewer trailing zeros.
func Only(v Version) Set {
	if !v.IsValid() {
		return None()
	}
	return interval(v.key, v.key+cutAfter)
}

// UnionOf returns the versions that are in at least one of sets; None for no
// set. For many sets it is much faster than one Union after the other.
func UnionOf(sets ...Set) Set { return fold(sets, None(), Set.Union) }

// IntersectionOf returns the versions that are in all of sets; All for no set.
func IntersectionOf(sets ...Set) Set { return fold(sets, All(), Set.Intersect) }

// fold joins sets in halves, so that n cuts are moved log n times and a
// hostile list of a hundred thousand clauses does not take minutes.
func fold(sets []Set, none Set, join func(Set, Set) Set) Set {
	switch n := len(sets); n {
	case 0:
		return none
	case 1:
		return sets[0]
	default:
		return join(fold(sets[:n/2], none, join), fold(sets[n/2:], none, join))
	}
}

// Set returns the versions that satisfy s, pre-releases included.
func (s Specifiers) Set() Set {
	sets := make([]Set, len(s.clauses))
	for i, c := range s.clauses {
		sets[i] = c.Set()
	}
	return IntersectionOf(sets...)
}

// Set returns the versions that satisfy the clause, pre-releases included.
func (c Clause) Set() Set {
	if c.Operator == Arbitrary {
		return c.arbitrarySet()
	}
	if !c.Version.IsValid() {
		return None()
	}
	p := c.Version.parts()
	switch c.Operator {
	case Matching:
		return c.matchingSet(&p)
	case Excluding:
		return c.matchingSet(&p).Complement()
	case GreaterOrEqual:
		return interval(c.Version.key, cutEnd)
	case LessOrEqual:
		return interval(cutStart, p.cutAfterLocals())
	case Compatible:
		prefix := c.compatiblePrefix()
		return interval(c.Version.key, prefix.cutAfterPrefix())
	case Greater:
		if p.hasPost || p.hasDev {
			return interval(p.cutAfterLocals(), cutEnd)
		}
		return interval(p.cutAfterPosts(), cutEnd)
	case Less:
		if p.pre != 0 || p.hasDev {
			return interval(cutStart, c.Version.key)
		}
		return interval(cutStart, p.cutBeforePrereleases())
	}
	return None()
}

// matchingSet is what "==" with version p matches.
func (c Clause) matchingSet(p *parts) Set {
	switch {
	case c.Wildcard:
		return interval(p.cutBeforePrereleases(), p.cutAfterPrefix())
	case p.local != "":
		return Only(c.Version)
	}
	return interval(c.Version.key, p.cutAfterLocals())
}

// arbitrarySet is the one version whose normal form is the text of the clause;
// there is none for a text that is no version or not in normal form.
func (c Clause) arbitrarySet() Set {
	if !c.Version.IsValid() || !c.containsText(c.Version.text) {
		return None()
	}
	n := c.Version.segments()
	lo := string(appendCount([]byte(c.Version.key), n))
	if n == c.Version.leastSegments() {
		lo = c.Version.key
	}
	return interval(lo, string(appendCount([]byte(c.Version.key), n+1)))
}

// leastSegments is the length of the shortest release that equals v's.
func (v Version) leastSegments() int {
	p := v.parts()
	release := p.release
	for strings.HasSuffix(release, ".0") {
		release = release[:len(release)-2]
	}
	return strings.Count(release, ".") + 1
}

// Contains tells whether v is in the set. The zero Version is in none.
func (s Set) Contains(v Version) bool {
	if !v.IsValid() {
		return false
	}
	if len(s.cuts) == 2 {
		return isBefore(s.cuts[0], v) && !isBefore(s.cuts[1], v)
	}
	n, m := 0, len(s.cuts) // cuts before n are before v, those from m on are not
	for n < m {
		middle := int(uint(n+m) / 2)
		if isBefore(s.cuts[middle], v) {
			n = middle + 1
		} else {
			m = middle
		}
	}
	return n%2 == 1
}

// IsEmpty tells whether no version at all is in the set.
func (s Set) IsEmpty() bool { return len(s.cuts) == 0 }

// Equal tells whether both sets have the same versions.
func (s Set) Equal(t Set) bool { return slices.Equal(s.cuts, t.cuts) }

// Complement returns all versions that are not in s.
func (s Set) Complement() Set {
	cuts := make([]string, 0, len(s.cuts)+2)
	inside := s.cuts
	if len(inside) > 0 && inside[0] == cutStart {
		inside = inside[1:]
	} else {
		cuts = append(cuts, cutStart)
	}
	cuts = append(cuts, inside...)
	if n := len(cuts); n > 0 && cuts[n-1] == cutEnd {
		cuts = cuts[:n-1]
	} else {
		cuts = append(cuts, cutEnd)
	}
	return Set{cuts: cuts}
}

// Intersect returns the versions that are in both sets.
func (s Set) Intersect(t Set) Set {
	switch {
	case s.IsEmpty() || t.isAll():
		return s
	case t.IsEmpty() || s.isAll():
		return t
	}
	return s.merge(t, 2)
}

// Union returns the versions that are in at least one of the sets.
func (s Set) Union(t Set) Set {
	switch {
	case t.IsEmpty() || s.isAll():
		return s
	case s.IsEmpty() || t.isAll():
		return t
	}
	return s.merge(t, 1)
}

func (s Set) isAll() bool { return len(s.cuts) == 2 && s.cuts[0] == cutStart && s.cuts[1] == cutEnd }

// Minus returns the versions of s that are not in t.
func (s Set) Minus(t Set) Set { return s.Intersect(t.Complement()) }

// SubsetOf tells whether every version of s is in t. The empty set is a subset
// of every set: ask IsEmpty too where "nothing" must not count as "all is well".
func (s Set) SubsetOf(t Set) bool { return !s.anywhere(t, 0) }

// Overlaps tells whether a version is in both sets: whether Intersect is not
// empty, without making it.
func (s Set) Overlaps(t Set) bool { return s.anywhere(t, 1) }

// IsBelow tells whether every version of s sorts before v. It is true of the
// empty set, and false for the zero Version unless s is empty.
func (s Set) IsBelow(v Version) bool {
	return len(s.cuts) == 0 || s.cuts[len(s.cuts)-1] <= v.key
}

// anywhere walks along both lists of cuts and tells whether there is a place
// inside of s that is inside (1) or outside (0) of t.
func (s Set) anywhere(t Set, inside int) bool {
	j := 0
	for i := 0; i < len(s.cuts); i += 2 {
		from, to := s.cuts[i], s.cuts[i+1]
		for j < len(t.cuts) && t.cuts[j] <= from {
			j++
		}
		// The interval begins in t when j is odd, and meets its next cut.
		if j%2 == inside || j < len(t.cuts) && t.cuts[j] < to {
			return true
		}
	}
	return false
}

// merge walks along both lists of cuts and keeps the places that are inside of
// at least need of the two.
func (s Set) merge(t Set, need int) Set {
	cuts := make([]string, 0, len(s.cuts)+len(t.cuts))
	i, j, in := 0, 0, false
	for i < len(s.cuts) || j < len(t.cuts) {
		order := 0
		switch {
		case i == len(s.cuts):
			order = 1
		case j == len(t.cuts):
			order = -1
		default:
			order = strings.Compare(s.cuts[i], t.cuts[j])
		}
		var cut string
		if order <= 0 {
			cut = s.cuts[i]
			i++
		}
		if order >= 0 {
			cut = t.cuts[j]
			j++
		}
		if now := i%2+j%2 >= need; now != in {
			cuts = append(cuts, cut)
			in = now
		}
	}
	return Set{cuts: cuts}
}
