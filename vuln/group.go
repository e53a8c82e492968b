package vuln

import (
	"slices"

	"github.com/tallyman/tallyman/sbom"
)

// group is the advisories of one package that mean one vulnerability.
type group struct {
	// members are all of them, sorted by id.
	members []*Advisory
	// affecting are those that affect what is in use.
	affecting []*Advisory
	// basis is what the strongest of them rests on.
	basis string
	// decided is true when one of them could be judged without a doubt; unsure
	// are those that could not, or not in every part.
	decided bool
	unsure  []doubt
}

// doubt is an advisory that could not be judged, and why.
type doubt struct {
	advisory *Advisory
	why      string
}

// groupAdvisories judges each advisory and joins those that aliases connect.
// A distribution's records say with "upstream" what they are about; one may
// speak of many vulnerabilities, so only records that affect what is in use
// are joined by it.
func groupAdvisories(list []*Advisory, judge func(*Advisory) judgement) []*group {
	var ids IDGroups
	judged := make([]judgement, len(list))
	for i, a := range list {
		judged[i] = judge(a)
		for _, alias := range a.Aliases {
			ids.Join(a.ID, alias)
		}
		if judged[i].outcome == yes {
			for _, up := range a.Upstream {
				ids.Join(a.ID, up)
			}
		}
	}
	var out []*group
	at := map[string]*group{}
	for i, a := range list {
		root := ids.Find(a.ID)
		g := at[root]
		if g == nil {
			g = &group{}
			at[root] = g
			out = append(out, g)
		}
		g.members = append(g.members, a)
		switch judged[i].outcome {
		case yes:
			g.affecting = append(g.affecting, a)
			if g.basis == "" || judged[i].basis == "events" {
				g.basis = judged[i].basis
			}
			if judged[i].why != "" {
				g.unsure = append(g.unsure, doubt{a, judged[i].why})
			} else {
				g.decided = true
			}
		case no:
			g.decided = true
		default:
			g.unsure = append(g.unsure, doubt{a, judged[i].why})
		}
	}
	return out
}

// basisOr is the correction that the group's verdict rests on, or other when one
// of the affecting records needs none.
func (g *group) basisOr(other string) string {
	if len(g.affecting) == 0 || slices.ContainsFunc(g.affecting, func(a *Advisory) bool { return a.Correction == "" }) {
		return other
	}
	return "correction: " + g.affecting[0].Correction
}

// newFinding says what is common to all verdicts about a component.
func newFinding(c *sbom.Component, g *group) Finding {
	f := Finding{
		Package: c.Name, Ecosystem: c.Ecosystem, PURL: c.PURL, Evidence: c.Evidence,
		Basis: g.basisOr(g.basis), Severity: SeverityUnknown, Locations: slices.Clip(c.Locations),
	}
	if f.Locations == nil {
		f.Locations = []sbom.Location{}
	}
	for _, a := range g.affecting {
		f.Records = append(f.Records, a.ID)
		f.IDs = append(append(append(f.IDs, a.ID), a.Aliases...), a.Upstream...)
		f.Malicious = f.Malicious || a.Malicious()
		if a.Modified.After(f.BasisDate) {
			f.BasisDate = a.Modified
		}
	}
	for _, a := range g.members {
		// Aliases also connect records that do not affect this version.
		f.IDs = append(append(f.IDs, a.ID), a.Aliases...)
	}
	f.IDs, f.Records = sortedIDs(f.IDs), sortedIDs(f.Records)
	f.Severity, f.SeveritySource = severityOf(g.affecting)
	f.Summary = summaryOf(g.affecting)
	return f
}

// severityOf is the highest severity that any of the advisories gives.
//
// Debian marks a vulnerability "unimportant" in a release when it does not
// touch the packages that are built there (documentation, an example, an
// option that is off). When every advisory for the package says so, the
// severity is none, whatever the vector says about the upstream software.
// https://security-team.debian.org/security_tracker.html#severity-levels
func severityOf(list []*Advisory) (Severity, string) {
	severity, source := SeverityUnknown, ""
	unimportant := ""
	for _, a := range list {
		if !a.unimportant() {
			unimportant = "-"
		} else if unimportant == "" {
			unimportant = a.ID + " urgency unimportant"
		}
		if a.Severity == "" || a.Severity == SeverityUnknown {
			continue
		}
		if severity == SeverityUnknown || a.Severity.Rank() > severity.Rank() {
			severity, source = a.Severity, a.SeveritySource
		}
	}
	if unimportant != "-" && unimportant != "" {
		return SeverityNone, unimportant
	}
	return severity, source
}

// unimportant reports whether every affected entry has that urgency.
func (a *Advisory) unimportant() bool {
	return len(a.Affected) > 0 && !slices.ContainsFunc(a.Affected, func(e Affected) bool { return e.Urgency != "unimportant" })
}

// summaryOf is the summary of the first advisory, in the order of the ids,
// that has one.
func summaryOf(list []*Advisory) string {
	sorted := slices.SortedFunc(slices.Values(list), func(a, b *Advisory) int { return CompareIDs(a.ID, b.ID) })
	for _, a := range sorted {
		if a.Summary != "" {
			return a.Summary
		}
	}
	return ""
}
