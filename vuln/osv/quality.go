package osv

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/vuln"
)

// Quality is what a person should know of the records of a snapshot before
// believing them: which cannot be judged, which are doubted or were taken back,
// where records of one vulnerability differ, and what tallyman knows better.
// Every list is sorted and whole; docs/schema/quality.schema.json describes the
// JSON, docs/ADVISORIES.md what becomes of each kind.
type Quality struct {
	Digest string    `json:"digest"`
	Source string    `json:"source"`
	AsOf   time.Time `json:"as_of"`
	// Ecosystems has a row for each ecosystem with its release, as Status has.
	Ecosystems []EcosystemQuality `json:"ecosystems"`
	// Records are those that are something but sound, by kind and id.
	Records []Remark `json:"records"`
	// Differing are records that aliases connect and whose ranges differ.
	Differing []DifferingRecords `json:"differing"`
	// Refused are at most 1000 of each source; the rows count all.
	Refused []Refusal `json:"refused"`
	// Corrections are the embedded ones, applied or not.
	Corrections []CorrectionState `json:"corrections"`
	// Own are the advisories of tallyman's own.
	Own []OwnAdvisory `json:"own"`
}

// EcosystemQuality counts the records of one ecosystem by kind. One record may
// be of several kinds and of several ecosystems.
type EcosystemQuality struct {
	Name        string `json:"name"`
	Records     int    `json:"records"`
	Versionless int    `json:"versionless"`
	Unreadable  int    `json:"unreadable"`
	Withdrawn   int    `json:"withdrawn"`
	Rejected    int    `json:"rejected"`
	Disputed    int    `json:"disputed"`
	Future      int    `json:"future"`
	Malicious   int    `json:"malicious"`
	// Differing counts pairs of a package and a vulnerability, not records.
	Differing int `json:"differing"`
	Refused   int `json:"refused"`
	// Corrected counts records that a correction changes today.
	Corrected int `json:"corrected"`
	Own       int `json:"own"`
}

// RemarkKind is what is remarkable about a record.
type RemarkKind string

// The kinds of remark.
const (
	// RemarkVersionless: an entry names neither versions nor a range that
	// matching can use, so it can never be judged.
	RemarkVersionless RemarkKind = "versionless"
	// RemarkUnreadable: a range has a version that its ecosystem's order
	// cannot read.
	RemarkUnreadable RemarkKind = "unreadable"
	// RemarkWithdrawn: its source took it back.
	RemarkWithdrawn RemarkKind = "withdrawn"
	// RemarkRejected: live, though its CVE number was rejected.
	RemarkRejected RemarkKind = "rejected"
	// RemarkDisputed: live, and somebody says that it is no vulnerability.
	RemarkDisputed RemarkKind = "disputed"
	// RemarkFuture: it says that it was modified after now.
	RemarkFuture RemarkKind = "future"
	// RemarkMalicious: it is about a package that is malware itself.
	RemarkMalicious RemarkKind = "malicious"
)

// remarkKinds are all of them, in the order of the lists.
var remarkKinds = [...]RemarkKind{
	RemarkVersionless, RemarkUnreadable, RemarkRejected, RemarkDisputed, RemarkFuture, RemarkWithdrawn, RemarkMalicious,
}

// Remark is one record that is of a kind.
type Remark struct {
	Kind RemarkKind `json:"kind"`
	ID   string     `json:"id"`
	// Ecosystems are those of its packages that the kind is about.
	Ecosystems []string `json:"ecosystems"`
	// Words say why: a sentence of the record, a date, a package; "" when the
	// kind says it all. They quote the record, so who prints them must escape
	// them.
	Words string `json:"words,omitempty"`
}

// DifferingRecords is records of one vulnerability that differ about a package.
type DifferingRecords struct {
	Ecosystem string `json:"ecosystem"`
	Package   string `json:"package"`
	vuln.Difference
}

// CorrectionState is an embedded correction and what becomes of it.
type CorrectionState struct {
	// State is "applies", "no longer applies" (the record has changed since)
	// or "no such record".
	State string `json:"state"`
	Correction
}

// OwnAdvisory is an advisory of tallyman's own.
type OwnAdvisory struct {
	ID        string        `json:"id"`
	Ecosystem string        `json:"ecosystem"`
	Package   string        `json:"package"`
	Severity  vuln.Severity `json:"severity"`
	Summary   string        `json:"summary"`
	// Also are records of the snapshot that name this one, or an id of it, as
	// an alias: once there are any, it has done its work.
	Also []string `json:"also"`
}

// The states of a correction.
const (
	correctionApplies = "applies"
	correctionStale   = "no longer applies"
	correctionAbsent  = "no such record"
)

