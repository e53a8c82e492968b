package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// sqliteMagic begins a database of SQLite.
// https://www.sqlite.org/fileformat2.html#magic_header_string
const sqliteMagic = "SQLite format 3\x00"

// sqlite walks the b-trees of tables. Nothing of the schema but the number of a
// table's first page is believed, and none of its SQL is read.
// https://www.sqlite.org/fileformat2.html
type sqlite struct {
	source
	pageBytes int64
	usable    int // bytes of a page without what is reserved at its end
	pages     uint32
	seen      seen
	record    []byte // that of the cell at hand
	spare     []byte // room for one overflow page
}

// readSQLite calls blob for every row of the table Packages.
func readSQLite(s source, blob func([]byte) error) error {
	db, err := openSQLite(s)
	if err != nil {
		return err
	}
	root, err := db.table("Packages")
	if err != nil {
		return err
	}
	return db.rows(root, 0, func(record []byte) error {
		row, err := parseRecord(record)
		if err != nil {
			return err
		}
		// The table is (hnum INTEGER PRIMARY KEY, blob BLOB). The key is the
		// row's number, and stands in the record as NULL.
		// https://www.sqlite.org/fileformat2.html#representation_of_sql_tables
		if len(row) != 2 || row[0].serial != 0 || row[1].serial < 12 || row[1].serial%2 != 0 {
			return errors.New("a row of the table Packages is not a number and a record")
		}
		return blob(row[1].data)
	})
}

func openSQLite(s source) (*sqlite, error) {
	var head [100]byte
	if err := s.at(head[:], 0); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint16(head[16:]))
	if size == 1 {
		size = 65536
	}
	usable := size - int64(head[20])
	switch {
	case size < 512 || size&(size-1) != 0 || usable < 480:
		return nil, fmt.Errorf("SQLite pages of %d bytes", size)
	case head[18] > 2 || head[19] > 2:
		return nil, errors.New("a version of SQLite's file format that is not known")
	case head[21] != 64 || head[22] != 32 || head[23] != 32:
		return nil, errors.New("a header that is not SQLite's")
	case binary.BigEndian.Uint32(head[56:]) > 1:
		return nil, errors.New("texts that are not in UTF-8")
	}
	pages := s.size / size
	if pages > limit.RPMDatabaseBytes/512 {
		return nil, fmt.Errorf("pages: %w of %d", limit.ErrTooLarge, limit.RPMDatabaseBytes/512)
	}
	// The number of pages in the header counts if it was written together with
	// the last change. https://www.sqlite.org/fileformat2.html#in_header_database_size
	if told := binary.BigEndian.Uint32(head[28:]); told != 0 && string(head[24:28]) == string(head[92:96]) {
		if int64(told) > pages {
			return nil, errShort
		}
		pages = int64(told)
	}
	return &sqlite{source: s, pageBytes: size, usable: int(usable), pages: uint32(pages), seen: newSeen(pages + 1)}, nil
}

// table returns the first page of a table, from the schema on page 1.
// https://www.sqlite.org/fileformat2.html#storage_of_the_sql_database_schema
func (db *sqlite) table(name string) (root uint32, err error) {
	err = db.rows(1, 0, func(record []byte) error {
		row, err := parseRecord(record)
		if err != nil {
			return err
		}
		if len(row) != 5 {
			return errors.New("a row of the schema without its five columns")
		}
		if !row[0].text() || !row[1].text() || !strings.EqualFold(string(row[1].data), name) {
			return nil
		}
		at, is := row[3].integer()
		if string(row[0].data) != "table" || !is || at < 2 || at > int64(db.pages) || root != 0 {
			return fmt.Errorf("%s is not a table, or is given twice", name)
		}
		root = uint32(at)
		return nil
	})
	if err == nil && root == 0 {
		err = fmt.Errorf("no table %s", name)
	}
	return root, err
}

// Types of the pages of a table. https://www.sqlite.org/fileformat2.html#b_tree_pages
const (
	pageInterior = 5
	pageLeaf     = 13
	// maxDepth is more than a tree of 2^32 pages needs.
	maxDepth = 40
)

// rows calls f for the record of every row in the tree at page, in the order of
// the keys. The record is valid until f returns.
func (db *sqlite) rows(page uint32, depth int, f func(record []byte) error) error {
	raw, err := db.page(page, nil)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return errors.New("a tree that is too deep")
	}
	head := raw
	if page == 1 {
		head = raw[100:]
	}
	cells := int(binary.BigEndian.Uint16(head[3:]))
	pointers := head[8:]
	interior := head[0] == pageInterior
	if interior {
		pointers = head[12:]
	} else if head[0] != pageLeaf {
		return fmt.Errorf("page %d is not one of a table", page)
	}
	if 2*cells > len(pointers) {
		return fmt.Errorf("page %d has more cells than room", page)
	}
	for i := range cells {
		at := int(binary.BigEndian.Uint16(pointers[2*i:]))
		if at < 8 || at+4 > db.usable {
			return fmt.Errorf("a cell outside of page %d", page)
		}
		if interior {
			err = db.rows(binary.BigEndian.Uint32(raw[at:]), depth+1, f)
		} else {
			err = db.cell(raw[at:db.usable], f)
		}
		if err != nil {
			return err
		}
	}
	if interior {
		return db.rows(binary.BigEndian.Uint32(head[8:]), depth+1, f)
	}
	return nil
}

