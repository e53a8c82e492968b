package osv

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/vuln"
)

// TestZipDirectoryIsBounded: a directory is counted before it fills the
// memory, whatever the end of the zip says about it.
func TestZipDirectoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "all.zip")
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := range 1000 {
		if _, err := w.Create(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, test := range []struct {
		bounds zipBounds
		fits   bool
	}{
		{zipBounds{1000, 1 << 20}, true}, {zipBounds{999, 1 << 20}, false}, {zipBounds{1000, 40_000}, false},
	} {
		_, err := openZip(f, test.bounds)
		if fits := err == nil; fits != test.fits || !fits && !errors.Is(err, limit.ErrTooLarge) {
			t.Errorf("%+v: %v", test.bounds, err)
		}
	}
}

// smallSnapshot has enough records for several blocks of every kind.
func smallSnapshot(tb testing.TB) []byte {
	tb.Helper()
	b := newBuilder([]source{{name: "PyPI"}, {name: "Debian"}})
	for i := range 400 {
		data := fmt.Sprintf(`{"id":"PYSEC-%d","modified":"2025-01-01T00:00:%02dZ","aliases":["CVE-%d"],"summary":"number %d",
			"affected":[{"package":{"ecosystem":"PyPI","name":"Demo.%d"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"%d.0"}]}],"versions":["1.0","1.1"]},
			{"package":{"ecosystem":"Debian:12","name":"demo"},"ecosystem_specific":{"urgency":"low"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"1"},{"last_affected":"2"},{"limit":"3"}]}]}]}`,
			i, i%60, i, i, i%90, i)
		in, err := b.packer.accept("PyPI", fmt.Sprintf("PYSEC-%d.json", i), []byte(data))
		if err != nil {
			tb.Fatal(err)
		}
		if err := b.add("PyPI", in); err != nil {
			tb.Fatal(err)
		}
	}
	b.refuse("Debian", "x.json", "no id")
	data, err := b.bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// ask puts the questions of an audit, and db get's, to a snapshot.
func ask(tb testing.TB, data []byte) (answers []any, err error) {
	tb.Helper()
	db, err := openBytes(data)
	if err != nil {
		return nil, err
	}
	answers = append(answers, db.Digest())
	for _, q := range []string{"demo-1", "demo-50", "demo-89", "absent"} {
		list, err := db.Advisories(tb.Context(), "PyPI", q)
		if err != nil {
			return nil, err
		}
		answers = append(answers, list)
	}
	_, missing := db.Advisories(tb.Context(), "npm", "x")
	if !errors.Is(missing, vuln.ErrNoEcosystem) {
		return nil, missing
	}
	record, err := db.Get(tb.Context(), "PYSEC-77")
	if err != nil {
		return nil, err
	}
	refused, err := db.Refused()
	if err != nil {
		return nil, err
	}
	for _, id := range []string{"PYSEC-77", "CVE-5", "CVE-none"} {
		found, err := db.Lookup(tb.Context(), id)
		if err != nil {
			return nil, err
		}
		answers = append(answers, found)
	}
	files := 0
	err = db.filesOf(tb.Context(), "PyPI", func(f *storedFile) error {
		if files++; files%50 == 0 {
			text, err := db.original(f.number)
			answers = append(answers, *f, bytes.Clone(text))
			return err
		}
		return nil
	})
	return append(answers, record, refused, files), err
}

// FuzzAlteredSnapshot: a snapshot with any byte changed, or cut off, either
// answers as before or fails. It never finds less.
func FuzzAlteredSnapshot(f *testing.F) {
	data := smallSnapshot(f)
	want, err := ask(f, data)
	if err != nil {
		f.Fatal(err)
	}
	for off := 0; off < len(data); off += 997 {
		f.Add(uint32(off), byte(1), uint32(0))
	}
	for off := range headerFixed + 16*sectionCount {
		f.Add(uint32(off), byte(0x80), uint32(0))
	}
	f.Add(uint32(0), byte(0), uint32(1))
	f.Fuzz(func(t *testing.T, off uint32, flip byte, cut uint32) {
		altered := bytes.Clone(data)
		altered[int(off)%len(altered)] ^= flip
		altered = altered[:len(altered)-int(cut)%len(altered)]
		got, err := ask(t, altered)
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) {
			t.Errorf("byte %d changed by %#x, %d cut off: %v", off, flip, cut, err)
		}
		if err != nil || got[0] != want[0] { // another digest is refused by the file's name
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("byte %d changed by %#x, %d cut off: other answers", off, flip, cut)
		}
	})
}

// FuzzForgedSnapshot: a snapshot whose body somebody rewrote, hash tree and
// all, is another snapshot. Whatever it says, reading it ends, and what does
// not hold together is damage.
func FuzzForgedSnapshot(f *testing.F) {
	data := smallSnapshot(f)
	h, err := decodeHeader(data, int64(len(data)))
	if err != nil {
		f.Fatal(err)
	}
	for i, s := range h.sections {
		off := uint32(s.off - blockBytes)
		f.Add(binary.BigEndian.AppendUint32(nil, (off+8*uint32(i))<<8|0xff))
		f.Add(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, off<<8|1), (off+uint32(s.len)-1)<<8|0x80))
	}
	f.Fuzz(func(t *testing.T, edits []byte) {
		if len(edits) > 64 {
			return
		}
		forged := bytes.Clone(data)
		body := forged[blockBytes:][:h.bodySize]
		for ; len(edits) >= 4; edits = edits[4:] {
			edit := binary.BigEndian.Uint32(edits)
			body[int(edit>>8)%len(body)] ^= byte(edit)
		}
		rehash(forged, h)
		if _, err := ask(t, forged); err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, vuln.ErrNoEcosystem) {
			t.Error(err)
		}
	})
}

