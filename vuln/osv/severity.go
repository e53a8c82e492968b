package osv

import (
	"fmt"
	"strconv"
	"strings"

	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"

	"github.com/tallyman/tallyman/vuln"
)

// rating is one source's opinion of how bad a record is. The zero value is no
// opinion.
type rating struct {
	severity vuln.Severity
	// kind ranks the sources: a vector before a distribution's urgency before
	// a database's own word.
	kind ratingKind
	// score orders vectors of one severity, 0.0 to 10.0.
	score float64
	// source is what vuln.Advisory.SeveritySource says.
	source string
}

type ratingKind int

const (
	ratingNone ratingKind = iota
	ratingUpstream
	ratingWord
	ratingUrgency
	ratingVector
	ratingMalware
)

// better reports whether a says more than b: a better kind of source, or of
// the same kind a higher severity. Equal ones are ordered by their source, so
// that the result does not depend on the order of records.
func better(a, b rating) bool {
	if a.kind != b.kind {
		return a.kind > b.kind
	}
	if a.kind == ratingNone {
		return false
	}
	if a.severity != b.severity {
		return a.severity.Rank() > b.severity.Rank()
	}
	if a.score != b.score {
		return a.score > b.score
	}
	return a.source < b.source
}

// ownRating is the best rating that the record itself gives.
func (r *record) ownRating() rating {
	if strings.HasPrefix(r.id, "MAL-") {
		return rating{severity: vuln.SeverityCritical, kind: ratingMalware, source: r.id + " malicious package"}
	}
	var best rating
	for _, v := range r.ratings {
		if name, score, sev, ok := rateVector(v); ok {
			c := rating{severity: sev, kind: ratingVector, score: score,
				source: fmt.Sprintf("%s %s %s", r.id, name, strconv.FormatFloat(score, 'f', 1, 64))}
			if better(c, best) {
				best = c
			}
		}
	}
	for _, a := range r.affected {
		if sev, ok := rateWord(a.Urgency); ok {
			c := rating{severity: sev, kind: ratingUrgency, source: r.id + " urgency " + a.Urgency}
			if better(c, best) {
				best = c
			}
		}
	}
	if sev, ok := rateWord(r.word); ok {
		c := rating{severity: sev, kind: ratingWord, source: r.id + " severity " + r.word}
		if better(c, best) {
			best = c
		}
	}
	return best
}

// rateVector gives a vector's standard, its base score (CVSS v4: its score)
// and the qualitative severity.
func rateVector(v string) (name string, score float64, sev vuln.Severity, ok bool) {
	switch {
	case strings.HasPrefix(v, "CVSS:4.0/"):
		c, err := gocvss40.ParseVector(v)
		if err != nil {
			return "", 0, "", false
		}
		return "CVSS:4.0", c.Score(), qualitative(c.Score()), true
	case strings.HasPrefix(v, "CVSS:3.1/"):
		c, err := gocvss31.ParseVector(v)
		if err != nil {
			return "", 0, "", false
		}
		return "CVSS:3.1", c.BaseScore(), qualitative(c.BaseScore()), true
	case strings.HasPrefix(v, "CVSS:3.0/"):
		c, err := gocvss30.ParseVector(v)
		if err != nil {
			return "", 0, "", false
		}
		return "CVSS:3.0", c.BaseScore(), qualitative(c.BaseScore()), true
	}
	c, err := gocvss20.ParseVector(v)
	if err != nil {
		return "", 0, "", false
	}
	return "CVSS:2.0", c.BaseScore(), qualitativeV2(c.BaseScore()), true
}

// qualitative is the scale of CVSS v3 and v4.
// https://www.first.org/cvss/v4.0/specification-document#Qualitative-Severity-Rating-Scale
func qualitative(score float64) vuln.Severity {
	switch {
	case score >= 9:
		return vuln.SeverityCritical
	case score >= 7:
		return vuln.SeverityHigh
	case score >= 4:
		return vuln.SeverityMedium
	case score > 0:
		return vuln.SeverityLow
	}
	return vuln.SeverityNone
}

// qualitativeV2 is NVD's scale for CVSS v2, which has no "critical" and no
// "none". https://nvd.nist.gov/vuln-metrics/cvss
func qualitativeV2(score float64) vuln.Severity {
	switch {
	case score >= 7:
		return vuln.SeverityHigh
	case score >= 4:
		return vuln.SeverityMedium
	}
	return vuln.SeverityLow
}

// rateWord reads a database's or a distribution's word. Words that rate
// nothing ("not yet assigned", "end-of-life", "unimportant", which Match
// treats for its own package) are no rating.
func rateWord(w string) (vuln.Severity, bool) {
	switch strings.ToLower(strings.TrimRight(w, "* ")) {
	case "critical":
		return vuln.SeverityCritical, true
	case "high", "important":
		return vuln.SeverityHigh, true
	case "medium", "moderate":
		return vuln.SeverityMedium, true
	case "low", "negligible":
		return vuln.SeverityLow, true
	}
	return "", false
}

// rateAll gives every record, by its position in list, the best rating of all
// records that aliases connect with it; a record for which none has a rating
// (a distribution's notice) takes the best of the records that it names as
// upstream.
func rateAll(list []*entry) []rating {
	var groups vuln.IDGroups
	for _, e := range list {
		for _, a := range e.aliases {
			groups.Join(e.id, a)
		}
	}
	best := map[string]rating{}
	for _, e := range list {
		root := groups.Find(e.id)
		if better(e.own, best[root]) {
			best[root] = e.own
		}
	}
	out := make([]rating, len(list))
	for i, e := range list {
		out[i] = best[groups.Find(e.id)]
		if out[i].kind != ratingNone {
			continue
		}
		for _, up := range e.upstream {
			c := best[groups.Find(up)]
			if c.kind == ratingNone {
				continue
			}
			c.kind = ratingUpstream
			if better(c, out[i]) {
				out[i] = c
			}
		}
	}
	return out
}