// page reads a page that was not read yet, into room if there is any. Pages
// count from 1.
func (db *sqlite) page(n uint32, room []byte) ([]byte, error) {
	if n < 1 || n > db.pages {
		return nil, fmt.Errorf("page %d of %d", n, db.pages)
	}
	if err := db.seen.visit(n); err != nil {
		return nil, err
	}
	if room == nil {
		room = make([]byte, db.pageBytes)
	}
	return room, db.at(room, int64(n-1)*db.pageBytes)
}

// cell takes one cell of a leaf: the size of the record, the row's number, and
// as much of the record as has room, then the first of the pages with the rest.
// https://www.sqlite.org/fileformat2.html#b_tree_pages
func (db *sqlite) cell(cell []byte, f func([]byte) error) error {
	size, n := varint(cell)
	_, m := varint(cell[n:])
	if n == 0 || m == 0 {
		return errors.New("a cell that is cut off")
	}
	if size > limit.RPMHeaderBytes {
		return fmt.Errorf("a record: %w of %d bytes", limit.ErrTooLarge, limit.RPMHeaderBytes)
	}
	cell = cell[n+m:]
	local := db.local(int(size))
	if local > len(cell) {
		return errors.New("a cell that is cut off")
	}
	if local == int(size) {
		return f(cell[:local])
	}
	if local+4 > len(cell) {
		return errors.New("a cell that is cut off")
	}
	if err := db.overflow(cell[:local], binary.BigEndian.Uint32(cell[local:]), int(size)); err != nil {
		return err
	}
	return f(db.record)
}

// local is how many bytes of a record stand in its cell.
// https://www.sqlite.org/fileformat2.html#cell_payload_overflow_pages
func (db *sqlite) local(size int) int {
	most := db.usable - 35
	if size <= most {
		return size
	}
	least := (db.usable-12)*32/255 - 23
	if k := least + (size-least)%(db.usable-4); k <= most {
		return k
	}
	return least
}

// overflow joins a record's beginning with the pages that have the rest, each
// of which begins with the number of the next.
func (db *sqlite) overflow(begin []byte, next uint32, size int) error {
	db.record = append(db.record[:0], begin...)
	if db.spare == nil {
		db.spare = make([]byte, db.pageBytes)
	}
	for len(db.record) < size {
		raw, err := db.page(next, db.spare)
		if err != nil {
			return err
		}
		next = binary.BigEndian.Uint32(raw)
		db.record = append(db.record, raw[4:min(db.usable, 4+size-len(db.record))]...)
	}
	if next != 0 {
		return errors.New("a record that goes on after its end")
	}
	return nil
}

// value is one column of a record.
type value struct {
	serial uint64
	data   []byte
}

func (v value) text() bool { return v.serial >= 13 && v.serial%2 == 1 }

func (v value) integer() (int64, bool) {
	switch {
	case v.serial == 8 || v.serial == 9:
		return int64(v.serial - 8), true
	case v.serial < 1 || v.serial > 6:
		return 0, false
	}
	n := int64(int8(v.data[0]))
	for _, b := range v.data[1:] {
		n = n<<8 | int64(b)
	}
	return n, true
}

// maxColumns is more than the tables that are read have.
const maxColumns = 16

// parseRecord reads a record: the size of its header, the type of each column,
// the columns. https://www.sqlite.org/fileformat2.html#record_format
func parseRecord(record []byte) (row []value, err error) {
	bad := errors.New("a record that is not SQLite's")
	size, n := varint(record)
	if n == 0 || size < uint64(n) || size > uint64(len(record)) {
		return nil, bad
	}
	types, data := record[n:size], record[size:]
	for len(types) > 0 {
		serial, n := varint(types)
		if n == 0 || len(row) == maxColumns {
			return nil, bad
		}
		types = types[n:]
		width, ok := serialBytes(serial)
		if !ok || width > uint64(len(data)) {
			return nil, bad
		}
		row = append(row, value{serial, data[:width]})
		data = data[width:]
	}
	if len(data) > 0 {
		return nil, bad
	}
	return row, nil
}

func serialBytes(serial uint64) (bytes uint64, ok bool) {
	switch {
	case serial >= 12:
		return (serial - 12) / 2, true
	case serial >= 10:
		return 0, false // reserved
	}
	return [...]uint64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0}[serial], true
}

// varint reads one to nine bytes, of which the last of nine has eight bits; n
// is 0 when they are cut off. https://www.sqlite.org/fileformat2.html#varint
func varint(p []byte) (v uint64, n int) {
	for n < len(p) && n < 8 {
		v = v<<7 | uint64(p[n]&0x7f)
		if n++; p[n-1] < 0x80 {
			return v, n
		}
	}
	if n < len(p) && n == 8 {
		return v<<8 | uint64(p[n]), 9
	}
	return 0, 0
}