// Quality reads every record of the snapshot and its original, one chunk of
// originals at a time. now is the time that no record should be modified after.
// Corrections are looked for whether or not look-ups use them.
func (db *DB) Quality(ctx context.Context, now time.Time) (*Quality, error) {
	q := &Quality{Digest: db.Digest(), Source: db.source, AsOf: now.UTC(), Records: []Remark{}, Differing: []DifferingRecords{}}
	status, err := db.Status(now)
	if err != nil {
		return nil, err
	}
	for _, s := range status {
		q.Ecosystems = append(q.Ecosystems, EcosystemQuality{Name: s.Name, Records: s.Records, Refused: s.Refused})
	}
	embedded, err := Corrections()
	if err != nil {
		return nil, err
	}
	if err := db.correctionStates(q, embedded); err != nil {
		return nil, err
	}
	if err := db.ownAdvisories(q); err != nil {
		return nil, err
	}
	if err := db.survey(ctx, q, embedded, now); err != nil {
		return nil, err
	}
	if err := db.differing(ctx, q); err != nil {
		return nil, err
	}
	q.Refused, err = db.Refused()
	return q, err
}

// row is the row of an ecosystem, nil if the snapshot is not one of it.
func (q *Quality) row(ecosystem string) *EcosystemQuality {
	i, found := slices.BinarySearchFunc(q.Ecosystems, ecosystem, func(e EcosystemQuality, name string) int { return strings.Compare(e.Name, name) })
	if !found {
		return nil
	}
	return &q.Ecosystems[i]
}

// count is the row's count of a kind.
func (e *EcosystemQuality) count(kind RemarkKind) *int {
	switch kind {
	case RemarkVersionless:
		return &e.Versionless
	case RemarkUnreadable:
		return &e.Unreadable
	case RemarkWithdrawn:
		return &e.Withdrawn
	case RemarkRejected:
		return &e.Rejected
	case RemarkDisputed:
		return &e.Disputed
	case RemarkFuture:
		return &e.Future
	}
	return &e.Malicious
}

// remark adds a record to a kind, for those of its ecosystems that the snapshot
// is one of.
func (q *Quality) remark(kind RemarkKind, id, words string, ecosystems []string) {
	r := Remark{Kind: kind, ID: id, Words: oneLine(words, maxSummary)}
	for _, name := range ecosystems {
		if row := q.row(name); row != nil {
			*row.count(kind)++
			r.Ecosystems = append(r.Ecosystems, row.Name)
		}
	}
	if len(r.Ecosystems) > 0 {
		q.Records = append(q.Records, r)
	}
}

// correctionStates looks for the record of each correction.
func (db *DB) correctionStates(q *Quality, embedded []Correction) error {
	q.Corrections = []CorrectionState{}
	for i := range embedded {
		c := &embedded[i]
		a, err := db.asItIs(c.ID)
		if err != nil {
			return err
		}
		state := correctionAbsent
		if a != nil {
			state = correctionStale
			if c.apply(a) {
				state = correctionApplies
				if row := q.row(c.Ecosystem); row != nil {
					row.Corrected++
				}
			}
		}
		q.Corrections = append(q.Corrections, CorrectionState{state, *c})
	}
	return nil
}

// asItIs is a record of the snapshot, not corrected; nil if there is none.
func (db *DB) asItIs(id string) (*vuln.Advisory, error) {
	e, number, err := db.search(sectionRecords, 0, db.count(sectionRecords, recordBytes), recordBytes, id)
	if err != nil || e == nil {
		return nil, err
	}
	r, _, err := db.record(number, func(_, _ []byte) bool { return true })
	if err != nil {
		return nil, err
	}
	return &vuln.Advisory{
		ID: r.id, Aliases: r.aliases, Upstream: r.upstream, Published: r.published,
		Modified: r.modified, Withdrawn: r.withdrawn, Affected: r.affected,
	}, nil
}

// ownAdvisories lists our own, and the records that have caught up with them.
func (db *DB) ownAdvisories(q *Quality) error {
	q.Own = []OwnAdvisory{}
	list, err := db.own()
	if err != nil {
		return err
	}
	for _, r := range list {
		a := &r.advisory
		o := OwnAdvisory{ID: a.ID, Severity: a.Severity, Summary: a.Summary, Also: []string{}}
		for _, e := range a.Affected {
			o.Ecosystem, o.Package = e.Ecosystem, e.Name
		}
		if row := q.row(o.Ecosystem); row != nil {
			row.Own++
		}
		for _, id := range append([]string{a.ID}, a.Aliases...) {
			numbers, err := db.related(id)
			if err != nil {
				return err
			}
			for _, n := range numbers {
				_, other, _, err := db.blob(n)
				if err != nil {
					return err
				}
				o.Also = append(o.Also, string(other))
			}
		}
		slices.Sort(o.Also)
		o.Also = slices.Compact(o.Also)
		q.Own = append(q.Own, o)
	}
	return nil
}
