package osv

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// survey looks at every record in the order of the files, so that each chunk of
// originals is decompressed once.
func (db *DB) survey(ctx context.Context, q *Quality, embedded []Correction, now time.Time) error {
	s := &surveyor{Quality: q, now: now, known: map[string]*Correction{}}
	for i := range embedded {
		if c := &embedded[i]; c.Rejected != "" || c.Disputed {
			s.known[c.ID] = c
		}
	}
	for number := range db.count(sectionFiles, fileBytes) {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := db.section(sectionFiles, number, 1, fileBytes)
		if err != nil {
			return err
		}
		if u32(e, 7)&flagKept == 0 {
			continue
		}
		r, _, err := db.record(u32(e, 0), func(_, _ []byte) bool { return true })
		if err != nil {
			return err
		}
		text, err := db.original(number)
		if err != nil {
			return err
		}
		s.see(r, text)
	}
	slices.SortStableFunc(q.Records, func(a, b Remark) int {
		return cmp.Or(slices.Index(remarkKinds[:], a.Kind)-slices.Index(remarkKinds[:], b.Kind), strings.Compare(a.ID, b.ID))
	})
	return nil
}

type surveyor struct {
	*Quality
	now time.Time
	// known are the corrections that say what the record's words do not.
	known map[string]*Correction
}

// see remarks on one record; text is its original.
func (s *surveyor) see(r *record, text []byte) {
	all := ecosystemsOf(r.affected)
	if strings.HasPrefix(r.id, "MAL-") {
		s.remark(RemarkMalicious, r.id, "", all)
	}
	if r.modified.After(s.now) {
		s.remark(RemarkFuture, r.id, "modified "+r.modified.Format(time.RFC3339), all)
	}
	if !r.withdrawn.IsZero() && !r.withdrawn.After(s.now) {
		s.remark(RemarkWithdrawn, r.id, "withdrawn "+r.withdrawn.Format(time.DateOnly), all)
		return // nothing else about it matters
	}
	s.seeVersions(RemarkVersionless, r, func(a *vuln.Affected) bool { return len(a.Versions) == 0 && len(a.Ranges) == 0 })
	s.seeVersions(RemarkUnreadable, r, vuln.Unreadable)
	rejected, disputed := doubts(text)
	if c := s.known[r.id]; c != nil {
		if c.Rejected != "" {
			rejected = cmp.Or(rejected, c.Rejected+" was rejected ("+c.Source+")")
		}
		if c.Disputed {
			disputed = cmp.Or(disputed, c.Note+" ("+c.Source+")")
		}
	}
	if rejected != "" {
		s.remark(RemarkRejected, r.id, rejected, all)
	}
	if disputed != "" {
		s.remark(RemarkDisputed, r.id, disputed, all)
	}
}

// seeVersions remarks on the record for the entries of which is says so.
func (s *surveyor) seeVersions(kind RemarkKind, r *record, is func(*vuln.Affected) bool) {
	var of []vuln.Affected
	for i := range r.affected {
		if is(&r.affected[i]) {
			of = append(of, r.affected[i])
		}
	}
	if len(of) == 0 {
		return
	}
	var names []string
	for _, a := range of {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	s.remark(kind, r.id, strings.Join(slices.Compact(names), ", "), ecosystemsOf(of))
}

// ecosystemsOf lists the ecosystems of entries, sorted.
func ecosystemsOf(list []vuln.Affected) []string {
	out := make([]string, 0, 1)
	for _, a := range list {
		if len(out) == 0 || out[len(out)-1] != a.Ecosystem {
			out = append(out, a.Ecosystem)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// What the descriptions of rejected and of disputed numbers say. Until 2022 the
// CVE list put a mark before the text, since then it is a field that few
// records have, and a note at the end.
// https://www.cve.org/ResourcesSupport/FAQs, "disputed" and "rejected"
var (
	rejectedWords = regexp.MustCompile(`(?i)\*\* ?REJECT(?:ED)? ?\*\*|\bDO NOT USE THIS (?:CANDIDATE|CVE)|\bRejected reason:|\bThis (?:CVE|candidate|vulnerability)\b[^.\n]{0,80}\b(?:was|been) rejected\b`)
	disputedWords = regexp.MustCompile(`(?i)\*\* ?DISPUTED ?\*\*|\bNOTE:[^\n]{0,300}?\bdisput(?:e|es|ed)\b`)
)

// doubts are the sentences by which a record says that its number was rejected,
// or that somebody disputes it; "" for those that it does not have.
func doubts(text []byte) (rejected, disputed string) {
	// Few records have one of these words at all.
	lower := bytes.ToLower(text)
	mayReject := bytes.Contains(lower, []byte("reject")) || bytes.Contains(lower, []byte("do not use this"))
	mayDispute := bytes.Contains(lower, []byte("disput"))
	if !mayReject && !mayDispute {
		return "", ""
	}
	var in struct{ Summary, Details json.RawMessage }
	if json.Unmarshal(text, &in) != nil {
		return "", "" // it was read when the snapshot was made
	}
	for _, raw := range []json.RawMessage{in.Summary, in.Details} {
		var words string
		if json.Unmarshal(raw, &words) != nil {
			continue
		}
		rejected = cmp.Or(rejected, sentenceAt(words, rejectedWords.FindStringIndex(words)))
		disputed = cmp.Or(disputed, sentenceAt(words, disputedWords.FindStringIndex(words)))
	}
	return rejected, disputed
}

// sentenceAt is what follows from a place on, up to the end of the sentence
// that the place is in; "" for no place.
func sentenceAt(text string, at []int) string {
	if at == nil {
		return ""
	}
	rest := text[at[1]:]
	for _, end := range []string{"\n", ". "} {
		rest, _, _ = strings.Cut(rest, end)
	}
	return text[at[0]:at[1]] + rest
}

// differing goes through the packages of every ecosystem.
func (db *DB) differing(ctx context.Context, q *Quality) error {
	for i := range db.count(sectionEcosystems, ecosystemBytes) {
		eco, err := db.section(sectionEcosystems, i, 1, ecosystemBytes)
		if err != nil {
			return err
		}
		for k := range u32(eco, 3) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := db.differingPackage(q, eco, u32(eco, 2)+k); err != nil {
				return err
			}
		}
	}
	return nil
}

// differingPackage compares the records of the package with a number.
func (db *DB) differingPackage(q *Quality, eco []byte, number int) error {
	k, err := db.section(sectionKeys, number, 1, keyBytes)
	if err != nil || u32(k, 3) < 2 {
		return err
	}
	key, err := db.text(k)
	if err != nil {
		return err
	}
	spelled, err := db.text(eco)
	if err != nil {
		return err
	}
	ecosystem, name := string(spelled), string(key)
	list, err := db.stored(eco, ecosystem, name)
	if err != nil {
		return err
	}
	found := vuln.Differing(list)
	if len(found) == 0 {
		return nil
	}
	row := q.row(ecosystem)
	if row == nil {
		return fmt.Errorf("%w: ecosystem %q has no row", ErrDamaged, ecosystem)
	}
	row.Differing += len(found)
	for _, d := range found {
		q.Differing = append(q.Differing, DifferingRecords{Ecosystem: ecosystem, Package: sbom.NormalName(ecosystem, name), Difference: d})
	}
	return nil
}
