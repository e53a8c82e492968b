package osv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// DB is an open advisory snapshot. It is safe for concurrent use. Every byte
// is checked before its first use: a look-up in a damaged file fails with an
// error that wraps ErrDamaged and never finds too little.
type DB struct {
	region *region
	digest string
	source string
	// pointer is what is known of the snapshot that is not in it.
	pointer current
	// fallback is what Fallback says.
	fallback string
	close    func() error
	// corrections are the embedded ones, own our own advisories.
	corrections []Correction
	own         func() ([]ownRecord, error)
	// chunk and decoder serve the originals.
	chunkMu sync.Mutex
	chunk   openChunk
	decoder *zstd.Decoder
}

var _ vuln.Source = (*DB)(nil)

// Open opens a snapshot file and checks its header and size, and its name if
// it ends in ".tms". It does not read the rest.
func Open(path string) (*DB, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	db, err := openFile(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("opening the advisory snapshot %q: %w", path, err)
	}
	if name, ok := strings.CutSuffix(filepath.Base(path), snapshotSuffix); ok && name != db.digest {
		_ = db.Close()
		return nil, fmt.Errorf("opening the advisory snapshot %q: %w: its digest is %s", path, ErrDamaged, db.digest)
	}
	return db, nil
}

// openFile owns f unless it fails.
func openFile(f *os.File) (*DB, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	head := make([]byte, blockBytes)
	if n, err := io.ReadFull(f, head); err != nil {
		return nil, fmt.Errorf("%w: it ends after %d bytes", ErrDamaged, n)
	}
	h, err := decodeHeader(head, info.Size())
	if err != nil {
		return nil, err
	}
	data, unmap, err := mapFile(f, info.Size())
	if err != nil {
		return nil, err
	}
	list, err := Corrections()
	if err != nil {
		return nil, err
	}
	db := &DB{region: newRegion(data, f, h), digest: digestOf(head), close: f.Close, corrections: list, own: sync.OnceValues(ownRecords)}
	if data != nil {
		if !bytes.Equal(data[:blockBytes], head) {
			return nil, errors.Join(fmt.Errorf("%w: it changes while it is read", ErrDamaged), unmap())
		}
		_ = f.Close() // the mapping stays
		db.close = unmap
	}
	return db, nil
}

// OpenBytes opens a snapshot in memory, which must not change; source is what
// Source says.
func OpenBytes(data []byte, source string) (*DB, error) {
	if len(data) < blockBytes {
		return nil, fmt.Errorf("%w: it ends after %d bytes", ErrDamaged, len(data))
	}
	db, err := openBytes(data)
	if err != nil {
		return nil, err
	}
	db.source = source
	return db, nil
}

// openBytes opens a snapshot in memory.
func openBytes(data []byte) (*DB, error) {
	h, err := decodeHeader(data, int64(len(data)))
	if err != nil {
		return nil, err
	}
	list, err := Corrections()
	if err != nil {
		return nil, err
	}
	return &DB{region: newRegion(data, nil, h), digest: digestOf(data[:blockBytes]), close: func() error { return nil }, corrections: list, own: sync.OnceValues(ownRecords)}, nil
}

// Close gives the file back. No look-up may be running or follow.
func (db *DB) Close() error { return db.close() }

// Digest is "sha256:" and the digest that stands for every byte of the
// snapshot.
func (db *DB) Digest() string { return "sha256:" + db.digest }

// Source is where the snapshot is from, credentials removed; "" when it was
// opened by its file name.
func (db *DB) Source() string { return db.source }

// Bytes is the size of the snapshot in bytes.
func (db *DB) Bytes() int64 { return db.region.head.fileSize }

// section reads n entries of size bytes from the index-th on.
func (db *DB) section(which, index, n, size int) ([]byte, error) {
	s := db.region.head.sections[which]
	if int64(index)+int64(n) > s.len/int64(size) {
		return nil, fmt.Errorf("%w: entry %d of section %d", ErrDamaged, index, which)
	}
	return db.region.read(s.off+int64(index)*int64(size), int64(n)*int64(size))
}

func (db *DB) count(which, size int) int { return int(db.region.head.sections[which].len) / size }

// text reads what tables.str wrote.
func (db *DB) text(ref []byte) ([]byte, error) {
	s := db.region.head.sections[sectionStrings]
	off, n := int64(u32(ref, 0)), int64(u32(ref, 1))
	if off+n > s.len {
		return nil, fmt.Errorf("%w: a name outside the names", ErrDamaged)
	}
	return db.region.read(s.off+off, n)
}

// u32 reads the index-th 32-bit word of a table entry.
func u32(entry []byte, index int) int { return int(binary.LittleEndian.Uint32(entry[4*index:])) }

// search finds the entry whose text, at its start, equals want, among n
// entries of a section sorted by it.
func (db *DB) search(which, first, n, size int, want string) (entry []byte, index int, err error) {
	i := sort.Search(n, func(i int) bool {
		if err != nil {
			return true
		}
		var e, name []byte
		if e, err = db.section(which, first+i, 1, size); err != nil {
			return true
		}
		if name, err = db.text(e); err != nil {
			return true
		}
		return string(name) >= want
	})
	if err != nil || i == n {
		return nil, 0, err
	}
	e, err := db.section(which, first+i, 1, size)
	if err != nil {
		return nil, 0, err
	}
	name, err := db.text(e)
	if err != nil || string(name) != want {
		return nil, 0, err
	}
	return e, first + i, nil
}

