package rpmdb

import (
	"bytes"
	"slices"
	"testing"
)

// prefixOrGap is what holds of every database: its records are no larger than
// it, reading it again finds the same, and of what is cut off either the same is
// found or a gap.
func prefixOrGap(t *testing.T, data []byte, cut uint16, read func(s source, blob func([]byte) error) error) {
	packages, files, db := query(data)
	if db.Packages != len(packages) {
		t.Errorf("%d packages counted, %d handed out", db.Packages, len(packages))
	}
	again, filesAgain, _ := query(data)
	if !slices.Equal(packages, again) || !slices.Equal(files, filesAgain) {
		t.Error("read again it has other packages")
	}
	total := 0
	read(source{bytes.NewReader(data), int64(len(data))}, func(record []byte) error {
		if total += len(record); total > len(data) {
			return errShort
		}
		return nil
	})
	if len(db.Gaps) > 0 || len(data) == 0 {
		return
	}
	shorter := data[:len(data)-1-int(cut)%len(data)]
	if less, _, db := query(shorter); len(db.Gaps) == 0 && !slices.Equal(less, packages) {
		t.Errorf("%d of %d bytes have other packages, and no gap says so", len(shorter), len(data))
	}
}

// FuzzSQLite: see prefixOrGap.
func FuzzSQLite(f *testing.F) {
	for _, name := range []string{"tiny.sqlite", "schema-empty.sqlite", "schema-view.sqlite", "schema-without-rowid.sqlite"} {
		f.Add(fixture(f, name), uint16(512))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		if len(data) < 100 || string(data[:16]) != sqliteMagic {
			return
		}
		prefixOrGap(t, data, cut, readSQLite)
	})
}

// FuzzNDB: see prefixOrGap.
func FuzzNDB(f *testing.F) {
	f.Add(ndbOf(signed(nevra("a", "1", "1")), build(nevra("b", "1", "1")...)), uint16(1))
	f.Add(ndbOf(), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		if len(data) < 4 || string(data[:4]) != ndbMagic {
			return
		}
		prefixOrGap(t, data, cut, readNDB)
	})
}

// FuzzHash: see prefixOrGap.
func FuzzHash(f *testing.F) {
	for _, name := range []string{"tiny"} {
		f.Add(fixture(f, name), uint16(512))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		if len(data) < 512 || hashOrder(data) == nil {
			return
		}
		prefixOrGap(t, data, cut, readHash)
	})
}
