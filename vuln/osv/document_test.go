package osv

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// paper reads a snapshot by docs/SNAPSHOT.md alone: it uses nothing of the
// package. Its methods fail the test where the document is not kept.
type paper struct {
	t        *testing.T
	data     []byte
	sections [15][]byte
}

func (p *paper) must(ok bool, format string, args ...any) {
	p.t.Helper()
	if !ok {
		p.t.Fatalf(format, args...)
	}
}

func (p *paper) u32(b []byte, off int) int { return int(binary.LittleEndian.Uint32(b[off:])) }
func (p *paper) u64(b []byte, off int) int { return int(binary.LittleEndian.Uint64(b[off:])) }

func readPaper(t *testing.T, data []byte, name string) *paper {
	p := &paper{t: t, data: data}
	p.must(string(data[:8]) == "\x89TMS\r\n\x1a\n", "magic %x", data[:8])
	p.must(p.u32(data, 8) == 3 && p.u32(data, 12) == 4096, "version, block size")
	p.must(p.u64(data, 16) == len(data), "file size")
	body := p.u64(data, 24)
	p.must(body%4096 == 0, "body size %d", body)
	p.must(bytes.Equal(p.tree(body), data[32:64]), "root")
	p.must(p.u32(data, 68) == 15, "sections")
	next := 4096
	for i := range p.sections {
		off, n := p.u64(data, 72+16*i), p.u64(data, 72+16*i+8)
		p.must(off == next, "section %d begins at %d, not %d", i, off, next)
		p.sections[i] = data[off : off+n]
		next = off + n
	}
	p.must(len(bytes.Trim(data[312:4096], "\x00")) == 0 && len(bytes.Trim(data[next:4096+body], "\x00")) == 0, "padding")
	sum := sha256.Sum256(data[:4096])
	p.must(hex.EncodeToString(sum[:]) == name, "digest")
	return p
}

// tree holds the levels against the body and returns the root.
func (p *paper) tree(body int) []byte {
	below, rest := p.data[4096:4096+body], p.data[4096+body:]
	for {
		var level []byte
		for b := range slices.Chunk(below, 4096) {
			sum := sha256.Sum256(b)
			level = append(level, sum[:]...)
		}
		level = append(level, make([]byte, (4096-len(level)%4096)%4096)...)
		p.must(bytes.Equal(level, rest[:len(level)]), "a level of %d bytes", len(level))
		below, rest = level, rest[len(level):]
		if len(level) == 4096 {
			p.must(len(rest) == 0, "%d bytes after the tree", len(rest))
			sum := sha256.Sum256(level)
			return sum[:]
		}
	}
}

func (p *paper) entry(section, size, i int) []byte { return p.sections[section][i*size:][:size] }

func (p *paper) text(b []byte, off int) string {
	return string(p.sections[0][p.u32(b, off):][:p.u32(b, off+4)])
}

// look finds the ids for a package.
func (p *paper) look(ecosystem, name string) (ids []string) {
	for i := range len(p.sections[1]) / 48 {
		eco := p.entry(1, 48, i)
		if p.text(eco, 0) != ecosystem {
			continue
		}
		for k := range p.u32(eco, 12) {
			key := p.entry(2, 16, p.u32(eco, 8)+k)
			if p.text(key, 0) == name {
				ids = append(ids, p.ids(3, key)...)
			}
		}
	}
	return ids
}

func (p *paper) ids(postings int, key []byte) (ids []string) {
	for n := range p.u32(key, 12) {
		record := p.u32(p.sections[postings], 4*(p.u32(key, 8)+n))
		ids = append(ids, p.text(p.entry(4, 32, record), 0))
	}
	return ids
}

// stream reads varints and what they count.
type stream struct {
	p *paper
	b []byte
}

func (s *stream) uint() int {
	v, n := binary.Uvarint(s.b)
	s.p.must(n > 0, "varint")
	s.b = s.b[n:]
	return int(v)
}

func (s *stream) string() string {
	n := s.uint()
	v := string(s.b[:n])
	s.b = s.b[n:]
	return v
}

func (s *stream) list() (out []string) {
	for range s.uint() {
		out = append(out, s.string())
	}
	return out
}

func (s *stream) byte() byte {
	v := s.b[0]
	s.b = s.b[1:]
	return v
}

func (s *stream) time() string {
	if s.byte() == 0 {
		return "never"
	}
	zigzag := uint64(s.uint())
	return fmt.Sprintf("%d.%09d", int64(zigzag>>1)^-int64(zigzag&1), s.uint())
}

// record prints the record with a number.
func (p *paper) record(number int) string {
	e := p.entry(4, 32, number)
	s := &stream{p, p.sections[11][p.u64(e, 8):][:p.u32(e, 16)]}
	var out strings.Builder
	fmt.Fprintf(&out, "%s %d %s;", p.text(e, 0), p.u32(e, 20), p.text(e, 24))
	fmt.Fprintf(&out, " %s %s %s %v %v %q %v %q", s.time(), s.time(), s.time(), s.list(), s.list(), s.string(), s.list(), s.string())
	for range s.uint() {
		a := &stream{p, []byte(s.string())}
		fmt.Fprintf(&out, "; %s %s %q %v", a.string(), a.string(), a.string(), a.list())
		for range a.uint() {
			fmt.Fprintf(&out, " %s", a.string())
			for range a.uint() {
				fmt.Fprintf(&out, " %d=%s", a.byte(), a.string())
			}
		}
		p.must(len(a.b) == 0, "after an affected entry: %x", a.b)
	}
	p.must(len(s.b) == 0, "after a blob: %x", s.b)
	return out.String()
}

