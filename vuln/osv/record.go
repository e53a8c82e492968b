package osv

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tallyman/tallyman/vuln"
)

// record is what an OSV record itself says, as far as tallyman keeps it.
// Nothing in it depends on other records.
type record struct {
	id        string
	aliases   []string // sorted, without duplicates
	upstream  []string // sorted, without duplicates
	summary   string
	published time.Time
	modified  time.Time
	withdrawn time.Time
	ratings   []string // CVSS vectors, sorted, without duplicates
	word      string   // database_specific.severity or Ubuntu's priority, "" if none
	affected  []vuln.Affected
}

// Bounds on one record's strings and lists, beside limit.AdvisoryBytes for
// the whole. What exceeds them makes the record malformed.
const (
	maxIDBytes   = 256
	maxNameBytes = 1024
	maxSummary   = 300 // runes of a summary that are kept
)

type jsonRecord struct {
	ID        string         `json:"id"`
	Modified  string         `json:"modified"`
	Published string         `json:"published"`
	Withdrawn string         `json:"withdrawn"`
	Aliases   []string       `json:"aliases"`
	Upstream  []string       `json:"upstream"`
	Summary   string         `json:"summary"`
	Details   string         `json:"details"`
	Severity  []jsonSeverity `json:"severity"`
	Affected  []jsonAffected `json:"affected"`
	Database  looseObject    `json:"database_specific"`
}

type jsonSeverity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type jsonAffected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
		PURL      string `json:"purl"`
	} `json:"package"`
	Ranges    []jsonRange    `json:"ranges"`
	Versions  []string       `json:"versions"`
	Severity  []jsonSeverity `json:"severity"`
	Ecosystem looseObject    `json:"ecosystem_specific"`
}

type jsonRange struct {
	Type   string      `json:"type"`
	Events []jsonEvent `json:"events"`
}

type jsonEvent struct {
	Introduced   *string `json:"introduced"`
	Fixed        *string `json:"fixed"`
	LastAffected *string `json:"last_affected"`
	Limit        *string `json:"limit"`
}

// looseObject takes two words out of an object whose form each database
// decides for itself, and never fails on the rest.
type looseObject struct{ severity, urgency string }

func (l *looseObject) UnmarshalJSON(data []byte) error {
	if !bytes.Contains(data, []byte(`"severity"`)) && !bytes.Contains(data, []byte(`"urgency"`)) {
		return nil
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) != nil {
		return nil
	}
	// A word that is not a string is no word.
	_ = json.Unmarshal(all["severity"], &l.severity)
	_ = json.Unmarshal(all["urgency"], &l.urgency)
	return nil
}

// decodeRecord reads one OSV record. Its error says in a few words why the
// record is malformed.
// https://ossf.github.io/osv-schema/
func decodeRecord(data []byte) (*record, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	var in jsonRecord
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("not an OSV record: %w", err)
	}
	if err := checkID(in.ID); err != nil {
		return nil, err
	}
	r := &record{id: in.ID, summary: summaryLine(in.Summary, in.Details)}
	var err error
	if r.modified, err = parseTime("modified", in.Modified); err != nil {
		return nil, err
	}
	if in.Published != "" {
		if r.published, err = parseTime("published", in.Published); err != nil {
			return nil, err
		}
	}
	if in.Withdrawn != "" {
		if r.withdrawn, err = parseTime("withdrawn", in.Withdrawn); err != nil {
			return nil, err
		}
	}
	if r.aliases, err = sortedIDs(in.Aliases); err != nil {
		return nil, fmt.Errorf("aliases: %w", err)
	}
	if r.upstream, err = sortedIDs(in.Upstream); err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	r.word = cmp.Or(oneLine(in.Database.severity, 32), ubuntuPriority(in.Severity))
	r.ratings = vectors(nil, in.Severity)
	for i, a := range in.Affected {
		r.word = cmp.Or(r.word, ubuntuPriority(a.Severity))
		r.ratings = vectors(r.ratings, a.Severity)
		out, err := decodeAffected(a)
		if err != nil {
			return nil, fmt.Errorf("affected[%d]: %w", i, err)
		}
		if out != nil {
			r.affected = append(r.affected, *out)
		}
	}
	slices.Sort(r.ratings)
	r.ratings = slices.Compact(r.ratings)
	return r, nil
}

