package osv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
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
	files   int
	blobs   arena
	intern  map[string]string
	packer  *packer
}

// source is one folder or zip of the bucket's layout.
type source struct {
	// name is the ecosystem ("PyPI", "Debian"), "" for records of any.
	name    string
	refused int
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
	// files are all that hold a record of this id; kept is the one that the
	// rest is from.
	files []*file
	kept  *file
}

// file is a file of a source that holds a usable record.
type file struct {
	// source is the index of the source.
	source int
	// name is the file's name without its folders, "" if it is the id and
	// ".json".
	name string
	// modified is the date that the file itself has.
	modified time.Time
	original original
}

// accepted is a usable record and where it is from.
type accepted struct {
	// file is the file's name without its folders.
	file   string
	record *record
	// blob is the record as appendRecord writes it.
	blob     []byte
	original original
}

type key struct{ ecosystem, name string }

func compareKeys(a, b key) int {
	return cmp.Or(strings.Compare(a.ecosystem, b.ecosystem), strings.Compare(a.name, b.name))
}

func newBuilder(sources []source) *builder {
	sources = slices.Clone(sources)
	slices.SortFunc(sources, func(a, b source) int { return strings.Compare(a.name, b.name) })
	for i := range sources {
		sources[i].refused = 0
	}
	return &builder{sources: sources, byID: map[string]*entry{}, intern: map[string]string{}, packer: newPacker()}
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
// last is kept, and it belongs to all their sources; the others are there only
// as files.
func (b *builder) add(sourceName string, in *accepted) error {
	r := in.record
	e := b.byID[r.id]
	if e == nil {
		e = &entry{id: b.internOne(r.id)}
		b.byID[r.id] = e
	}
	if b.files++; b.files > limit.AdvisoryRecords {
		return fmt.Errorf("%w of %d records", limit.ErrTooLarge, limit.AdvisoryRecords)
	}
	f := &file{source: b.sourceIndex(sourceName), modified: r.modified, original: in.original}
	if in.file != r.id+jsonSuffix {
		f.name = b.internOne(in.file)
	}
	if f.original.packed != nil {
		f.original.packed = b.blobs.keep(f.original.packed)
	}
	if e.kept != nil {
		order := cmp.Or(r.modified.Compare(e.modified), bytes.Compare(in.blob, e.blob))
		if order == 0 {
			byName, err := b.compareFiles(f, e.kept)
			if err != nil || byName == 0 {
				return err
			}
			order = -byName
		}
		if order <= 0 {
			e.files = append(e.files, f)
			return nil
		}
	}
	e.files, e.kept = append(e.files, f), f
	e.aliases, e.upstream = b.internAll(r.aliases), b.internAll(r.upstream)
	e.own, e.modified, e.withdrawn = r.ownRating(), r.modified, !r.withdrawn.IsZero()
	e.blob = in.blob
	if f.original.db == nil {
		e.blob = b.blobs.keep(in.blob)
	}
	e.keys = b.keysOf(r)
	return nil
}

// compareFiles orders the files of one record.
func (b *builder) compareFiles(x, y *file) (int, error) {
	if c := cmp.Or(cmp.Compare(x.source, y.source), strings.Compare(x.name, y.name)); c != 0 {
		return c, nil
	}
	one, err := b.packer.unpack(&x.original)
	if err != nil {
		return 0, err
	}
	two, err := b.packer.unpack(&y.original)
	return bytes.Compare(one, two), err
}

// sortFiles orders each record's files and drops what is twice the same.
func (b *builder) sortFiles() error {
	var failed error
	compare := func(x, y *file) int {
		if x == y {
			return 0
		}
		c, err := b.compareFiles(x, y)
		failed = cmp.Or(failed, err)
		return c
	}
	for _, e := range b.byID {
		if len(e.files) > 1 {
			slices.SortFunc(e.files, compare)
			e.files = slices.CompactFunc(e.files, func(x, y *file) bool { return compare(x, y) == 0 })
		}
	}
	return failed
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

// tables lays everything out but the blobs and the originals, whose order is
// that of the returned entries and their files.
func (b *builder) tables() (*tables, []*entry, error) {
	if err := b.sortFiles(); err != nil {
		return nil, nil, err
	}
	list := make([]*entry, 0, len(b.byID))
	for _, e := range b.byID {
		list = append(list, e)
	}
	slices.SortFunc(list, func(x, y *entry) int { return strings.Compare(x.id, y.id) })
	t := &tables{strings: map[string]uint32{}}
	b.recordTable(t, list)
	b.keyTables(t, list)
	nameTables(t, list)
	b.sourceTables(t, list)
	return t, list, nil
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
	for _, s := range b.sources {
		if s.accepts(name) {
			refused += s.refused
		}
	}
	t.str(sectionEcosystems, name)
	t.u32(sectionEcosystems, firstKey, keys, firstDate, len(dates), len(records), withdrawn, refused, 0)
	t.u64(sectionEcosystems, 0)
}

// nameTables lists the ids that records name as their aliases or as upstream,
// and the records.
func nameTables(t *tables, list []*entry) {
	records := map[string][]int{}
	for i, e := range list {
		for _, names := range [][]string{e.aliases, e.upstream} {
			for _, name := range names {
				if r := records[name]; len(r) == 0 || r[len(r)-1] != i {
					records[name] = append(r, i)
				}
			}
		}
	}
	first := 0
	for _, name := range slices.Sorted(maps.Keys(records)) {
		r := records[name]
		t.str(sectionNames, name)
		t.u32(sectionNames, first, len(r))
		t.u32(sectionNamePostings, r...)
		first += len(r)
	}
}

// flagKept marks the file that its record is from.
const flagKept = 1

// sourceTables writes the files, and the sources with which of them are theirs.
func (b *builder) sourceTables(t *tables, list []*entry) {
	members := make([][]int, len(b.sources))
	number := 0
	for i, e := range list {
		for _, f := range e.files {
			members[f.source] = append(members[f.source], number)
			number++
			flags := 0
			if f == e.kept {
				flags = flagKept
			}
			t.u32(sectionFiles, i, f.source)
			t.str(sectionFiles, f.name)
			t.u64(sectionFiles, f.modified.Unix())
			t.u32(sectionFiles, f.modified.Nanosecond(), flags)
		}
	}
	first := 0
	for i, s := range b.sources {
		t.str(sectionSources, s.name)
		t.u32(sectionSources, first, len(members[i]), s.refused, 0)
		t.u64(sectionSources, 0)
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
