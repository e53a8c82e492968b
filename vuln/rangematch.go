package vuln

import (
	"fmt"
	"slices"

	"github.com/tallyman/tallyman/sbom"
)

// matchRange judges a component of which only a range of versions is known, or
// nothing but its name.
func (m *matcher) matchRange(c *sbom.Component, list []*Advisory) {
	open := 0
	for _, g := range groupAdvisories(list, judgeRange) {
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
	reason := fmt.Sprintf("range not judged yet: %s %s", advisoriesName(open), c.Name)
	for _, at := range c.Locations {
		m.gapAt(c, at, sbom.GapRange, reason)
	}
	if len(c.Locations) == 0 {
		m.gap(c, sbom.GapRange, reason)
	}
}

// judgeRange says yes to what every version of the package is: malware. About
// all else a range alone says nothing here, and never is its lower bound taken
// for the version in use.
func judgeRange(a *Advisory) judgement {
	if a.Malicious() && coversAll(a) {
		return judgement{outcome: yes, basis: "events"}
	}
	return judgement{outcome: unsure, why: "only a range of versions is known"}
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
