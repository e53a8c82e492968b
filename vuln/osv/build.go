package osv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// builder collects records and turns them into a snapshot. What it makes
// depends on the records, the refusals and the sources' names and dates
// alone, not on the order in which they come.
type builder struct {
	sources []source
	byID    map[string]*entry
	refused []Refusal
	blobs   arena
	intern  map[string]string
}

// source is one folder or zip of the bucket's layout.
type source struct {
	// name is the ecosystem ("PyPI", "Debian"), "" for records of any.
	name string
	// serverDate is the HTTP server's, zero for a local source.
	serverDate time.Time
	refused    int
}

// accepts reports whether the source is there for an ecosystem: it has its
// name, or the name before the release suffix. A record of PyPI's that also
// names an npm package does not make the snapshot one of npm.
func (s *source) accepts(ecosystem string) bool {
	return s.name == "" || ecosystem == s.name ||
		strings.HasPrefix(ecosystem, s.name) && ecosystem[len(s.name)] == ':'
}

// entry is what the builder keeps of a record besides its blob.
type entry struct {
	id        string
	aliases   []string
	upstream  []string
	own       rating
	modified  time.Time
	withdrawn bool
	blob      []byte
	keys      []key
	sources   []int // sorted
}

type key struct{ ecosystem, name string }

func compareKeys(a, b key) int {
	return cmp.Or(strings.Compare(a.ecosystem, b.ecosystem), strings.Compare(a.name, b.name))
}

func newBuilder(sources []source) *builder {
	sources = slices.Clone(sources)
	slices.SortFunc(sources, func(a, b source) int { return strings.Compare(a.name, b.name) })
	return &builder{sources: sources, byID: map[string]*entry{}, intern: map[string]string{}}
}

func (b *builder) sourceIndex(name string) int {
	return slices.IndexFunc(b.sources, func(s source) bool { return s.name == name })
}

// refuse counts a malformed record. The list is bounded, the count is not.
func (b *builder) refuse(sourceName, record, reason string) {
	b.sources[b.sourceIndex(sourceName)].refused++
	b.refused = append(b.refused, Refusal{Source: sourceName, Record: oneLine(record, maxRefusalRunes), Reason: oneLine(reason, maxRefusalRunes)})
	if len(b.refused) > 4*maxRefusals {
		b.trimRefused()
	}
}

// trimRefused sorts the refusals and keeps the first maxRefusals of each
// source, which are the same in whatever order they came.
func (b *builder) trimRefused() {
	slices.SortFunc(b.refused, func(a, c Refusal) int {
		return cmp.Or(strings.Compare(a.Source, c.Source), strings.Compare(a.Record, c.Record), strings.Compare(a.Reason, c.Reason))
	})
	kept := b.refused[:0]
	n, last := 0, ""
	for _, r := range b.refused {
		if r.Source != last {
			n, last = 0, r.Source
		}
		if n++; n <= maxRefusals {
			kept = append(kept, r)
		}
	}
	b.refused = kept
}

// add takes a record of a source. Of several with one id the one modified
// last is kept, and it belongs to all their sources.
func (b *builder) add(sourceName string, r *record) error {
	src := b.sourceIndex(sourceName)
	e := b.byID[r.id]
	if e == nil {
		if len(b.byID) >= limit.AdvisoryRecords {
			return fmt.Errorf("%w of %d records", limit.ErrTooLarge, limit.AdvisoryRecords)
		}
		e = &entry{id: r.id}
		b.byID[r.id] = e
	}
	if i, found := slices.BinarySearch(e.sources, src); !found {
		e.sources = slices.Insert(e.sources, i, src)
	}
	blob := appendRecord(nil, r)
	if e.blob != nil && cmp.Or(r.modified.Compare(e.modified), bytes.Compare(blob, e.blob)) <= 0 {
		return nil
	}
	e.aliases, e.upstream = b.internAll(r.aliases), b.internAll(r.upstream)
	e.own, e.modified, e.withdrawn = r.ownRating(), r.modified, !r.withdrawn.IsZero()
	e.blob = b.blobs.keep(blob)
	e.keys = b.keysOf(r)
	return nil
}

// keysOf lists the packages that the record names, of the ecosystems that the
// snapshot has, each once.
func (b *builder) keysOf(r *record) []key {
	keys := make([]key, 0, len(r.affected))
	for _, a := range r.affected {
		if slices.ContainsFunc(b.sources, func(s source) bool { return s.accepts(a.Ecosystem) }) {
			name := sbom.NormalName(a.Ecosystem, a.Name)
			keys = append(keys, key{b.internOne(a.Ecosystem), b.internOne(name)})
		}
	}
	slices.SortFunc(keys, compareKeys)
	return slices.Clip(slices.Compact(keys))
}

func (b *builder) internOne(s string) string {
	if t, ok := b.intern[s]; ok {
		return t
	}
	s = strings.Clone(s)
	b.intern[s] = s
	return s
}

func (b *builder) internAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = b.internOne(s)
	}
	return out
}

// arena keeps many small byte slices in few large ones.
type arena struct{ free []byte }

func (a *arena) keep(b []byte) []byte {
	if len(b) > 1<<16 {
		return b
	}
	if len(b) > cap(a.free)-len(a.free) {
		a.free = make([]byte, 0, 1<<20)
	}
	n := len(a.free)
	a.free = append(a.free, b...)
	return a.free[n:len(a.free):len(a.free)]
}

