package osv

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"runtime"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/tallyman/tallyman/internal/limit"
)

// The originals are kept in chunks of neighbouring files, because records of
// one kind repeat one another: 60,579 real ones, 95 MB of JSON, are 45 MB when
// each is compressed by itself and 14 MB in chunks. A chunk begins where the
// hash of a record's id says, whatever its neighbours are, so that a record
// that changes, comes or goes changes its own chunk and no other.
const (
	// chunkMask: a file begins a chunk when these bits of its record's hash
	// are zero, one in 16.
	chunkMask = 15
	// maxChunkBytes is what a chunk of more than one file may hold before it
	// is compressed.
	maxChunkBytes = 128 << 10
	// windowBytes is how far back the compression looks.
	windowBytes = 256 << 10
)

const jsonSuffix = ".json"

// original is the content of a file while a snapshot is built.
type original struct {
	// packed is the content, compressed by itself.
	packed []byte
	// Without packed it is the file with this number of a snapshot, which
	// stays open until the new one is written.
	db     *DB
	number int
}

// packer compresses originals. It is safe for concurrent use.
type packer struct {
	quick, best *zstd.Encoder
	decoder     *zstd.Decoder
}

func newPacker() *packer {
	threads := runtime.GOMAXPROCS(0)
	encoder := func(level zstd.EncoderLevel) *zstd.Encoder {
		// No option that is set here can be wrong.
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(threads),
			zstd.WithWindowSize(windowBytes), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
		if err != nil {
			panic(err)
		}
		return e
	}
	return &packer{quick: encoder(zstd.SpeedFastest), best: encoder(zstd.SpeedDefault), decoder: newDecoder(threads)}
}

// newDecoder makes a decoder that gives up at the bound on one chunk.
func newDecoder(threads int) *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(threads), zstd.WithDecoderMaxMemory(limit.AdvisoryChunkBytes))
	if err != nil {
		panic(err)
	}
	return d
}

// accept reads a file of a source. Its error says in a few words why the file
// is refused.
func (p *packer) accept(source, name string, data []byte) (*accepted, error) {
	r, err := readRecord(source, name, data)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	compact.Grow(len(data))
	if err := json.Compact(&compact, data); err != nil {
		return nil, fmt.Errorf("not an OSV record: %w", err)
	}
	return &accepted{file: name, record: r, blob: appendRecord(nil, r), original: p.pack(compact.Bytes())}, nil
}

// readRecord decodes a file of a source.
func readRecord(source, name string, data []byte) (*record, error) {
	if len(name) > limit.PathBytes {
		return nil, fmt.Errorf("a file name of %d bytes", len(name))
	}
	r, err := decodeRecord(data)
	if err != nil {
		return nil, err
	}
	if !r.isOf(source) {
		return nil, fmt.Errorf("it names no package of %s", source)
	}
	return r, nil
}

func (p *packer) pack(text []byte) original {
	return original{packed: p.quick.EncodeAll(text, nil)}
}

// unpack returns an original's text.
func (p *packer) unpack(o *original) ([]byte, error) {
	if o.packed == nil {
		return o.db.original(o.number)
	}
	return p.decoder.DecodeAll(o.packed, nil)
}

// numbered is a file and the id of its record.
type numbered struct {
	*file
	id string
}

// packedChunk is a run of files, compressed.
type packedChunk struct {
	files  []numbered
	packed []byte
	raw    int
}

// chunksAtOnce is how many chunks are compressed before they are written.
const chunksAtOnce = 64

// write writes the originals of all files and fills the table of chunks.
func (p *packer) write(out *blockWriter, t *tables, list []*entry) error {
	var all []numbered
	for _, e := range list {
		for _, f := range e.files {
			all = append(all, numbered{f, e.id})
		}
	}
	first, start := 0, out.written
	for len(all) > 0 {
		var err error
		var batch []*packedChunk
		if batch, all, err = p.batch(all); err != nil {
			return err
		}
		for _, c := range batch {
			t.u32(sectionChunks, first, len(c.files))
			t.u64(sectionChunks, out.written-start)
			t.u32(sectionChunks, len(c.packed), c.raw)
			out.write(c.packed)
			first += len(c.files)
		}
	}
	return nil
}

