package vuln

import (
	"fmt"
	"slices"
)

// outcome is the set of answers to "is this version affected?" that what
// could be read of an advisory leaves open. The zero value is empty.
type outcome uint8

const (
	no     outcome = 1 << iota
	yes            // affected
	unsure = no | yes
)

func answer(affected bool) outcome {
	if affected {
		return yes
	}
	return no
}

// or is the answer to a question that is yes when a or b is.
func (a outcome) or(b outcome) outcome {
	switch {
	case a == yes || b == yes:
		return yes
	case a == unsure || b == unsure:
		return unsure
	}
	return no
}

// judgement is what an advisory says about one thing in use.
type judgement struct {
	outcome outcome
	// basis is "events" or "versions" when the outcome is yes.
	basis string
	// why says why the outcome is unsure.
	why string
}

// judgeVersion says whether an exact version is affected, by the evaluation
// algorithm of the OSV schema: an entry affects a version when its list names
// it or one of its ranges covers it.
// https://ossf.github.io/osv-schema/#evaluation
func (o *order) judgeVersion(v version, a *Advisory) judgement {
	out := judgement{outcome: no}
	for i := range a.Affected {
		one := o.judgeEntry(v, &a.Affected[i])
		if one.outcome == yes && (out.outcome != yes || one.basis == "events") {
			out.basis = one.basis
		}
		if one.outcome == unsure && out.why == "" {
			out.why = one.why
		}
		out.outcome = out.outcome.or(one.outcome)
	}
	return out
}

// judge is judgeVersion, by the shortest way.
func (o *order) judge(v version, a *Advisory) judgement {
	if o.pypi {
		return o.judgeByRegion(v, a)
	}
	return o.judgeVersion(v, a)
}

func (o *order) judgeEntry(v version, a *Affected) judgement {
	if len(a.Versions) == 0 && len(a.Ranges) == 0 {
		return judgement{outcome: unsure, why: "it does not say which versions are affected"}
	}
	out := judgement{outcome: no}
	for _, as := range o.public(v) {
		for i := range a.Ranges {
			in, why := o.inRange(as, &a.Ranges[i])
			if in == yes {
				return judgement{outcome: yes, basis: "events"}
			}
			if in == unsure && out.why == "" {
				out.why = why
			}
			out.outcome = out.outcome.or(in)
		}
	}
	for _, as := range o.public(v) {
		if o.listed(as, a.Versions) {
			return judgement{outcome: yes, basis: "versions"}
		}
	}
	return out
}

// listed reports whether a list names v, in its own spelling or another.
// A version that cannot be read equals only its own spelling.
func (o *order) listed(v version, list []string) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		if s == v.text {
			return true
		}
		w, err := o.parse(s)
		return err == nil && o.compare(v, w) == 0
	})
}

// event is an event whose version was read.
type event struct {
	*Event
	at version
	// first is true for "introduced": "0", which sorts before any version.
	first bool
}

// inRange follows the events up to v. An event whose version cannot be read
// may lie anywhere, also right before v as the last word on it, so it adds the
// answer that it would give there.
func (o *order) inRange(v version, r *Range) (outcome, string) {
	limits, events, unread := o.sortEvents(r)
	if !limits.before(o, v) {
		if limits.unread == "" {
			return no, ""
		}
	}
	affected := false
	for _, e := range events {
		switch {
		case e.Introduced != "" && (e.first || o.compare(v, e.at) >= 0):
			affected = true
		case e.Fixed != "" && (e.first || o.compare(v, e.at) >= 0):
			affected = false
		case e.LastAffected != "" && o.compare(v, e.at) > 0:
			affected = false
		}
	}
	out, why := answer(affected), ""
	for _, e := range unread {
		out |= answer(e.Introduced != "")
		why = unreadable(e.version())
	}
	if limits.unread != "" && !limits.before(o, v) {
		out |= no
		why = unreadable(limits.unread)
	}
	return out, why
}

func unreadable(s string) string { return fmt.Sprintf("its version %.80q cannot be read", s) }

// version is the version of whichever field is set.
func (e *Event) version() string {
	for _, s := range []string{e.Introduced, e.Fixed, e.LastAffected} {
		if s != "" {
			return s
		}
	}
	return e.Limit
}

// limits are the limit events of a range. No limit is none.
type limits struct {
	any    bool
	at     []version
	star   bool
	unread string
}

// before is the schema's BeforeLimits, as far as the limits could be read.
func (l *limits) before(o *order, v version) bool {
	return !l.any || l.star || slices.ContainsFunc(l.at, func(w version) bool { return o.compare(v, w) < 0 })
}

// sortEvents parts the limits from the other events and sorts those by
// version; events at one version keep the record's order.
func (o *order) sortEvents(r *Range) (l limits, events []event, unread []*Event) {
	events = make([]event, 0, len(r.Events))
	for i := range r.Events {
		e := &r.Events[i]
		if e.Limit == "*" {
			l.any, l.star = true, true
			continue
		}
		if e.Introduced == "0" || e.Fixed == "0" {
			events = append(events, event{Event: e, first: true})
			continue
		}
		at, err := o.parseEvent(e.version())
		switch {
		case e.Limit != "" && err != nil:
			l.any, l.unread = true, e.Limit
		case e.Limit != "":
			l.any, l.at = true, append(l.at, at)
		case err != nil:
			unread = append(unread, e)
		default:
			events = append(events, event{Event: e, at: at})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int {
		switch {
		case a.first && b.first:
			return 0
		case a.first:
			return -1
		case b.first:
			return 1
		}
		return o.compare(a.at, b.at)
	})
	return l, events, unread
}

// fixFor returns the smallest version above v that an advisory of the group
// names as fixed and that none of the group affects, "" if there is none.
func (o *order) fixFor(v version, group []*Advisory) string {
	if found := o.fixes(v, group); len(found) > 0 {
		return found[0].text
	}
	return ""
}

// fixes returns all such versions, the smallest first.
func (o *order) fixes(v version, group []*Advisory) []version {
	var found []version
	for _, a := range group {
		for _, entry := range a.Affected {
			for _, r := range entry.Ranges {
				for _, e := range r.Events {
					if w, err := o.parseEvent(e.Fixed); e.Fixed != "" && err == nil && o.compare(w, v) > 0 {
						found = append(found, w)
					}
				}
			}
		}
	}
	slices.SortStableFunc(found, o.compare)
	return slices.DeleteFunc(found, func(w version) bool {
		return slices.ContainsFunc(group, func(a *Advisory) bool { return o.judge(w, a).outcome != no })
	})
}
