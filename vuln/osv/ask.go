package osv

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// maxRelated bounds how many records are shown for one id, and how many ids
// aliases may connect.
const maxRelated = 1000

// Lookup is what a snapshot has about one id.
type Lookup struct {
	// ID is what was asked for.
	ID string `json:"id"`
	// Records are the one with this id, if there is one, and those that name
	// it, by relation and id.
	Records []Record `json:"records"`
	// Aliases are all other ids that aliases connect with it, the most useful
	// first (vuln.CompareIDs).
	Aliases []string `json:"aliases"`
}

// Record is one record, whole.
type Record struct {
	ID string `json:"id"`
	// Relation is "itself", or how the record names the id that was asked
	// for: "alias" or "upstream".
	Relation string `json:"relation"`
	// Advisory is the record as matching reads it, corrections applied.
	Advisory vuln.Advisory `json:"advisory"`
	// Original is the record as its source has it: of a snapshot's without
	// white space.
	Original json.RawMessage `json:"original"`
}

// Original returns a record as its source has it, without white space between
// its tokens; nil if there is none with this id.
func (db *DB) Original(ctx context.Context, id string) (json.RawMessage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e, number, err := db.search(sectionRecords, 0, db.count(sectionRecords, recordBytes), recordBytes, id)
	if err != nil || e == nil {
		return nil, err
	}
	return db.originalOf(number)
}

// originalOf finds the file that a record is from.
func (db *DB) originalOf(number int) (json.RawMessage, error) {
	n := db.count(sectionFiles, fileBytes)
	lo, hi := 0, n
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		e, err := db.section(sectionFiles, mid, 1, fileBytes)
		if err != nil {
			return nil, err
		}
		if u32(e, 0) < number {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < n; lo++ {
		e, err := db.section(sectionFiles, lo, 1, fileBytes)
		if err != nil {
			return nil, err
		}
		if u32(e, 0) != number {
			break
		}
		if u32(e, 7)&flagKept != 0 {
			text, err := db.original(lo)
			return slices.Clone(text), err
		}
	}
	return nil, fmt.Errorf("%w: record %d has no original", ErrDamaged, number)
}

// Lookup returns what the snapshot has about an id, which may be one that no
// record has and some name, such as a CVE. Without any, Records is empty.
func (db *DB) Lookup(ctx context.Context, id string) (*Lookup, error) {
	if strings.HasPrefix(id, strings.TrimPrefix(OwnPrefix, "x_")) {
		id = "x_" + id
	}
	out := &Lookup{ID: id, Records: []Record{}, Aliases: []string{}}
	_, own, err := db.search(sectionRecords, 0, db.count(sectionRecords, recordBytes), recordBytes, id)
	if err != nil {
		return nil, err
	}
	numbers, err := db.related(id)
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := db.whole(n, id)
		if err != nil {
			return nil, err
		}
		if r.ID == id && n != own {
			return nil, fmt.Errorf("%w: two records %q", ErrDamaged, id)
		}
		out.Records = append(out.Records, *r)
	}
	if err := db.addOwn(out); err != nil {
		return nil, err
	}
	order := []string{"itself", "alias", "upstream"}
	slices.SortStableFunc(out.Records, func(a, b Record) int {
		return slices.Index(order, a.Relation) - slices.Index(order, b.Relation)
	})
	out.Aliases, err = db.connected(ctx, id)
	return out, err
}

// addOwn adds our own advisories.
func (db *DB) addOwn(out *Lookup) error {
	list, err := db.own()
	if err != nil {
		return err
	}
	for _, r := range list {
		relation := ""
		switch {
		case r.advisory.ID == out.ID:
			relation = "itself"
		case slices.Contains(r.advisory.Aliases, out.ID):
			relation = "alias"
		case slices.Contains(r.advisory.Upstream, out.ID):
			relation = "upstream"
		default:
			continue
		}
		out.Records = append(out.Records, Record{ID: r.advisory.ID, Relation: relation, Advisory: r.advisory, Original: r.json})
	}
	return nil
}

