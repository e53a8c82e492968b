package osv

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/tallyman/tallyman/vuln"
)

// A record's blob is a sequence of fields without padding: a string is its
// length as an unsigned varint and its bytes, a list its count and its items,
// a time the seconds (signed varint) since 1970 plus 1 and the nanoseconds,
// or one 0 byte for no time. An affected entry is preceded by its length, so
// that a look-up skips the entries of other packages.

var errBlob = errors.New("damaged record")

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	b = append(b, 1)
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

// appendRecord writes r without its id, which the record table holds.
func appendRecord(b []byte, r *record) []byte {
	b = appendTime(b, r.modified)
	b = appendTime(b, r.withdrawn)
	b = appendTime(b, r.published)
	b = appendStrings(b, r.aliases)
	b = appendStrings(b, r.upstream)
	b = appendString(b, r.summary)
	b = appendStrings(b, r.ratings)
	b = appendString(b, r.word)
	b = binary.AppendUvarint(b, uint64(len(r.affected)))
	var scratch []byte
	for _, a := range r.affected {
		scratch = appendAffected(scratch[:0], a)
		b = binary.AppendUvarint(b, uint64(len(scratch)))
		b = append(b, scratch...)
	}
	return b
}

// The kinds of an event in a blob.
const (
	eventIntroduced = iota
	eventFixed
	eventLastAffected
	eventLimit
)

func appendAffected(b []byte, a vuln.Affected) []byte {
	b = appendString(b, a.Ecosystem)
	b = appendString(b, a.Name)
	b = appendString(b, a.Urgency)
	b = appendStrings(b, a.Versions)
	b = binary.AppendUvarint(b, uint64(len(a.Ranges)))
	for _, r := range a.Ranges {
		b = appendString(b, r.Type)
		b = binary.AppendUvarint(b, uint64(len(r.Events)))
		for _, e := range r.Events {
			switch {
			case e.Introduced != "":
				b = appendString(append(b, eventIntroduced), e.Introduced)
			case e.Fixed != "":
				b = appendString(append(b, eventFixed), e.Fixed)
			case e.LastAffected != "":
				b = appendString(append(b, eventLastAffected), e.LastAffected)
			default:
				b = appendString(append(b, eventLimit), e.Limit)
			}
		}
	}
	return b
}

// blobReader reads what the append functions wrote. The first thing that does
// not fit sets err, after which everything reads as zero.
type blobReader struct {
	b   []byte
	err error
}

func (r *blobReader) fail() { r.b, r.err = nil, errBlob }

func (r *blobReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *blobReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *blobReader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// bytes returns the next length-prefixed bytes without a copy.
func (r *blobReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *blobReader) string() string { return string(r.bytes()) }

// count reads a count of items of at least one byte each, so that a damaged
// one cannot ask for more memory than the blob has bytes.
func (r *blobReader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *blobReader) strings() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]string, 0, n)
	for range n {
		out = append(out, r.string())
	}
	return out
}

func (r *blobReader) time() time.Time {
	switch r.byte() {
	case 0:
		return time.Time{}
	case 1:
		sec, nsec := r.varint(), r.uvarint()
		if nsec >= 1e9 {
			r.fail()
			return time.Time{}
		}
		return time.Unix(sec, int64(nsec)).UTC()
	}
	r.fail()
	return time.Time{}
}

// decodeBlob reads a record; keep says which affected entries are decoded,
// the others are skipped.
func decodeBlob(id string, b []byte, keep func(ecosystem, name []byte) bool) (*record, error) {
	in := &blobReader{b: b}
	r := &record{id: id}
	r.modified, r.withdrawn, r.published = in.time(), in.time(), in.time()
	r.aliases, r.upstream, r.summary = in.strings(), in.strings(), in.string()
	r.ratings, r.word = in.strings(), in.string()
	for range in.count() {
		entry := &blobReader{b: in.bytes()}
		eco, name := entry.bytes(), entry.bytes()
		if in.err == nil && entry.err == nil && !keep(eco, name) {
			continue
		}
		a := vuln.Affected{Ecosystem: string(eco), Name: string(name)}
		entry.affected(&a)
		if entry.err != nil || len(entry.b) != 0 {
			in.fail()
		}
		if in.err != nil {
			break
		}
		r.affected = append(r.affected, a)
	}
	if in.err != nil || len(in.b) != 0 {
		return nil, errBlob
	}
	return r, nil
}

func (r *blobReader) affected(a *vuln.Affected) {
	a.Urgency, a.Versions = r.string(), r.strings()
	for range r.count() {
		rg := vuln.Range{Type: r.string()}
		for range r.count() {
			kind, version := r.byte(), r.string()
			var e vuln.Event
			switch kind {
			case eventIntroduced:
				e.Introduced = version
			case eventFixed:
				e.Fixed = version
			case eventLastAffected:
				e.LastAffected = version
			case eventLimit:
				e.Limit = version
			default:
				r.fail()
			}
			rg.Events = append(rg.Events, e)
		}
		a.Ranges = append(a.Ranges, rg)
	}
}
