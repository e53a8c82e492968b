package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// reasons are what Read says is wrong with data.
func reasons(data []byte) string {
	var out []string
	db := Read(bytes.NewReader(data), int64(len(data)), func(*Package) {})
	for _, g := range db.Gaps {
		out = append(out, string(g.Kind)+": "+strings.TrimPrefix(g.Reason, "the rpm database cannot be trusted to be whole: "))
	}
	return strings.Join(out, "; ")
}

// edit returns data with bytes written at an offset.
func edit(data []byte, at int, b ...byte) []byte {
	data = slices.Clone(data)
	copy(data[at:], b)
	return data
}

func le(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
func be(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// TestPages: the same packages whatever the size of the pages, the order of
// bytes and the shape of the tree.
func TestPages(t *testing.T) {
	want, _, _ := query(fixture(t, "rpmdb.sqlite"))
	for _, name := range []string{
		"pages-512.sqlite", "pages-1024.sqlite", "pages-8192.sqlite", "pages-65536.sqlite",
		"Packages-512", "Packages-65536", "Packages-big-endian",
	} {
		got, _, db := query(fixture(t, name))
		if diff := cmp.Diff(want, got); diff != "" || len(db.Gaps) != 0 {
			t.Errorf("%s: gaps %v, packages (-want +got)\n%s", name, db.Gaps, diff)
		}
	}
	for name, want := range map[string]Database{"deep.sqlite": {Packages: 605, Keys: 1}, "many": {Packages: 734}, "schema-empty.sqlite": {}, "tiny": {Packages: 2}, "tiny.sqlite": {Packages: 2}} {
		_, _, db := query(fixture(t, name))
		if diff := cmp.Diff(want, db); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestDamage: each thing that is wrong with a database is said.
func TestDamage(t *testing.T) {
	lite, ndb, hash := fixture(t, "pages-512.sqlite"), fixture(t, "Packages.db"), fixture(t, "Packages")
	if root := lite[2*512-1]; root == 0 {
		t.Fatal("the fixture is another")
	}
	for _, tc := range []struct {
		name string
		data []byte
		want string // the beginning of what is said
	}{
		{"nothing", nil, "unparsed: it is in none of the formats"},
		{"a text", []byte("this is no database at all"), "unparsed: it is in none of the formats"},
		{"SQLite's header alone", lite[:60], "unparsed: it ends too early"},
		{"SQLite without its last page", lite[:len(lite)-512], "unparsed: it ends too early"},
		{"SQLite pages of 1000 bytes", edit(lite, 16, 3, 0xe8), "unparsed: SQLite pages of 1000 bytes"},
		{"SQLite of a later version", edit(lite, 18, 3, 3), "unparsed: a version of SQLite's file format"},
		{"SQLite with the schema in no tree", edit(lite, 100, 2), "unparsed: page 1 is not one of a table"},
		{"SQLite with more cells than room", edit(lite, 103, 0xff, 0xff), "unparsed: page 1 has more cells than room"},
		{"a view in the place of the table", fixture(t, "schema-view.sqlite"), "unparsed: Packages is not a table"},
		{"a virtual table", fixture(t, "schema-virtual.sqlite"), "unparsed: Packages is not a table"},
		{"a table without row numbers", fixture(t, "schema-without-rowid.sqlite"), "unparsed: page 2 is not one of a table"},
		{"a column that SQL would compute", fixture(t, "schema-generated.sqlite"), "unparsed: a row of the table Packages"},
		{"a column with a default", fixture(t, "schema-column-added.sqlite"), "unparsed: a row of the table Packages"},
		{"columns in another order", fixture(t, "schema-swapped.sqlite"), "unparsed: a row of the table Packages"},
		{"a text for a record", fixture(t, "schema-text.sqlite"), "unparsed: a row of the table Packages"},
		{"texts in UTF-16", fixture(t, "schema-utf16.sqlite"), "unparsed: texts that are not in UTF-8"},
		{"no table", fixture(t, "schema-none.sqlite"), "unparsed: no table Packages"},
		{"ndb of a later version", edit(ndb, 4, 1), "unparsed: version 1 of ndb"},
		{"ndb without slots", edit(ndb, 12, le(0)...), "unparsed: 0 pages of slots"},
		{"ndb with slots beyond its end", edit(ndb, 12, le(1000)...), "unparsed: 1000 pages of slots"},
		{"ndb cut off", ndb[:len(ndb)-16], "unparsed: it ends too early"},
		{"a slot overwritten", edit(ndb, 32, 'X'), "unparsed: a slot that is damaged"},
		{"a slot that leads to the slots", edit(ndb, 40, le(2)...), "unparsed: the record of package 1 lies among the slots"},
		{"a slot that leads to another package", edit(ndb, 40, ndb[56:64]...), "unparsed: the record of package 1 is damaged"},
		{"two slots for one package", edit(ndb, 32, ndb[48:64]...), "unparsed: package 2 is given twice"},
		{"a slot emptied of its place", edit(ndb, 40, le(0)...), "unparsed: the record of package 1 lies among the slots"},
		{"a record altered", edit(ndb, 4096+100, 'X'), "unparsed: the record of package 1 does not have its checksum"},
		{"Berkeley DB of a later version", edit(hash, 16, 11), "unparsed: version 11 of Berkeley DB"},
		{"Berkeley DB encrypted", edit(hash, 24, 1), "unparsed: a database that is encrypted"},
		{"Berkeley DB cut off", hash[:len(hash)-4096], "unparsed: it ends too early"},
		{"more buckets than pages", edit(hash, 72, le(1<<31-1)...), "unparsed: 2147483648 buckets in 11 pages"},
		{"a bucket that is a page of something else", edit(hash, 96, le(3)...), "unparsed: page 3 is not one of the hash"},
		{"a bucket that leads to itself", edit(hash, 4096+16, le(1)...), "unparsed: page 1 is used twice"},
		{"a page emptied", edit(hash, 4096, make([]byte, 4096)...), "unparsed: page 1 is not one of the hash"},
		{"an item outside of its page", edit(hash, 4096+26, 0xff, 0xff), "unparsed: an item outside of page 1"},
		{"fewer records than there were", edit(hash, 88, le(7)...), "unparsed: 6 records where its first page says 7"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := reasons(tc.data); !strings.HasPrefix(got, tc.want) {
				t.Errorf("said %q, want %q", got, tc.want)
			}
		})
	}
}

// TestEveryByte alters one byte of a database after the other: the packages are
// those that they were, or a gap says that something is wrong. Whether a file
// was installed (its state) is in no digest, and only that.
func TestEveryByte(t *testing.T) {
	for name, step := range map[string]int{"pages-512.sqlite": 41, "Packages": 89, "Packages.db": 53} {
		data := fixture(t, name)
		packages, files, _ := query(data)
		for i := 0; i < len(data); i += step {
			for _, flip := range []byte{0x01, 0x80} {
				data[i] ^= flip
				p, f, db := query(data)
				data[i] ^= flip
				switch {
				case len(db.Gaps) > 0:
				case !slices.Equal(p, packages):
					t.Errorf("%s: byte %d altered by %#x: other packages and no gap", name, i, flip)
				case len(f) > len(files):
					t.Errorf("%s: byte %d altered by %#x: more files and no gap", name, i, flip)
				}
			}
		}
	}
}

// TestLoops: trees and chains that lead back to themselves end.
func TestLoops(t *testing.T) {
	deep := fixture(t, "deep.sqlite")
	looped := 0
	for page := 0; page+512 <= len(deep); page += 512 {
		if page > 0 && deep[page] == pageInterior {
			looped++
			bad := edit(deep, page+8, be(uint32(page/512+1))...)
			if got := reasons(bad); !strings.Contains(got, "is used twice") {
				t.Errorf("page %d is its own child: %q", page/512+1, got)
			}
		}
	}
	if looped < 2 {
		t.Errorf("%d inner pages in the fixture", looped)
	}
	hash := fixture(t, "Packages-512")
	for page := 512; page+512 <= len(hash); page += 512 {
		if hash[page+25] != pageOverflow {
			continue
		}
		if got := reasons(edit(hash, page+16, le(uint32(page/512))...)); !strings.Contains(got, "used twice") && !strings.Contains(got, "not one of a record") {
			t.Errorf("page %d is followed by itself: %q", page/512, got)
		}
	}
}

// TestBounds: what is larger than the bounds is said to be.
func TestBounds(t *testing.T) {
	ndb := ndbOf(build(nevra("a", "1", "1")...))
	if got := reasons(edit(ndb, ndbHeadBytes+12, le(limit.RPMHeaderBytes)...)); !strings.HasPrefix(got, "too-large: ") {
		t.Errorf("a large record: %q", got)
	}
	// Many slots for one large record: together they are more than the file.
	record := build(append(nevra("a", "1", "1"), text(tagVendor, strings.Repeat("v", 1<<16)))...)
	many := ndbOf(record, record, record)
	for i := range uint32(2) { // all three lead to the first, and say so
		copy(many[ndbHeadBytes+int(i+1)*ndbSlotBytes+8:], many[ndbHeadBytes+8:ndbHeadBytes+16])
	}
	if got := reasons(many); !strings.Contains(got, "package 2 is damaged") {
		t.Errorf("one record for several packages: %q", got)
	}
	if db := Read(failing{}, 1<<20, func(*Package) {}); len(db.Gaps) != 1 || !db.Gaps[0].Hides {
		t.Errorf("a file that cannot be read: %+v", db)
	}
}

// failing reads the beginning of a database and nothing more.
type failing struct{}

func (failing) ReadAt(p []byte, offset int64) (int, error) {
	if offset == 0 && len(p) == 16 {
		return copy(p, ndbMagic+strings.Repeat("\x00", 12)), nil
	}
	return 0, errors.New("no")
}

var _ io.ReaderAt = failing{}

// TestGapsHide: no gap of a database is of a kind that hides nothing.
func TestGapsHide(t *testing.T) {
	db := Read(bytes.NewReader([]byte("x")), 1, func(*Package) {})
	if len(db.Gaps) != 1 || !db.Gaps[0].Hides || db.Gaps[0].Kind != sbom.GapUnparsed {
		t.Errorf("gaps %+v", db.Gaps)
	}
}
