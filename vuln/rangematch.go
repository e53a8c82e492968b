package vuln

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// ranges judges the requirements of Python packages that leave a choice.
func (m *matcher) ranges(ctx context.Context, lines map[string][]*line, together *installs) error {
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		list, err := m.lookup(ctx, subject{pypi, name})
		if err != nil && !errors.Is(err, ErrNoEcosystem) {
			return fmt.Errorf("looking up advisories for %q: %w", name, err)
		}
		var found []*pending
		var asked []*demand
		steps := 0
		groups := together.split(lines[name])
		if groups == nil {
			m.lineGap(lines[name][0], sbom.GapTooLarge, fmt.Sprintf("%d lines of too many files name %s: what they admit together is not judged", len(lines[name]), name))
		}
		for _, group := range groups {
			if scopes, markers := len(scopesOf(group)), markersOf(group); scopes*len(group)*(1+markers) > maxSteps {
				m.lineGap(group[0], sbom.GapTooLarge, fmt.Sprintf("%d lines for %d uses with %d markers name %s: what they admit together is not judged", len(group), scopes, markers, name))
				continue
			}
			asked = append(asked, m.demands(group)...)
		}
		for _, d := range joinDemands(asked) {
			// The work is what judging costs, and then one step for each line
			// that a finding names.
			if steps += len(d.lines); !d.pinned() {
				steps += len(list)
			}
			if steps > limit.RangeSteps {
				m.lineGap(d.lines[0], sbom.GapRange, fmt.Sprintf("too many different lines name %s: what they admit is not judged from here on", name))
				break
			}
			now := m.demand(name, list, d)
			steps += len(now) * len(d.lines)
			found = append(found, now...)
		}
		if len(found) > 0 {
			m.add(joinPending(found, len(m.environments), m.environments)...)
		}
	}
	return nil
}

// demand judges what is asked for of one package in one go.
func (m *matcher) demand(name string, list []Advisory, d *demand) []*pending {
	s, unread := d.admitted()
	if unread == nil && s.set.IsEmpty() {
		m.conflict(d, len(list))
		return nil
	}
	if d.pinned() || len(list) == 0 {
		return nil
	}
	p := m.packOf(name, list)
	if unread != nil {
		// Whatever the line means, only what is always affected is sure.
		s.set = pep440.All()
	}
	key := d.specifier()
	v := p.verdicts[key]
	if v == nil || unread != nil {
		v = p.judge(s)
		if unread == nil {
			p.verdicts[key] = v
		}
	}
	said := d.lines[:1]
	if d.joined {
		said = d.lines
	}
	for _, u := range v.doubts {
		reason := fmt.Sprintf("%s names %s and cannot be judged for %s: %s", u.advisory.ID, name, cmp.Or(key, "any version"), u.why)
		for _, l := range said {
			m.doubtAt(l.component, l.at, u, reason)
		}
	}
	var out []*pending
	open := 0
	for i := range v.findings {
		if f := &v.findings[i]; unread == nil || f.verdict == Forced {
			one := newPending(d, s, f)
			if f.fixed.IsValid() && !f.floor.IsValid() {
				one.finding.Caps = m.capsOf(d.lines, f.fixed)
			}
			out = append(out, one)
		} else {
			open += len(f.group.members)
		}
	}
	if open > 0 {
		m.lineGap(unread, sbom.GapRange, fmt.Sprintf("%s, and %s %s", unread.unread, advisoriesName(open), name))
	}
	return out
}

// mostConflicts is at how many lines one conflict is told. Its text counts all.
const mostConflicts = 100

// conflict says that no version is left, at every line that takes part.
func (m *matcher) conflict(d *demand, advisories int) {
	kind, reason := sbom.GapConflict, "no version satisfies "+d.words(m.through)
	if len(d.lines) == 1 && strings.HasPrefix(d.lines[0].component.Specifier, "===") {
		if advisories == 0 {
			return
		}
		kind, reason = sbom.GapVersion, d.words(m.through)+" names no version that advisories can be held against"
	}
	for _, l := range d.lines[:min(len(d.lines), mostConflicts)] {
		m.lineGap(l, kind, reason)
	}
}

