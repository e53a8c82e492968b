package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tallyman/tallyman/internal/limit"
)

// Berkeley DB keeps rpm's packages in a hash: page 0 says how many buckets there
// are and where, each bucket is a chain of pages with pairs of key and value,
// and a value that has no room stands in a chain of overflow pages. Numbers are
// in the byte order of the machine that wrote it.
const hashMagic = 0x00061561

// Types of pages, and of the items on a hash page.
const (
	pageInvalid      = 0
	pageHashUnsorted = 2
	pageOverflow     = 7
	pageHashMeta     = 8
	pageHash         = 13

	itemInline  = 1
	itemOffPage = 3

	hashPageHead = 26
	// hashSpares is how many powers of two of buckets there may be.
	hashSpares = 32
)

// hashOrder returns the byte order of a hash of Berkeley DB that begins so, nil
// when it is none.
func hashOrder(head []byte) binary.ByteOrder {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(head[12:]) == hashMagic {
			return order
		}
	}
	return nil
}

type hashDB struct {
	source
	order     binary.ByteOrder
	pageBytes int
	last      uint32 // number of the last page
	seen      seen
	record    []byte
	spare     []byte // room for one overflow page
	elements  uint32 // pairs so far
	next      bool   // the pair with the key 0 was there
	blob      func([]byte) error
}

// readHash calls blob for the value of every pair but the one with the key 0,
// which says what number the next package gets.
func readHash(s source, blob func([]byte) error) error {
	var meta [512]byte
	if err := s.at(meta[:], 0); err != nil {
		return err
	}
	db := &hashDB{source: s, order: hashOrder(meta[:]), blob: blob}
	word := func(at int) uint32 { return db.order.Uint32(meta[at:]) }
	db.pageBytes, db.last = int(word(20)), word(32)
	buckets := uint64(word(72)) + 1
	switch version := word(16); {
	case version < 8 || version > 10:
		return fmt.Errorf("version %d of Berkeley DB's hash, which is not known", version)
	case meta[24] != 0:
		return errors.New("a database that is encrypted")
	case meta[25] != pageHashMeta || db.pageBytes < 512 || db.pageBytes > 65536 || db.pageBytes&(db.pageBytes-1) != 0:
		return errors.New("a damaged first page")
	case s.size > limit.RPMDatabaseBytes:
		return fmt.Errorf("it is %w of %d bytes", limit.ErrTooLarge, limit.RPMDatabaseBytes)
	case (int64(db.last)+1)*int64(db.pageBytes) > s.size:
		return errShort
	case buckets > uint64(db.last):
		return fmt.Errorf("%d buckets in %d pages", buckets, db.last)
	}
	db.seen = newSeen(int64(db.last) + 1)
	for bucket := range uint32(buckets) {
		// The first page of a bucket is its number and as many pages as went to
		// other things before its power of two.
		power := 0
		for uint64(1)<<power < uint64(bucket)+1 {
			power++
		}
		if power >= hashSpares {
			return errors.New("too many buckets")
		}
		if err := db.bucket(bucket + word(96+4*power)); err != nil {
			return err
		}
	}
	if told := word(88); told != db.elements {
		return fmt.Errorf("%d records where its first page says %d", db.elements, told)
	}
	return nil
}

// bucket reads a chain of hash pages.
func (db *hashDB) bucket(n uint32) error {
	for n != 0 {
		page, err := db.page(n, nil)
		if err != nil {
			return err
		}
		if page[25] != pageHash && page[25] != pageHashUnsorted {
			return fmt.Errorf("page %d is not one of the hash", n)
		}
		if err := db.pairs(page, n); err != nil {
			return err
		}
		n = db.order.Uint32(page[16:])
	}
	return nil
}

// page reads a page that was not read yet, into room if there is any.
func (db *hashDB) page(n uint32, room []byte) ([]byte, error) {
	if n == 0 || n > db.last {
		return nil, fmt.Errorf("page %d of %d", n, db.last)
	}
	if err := db.seen.visit(n); err != nil {
		return nil, err
	}
	if room == nil {
		room = make([]byte, db.pageBytes)
	}
	if err := db.at(room, int64(n)*int64(db.pageBytes)); err != nil {
		return nil, err
	}
	if got := db.order.Uint32(room[8:]); got != n && room[25] != pageInvalid {
		return nil, fmt.Errorf("page %d says that it is page %d", n, got)
	}
	return room, nil
}

// pairs reads the pairs of a page: a table of offsets at its beginning, two for
// each pair, of items that fill it from its end.
func (db *hashDB) pairs(page []byte, n uint32) error {
	items := int(db.order.Uint16(page[20:]))
	if items%2 != 0 || hashPageHead+2*items > len(page) {
		return fmt.Errorf("page %d has %d items", n, items)
	}
	end := len(page)
	item := func(i int) ([]byte, error) {
		at := int(db.order.Uint16(page[hashPageHead+2*i:]))
		if at < hashPageHead+2*items || at >= end {
			return nil, fmt.Errorf("an item outside of page %d", n)
		}
		data := page[at:end]
		end = at
		return data, nil
	}
	for i := 0; i < items; i += 2 {
		key, err := item(i)
		if err != nil {
			return err
		}
		value, err := item(i + 1)
		if err != nil {
			return err
		}
		if err := db.pair(key, value); err != nil {
			return err
		}
	}
	return nil
}

// pair takes a pair of items, each of which begins with its type.
func (db *hashDB) pair(key, value []byte) error {
	db.elements++
	if key[0] != itemInline || len(key) != 5 {
		return errors.New("a key that is not a package's number")
	}
	if db.order.Uint32(key[1:]) == 0 {
		if db.next || value[0] != itemInline || len(value) != 5 {
			return errors.New("a package's record in the place of the number of the next")
		}
		db.next = true
		return nil
	}
	switch {
	case value[0] == itemInline:
		return db.blob(value[1:])
	case value[0] != itemOffPage || len(value) != 12:
		return errors.New("a value of a type that rpm does not use")
	}
	size := db.order.Uint32(value[8:])
	if size > limit.RPMHeaderBytes {
		return fmt.Errorf("a record: %w of %d bytes", limit.ErrTooLarge, limit.RPMHeaderBytes)
	}
	if err := db.overflow(db.order.Uint32(value[4:]), int(size)); err != nil {
		return err
	}
	return db.blob(db.record)
}

// overflow joins a chain of overflow pages.
func (db *hashDB) overflow(n uint32, size int) error {
	db.record = db.record[:0]
	if db.spare == nil {
		db.spare = make([]byte, db.pageBytes)
	}
	for n != 0 {
		page, err := db.page(n, db.spare)
		if err != nil {
			return err
		}
		used := int(db.order.Uint16(page[22:]))
		if page[25] != pageOverflow || hashPageHead+used > len(page) || len(db.record)+used > size {
			return fmt.Errorf("page %d is not one of a record", n)
		}
		db.record = append(db.record, page[hashPageHead:hashPageHead+used]...)
		n = db.order.Uint32(page[16:])
	}
	if len(db.record) != size {
		return fmt.Errorf("a record of %d bytes where its entry says %d", len(db.record), size)
	}
	return nil
}
