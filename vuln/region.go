package vuln

import (
	"slices"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// region is the versions of a PyPI package that an advisory affects, as a set.
type region struct {
	// sure are affected whatever the unreadable parts of the record say; maybe
	// has those besides that may be.
	sure, maybe pep440.Set
	// spans is what of sure follows from events; the rest is from lists.
	spans pep440.Set
	// fixed are the versions of its fixed events.
	fixed []pep440.Version
	// doubtful is true when sure and maybe differ; why says why.
	doubtful bool
	why      string
}

// regionOf is judgeVersion for all versions at once: a version is in sure when
// judgeVersion says yes, and in maybe when it does not say no.
func (o *order) regionOf(a *Advisory) *region {
	if r, ok := o.regions[a]; ok {
		return r
	}
	r := &region{}
	var sure, maybe, spans []pep440.Set
	for i := range a.Affected {
		one := o.entryRegion(&a.Affected[i])
		sure, maybe, spans = append(sure, one.sure), append(maybe, one.maybe), append(spans, one.spans)
		r.fixed = append(r.fixed, one.fixed...)
		if r.why == "" {
			r.why = one.why
		}
	}
	r.sure, r.spans = pep440.UnionOf(sure...), pep440.UnionOf(spans...)
	r.maybe = r.sure.Union(pep440.UnionOf(maybe...))
	r.doubtful = !r.sure.Equal(r.maybe)
	o.regions[a] = r
	return r
}

// entryRegion is the region of one entry of a record's affected list.
func (o *order) entryRegion(a *Affected) region {
	if len(a.Versions) == 0 && len(a.Ranges) == 0 {
		return region{maybe: pep440.All(), why: "it does not say which versions are affected"}
	}
	var r region
	var mentioned []*parsed
	for i := range a.Ranges {
		sure, maybe, why := o.rangeRegion(&a.Ranges[i])
		r.sure, r.maybe = r.sure.Union(sure), r.maybe.Union(maybe)
		if r.why == "" {
			r.why = why
		}
		for j := range a.Ranges[i].Events {
			e := &a.Ranges[i].Events[j]
			if e.Introduced == "0" || e.Fixed == "0" {
				continue
			}
			v := o.readEvent(e.version())
			if v.err != nil {
				continue
			}
			mentioned = append(mentioned, v)
			if e.Fixed != "" {
				r.fixed = append(r.fixed, v.pep)
			}
		}
	}
	if r.sure.Equal(r.maybe) {
		r.sure = withLocals(r.sure, mentioned)
		r.maybe = r.sure
	} else {
		r.sure, r.maybe = withLocals(r.sure, mentioned), withLocals(r.maybe, mentioned)
	}
	r.spans = r.sure
	var listed []pep440.Set
	var v *parsed
	for _, text := range a.Versions {
		if v = o.readAfter(v, text); v.err == nil && !r.spans.Contains(v.pep) {
			listed = append(listed, v.exactly())
		}
	}
	r.sure = r.sure.Union(pep440.UnionOf(listed...))
	return r
}

// exactly is the versions that count as v: a local version ("2.1+cu118") has
// the faults of the public version that it was built from.
func exactly(v pep440.Version) pep440.Set {
	if v.HasLocal() {
		return pep440.Only(v)
	}
	return pep440.Clause{Operator: pep440.Matching, Text: v.String(), Version: v}.Set()
}

// exactly is exactly of the version that was read.
func (p *parsed) exactly() pep440.Set {
	if p.exact == nil {
		s := exactly(p.pep)
		p.exact = &s
	}
	return *p.exact
}

// withLocals adds the local versions of the versions that a set has. Only at
// the versions where it begins or ends can one be missing.
func withLocals(s pep440.Set, ends []*parsed) pep440.Set {
	for _, v := range ends {
		public, locals := v.pep, v.exactly
		if public.HasLocal() {
			public = public.Public()
			locals = func() pep440.Set { return exactly(public) }
		}
		if !s.Contains(public) {
			continue
		}
		if add := locals(); !add.SubsetOf(s) {
			s = s.Union(add)
		}
	}
	return s
}

// rangeRegion is inRange for all versions at once.
func (o *order) rangeRegion(r *Range) (sure, maybe pep440.Set, why string) {
	if fixed := r.fixedFromStart(); fixed != "" {
		// Most ranges are of this kind.
		if v, err := o.parseEvent(fixed); err == nil {
			below := pep440.Below(v.pep)
			return below, below, ""
		}
	}
	limits, events, unread := o.sortEvents(r)
	sure = walk(events)
	within := limits.set()
	maybe = sure
	if limits.unread == "" {
		maybe = sure.Intersect(within)
	} else {
		why = unreadable(limits.unread)
	}
	sure = sure.Intersect(within)
	for _, e := range unread {
		// It may lie anywhere, and be the last word on any version.
		why = unreadable(e.version())
		if e.Introduced == "" {
			sure = pep440.None()
			continue
		}
		maybe = within
		if limits.unread != "" {
			maybe = pep440.All()
		}
	}
	return sure, maybe, why
}

// fixedFromStart returns the version of a range's fixed event when the range
// has no other but the start of all versions before it, else "".
func (r *Range) fixedFromStart() string {
	if len(r.Events) != 2 || r.Events[0] != (Event{Introduced: "0"}) {
		return ""
	}
	if fixed := r.Events[1].Fixed; fixed != "0" && r.Events[1] == (Event{Fixed: fixed}) {
		return fixed
	}
	return ""
}

// set is what lies before the limits.
func (l *limits) set() pep440.Set {
	if !l.any || l.star {
		return pep440.All()
	}
	var below pep440.Set
	for _, v := range l.at {
		below = below.Union(pep440.Below(v.pep))
	}
	return below
}

// walk follows sorted events upwards. At each version the state may change
// twice: right before it, and, for last_affected, right after it.
func walk(events []event) pep440.Set {
	var parts []pep440.Set
	affected, from := false, pep440.None()
	turn := func(now bool, upTo, onwards pep440.Set) {
		switch {
		case now && !affected:
			from = onwards
		case !now && affected:
			parts = append(parts, from.Intersect(upTo))
		}
		affected = now
	}
	for i := 0; i < len(events); {
		n := i + 1
		for n < len(events) && events[n].first == events[i].first && (events[i].first || events[n].at.pep.Equal(events[i].at.pep)) {
			n++
		}
		at, after := affected, affected
		for _, e := range events[i:n] {
			if e.Introduced != "" || e.Fixed != "" {
				at = e.Introduced != ""
			}
			after = e.Introduced != ""
		}
		if v := events[i].at.pep; events[i].first {
			turn(after, pep440.None(), pep440.All())
		} else {
			turn(at, pep440.Below(v), pep440.AtLeast(v))
			turn(after, pep440.AtMost(v), pep440.AtMost(v).Complement())
		}
		i = n
	}
	if affected {
		parts = append(parts, from)
	}
	return pep440.UnionOf(slices.Clip(parts)...)
}