func (m *matcher) lineGap(l *line, kind sbom.GapKind, reason string) {
	m.gapAt(l.component, l.at, kind, reason)
}

// rangeVerdicts is what the advisories of a package say of a range.
type rangeVerdicts struct {
	findings []rangeVerdict
	doubts   []doubt
}

// rangeVerdict is what one group of advisories says of a range.
type rangeVerdict struct {
	group   *group
	verdict Verdict
	basis   string
	// fixed and floor are Finding.Fixed and Finding.Floor.
	fixed, floor pep440.Version
	exclude      []string
}

// judge holds the advisories of a package against what requirements admit.
func (p *pack) judge(s *admitted) *rangeVerdicts {
	out := &rangeVerdicts{}
	var bad []pep440.Set
	avoid := []pep440.Set{p.malware}
	groups := p.group(func(a *Advisory) judgement { return p.judgeRange(s, a) })
	for i := range groups {
		g := &groups[i]
		if !g.decided {
			out.doubts = append(out.doubts, g.unsure...)
		}
		if len(g.affecting) == 0 {
			continue
		}
		one := rangeVerdict{group: g}
		bad = append(bad, p.verdict(s, g, &one))
		if one.verdict != Forced {
			avoid = append(avoid, p.affectedBy(g))
		}
		out.findings = append(out.findings, one)
	}
	p.floors(s, out.findings, bad, pep440.UnionOf(avoid...))
	return out
}

// floors gives all findings that a floor can cure the one that cures them all.
// avoid is what no floor may be: affected by an advisory that leaves a choice
// today, or malware. What every admitted version has stands in no floor's way.
func (p *pack) floors(s *admitted, findings []rangeVerdict, bad []pep440.Set, avoid pep440.Set) {
	curable := make([]bool, len(findings))
	var above []pep440.Set
	for i := range findings {
		if len(findings[i].exclude) == 0 && p.known.floor(s, bad[i], avoid, false).IsValid() {
			curable[i], above = true, append(above, bad[i])
		}
	}
	floor := p.known.floor(s, pep440.UnionOf(above...), avoid, false)
	for i := range findings {
		if curable[i] {
			findings[i].floor = floor
		}
	}
}

// verdict fills in what one group says, and returns which of the admitted
// versions it affects.
func (p *pack) verdict(s *admitted, g *group, out *rangeVerdict) pep440.Set {
	affected := p.affectedBy(g)
	var fixed []pep440.Version
	spans := false
	for _, a := range g.affecting {
		r := p.order.regionOf(a)
		fixed = append(fixed, r.fixed...)
		spans = spans || r.spans.Overlaps(s.set)
	}
	bad := s.set.Intersect(affected)
	var newest pep440.Version
	out.verdict, newest = decide(s, affected, fixed, p.known)
	if out.verdict != Forced && p.pureList(g) {
		out.exclude = p.singles(s, g)
		if out.verdict == Latent && !p.known.complete && !newest.IsValid() {
			// Nobody has told of a version that is not malware.
			out.verdict = Unknown
		}
	}
	out.basis = "versions"
	switch {
	case newest.IsValid() && p.known.complete:
		out.basis = "index"
	case p.known.locked[newest]:
		out.basis = "lock"
	case spans:
		out.basis = "events"
	}
	avoid := affected.Union(p.malware)
	if out.fixed = p.known.floor(s, bad, avoid, false); !out.fixed.IsValid() {
		out.fixed = p.known.floor(s, bad, avoid, true)
	}
	return bad
}