// originals decompresses all chunks, and holds their cut against the document.
func (p *paper) originals() (out []string) {
	d, err := zstd.NewReader(nil)
	p.must(err == nil, "%v", err)
	defer d.Close()
	for i := range len(p.sections[14]) / 24 {
		c := p.entry(14, 24, i)
		p.must(p.u32(c, 0) == len(out), "chunk %d begins with %d", i, p.u32(c, 0))
		raw, err := d.DecodeAll(p.sections[13][p.u64(c, 8):][:p.u32(c, 16)], nil)
		p.must(err == nil && len(raw) == p.u32(c, 20), "chunk %d: %v", i, err)
		s := &stream{p, raw}
		for n := range p.u32(c, 4) {
			h := fnv.New32a()
			_, _ = h.Write([]byte(p.text(p.entry(4, 32, p.u32(p.entry(12, 32, len(out)), 0)), 0)))
			if n > 0 {
				p.must(h.Sum32()%16 != 0, "file %d begins no chunk", len(out))
			} else if i > 0 && h.Sum32()%16 != 0 {
				before := p.entry(14, 24, i-1)
				n, _ := binary.Uvarint(s.b)
				p.must(p.u32(before, 20)+5+int(n) > 131072, "file %d begins a chunk", len(out))
			}
			out = append(out, s.string())
		}
		p.must(len(s.b) == 0, "after a chunk")
	}
	return out
}

// file prints the file with a number.
func (p *paper) file(number int, original string) string {
	e := p.entry(12, 32, number)
	id := p.text(p.entry(4, 32, p.u32(e, 0)), 0)
	name := p.text(e, 8)
	if name == "" {
		name = id + ".json"
	}
	return fmt.Sprintf("%s/%s %s %d.%09d %d %s", p.text(p.entry(8, 32, p.u32(e, 4)), 0), name, id, p.u64(e, 16), p.u32(e, 24), p.u32(e, 28), original)
}

// TestDocument: what docs/SNAPSHOT.md says is what is written.
func TestDocument(t *testing.T) {
	const affected = `"affected":[{"package":{"ecosystem":"PyPI","name":"Demo_a"},"ecosystem_specific":{"urgency":"low"},"versions":["1.0"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]}]`
	newer := `{"id":"PYSEC-1","modified":"2025-01-01T00:00:00.5Z","published":"1969-12-31T23:59:59Z","aliases":["CVE-1"],"upstream":["CVE-2"],"summary":"s","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],` + affected + `}`
	older := `{"id":"PYSEC-1","modified":"2024-01-01T00:00:00Z",` + affected + `}`
	w := world{"PyPI": {"PYSEC-1.json": newer, "old.json": older, "bad.json": "{}"}, "Debian": {}}
	for i := range 100 {
		id := fmt.Sprintf("DSA-%d", i)
		w["Debian"][id+".json"] = fmt.Sprintf(`{"id":%q,"modified":"2025-01-01T00:00:00Z","upstream":["CVE-1"],"affected":[{"package":{"ecosystem":"Debian:12","name":"demo"}}],"details":%q}`, id, strings.Repeat("x", 20_000))
	}
	data := w.build(t)
	p := readPaper(t, data, digestOf(data[:blockBytes]))

	if got := p.look("PyPI", "demo-a"); !slices.Equal(got, []string{"PYSEC-1"}) {
		t.Errorf("demo-a: %v", got)
	}
	if got := p.look("Debian:12", "demo"); len(got) != 100 || !slices.IsSorted(got) {
		t.Errorf("demo: %v", got)
	}
	last := len(p.sections[4])/32 - 1
	want := `PYSEC-1 5 PYSEC-1 CVSS:3.1 9.8; 1735689600.500000000 never -1.000000000 [CVE-1] [CVE-2] "s" [CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H] ""; PyPI Demo_a "low" [1.0] ECOSYSTEM 0=0 1=2`
	if got := p.record(last); got != want {
		t.Errorf("record %s\nwant %s", got, want)
	}
	originals := p.originals()
	files := []string{p.file(100, originals[100]), p.file(101, originals[101])}
	wantFiles := []string{"PyPI/PYSEC-1.json PYSEC-1 1735689600.500000000 1 " + newer, "PyPI/old.json PYSEC-1 1704067200.000000000 0 " + older}
	if len(originals) != 102 || !slices.Equal(files, wantFiles) {
		t.Errorf("%d files, %q", len(originals), files)
	}
	names := map[string][]string{}
	for i := range len(p.sections[5]) / 16 {
		e := p.entry(5, 16, i)
		names[p.text(e, 0)] = p.ids(6, e)
	}
	if len(names) != 2 || len(names["CVE-1"]) != 101 || !slices.Equal(names["CVE-2"], []string{"PYSEC-1"}) {
		t.Errorf("names %v", names)
	}
	p.checkSources()
}

func (p *paper) checkSources() {
	pypi := p.entry(8, 32, 1)
	p.must(p.text(pypi, 0) == "PyPI" && p.u32(pypi, 12) == 2 && p.u32(pypi, 16) == 1, "source %x", pypi)
	p.must(p.u32(p.sections[9], 4*p.u32(pypi, 8)) == 100, "members")
	eco := p.entry(1, 48, 1)
	p.must(p.text(eco, 0) == "PyPI" && p.u32(eco, 20) == 1 && p.u32(eco, 24) == 1 && p.u32(eco, 28) == 0 && p.u32(eco, 32) == 1, "ecosystem %x", eco)
	p.must(p.u64(p.sections[7], 8*p.u32(eco, 16)) == 1735689600, "dates")
	s := &stream{p, p.sections[10]}
	p.must(s.uint() == 1 && s.string() == "PyPI" && s.string() == "bad.json" && s.string() == "no id", "refused %q", p.sections[10])
}
