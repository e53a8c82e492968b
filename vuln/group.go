package vuln

import (
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// kin is the advisories of one package that mean one vulnerability.
type kin struct {
	// members are sorted by id; at is where each stands in the list that they
	// are from.
	members []*Advisory
	at      []int
	// name is the ids of the members, once asked for.
	name string
	// affected is what any of the members affects (PyPI), and about what all of
	// them together say, once asked for.
	affected *pep440.Set
	about    *about
}

// group is a kin, judged.
type group struct {
	*kin
	// affecting are the members that affect what is in use.
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
func groupAdvisories(list []*Advisory, judge func(*Advisory) judgement) []group {
	judged := judgeAll(list, judge)
	return fill(kinsOf(list, judged), judged)
}

// ids are those of the members, in one text.
func (k *kin) ids() string {
	if k.name == "" {
		var ids []string
		for _, a := range k.members {
			ids = append(ids, a.ID)
		}
		k.name = strings.Join(ids, " ")
	}
	return k.name
}

func judgeAll(list []*Advisory, judge func(*Advisory) judgement) []judgement {
	judged := make([]judgement, len(list))
	for i, a := range list {
		judged[i] = judge(a)
	}
	return judged
}

// kinsOf parts advisories, in the order of the first member of each kin. A
// distribution's records say with "upstream" what they are about; one may
// speak of many vulnerabilities, so only records that affect what is in use
// are joined by it: judged says which, nil that none does.
func kinsOf(list []*Advisory, judged []judgement) []*kin {
	var ids IDGroups
	for i, a := range list {
		for _, alias := range a.Aliases {
			ids.Join(a.ID, alias)
		}
		if judged != nil && judged[i].outcome == yes {
			for _, up := range a.Upstream {
				ids.Join(a.ID, up)
			}
		}
	}
	var out []*kin
	known := make(map[string]*kin, len(list))
	for i, a := range list {
		root := ids.Find(a.ID)
		k := known[root]
		if k == nil {
			k = &kin{}
			known[root] = k
			out = append(out, k)
		}
		k.members, k.at = append(k.members, a), append(k.at, i)
	}
	return out
}

// fill sorts judgements by kin.
func fill(kins []*kin, judged []judgement) []group {
	out := make([]group, len(kins))
	for n, k := range kins {
		g := &out[n]
		g.kin = k
		for i, a := range k.members {
			g.take(a, judged[k.at[i]])
		}
		if len(g.affecting) == len(k.members) {
			g.affecting = k.members
		}
	}
	return out
}

func (g *group) take(a *Advisory, j judgement) {
	switch j.outcome {
	case yes:
		g.affecting = append(g.affecting, a)
		if g.basis == "" || j.basis == "events" {
			g.basis = j.basis
		}
		if j.why != "" {
			g.unsure = append(g.unsure, doubt{a, j.why})
		} else {
			g.decided = true
		}
	case no:
		g.decided = true
	default:
		g.unsure = append(g.unsure, doubt{a, j.why})
	}
}

// basisOr is the correction that the group's verdict rests on, or other when one
// of the affecting records needs none.
func (g *group) basisOr(other string) string {
	if len(g.affecting) == 0 || slices.ContainsFunc(g.affecting, func(a *Advisory) bool { return a.Correction == "" }) {
		return other
	}
	return "correction: " + g.affecting[0].Correction
}

// newFinding says what is common to all verdicts about a component. Findings of
// one group share their ids.
func newFinding(c *sbom.Component, g *group) Finding {
	said := g.says()
	f := Finding{
		IDs: said.ids, Records: said.records, Package: c.Name, Ecosystem: c.Ecosystem, PURL: c.PURL, Evidence: c.Evidence,
		Basis: g.basisOr(g.basis), BasisDate: said.date, Severity: said.severity, SeveritySource: said.severitySource,
		Malicious: said.malicious, Summary: said.summary, Notes: said.notes, Locations: slices.Clip(c.Locations),
	}
	if f.Locations == nil {
		f.Locations = []sbom.Location{}
	}
	return f
}

// about is what affecting advisories say, whatever the component.
type about struct {
	ids, records            []string
	malicious               bool
	date                    time.Time
	severity                Severity
	severitySource, summary string
	notes                   []string
}

// says is about for the affecting members.
func (g *group) says() *about {
	all := len(g.affecting) == len(g.members)
	if all && g.kin.about != nil {
		return g.kin.about
	}
	s := &about{}
	for _, a := range g.affecting {
		s.records = append(s.records, a.ID)
		s.ids = append(append(append(s.ids, a.ID), a.Aliases...), a.Upstream...)
		s.malicious = s.malicious || a.Malicious()
		if a.Modified.After(s.date) {
			s.date = a.Modified
		}
	}
	for _, a := range g.members {
		// Aliases also connect records that do not affect this version.
		s.ids = append(append(s.ids, a.ID), a.Aliases...)
	}
	s.ids, s.records = slices.Clip(sortedIDs(s.ids)), slices.Clip(sortedIDs(s.records))
	s.severity, s.severitySource = severityOf(g.affecting)
	s.summary = summaryOf(g.affecting)
	s.notes = slices.Clip(notes(g.members))
	if all {
		g.kin.about = s
	}
	return s
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