// judgeRange says whether an advisory affects a version that is admitted.
func (p *pack) judgeRange(s *admitted, a *Advisory) judgement {
	r := p.order.regionOf(a)
	switch {
	case s.set.Overlaps(r.sure):
		j := judgement{outcome: yes, basis: "events"}
		if r.doubtful && !s.set.Intersect(r.sure).Equal(s.set.Intersect(r.maybe)) {
			j.why = r.why
		}
		return j
	case !r.doubtful || !s.set.Overlaps(r.maybe):
		return judgement{outcome: no}
	}
	return judgement{outcome: unsure, why: r.why}
}

// singles are the admitted versions that the records of a group list.
func (p *pack) singles(s *admitted, g *group) []string {
	var found []pep440.Version
	for _, a := range g.affecting {
		for i := range a.Affected {
			for _, text := range a.Affected[i].Versions {
				if v, err := p.order.parse(text); err == nil && s.set.Contains(v.pep) {
					found = append(found, v.pep)
				}
			}
		}
	}
	slices.SortFunc(found, pep440.Version.Compare)
	var out []string
	for _, v := range slices.CompactFunc(found, pep440.Version.Equal) {
		out = append(out, v.String())
	}
	return out
}

// matchUnversioned judges a component without a version that is no
// requirement: one that is there in some version nobody named. Only what every
// version has is sure.
func (m *matcher) matchUnversioned(c *sbom.Component, list []*Advisory) {
	if c.Ecosystem == pypi {
		m.unversioned(c)
		return
	}
	open := 0
	judge := func(a *Advisory) judgement {
		if a.Malicious() && coversAll(a) {
			return judgement{outcome: yes, basis: "events"}
		}
		return judgement{outcome: unsure}
	}
	groups := groupAdvisories(list, judge)
	for i := range groups {
		g := &groups[i]
		if len(g.affecting) == 0 {
			open += len(g.members)
			continue
		}
		f := newFinding(c, g)
		f.Verdict, f.Specifier = Forced, c.Specifier
		m.add(f)
	}
	if open == 0 {
		return
	}
	reason := fmt.Sprintf("no version of %s is known, and %s it", c.Name, advisoriesName(open))
	for _, at := range c.Locations {
		m.gapAt(c, at, sbom.GapRange, reason)
	}
	if len(c.Locations) == 0 {
		m.gap(c, sbom.GapRange, reason)
	}
}

// unversioned is matchUnversioned for PyPI, where a specifier may say more.
func (m *matcher) unversioned(c *sbom.Component) {
	name := c.NormalName()
	p := m.packOf(name, m.known[subject{pypi, name}])
	s := &admitted{set: pep440.All()}
	if specifiers, err := pep440.ParseSpecifiers(c.Specifier); err == nil && !specifiers.Set().IsEmpty() {
		s.set = specifiers.Set()
	}
	v := p.judge(s)
	for _, u := range v.doubts {
		m.doubtAt(c, placeOf(c), u, fmt.Sprintf("%s names %s and cannot be judged without its version: %s", u.advisory.ID, name, u.why))
	}
	for i := range v.findings {
		f := newFinding(c, v.findings[i].group)
		f.Specifier, f.Basis, f.Fixed = c.Specifier, v.findings[i].basis, v.findings[i].fixed.String()
		if f.Verdict = Unknown; s.set.SubsetOf(p.affectedBy(v.findings[i].group)) {
			f.Verdict = Forced
		}
		m.add(f)
	}
}

// coversAll reports whether a range of the advisory begins at "0" and never
// ends.
func coversAll(a *Advisory) bool {
	return slices.ContainsFunc(a.Affected, func(e Affected) bool {
		return slices.ContainsFunc(e.Ranges, func(r Range) bool {
			return len(r.Events) > 0 && !slices.ContainsFunc(r.Events, func(ev Event) bool { return ev.Introduced == "" }) &&
				slices.ContainsFunc(r.Events, func(ev Event) bool { return ev.Introduced == "0" })
		})
	})
}
