package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"

	"github.com/tallyman/tallyman/internal/limit"
)

// ndb is a format of rpm's own, little-endian throughout: pages of slots, each
// of which says which package is where, and the records, in blocks of 16 bytes.
const (
	ndbMagic      = "RpmP"
	ndbSlotMagic  = "Slot"
	ndbBlobStart  = "BlbS"
	ndbBlobEnd    = "BlbE"
	ndbSlotBytes  = 16
	ndbPageBytes  = 4096
	ndbBlockBytes = 16
	// ndbHeadBytes is the room of two slots.
	ndbHeadBytes = 32
	// ndbBlobHead and ndbBlobTail are what a record has before and after it.
	ndbBlobHead = 16
	ndbBlobTail = 12
)

// readNDB calls blob for the record of every slot that is in use.
func readNDB(s source, blob func([]byte) error) error {
	var head [ndbHeadBytes]byte
	if err := s.at(head[:], 0); err != nil {
		return err
	}
	if version := binary.LittleEndian.Uint32(head[4:]); version != 0 {
		return fmt.Errorf("version %d of ndb, which is not known", version)
	}
	pages := int64(binary.LittleEndian.Uint32(head[12:]))
	if pages < 1 || pages > s.size/ndbPageBytes {
		return fmt.Errorf("%d pages of slots in a file of %d bytes", pages, s.size)
	}
	if pages*(ndbPageBytes/ndbSlotBytes) > 2*limit.RPMPackages {
		return fmt.Errorf("slots: %w of %d", limit.ErrTooLarge, 2*limit.RPMPackages)
	}
	known, page := map[uint32]bool{}, make([]byte, ndbPageBytes)
	for n := range pages {
		if err := s.at(page, n*ndbPageBytes); err != nil {
			return err
		}
		slots := page
		if n == 0 {
			slots = page[ndbHeadBytes:]
		}
		for ; len(slots) > 0; slots = slots[ndbSlotBytes:] {
			if err := ndbSlot(s, slots[:ndbSlotBytes], pages, known, blob); err != nil {
				return err
			}
		}
	}
	return nil
}

// ndbSlot takes one slot: the magic, the number of the package, the first of
// its blocks and how many they are; all three 0 when it is free.
func ndbSlot(s source, slot []byte, pages int64, known map[uint32]bool, blob func([]byte) error) error {
	if string(slot[:4]) != ndbSlotMagic {
		return errors.New("a slot that is damaged")
	}
	number, first, blocks := binary.LittleEndian.Uint32(slot[4:]), int64(binary.LittleEndian.Uint32(slot[8:])), int64(binary.LittleEndian.Uint32(slot[12:]))
	if number == 0 && first == 0 && blocks == 0 {
		return nil
	}
	if known[number] || number == 0 {
		return fmt.Errorf("package %d is given twice", number)
	}
	known[number] = true
	if first*ndbBlockBytes < pages*ndbPageBytes {
		return fmt.Errorf("the record of package %d lies among the slots", number)
	}
	if blocks*ndbBlockBytes > limit.RPMHeaderBytes {
		return fmt.Errorf("a record: %w of %d bytes", limit.ErrTooLarge, limit.RPMHeaderBytes)
	}
	if blocks*ndbBlockBytes < ndbBlobHead+ndbBlobTail || (first+blocks)*ndbBlockBytes > s.size {
		return errShort
	}
	raw := make([]byte, blocks*ndbBlockBytes)
	if err := s.at(raw, first*ndbBlockBytes); err != nil {
		return err
	}
	record, err := ndbRecord(raw, number)
	if err != nil {
		return err
	}
	return blob(record)
}

// ndbRecord takes a record out of its blocks: before it are the magic, the
// number of the package, the database's generation and the size, after it, at
// the end of the blocks, an Adler-32 sum of all before, the size and a magic.
func ndbRecord(raw []byte, number uint32) ([]byte, error) {
	tail := raw[len(raw)-ndbBlobTail:]
	size := binary.LittleEndian.Uint32(raw[12:])
	switch {
	case string(raw[:4]) != ndbBlobStart || string(tail[8:]) != ndbBlobEnd || binary.LittleEndian.Uint32(raw[4:]) != number,
		binary.LittleEndian.Uint32(tail[4:]) != size,
		ndbBlocks(size) != int64(len(raw)/ndbBlockBytes):
		return nil, fmt.Errorf("the record of package %d is damaged", number)
	case adler32.Checksum(raw[:len(raw)-ndbBlobTail]) != binary.LittleEndian.Uint32(tail):
		return nil, fmt.Errorf("the record of package %d does not have its checksum", number)
	}
	return raw[ndbBlobHead : ndbBlobHead+size], nil
}

// ndbBlocks is how many blocks a record of size bytes takes.
func ndbBlocks(size uint32) int64 {
	return (int64(size) + ndbBlobHead + ndbBlobTail + ndbBlockBytes - 1) / ndbBlockBytes
}
