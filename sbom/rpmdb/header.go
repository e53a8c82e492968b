package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tallyman/tallyman/internal/limit"
)

// header is rpm's store of tagged values, big-endian throughout: how many
// entries and how many bytes of data there are, the entries (tag, type, offset
// into the data, count), the data.
// https://rpm.org/docs/4.20.x/manual/format_header.html
type header struct {
	entries map[uint32]entry
	data    []byte
	// signed are the parts of the record that a package's own digest is of, nil
	// when it has no immutable region.
	signed [][]byte
}

type entry struct {
	kind, offset, count uint32
	// added is true for an entry that rpm added when it installed the package.
	added bool
}

// The types of values that are read.
const (
	typeInt16  = 3
	typeInt32  = 4
	typeString = 6
	typeBinary = 7
	typeList   = 8
	typeI18N   = 9
	typeChar   = 1
	typeInt8   = 2
)

// The region tags, which stand first. Those of the signature header are none
// of a database.
const (
	tagImage     = 61
	tagImmutable = 63
)

const (
	entryBytes = 16
	// maxEntries is rpm's own bound.
	maxEntries = 0xffff
)

// parseHeader reads the entries of a record and checks that they lie in it.
func parseHeader(blob []byte) (*header, error) {
	if len(blob) < 8 {
		return nil, errors.New("a header of fewer than 8 bytes")
	}
	count, size := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	if count < 1 || count > maxEntries || 8+uint64(count)*entryBytes+uint64(size) != uint64(len(blob)) {
		return nil, fmt.Errorf("a header of %d entries and %d bytes of data in a record of %d bytes", count, size, len(blob))
	}
	index := blob[8 : 8+count*entryBytes]
	h := &header{entries: make(map[uint32]entry, count), data: blob[8+count*entryBytes:]}
	region, err := h.region(index)
	if err != nil {
		return nil, err
	}
	for i := uint32(0); i < count; i++ {
		raw := index[i*entryBytes:]
		tag := binary.BigEndian.Uint32(raw)
		e := entry{binary.BigEndian.Uint32(raw[4:]), binary.BigEndian.Uint32(raw[8:]), binary.BigEndian.Uint32(raw[12:]), i >= region}
		if e.offset > size {
			return nil, fmt.Errorf("tag %d lies outside of its header", tag)
		}
		// "Dribble" entries, which rpm adds after the region, replace those of
		// the region; otherwise a tag is there once.
		if old, twice := h.entries[tag]; twice && (old.added || !e.added) {
			return nil, fmt.Errorf("tag %d is given twice", tag)
		}
		h.entries[tag] = e
	}
	return h, nil
}

// region finds the entries that came with the package: the first entry says
// where its trailer is, and that, by a negative offset, how many they are. It
// returns 0 when there is no region.
// https://rpm.org/docs/4.20.x/manual/hregions.html
func (h *header) region(index []byte) (entries uint32, err error) {
	tag, kind := binary.BigEndian.Uint32(index), binary.BigEndian.Uint32(index[4:])
	if tag != tagImmutable && tag != tagImage {
		return 0, nil
	}
	at, count := binary.BigEndian.Uint32(index[8:]), binary.BigEndian.Uint32(index[12:])
	bad := errors.New("a header whose immutable region is damaged")
	if kind != typeBinary || count != entryBytes || uint64(at)+entryBytes > uint64(len(h.data)) {
		return 0, bad
	}
	trailer := h.data[at : at+entryBytes]
	back := -int64(int32(binary.BigEndian.Uint32(trailer[8:])))
	if back <= 0 || back%entryBytes != 0 || back > int64(len(index)) {
		return 0, bad
	}
	entries = uint32(back / entryBytes)
	if tag == tagImmutable {
		var sizes [8]byte
		binary.BigEndian.PutUint32(sizes[:], entries)
		binary.BigEndian.PutUint32(sizes[4:], at+entryBytes)
		h.signed = [][]byte{headerMagic, sizes[:], index[:back], h.data[:at+entryBytes]}
	}
	return entries, nil
}

// headerMagic stands before a header in a package's file, and is digested with
// it. https://rpm.org/docs/4.20.x/manual/format_header.html
var headerMagic = []byte{0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0}

var errTag = errors.New("has another type or lies outside of its header")

// text returns the single string of a tag, "" when there is none. Of a text in
// several languages it is the first, which is that of the C locale.
func (h *header) text(tag uint32) (string, error) {
	e, ok := h.entries[tag]
	if !ok {
		return "", nil
	}
	if e.count < 1 || e.kind != typeI18N && (e.kind != typeString || e.count != 1) {
		return "", fmt.Errorf("tag %d %w", tag, errTag)
	}
	text, _, ok := bytes.Cut(h.data[e.offset:], []byte{0})
	if !ok || len(text) > limit.LineBytes {
		return "", fmt.Errorf("tag %d %w", tag, errTag)
	}
	return string(text), nil
}

// list returns the strings of a tag, which are parts of the record.
func (h *header) list(tag uint32) ([][]byte, error) {
	e, ok := h.entries[tag]
	if !ok {
		return nil, nil
	}
	rest := h.data[e.offset:]
	if e.kind != typeList || uint64(e.count) > uint64(len(rest)) {
		return nil, fmt.Errorf("tag %d %w", tag, errTag)
	}
	if e.count > limit.RPMHeaderTexts {
		return nil, fmt.Errorf("tag %d: %w of %d texts", tag, limit.ErrTooLarge, limit.RPMHeaderTexts)
	}
	out := make([][]byte, e.count)
	for i := range out {
		var ok bool
		if out[i], rest, ok = bytes.Cut(rest, []byte{0}); !ok {
			return nil, fmt.Errorf("tag %d %w", tag, errTag)
		}
	}
	return out, nil
}

// numbers returns the values of a tag, each size bytes wide: the raw bytes of
// all of them, nil when there is no such tag.
func (h *header) numbers(tag uint32, size int, kinds ...uint32) ([]byte, error) {
	e, ok := h.entries[tag]
	if !ok {
		return nil, nil
	}
	is := false
	for _, k := range kinds {
		is = is || e.kind == k
	}
	n := uint64(e.count) * uint64(size)
	if !is || n > uint64(len(h.data))-uint64(e.offset) {
		return nil, fmt.Errorf("tag %d %w", tag, errTag)
	}
	return h.data[e.offset:][:n:n], nil
}

// number returns the single 32-bit value of a tag.
func (h *header) number(tag uint32) (value uint32, there bool, err error) {
	raw, err := h.numbers(tag, 4, typeInt32)
	switch {
	case err != nil || raw == nil:
		return 0, false, err
	case len(raw) != 4:
		return 0, false, fmt.Errorf("tag %d %w", tag, errTag)
	}
	return binary.BigEndian.Uint32(raw), true, nil
}