// related lists the numbers of the record with an id and of those that name
// it, ascending.
func (db *DB) related(id string) ([]int, error) {
	var out []int
	e, own, err := db.search(sectionRecords, 0, db.count(sectionRecords, recordBytes), recordBytes, id)
	if err != nil {
		return nil, err
	}
	if e != nil {
		out = append(out, own)
	}
	e, _, err = db.search(sectionNames, 0, db.count(sectionNames, keyBytes), keyBytes, id)
	if err != nil || e == nil {
		return out, err
	}
	n := min(u32(e, 3), maxRelated)
	postings, err := db.section(sectionNamePostings, u32(e, 2), n, 4)
	if err != nil {
		return nil, err
	}
	for i := range n {
		out = append(out, u32(postings, i))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// whole reads a record and says how it names an id.
func (db *DB) whole(number int, id string) (*Record, error) {
	a, err := db.advisory(number, func(_, _ []byte) bool { return true })
	if err != nil {
		return nil, err
	}
	r := &Record{ID: a.ID, Relation: "upstream", Advisory: *a}
	switch {
	case a.ID == id:
		r.Relation = "itself"
	case slices.Contains(a.Aliases, id):
		r.Relation = "alias"
	}
	r.Original, err = db.originalOf(number)
	return r, err
}

// connected lists the ids that aliases, in either direction, connect with id.
func (db *DB) connected(ctx context.Context, id string) ([]string, error) {
	seen := []string{id}
	for i := 0; i < len(seen); i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		numbers, err := db.related(seen[i])
		if err != nil {
			return nil, err
		}
		for _, n := range numbers {
			r, _, err := db.record(n, func(_, _ []byte) bool { return false })
			if err != nil {
				return nil, err
			}
			if r.id != seen[i] && !slices.Contains(r.aliases, seen[i]) {
				continue // it names the id as upstream
			}
			for _, other := range append([]string{r.id}, r.aliases...) {
				if len(seen) <= maxRelated && !slices.Contains(seen, other) {
					seen = append(seen, other)
				}
			}
		}
	}
	out := append([]string{}, seen[1:]...)
	slices.SortFunc(out, vuln.CompareIDs)
	return out, nil
}

// Hit is a record that names a package.
type Hit struct {
	Advisory vuln.Advisory `json:"advisory"`
	// Affects is "yes", "no" or "unknown" for the version that was asked for,
	// "" without one; Why is why nobody can tell.
	Affects string `json:"affects,omitempty"`
	Why     string `json:"why,omitempty"`
	// Fixed is the smallest fixed version above the one asked for, "" if none
	// is known.
	Fixed string `json:"fixed,omitempty"`
}

// Search lists the records that name a package, by id, and judges a version of
// it by each of them alone; "" for no version. An ecosystem that the snapshot
// does not have is an error that wraps vuln.ErrNoEcosystem.
func (db *DB) Search(ctx context.Context, ecosystem, name, version string) ([]Hit, error) {
	list, err := db.Advisories(ctx, ecosystem, name)
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, 0, len(list))
	for _, a := range list {
		h := Hit{Advisory: a}
		if version != "" {
			if err := h.judge(ctx, ecosystem, name, version); err != nil {
				return nil, err
			}
		}
		hits = append(hits, h)
	}
	return hits, nil
}

// one is a source of a single advisory.
type one struct{ vuln.Advisory }

func (o one) Advisories(context.Context, string, string) ([]vuln.Advisory, error) {
	return []vuln.Advisory{o.Advisory}, nil
}

func (h *Hit) judge(ctx context.Context, ecosystem, name, version string) error {
	c := sbom.Component{Name: name, Version: version, Ecosystem: ecosystem}
	if ecosystem == "PyPI" {
		c.PURL = sbom.PyPIPURL(name, version)
	}
	res, err := vuln.Match(ctx, &sbom.Document{Components: []sbom.Component{c}}, one{h.Advisory})
	if err != nil {
		return err
	}
	switch {
	case len(res.Findings) > 0 && res.Findings[0].Verdict == vuln.AffectedVersion:
		h.Affects, h.Fixed = "yes", res.Findings[0].Fixed
	case len(res.Findings) > 0:
		h.Affects, h.Why = "unknown", string(res.Findings[0].Verdict)
	case len(res.Gaps) > 0:
		h.Affects, h.Why = "unknown", res.Gaps[0].Reason
	default:
		h.Affects = "no"
	}
	return nil
}