// ecosystem finds the entry of an ecosystem. OSV marks the long-term releases
// of Ubuntu in the name ("Ubuntu:22.04:LTS"), which a release file does not
// always tell.
func (db *DB) ecosystem(name string) ([]byte, error) {
	n := db.count(sectionEcosystems, ecosystemBytes)
	e, _, err := db.search(sectionEcosystems, 0, n, ecosystemBytes, name)
	if err == nil && e == nil && strings.HasPrefix(name, "Ubuntu:") && !strings.HasSuffix(name, ":LTS") {
		e, _, err = db.search(sectionEcosystems, 0, n, ecosystemBytes, name+":LTS")
	}
	return e, err
}

// Has reports whether the snapshot has any record for the ecosystem (with its
// release suffix). Only then does finding nothing mean anything.
func (db *DB) Has(ecosystem string) (bool, error) {
	e, err := db.ecosystem(ecosystem)
	return e != nil, err
}

// Advisories implements vuln.Source.
func (db *DB) Advisories(ctx context.Context, ecosystem, name string) ([]vuln.Advisory, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	eco, err := db.ecosystem(ecosystem)
	if err != nil {
		return nil, err
	}
	if eco == nil {
		return nil, fmt.Errorf("%w: %q", vuln.ErrNoEcosystem, ecosystem)
	}
	name = sbom.NormalName(ecosystem, name)
	list, err := db.stored(eco, ecosystem, name)
	if err != nil {
		return nil, err
	}
	own, err := db.ownOf(ecosystem, name)
	return append(list, own...), err
}

// stored are the advisories of the snapshot itself for a package, name in
// normal form.
func (db *DB) stored(eco []byte, ecosystem, name string) ([]vuln.Advisory, error) {
	k, _, err := db.search(sectionKeys, u32(eco, 2), u32(eco, 3), keyBytes, name)
	if err != nil || k == nil {
		return nil, err
	}
	postings, err := db.section(sectionPostings, u32(k, 2), u32(k, 3), 4)
	if err != nil {
		return nil, err
	}
	spelled, err := db.text(eco)
	if err != nil {
		return nil, err
	}
	keep := func(e, n []byte) bool {
		return bytes.Equal(e, spelled) && (string(n) == name || sbom.NormalName(ecosystem, string(n)) == name)
	}
	out := make([]vuln.Advisory, 0, u32(k, 3))
	for i := range u32(k, 3) {
		a, err := db.advisory(u32(postings, i), keep)
		if err != nil {
			return nil, err
		}
		out = append(out, *a)
	}
	return out, nil
}

// blob reads an entry of the record table, and where it points.
func (db *DB) blob(number int) (e, id, blob []byte, err error) {
	if e, err = db.section(sectionRecords, number, 1, recordBytes); err != nil {
		return nil, nil, nil, err
	}
	if id, err = db.text(e); err != nil {
		return nil, nil, nil, err
	}
	s := db.region.head.sections[sectionBlobs]
	off, n := i64(e, 1), int64(u32(e, 4))
	if off < 0 || off > s.len-n {
		return nil, nil, nil, fmt.Errorf("%w: record %q lies outside the records", ErrDamaged, id)
	}
	blob, err = db.region.read(s.off+off, n)
	return e, id, blob, err
}

// record reads an entry of the record table and its blob.
func (db *DB) record(number int, keep func(ecosystem, name []byte) bool) (*record, []byte, error) {
	e, id, blob, err := db.blob(number)
	if err != nil {
		return nil, nil, err
	}
	r, err := decodeBlob(string(id), blob, keep)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: record %q", ErrDamaged, id)
	}
	return r, e, nil
}

func (db *DB) advisory(number int, keep func(ecosystem, name []byte) bool) (*vuln.Advisory, error) {
	r, e, err := db.record(number, keep)
	if err != nil {
		return nil, err
	}
	source, err := db.text(e[24:])
	if err != nil {
		return nil, err
	}
	code := u32(e, 5) & 0xff
	if code >= len(severityCodes) {
		return nil, fmt.Errorf("%w: record %q has no such severity", ErrDamaged, r.id)
	}
	a := &vuln.Advisory{
		ID: r.id, Aliases: r.aliases, Upstream: r.upstream, Summary: r.summary,
		Published: r.published, Modified: r.modified, Withdrawn: r.withdrawn,
		Severity: vuln.Severity(severityCodes[code]), SeveritySource: string(source), Affected: r.affected,
	}
	db.correct(a)
	return a, nil
}

// Get returns the record with an id, with all its affected packages, or nil
// if the snapshot has none.
func (db *DB) Get(ctx context.Context, id string) (*vuln.Advisory, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(id, OwnPrefix) {
		r, err := db.ownByID(id)
		if err != nil || r == nil {
			return nil, err
		}
		return &r.advisory, nil
	}
	e, number, err := db.search(sectionRecords, 0, db.count(sectionRecords, recordBytes), recordBytes, id)
	if err != nil || e == nil {
		return nil, err
	}
	return db.advisory(number, func(_, _ []byte) bool { return true })
}

// dateAt returns the newest of the ecosystem's dates not after now.
func (db *DB) dateAt(eco []byte, now time.Time) (time.Time, error) {
	dates, err := db.section(sectionDates, u32(eco, 4), u32(eco, 5), 8)
	if err != nil {
		return time.Time{}, err
	}
	n := len(dates) / 8
	at := func(i int) int64 { return int64(binary.LittleEndian.Uint64(dates[8*i:])) }
	i := sort.Search(n, func(i int) bool { return at(i) > now.Unix() })
	if i == 0 {
		return time.Time{}, nil
	}
	return time.Unix(at(i-1), 0).UTC(), nil
}
