// Package rpmdb reads the database of installed packages that rpm keeps, in
// the three formats that it has had: SQLite (rpmdb.sqlite), ndb (Packages.db)
// and a hash of Berkeley DB (Packages). [Read] knows them apart by their first
// bytes.
//
// A database is the image's, and so hostile: there is no database engine here
// that could be made to work for it, only a reader that walks the pages of one
// table, each once, within the bounds of internal/limit. A package's record is
// rpm's header, see [Package].
//
// https://rpm.org/docs/4.20.x/manual/format_header.html
package rpmdb

import (
	"errors"
	"fmt"
	"io"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Database is what Read found. The zero value is a database without packages.
type Database struct {
	// Packages is how many packages were handed out.
	Packages int
	// Keys is how many records are public keys, which rpm keeps as packages
	// without files that are called gpg-pubkey. They are no software, and are
	// not handed out.
	Keys int
	// Gaps are what could not be read, of which kind and reason are set. A
	// database that is damaged may still have given packages.
	Gaps []sbom.Gap
}

// errFormat is the error of a file that is no database at all.
var errFormat = errors.New("it is in none of the formats of an rpm database")

// Read calls each for every package of the database in the first size bytes of
// r. The package is valid until each returns. Nothing else is kept, so that
// memory depends on the largest record alone.
func Read(r io.ReaderAt, size int64, each func(*Package)) Database {
	s := source{r: r, size: size}
	d := &reading{each: each, left: size}
	err := errFormat
	var head [16]byte
	if s.at(head[:], 0) == nil {
		switch {
		case string(head[:]) == sqliteMagic:
			err = readSQLite(s, d.blob)
		case string(head[:4]) == ndbMagic:
			err = readNDB(s, d.blob)
		case hashOrder(head[:]) != nil:
			err = readHash(s, d.blob)
		}
	}
	if err != nil {
		d.gap(err)
	}
	return d.Database
}

// reading is what Read knows while a format's reader works.
type reading struct {
	Database
	each func(*Package)
	left int64 // bytes that records may have yet: all together are no larger than the file
}

// blob takes one record. Its error ends the reading.
func (d *reading) blob(data []byte) error {
	if d.left -= int64(len(data)); d.left < 0 {
		return errors.New("its records are larger than itself")
	}
	if d.Packages+d.Keys+len(d.Gaps) >= limit.RPMPackages {
		return fmt.Errorf("packages: %w of %d", limit.ErrTooLarge, limit.RPMPackages)
	}
	p, err := parsePackage(data)
	if err != nil {
		d.gap(fmt.Errorf("a record of the package database: %w", err))
	}
	switch {
	case p == nil:
	case p.key():
		d.Keys++
	default:
		d.Packages++
		d.each(p)
	}
	return nil
}

func (d *reading) gap(err error) {
	kind := sbom.GapUnparsed
	switch {
	case errors.Is(err, limit.ErrTooLarge):
		kind = sbom.GapTooLarge
	case errors.Is(err, errRead):
		kind = sbom.GapUnread
	}
	d.Gaps = append(d.Gaps, sbom.NewGap(kind, "", 0, "the rpm database cannot be trusted to be whole: "+err.Error()))
}

// source is the database's bytes.
type source struct {
	r    io.ReaderAt
	size int64
}

var (
	errRead  = errors.New("it could not be read")
	errShort = errors.New("it ends too early")
)

// at fills p from offset.
func (s source) at(p []byte, offset int64) error {
	if offset < 0 || offset > s.size-int64(len(p)) {
		return errShort
	}
	if n, err := s.r.ReadAt(p, offset); n < len(p) {
		return fmt.Errorf("%w: %w", errRead, err)
	}
	return nil
}

// seen are the pages that were visited: a database that leads to a page twice
// is damaged, or made to keep a reader busy.
type seen []uint64

func newSeen(pages int64) seen { return make(seen, pages/64+1) }

func (s seen) visit(page uint32) error {
	i, bit := page/64, uint64(1)<<(page%64)
	if int(i) >= len(s) {
		return errShort
	}
	if s[i]&bit != 0 {
		return fmt.Errorf("page %d is used twice", page)
	}
	s[i] |= bit
	return nil
}