// decodeAffected returns nil for an entry that names no package (it speaks of
// a source repository only).
func decodeAffected(a jsonAffected) (*vuln.Affected, error) {
	eco, name, err := packageOf(a.Package.Ecosystem, a.Package.Name, a.Package.PURL)
	if err != nil || eco == "" {
		return nil, err
	}
	if len(eco) > maxNameBytes || len(name) > maxNameBytes || hasControl(eco) || hasControl(name) {
		return nil, errors.New("unusable package name or ecosystem")
	}
	out := &vuln.Affected{Ecosystem: eco, Name: name, Versions: a.Versions, Urgency: oneLine(a.Ecosystem.urgency, 32)}
	for i, in := range a.Ranges {
		if in.Type == "GIT" {
			continue
		}
		r, err := decodeRange(in)
		if err != nil {
			return nil, fmt.Errorf("ranges[%d]: %w", i, err)
		}
		out.Ranges = append(out.Ranges, *r)
	}
	return out, nil
}

// decodeRange holds a range to the schema: a known type, each event exactly
// one field, at least one "introduced". Without that the range would match
// nothing, and nobody would notice.
func decodeRange(in jsonRange) (*vuln.Range, error) {
	if in.Type != "ECOSYSTEM" && in.Type != "SEMVER" {
		return nil, fmt.Errorf("unknown type %.40q", in.Type)
	}
	out := &vuln.Range{Type: in.Type, Events: make([]vuln.Event, 0, len(in.Events))}
	introduced := false
	for i, e := range in.Events {
		fields := 0
		var ev vuln.Event
		for _, f := range []struct {
			from *string
			to   *string
		}{{e.Introduced, &ev.Introduced}, {e.Fixed, &ev.Fixed}, {e.LastAffected, &ev.LastAffected}, {e.Limit, &ev.Limit}} {
			if f.from != nil {
				fields++
				*f.to = *f.from
				if *f.from == "" {
					return nil, fmt.Errorf("events[%d] has an empty version", i)
				}
			}
		}
		if fields != 1 {
			return nil, fmt.Errorf("events[%d] has %d of the four fields, not one", i, fields)
		}
		introduced = introduced || ev.Introduced != ""
		out.Events = append(out.Events, ev)
	}
	if !introduced {
		return nil, errors.New("no event says introduced")
	}
	return out, nil
}

func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("no id")
	case len(id) > maxIDBytes:
		return errors.New("the id is too long")
	case strings.ContainsAny(id, `/\`) || hasControl(id) || strings.TrimSpace(id) != id:
		return fmt.Errorf("unusable id %.60q", id)
	}
	return nil
}

func sortedIDs(in []string) ([]string, error) {
	for _, id := range in {
		if err := checkID(id); err != nil {
			return nil, err
		}
	}
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out), nil
}

func parseTime(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, fmt.Errorf("no %s date", field)
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is no RFC 3339 date: %.60q", field, s)
	}
	return t.UTC(), nil
}

func vectors(to []string, in []jsonSeverity) []string {
	for _, s := range in {
		if strings.HasPrefix(s.Type, "CVSS_") && len(s.Score) <= 512 && !hasControl(s.Score) {
			to = append(to, s.Score)
		}
	}
	return to
}

// ubuntuPriority is the word that Ubuntu's security team rates a record with.
// https://ossf.github.io/osv-schema/#severitytype-field
func ubuntuPriority(in []jsonSeverity) string {
	for _, s := range in {
		if s.Type == "Ubuntu" {
			return oneLine(s.Score, 32)
		}
	}
	return ""
}

// summaryLine is the summary, or the first line of the details that says
// something, cut at maxSummary runes.
func summaryLine(summary, details string) string {
	if s := oneLine(summary, maxSummary); s != "" {
		return s
	}
	for line := range strings.Lines(details) {
		if s := oneLine(strings.TrimLeft(line, "#-_=*> \t"), maxSummary); s != "" {
			return s
		}
	}
	return ""
}

// oneLine joins the fields of s with single spaces and cuts at max runes.
func oneLine(s string, max int) string {
	s = strings.Join(strings.Fields(s), " ")
	n := 0
	for i := range s {
		if n == max {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

func hasControl(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0
}