// rehash makes the hash tree and the header those of a body that was rewritten.
func rehash(snapshot []byte, h *header) {
	out := &blockWriter{w: io.Discard}
	out.write(snapshot[blockBytes:][:h.bodySize])
	tree, root := buildTree(out.leaves)
	again := *h
	again.root = root
	copy(snapshot, again.encode())
	copy(snapshot[blockBytes+h.bodySize:], tree)
}

// TestSnapshotCannotSayThatItIsFresh: when a server was asked stands in the
// folder's current file. Nothing in a snapshot, which anybody can write, makes
// its records newer than they are.
func TestSnapshotCannotSayThatItIsFresh(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	data := smallSnapshot(t)
	h, err := decodeHeader(data, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	of := func(data []byte) []EcosystemStatus {
		db, err := openBytes(data)
		if err != nil {
			t.Fatal(err)
		}
		list, err := db.Status(now)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	want := of(data)
	forged := bytes.Clone(data)
	table := forged[h.sections[sectionEcosystems].off:][:h.sections[sectionEcosystems].len]
	for e := 0; e < len(table); e += ecosystemBytes {
		binary.LittleEndian.PutUint64(table[e+ecosystemBytes-8:], uint64(now.Unix()))
	}
	rehash(forged, h)
	if diff := cmp.Diff(want, of(forged)); diff != "" {
		t.Errorf("a date in the snapshot is believed (-want +got):\n%s", diff)
	}
}

// TestEveryBlockIsChecked changes one byte of each block in turn.
func TestEveryBlockIsChecked(t *testing.T) {
	data := smallSnapshot(t)
	for off := 100; off < len(data); off += blockBytes {
		altered := bytes.Clone(data)
		altered[off] ^= 1
		db, err := openBytes(altered)
		if err != nil {
			continue
		}
		if db.digest != digestOf(data[:blockBytes]) {
			continue
		}
		if err := db.Verify(t.Context()); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d of %d: %v", off, len(data), err)
		}
	}
}

// TestReadAtEqualsMapped: where files are not mapped the answers are the same.
func TestReadAtEqualsMapped(t *testing.T) {
	data := smallSnapshot(t)
	h, err := decodeHeader(data, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := openBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	read := &DB{region: newRegion(nil, bytes.NewReader(data), h), digest: mapped.digest, close: func() error { return nil }}
	for i := range 91 {
		name := fmt.Sprintf("demo-%d", i)
		a, err1 := mapped.Advisories(t.Context(), "PyPI", name)
		b, err2 := read.Advisories(t.Context(), "PyPI", name)
		if err1 != nil || err2 != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%s: %v, %v", name, err1, err2)
		}
	}
	damaged := bytes.Clone(data)
	damaged[h.sections[sectionBlobs].off+5] ^= 1
	read = &DB{region: newRegion(nil, bytes.NewReader(damaged), h), close: func() error { return nil }}
	if err := read.Verify(t.Context()); !errors.Is(err, ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
	short := &DB{region: newRegion(nil, io.NewSectionReader(bytes.NewReader(data), 0, 5000), h), close: func() error { return nil }}
	if err := short.Verify(t.Context()); err == nil {
		t.Error("a file cut off after opening is read to its end")
	}
}

// FuzzRecord: the decoder never panics, what it takes survives its own coding
// and can be compiled and asked for.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"id":"X-1","modified":"2025-01-01T00:00:00.123456Z","withdrawn":"0001-01-01T00:00:01Z","aliases":["b","a","a"],"upstream":["c"],"summary":" a\n b ","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"database_specific":{"severity":"HIGH"},"affected":[{"package":{"ecosystem":"PyPI","name":"A_b"},"ecosystem_specific":{"urgency":"low**"},"versions":["1"],"ranges":[{"type":"GIT","events":[{"introduced":"0"}]},{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1"},{"last_affected":"2"},{"limit":"*"}]}]}]}`))
	f.Add([]byte(`{"id":"X-1","modified":"2025-01-01T00:00:00+14:00","affected":null,"details":"# Title\n\ntext","database_specific":[1]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		again, err := decodeBlob(r.id, appendRecord(nil, r), func(_, _ []byte) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(appendRecord(nil, r), appendRecord(nil, again)) {
			t.Errorf("coded again it differs: %s", cmp.Diff(fmt.Sprintf("%+v", r), fmt.Sprintf("%+v", again)))
		}
		b := newBuilder([]source{{}})
		in := &accepted{file: "x.json", record: r, blob: appendRecord(nil, r), original: b.packer.pack(data)}
		if err := b.add("", in); err != nil {
			t.Fatal(err)
		}
		snapshot, err := b.bytes()
		if err != nil {
			t.Fatal(err)
		}
		db, err := openBytes(snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := db.original(0); err != nil || !bytes.Equal(text, data) {
			t.Errorf("the original is %q, %v", text, err)
		}
		for _, a := range r.affected {
			list, err := db.Advisories(t.Context(), a.Ecosystem, a.Name)
			if err != nil || len(list) != 1 || list[0].ID != r.id || list[0].Severity == "" {
				t.Errorf("%q %q: %+v, %v", a.Ecosystem, a.Name, list, err)
			}
		}
	})
}

// FuzzBlob: damaged blobs are errors, never panics or endless memory.
func FuzzBlob(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeBlob("X-1", data, func(_, _ []byte) bool { return true })
		if err == nil && r == nil || err != nil && !errors.Is(err, errBlob) {
			t.Errorf("%v, %v", r, err)
		}
	})
}

// TestCurrentWithinOneTick: the snapshot that was current last is the last one,
// also when the file system's clock has not ticked since it became that.
func TestCurrentWithinOneTick(t *testing.T) {
	dir := t.TempDir()
	tick, err := folderTime(dir)
	if err != nil {
		t.Fatal(err)
	}
	tick = tick.Add(time.Second)
	var all []*current
	for i, letter := range []string{"a", "b", "c"} {
		c := &current{Snapshot: strings.Repeat(letter, 64) + snapshotSuffix}
		path := filepath.Join(dir, c.Snapshot)
		at := tick.Add(time.Duration(i-1) * coarseTime) // a was current, and b is
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if err := setCurrent(dir, all[1], all[2]); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := previous(list, []string{all[2].Snapshot}); got != all[1].Snapshot {
		t.Errorf("%.1s was current before %.1s, got %.1s", all[1].Snapshot, all[2].Snapshot, got)
	}
}