// tables are the sections while they are built.
type tables struct {
	sections [sectionCount][]byte
	strings  map[string]uint32
}

func (t *tables) u32(section int, values ...int) {
	for _, v := range values {
		t.sections[section] = binary.LittleEndian.AppendUint32(t.sections[section], uint32(v))
	}
}

func (t *tables) u64(section int, v int64) {
	t.sections[section] = binary.LittleEndian.AppendUint64(t.sections[section], uint64(v))
}

// str writes where s is in the strings section, as offset and length.
func (t *tables) str(section int, s string) {
	at, ok := t.strings[s]
	if !ok {
		at = uint32(len(t.sections[sectionStrings]))
		t.sections[sectionStrings] = append(t.sections[sectionStrings], s...)
		t.strings[s] = at
	}
	t.u32(section, int(at), len(s))
}

// tables lays everything out but the blobs, whose order is that of the
// returned entries.
func (b *builder) tables() (*tables, []*entry) {
	list := make([]*entry, 0, len(b.byID))
	for _, e := range b.byID {
		list = append(list, e)
	}
	slices.SortFunc(list, func(x, y *entry) int { return strings.Compare(x.id, y.id) })
	t := &tables{strings: map[string]uint32{}}
	b.recordTable(t, list)
	b.keyTables(t, list)
	b.sourceTables(t, list)
	return t, list
}

// flagWithdrawn marks a withdrawn record in the record table.
const flagWithdrawn = 1

// severityCodes are the severities as the record table writes them.
var severityCodes = [...]string{"unknown", "none", "low", "medium", "high", "critical"}

func (b *builder) recordTable(t *tables, list []*entry) {
	var off int64
	for i, r := range rateAll(list) {
		e := list[i]
		flags := 0
		if e.withdrawn {
			flags |= flagWithdrawn
		}
		severity := max(0, slices.Index(severityCodes[:], string(r.severity)))
		t.str(sectionRecords, e.id)
		t.u64(sectionRecords, off)
		t.u32(sectionRecords, len(e.blob), severity|flags<<8)
		t.str(sectionRecords, r.source)
		off += int64(len(e.blob))
	}
}

func (b *builder) keyTables(t *tables, list []*entry) {
	type posting struct {
		key
		record int
	}
	var all []posting
	for i, e := range list {
		for _, k := range e.keys {
			all = append(all, posting{k, i})
		}
	}
	slices.SortFunc(all, func(x, y posting) int {
		return cmp.Or(compareKeys(x.key, y.key), cmp.Compare(x.record, y.record))
	})
	keys, postings := 0, 0
	for len(all) > 0 {
		eco := all[0].ecosystem
		firstKey := keys
		records := map[int]bool{}
		for len(all) > 0 && all[0].ecosystem == eco {
			name, first := all[0].name, postings
			for len(all) > 0 && all[0].ecosystem == eco && all[0].name == name {
				records[all[0].record] = true
				t.u32(sectionPostings, all[0].record)
				postings++
				all = all[1:]
			}
			t.str(sectionKeys, name)
			t.u32(sectionKeys, first, postings-first)
			keys++
		}
		b.ecosystem(t, eco, list, records, firstKey, keys-firstKey)
	}
}

// ecosystem writes one entry of the ecosystem table.
func (b *builder) ecosystem(t *tables, name string, list []*entry, records map[int]bool, firstKey, keys int) {
	withdrawn := 0
	dates := make([]int64, 0, len(records))
	for i := range records {
		dates = append(dates, list[i].modified.Unix())
		if list[i].withdrawn {
			withdrawn++
		}
	}
	slices.Sort(dates)
	dates = slices.Compact(dates)
	firstDate := len(t.sections[sectionDates]) / 8
	for _, d := range dates {
		t.u64(sectionDates, d)
	}
	refused := 0
	var server time.Time
	local := false
	for _, s := range b.sources {
		if !s.accepts(name) {
			continue
		}
		refused += s.refused
		local = local || s.serverDate.IsZero()
		if server.IsZero() || s.serverDate.Before(server) {
			server = s.serverDate
		}
	}
	t.str(sectionEcosystems, name)
	t.u32(sectionEcosystems, firstKey, keys, firstDate, len(dates), len(records), withdrawn, refused, 0)
	t.u64(sectionEcosystems, unixOrZero(server, local))
}

// unixOrZero is the server's date when all sources of an ecosystem have one.
func unixOrZero(t time.Time, local bool) int64 {
	if local || t.IsZero() {
		return 0
	}
	return t.Unix()
}

func (b *builder) sourceTables(t *tables, list []*entry) {
	members := make([][]int, len(b.sources))
	for i, e := range list {
		for _, s := range e.sources {
			members[s] = append(members[s], i)
		}
	}
	first := 0
	for i, s := range b.sources {
		t.str(sectionSources, s.name)
		t.u32(sectionSources, first, len(members[i]), s.refused, 0)
		t.u64(sectionSources, unixOrZero(s.serverDate, false))
		t.u32(sectionMembers, members[i]...)
		first += len(members[i])
	}
	b.trimRefused()
	out := binary.AppendUvarint(nil, uint64(len(b.refused)))
	for _, r := range b.refused {
		out = appendString(appendString(appendString(out, r.Source), r.Record), r.Reason)
	}
	t.sections[sectionRefused] = out
}