// batch cuts and compresses the next chunks.
func (p *packer) batch(all []numbered) (batch []*packedChunk, rest []numbered, err error) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for len(batch) < chunksAtOnce && len(all) > 0 {
		c, raw, n, err := p.cut(all)
		if err != nil {
			return nil, nil, err
		}
		c.files, all = all[:n], all[n:]
		batch = append(batch, c)
		if c.packed == nil {
			group.Go(func() error {
				c.packed = p.best.EncodeAll(raw, nil)
				return nil
			})
		}
	}
	return batch, all, group.Wait()
}

// cut takes the next n files as one chunk: as it is in an older snapshot, or
// its text to compress.
func (p *packer) cut(all []numbered) (c *packedChunk, raw []byte, n int, err error) {
	n = 1
	for n < len(all) && all[n].original.db != nil && !beginsChunk(all[n].id) {
		n++
	}
	if c, n, err := reuse(all[:n], n == len(all) || beginsChunk(all[n].id)); err != nil || c != nil {
		return c, nil, n, err
	}
	for n = 0; n < len(all) && (n == 0 || !beginsChunk(all[n].id)); n++ {
		text, err := p.unpack(&all[n].original)
		if err != nil {
			return nil, nil, 0, err
		}
		if n > 0 && len(raw)+binary.MaxVarintLen32+len(text) > maxChunkBytes {
			break
		}
		raw = binary.AppendUvarint(raw, uint64(len(text)))
		raw = append(raw, text...)
	}
	return &packedChunk{raw: len(raw)}, raw, n, nil
}

// reuse returns the chunk of an older snapshot that the files begin with, nil
// if they begin with none that would be cut the same today. ends says that the
// run of files ends where a chunk must.
func reuse(run []numbered, ends bool) (c *packedChunk, n int, err error) {
	o := run[0].original
	if o.db == nil || o.db.region.head.compiler != compilerVersion {
		return nil, 0, nil
	}
	old, err := o.db.chunkOf(o.number)
	if err != nil || old.first != o.number || old.count > len(run) {
		return nil, 0, err
	}
	for i, f := range run[:old.count] {
		if f.original.db != o.db || f.original.number != o.number+i {
			return nil, 0, nil
		}
	}
	// A chunk that was cut for its size has the same end only if the same file
	// follows it.
	if old.count < len(run) || !ends {
		follows := old.count < len(run) && run[old.count].original.db == o.db && run[old.count].original.number == o.number+old.count
		if !follows {
			return nil, 0, nil
		}
	}
	packed, err := o.db.packedChunk(old)
	return &packedChunk{packed: packed, raw: old.raw}, old.count, err
}

// beginsChunk reports whether the files of a record begin a chunk: the last
// four bits of the 32-bit FNV-1a hash of its id are zero.
// https://datatracker.ietf.org/doc/html/draft-eastlake-fnv
func beginsChunk(id string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return h.Sum32()&chunkMask == 0
}

// storedChunk is an entry of the table of chunks.
type storedChunk struct {
	first, count, raw int
	at                span
}

