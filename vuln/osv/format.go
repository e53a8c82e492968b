package osv

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// A snapshot file is a header block, the body and a hash tree over the body,
// all in blocks of blockBytes; integers are little-endian.
//
//	header  magic, format version, block size, file size, body size, the root
//	        of the hash tree, the compiler's version, and offset and length of
//	        each section
//	body    the sections one after the other, padded to whole blocks
//	tree    the SHA-256 of each body block, padded to whole blocks; the
//	        SHA-256 of each of those; and so on up to a single block, whose
//	        SHA-256 is the root
//
// The snapshot's digest, which names the file, is the SHA-256 of the header
// block, so it stands for every byte of the file, and a reader needs to check
// only the blocks that it touches. docs/SNAPSHOT.md has all of it, field by
// field; a change here is one there.
const (
	// The first byte is not ASCII and a line end follows, so that a transfer
	// in text mode is noticed.
	magic         = "\x89TMS\r\n\x1a\n"
	formatVersion = 3
	blockBytes    = 4096
	hashBytes     = sha256.Size
	hashesInBlock = blockBytes / hashBytes
)

// The sections of the body, in the order of the file. A look-up of a package
// touches none of the last three.
const (
	sectionStrings      = iota // bytes that other sections point into
	sectionEcosystems          // sorted by name, ecosystemBytes each
	sectionKeys                // by ecosystem, then normalised name, keyBytes each
	sectionPostings            // uint32 record numbers, ascending within a key
	sectionRecords             // sorted by id, recordBytes each
	sectionNames               // sorted, other ids that records go by, keyBytes each
	sectionNamePostings        // uint32 record numbers, ascending within a name
	sectionDates               // int64 seconds since 1970, ascending within an ecosystem
	sectionSources             // sorted by name, sourceBytes each
	sectionMembers             // uint32 file numbers, ascending within a source
	sectionRefused             // a count and three strings for each refused record
	sectionBlobs               // the records
	sectionFiles               // by record, source and name, fileBytes each
	sectionOriginals           // the files' contents, in compressed chunks
	sectionChunks              // in the order of the files, chunkBytes each
	sectionCount
)

// Sizes of the fixed entries.
const (
	ecosystemBytes = 48
	keyBytes       = 16
	recordBytes    = 32
	sourceBytes    = 32
	fileBytes      = 32
	chunkBytes     = 24
)

// ErrDamaged is what everything that reads a snapshot fails with when its
// bytes are not the ones that were written.
var ErrDamaged = errors.New("the advisory snapshot is damaged")

// ErrFormat is what opening a snapshot of another format version fails with.
var ErrFormat = errors.New("the advisory snapshot is of another version of tallyman")

// span is a part of the file.
type span struct{ off, len int64 }

type header struct {
	fileSize, bodySize int64
	root               [hashBytes]byte
	// compiler is the compilerVersion that the snapshot was made with.
	compiler int
	sections [sectionCount]span
}

const headerFixed = len(magic) + 4 + 4 + 8 + 8 + hashBytes + 4 + 4

func (h *header) encode() []byte {
	b := make([]byte, 0, blockBytes)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, blockBytes)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.fileSize))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.bodySize))
	b = append(b, h.root[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.compiler))
	b = binary.LittleEndian.AppendUint32(b, sectionCount)
	for _, s := range h.sections {
		b = binary.LittleEndian.AppendUint64(b, uint64(s.off))
		b = binary.LittleEndian.AppendUint64(b, uint64(s.len))
	}
	return b[:blockBytes]
}

// decodeHeader checks everything about the header that can be checked without
// the rest of the file.
func decodeHeader(b []byte, fileSize int64) (*header, error) {
	if len(b) < blockBytes || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it does not begin like a snapshot", ErrDamaged)
	}
	p := b[len(magic):]
	u32 := func() uint32 { v := binary.LittleEndian.Uint32(p); p = p[4:]; return v }
	u64 := func() int64 { v := binary.LittleEndian.Uint64(p); p = p[8:]; return int64(v) }
	if v := u32(); v != formatVersion {
		return nil, fmt.Errorf("%w: it has format %d and this program reads format %d: run \"tallyman db update\"", ErrFormat, v, formatVersion)
	}
	if u32() != blockBytes {
		return nil, fmt.Errorf("%w: unknown block size", ErrDamaged)
	}
	h := &header{fileSize: u64(), bodySize: u64()}
	copy(h.root[:], p)
	p = p[hashBytes:]
	h.compiler = int(u32())
	if h.fileSize != fileSize {
		return nil, fmt.Errorf("%w: it has %d bytes and should have %d", ErrDamaged, fileSize, h.fileSize)
	}
	if n := u32(); n != sectionCount {
		return nil, fmt.Errorf("%w: %d sections", ErrDamaged, n)
	}
	next := int64(blockBytes)
	for i := range h.sections {
		s := span{off: u64(), len: u64()}
		if s.off != next || s.len < 0 || s.len > fileSize-s.off {
			return nil, fmt.Errorf("%w: section %d is out of place", ErrDamaged, i)
		}
		next = s.off + s.len
		h.sections[i] = s
	}
	if h.bodySize < 0 || h.bodySize%blockBytes != 0 || h.bodySize > fileSize || next > blockBytes+h.bodySize ||
		blockBytes+h.bodySize+treeBytes(h.bodySize) != fileSize {
		return nil, fmt.Errorf("%w: body and hash tree do not fit the file", ErrDamaged)
	}
	if len(bytes.Trim(b[headerFixed+16*sectionCount:blockBytes], "\x00")) != 0 {
		return nil, fmt.Errorf("%w: the header's end is not empty", ErrDamaged)
	}
	return h, nil
}

// treeLevels gives the number of blocks of each level of the hash tree over a
// body, from the level that holds the hashes of the body up to the single
// top block.
func treeLevels(bodySize int64) []int64 {
	levels := []int64{}
	blocks := bodySize / blockBytes
	for {
		blocks = max(1, (blocks+hashesInBlock-1)/hashesInBlock)
		levels = append(levels, blocks)
		if blocks == 1 {
			return levels
		}
	}
}

func treeBytes(bodySize int64) int64 {
	var n int64
	for _, blocks := range treeLevels(bodySize) {
		n += blocks * blockBytes
	}
	return n
}

// buildTree returns the tree's bytes over the leaf hashes, and its root.
func buildTree(leaves []byte) (tree []byte, root [hashBytes]byte) {
	level := leaves
	for {
		level = padBlock(level)
		if len(level) == 0 {
			level = make([]byte, blockBytes)
		}
		tree = append(tree, level...)
		var up []byte
		for b := range (len(level) + blockBytes - 1) / blockBytes {
			sum := sha256.Sum256(level[b*blockBytes : (b+1)*blockBytes])
			up = append(up, sum[:]...)
		}
		if len(up) == hashBytes {
			return tree, [hashBytes]byte(up)
		}
		level = up
	}
}

// padBlock returns a copy of b, filled with zeros up to a whole block.
func padBlock(b []byte) []byte {
	out := make([]byte, (len(b)+blockBytes-1)/blockBytes*blockBytes)
	copy(out, b)
	return out
}