// chunkOf finds the chunk that has a file.
func (db *DB) chunkOf(number int) (*storedChunk, error) {
	lo, hi := 0, db.count(sectionChunks, chunkBytes)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		e, err := db.section(sectionChunks, mid, 1, chunkBytes)
		if err != nil {
			return nil, err
		}
		c := &storedChunk{first: u32(e, 0), count: u32(e, 1), raw: u32(e, 5), at: span{i64(e, 1), int64(u32(e, 4))}}
		switch {
		case number < c.first:
			hi = mid
		case number-c.first >= c.count:
			lo = mid + 1
		default:
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: file %d has no content", ErrDamaged, number)
}

func (db *DB) packedChunk(c *storedChunk) ([]byte, error) {
	s := db.region.head.sections[sectionOriginals]
	if c.at.off < 0 || c.at.len > s.len || c.at.off > s.len-c.at.len || c.raw > limit.AdvisoryChunkBytes {
		return nil, fmt.Errorf("%w: a chunk lies outside the originals", ErrDamaged)
	}
	return db.region.read(s.off+c.at.off, c.at.len)
}

// openChunk is the chunk that was decompressed last, file by file.
type openChunk struct {
	first int
	texts [][]byte
}

// original returns the compacted JSON of the file with a number. It must not
// be changed.
func (db *DB) original(number int) ([]byte, error) {
	db.chunkMu.Lock()
	defer db.chunkMu.Unlock()
	if i := number - db.chunk.first; i >= 0 && i < len(db.chunk.texts) {
		return db.chunk.texts[i], nil
	}
	c, err := db.chunkOf(number)
	if err != nil {
		return nil, err
	}
	packed, err := db.packedChunk(c)
	if err != nil {
		return nil, err
	}
	if db.decoder == nil {
		db.decoder = newDecoder(1)
	}
	raw, err := db.decoder.DecodeAll(packed, make([]byte, 0, c.raw))
	if err != nil || len(raw) != c.raw {
		return nil, fmt.Errorf("%w: the chunk of file %d", ErrDamaged, number)
	}
	texts, err := splitChunk(raw, c.count)
	if err != nil {
		return nil, err
	}
	db.chunk = openChunk{c.first, texts}
	return texts[number-c.first], nil
}

func splitChunk(raw []byte, count int) ([][]byte, error) {
	in := &blobReader{b: raw}
	var texts [][]byte
	for range count {
		texts = append(texts, in.bytes())
		if in.err != nil {
			break
		}
	}
	if in.err != nil || len(in.b) != 0 {
		return nil, fmt.Errorf("%w: a chunk of %d files", ErrDamaged, count)
	}
	return texts, nil
}

// storedFile is a file of a source as the snapshot has it.
type storedFile struct {
	// number is the file's place in the snapshot, record that of its record.
	number, record int
	// id is the record's, name the file's: mostly the id and ".json".
	id, name string
	// kept says that the record is from this file, not from another with the
	// same id.
	kept bool
	// modified is the date that the file itself has.
	modified time.Time
}

// file reads an entry of the table of files.
func (db *DB) file(number int) (*storedFile, error) {
	e, err := db.section(sectionFiles, number, 1, fileBytes)
	if err != nil {
		return nil, err
	}
	r, err := db.section(sectionRecords, u32(e, 0), 1, recordBytes)
	if err != nil {
		return nil, err
	}
	id, err := db.text(r)
	if err != nil {
		return nil, err
	}
	f := &storedFile{number: number, record: u32(e, 0), id: string(id), kept: u32(e, 7)&flagKept != 0,
		modified: time.Unix(i64(e, 2), int64(u32(e, 6))).UTC()}
	if u32(e, 3) == 0 {
		f.name = f.id + jsonSuffix
		return f, nil
	}
	name, err := db.text(e[8:])
	f.name = string(name)
	return f, err
}

// filesOf lists the files of a source, by id; yield's error ends it.
func (db *DB) filesOf(ctx context.Context, name string, yield func(*storedFile) error) error {
	sources, err := db.sources()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sources, func(s source) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	e, err := db.section(sectionSources, i, 1, sourceBytes)
	if err != nil {
		return err
	}
	members, err := db.section(sectionMembers, u32(e, 2), u32(e, 3), 4)
	if err != nil {
		return err
	}
	for n := range u32(e, 3) {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := db.file(u32(members, n))
		if err != nil {
			return err
		}
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}
