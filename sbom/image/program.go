package image

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// A program is looked at while its bytes pass on to be digested: nothing can be
// read again, and no more is kept of it than a window and what was found. So
// the tables at its end that name its sections come too late, and what they
// would lead to is known by what it is like.

// programFact is what an executable or a library says of what was compiled
// into it.
type programFact struct {
	// Go is set for what the Go toolchain has linked.
	Go *goFact `json:"go,omitempty"`
	// Rust is true for what holds Rust's standard library, and Listed when
	// cargo-auditable noted its crates, which are Crates.
	Rust   bool    `json:"rust,omitempty"`
	Listed bool    `json:"listed,omitempty"`
	Crates []crate `json:"crates,omitempty"`
	// Runtime is set for what is called like an interpreter.
	Runtime *runtimeFact `json:"runtime,omitempty"`
	// Problem says why it does not tell what it is made of, "" if it does, or
	// if nobody expects it to; TooLarge is true when a bound was why.
	Problem  string `json:"problem,omitempty"`
	TooLarge bool   `json:"too_large,omitempty"`
}

const (
	// windowBytes is how much of a program is looked at in one go, and
	// carryBytes what is kept of it for the next: the beginning of something
	// that is looked for can be told within as many bytes. Both are multiples
	// of goAlign.
	windowBytes = 64 << 10
	carryBytes  = 1 << 10
	// elfHeadBytes is the size of the smallest ELF header.
	elfHeadBytes = 52
)

// programReader is written one program, from its first byte to its last. It is
// used again for the next: reset.
type programReader struct {
	window []byte
	n      int   // bytes in it
	at     int64 // the offset of its first byte in the file
	begun  bool
	elf    elfHead

	goNote, packed, rust bool
	// data is build information in a writable segment, where the linker puts
	// it, and other the same elsewhere.
	data, other goCapture
	crates      crateCapture
	runtime     runtimeReader
}

func newProgramReader() *programReader {
	return &programReader{window: make([]byte, windowBytes)}
}

// reset makes the reader ready for the program at p.
func (r *programReader) reset(p string) {
	r.n, r.at, r.begun, r.elf = 0, 0, false, elfHead{}
	r.goNote, r.packed, r.rust = false, false, false
	r.data.reset()
	r.other.reset()
	r.crates.reset()
	r.runtime.look(p)
}

// Write takes the next bytes. It never fails.
func (r *programReader) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		n := copy(r.window[r.n:], p)
		r.n, p = r.n+n, p[n:]
		if r.n == len(r.window) {
			r.scan(r.n - carryBytes)
		}
	}
	return all, nil
}

// scan looks for what begins in the first upTo bytes of the window, and drops
// them.
func (r *programReader) scan(upTo int) {
	w := r.window[:r.n]
	if !r.begun {
		r.begun = true
		r.elf = parseELF(w)
		r.goNote = r.elf.runs && bytes.Contains(w, goNote)
		r.packed = bytes.Contains(w[:min(len(w), packedWithin)], packedMark)
	}
	if r.elf.runs {
		r.scanGo(w, upTo)
		r.rust = r.rust || findRust(w, upTo)
		r.crates.scan(w, upTo)
		r.runtime.scan(w, upTo)
	}
	r.n = copy(r.window, w[upTo:])
	r.at += int64(upTo)
}

// finish looks at the rest, and returns what was found, nil for nothing that
// matters.
func (r *programReader) finish() *programFact {
	r.scan(r.n)
	r.data.end()
	r.other.end()
	r.crates.end()
	if !r.elf.runs {
		return nil
	}
	f := &programFact{Rust: r.rust || r.crates.found, Listed: r.crates.found, Crates: r.crates.list, Runtime: r.runtime.finish()}
	switch {
	case r.data.fact != nil:
		f.Go = r.data.fact
	case r.other.fact != nil:
		f.Go = r.other.fact
	}
	f.Problem, f.TooLarge = r.problem(f)
	if f.Go == nil && !f.Rust && f.Runtime == nil && f.Problem == "" {
		return nil
	}
	return f
}

// problem says what the program ought to have told and does not.
func (r *programReader) problem(f *programFact) (why string, tooLarge bool) {
	switch {
	case f.Go != nil:
		return f.Go.problem, false
	case r.data.problem != "":
		return r.data.problem, r.data.tooLarge
	case r.other.spent():
		return r.other.problem, true
	case r.goNote:
		return "a Go program without the information of what it was built from", false
	case r.crates.problem != "":
		return r.crates.problem, r.crates.tooLarge
	case r.packed:
		return "a program that is packed with UPX, so that what it was built from cannot be read", false
	}
	return "", false
}

// packedMark is what the packer UPX writes after the headers of what it packs.
// https://github.com/upx/upx/blob/devel/src/stub/src/include/header.S
var packedMark = []byte("UPX!")

// packedWithin is how far into the file packedMark is looked for.
const packedWithin = 1 << 10

// elfHead is what matters of the headers at the beginning of an ELF file.
// https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
type elfHead struct {
	// runs is true for what the kernel or the dynamic linker can load.
	runs bool
	// writable are the parts of the file that are loaded as data.
	writable []fileRange
}

// fileRange is a part of a file.
type fileRange struct{ from, to uint64 }

// writes reports whether what is at an offset is loaded as data.
func (h *elfHead) writes(offset uint64) bool {
	for _, s := range h.writable {
		if s.from <= offset && offset < s.to {
			return true
		}
	}
	return false
}

// The constants of ELF that parseELF needs.
const (
	elfMagic      = "\x7fELF"
	elfClass      = 4 // offset of the word size: 1 for 32 bits, 2 for 64
	elfData       = 5 // offset of the byte order: 1 for little endian, 2 for big
	elfExecutable = 2
	elfShared     = 3
	elfLoad       = 1
	elfWrite      = 2
	elfExecute    = 1
	// elfSegments bounds how many program headers are looked at. Programs have
	// about ten.
	elfSegments = 256
)

// parseELF reads the headers that stand in the first bytes of a file.
func parseELF(head []byte) (h elfHead) {
	if len(head) < elfHeadBytes || string(head[:4]) != elfMagic {
		return h
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[elfData] == 2 {
		order = binary.BigEndian
	}
	kind := order.Uint16(head[16:])
	h.runs = kind == elfExecutable || kind == elfShared
	wide := head[elfClass] == 2
	var table uint64
	var size, count uint64
	if wide {
		if len(head) < 64 {
			return h
		}
		table, size, count = order.Uint64(head[32:]), uint64(order.Uint16(head[54:])), uint64(order.Uint16(head[56:]))
	} else {
		table, size, count = uint64(order.Uint32(head[28:])), uint64(order.Uint16(head[42:])), uint64(order.Uint16(head[44:]))
	}
	for i := range min(count, elfSegments) {
		at := table + i*size
		if table > uint64(len(head)) || at+56 > uint64(len(head)) {
			break
		}
		h.segment(head[at:], order, wide)
	}
	return h
}

// segment takes one program header.
func (h *elfHead) segment(s []byte, order binary.ByteOrder, wide bool) {
	var flags uint32
	var from, size uint64
	if wide {
		flags, from, size = order.Uint32(s[4:]), order.Uint64(s[8:]), order.Uint64(s[32:])
	} else {
		flags, from, size = order.Uint32(s[24:]), uint64(order.Uint32(s[4:])), uint64(order.Uint32(s[16:]))
	}
	if order.Uint32(s) == elfLoad && flags&(elfWrite|elfExecute) == elfWrite && from+size > from {
		h.writable = append(h.writable, fileRange{from, from + size})
	}
}

// rustMark is how the paths of the standard library begin that Rust compiles
// into its messages, and rustPath what they go on with: the commit of the
// compiler, or in compilers of distributions the folder of its source.
// https://rust-lang.github.io/rfcs/3127-trim-paths.html#changing-handling-of-sysroot-path-in-rustc
var (
	rustMark = []byte("/rustc")
	rustPath = regexp.MustCompile(`^/rustc(/[0-9a-f]{40}/|-1\.[0-9]{1,3}\.[0-9]{1,2}[^/\s]{0,16}/library/)`)
)

// findRust reports whether such a path begins in the first upTo bytes.
func findRust(w []byte, upTo int) bool {
	for from := 0; from < upTo; {
		i := bytes.Index(w[from:], rustMark)
		if i < 0 || from+i >= upTo {
			return false
		}
		if from += i; rustPath.Match(w[from:min(len(w), from+carryBytes)]) {
			return true
		}
		from += len(rustMark)
	}
	return false
}

// peeked is a reader of which the first bytes were read already.
type peeked struct {
	head [len(elfMagic)]byte
	from int // what of head was read again
	to   int
	rest io.Reader
}

// peek reads the first bytes of a file and reports whether they are those of
// ELF. The reader then begins with them again.
func (r *peeked) peek(content io.Reader) (elf bool, err error) {
	r.from, r.rest = 0, content
	r.to, err = io.ReadFull(content, r.head[:])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil // a file that is shorter; what is cut off is found by who reads on
	}
	return string(r.head[:r.to]) == elfMagic, err
}

func (r *peeked) Read(p []byte) (int, error) {
	if r.from < r.to {
		n := copy(p, r.head[r.from:r.to])
		r.from += n
		return n, nil
	}
	return r.rest.Read(p)
}

// program reads what was compiled into the executable at p, beside what else is
// wanted of it.
func (w *walker) program(p string, h *tar.Header, content io.Reader, pass func(io.Reader) error) error {
	if holes(h) {
		// Its holes cost time to read and no bytes of the layer.
		if w.logical += h.Size; w.logical > limit.LayerBytes {
			w.compile(p, &programFact{Problem: "a program with holes that are larger than the bound", TooLarge: true})
			return pass(content)
		}
	}
	r := w.programs
	r.reset(p)
	if err := pass(io.TeeReader(content, r)); err != nil {
		return err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{r}, struct{ io.Reader }{content}, w.sums.buf); err != nil {
		return err
	}
	fact := r.finish()
	if fact == nil {
		w.replaces(p)
		return nil
	}
	if w.kept += fact.size(); w.kept > limit.LayerKeptBytes {
		fact = &programFact{Problem: "what the programs of the layer were built from is larger than the bound", TooLarge: true}
	}
	w.compile(p, fact)
	return nil
}

// tooMany notes once that the layer has more programs than are kept.
func (w *walker) tooMany() {
	if w.noted == limit.LayerPrograms+1 {
		w.facts.Gaps = append(w.facts.Gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, "more Go and Rust programs in one layer than are listed"))
	}
}

// compile notes what was compiled into the file at p.
func (w *walker) compile(p string, fact *programFact) {
	if w.noted++; w.noted > limit.LayerPrograms {
		w.tooMany()
		w.replaces(p)
		return
	}
	w.compiled[p] = fact
	if w.last.Path == p && w.last.File != nil {
		w.last.File.Program = fact
		return
	}
	w.add(entry{Path: p, Type: entryFile, File: &file{Kind: kindProgram, Program: fact}})
}

// otherName notes a hard link: to a program that this layer has, or to what may
// be one of a layer below.
func (w *walker) otherName(p, target string) {
	if fact := w.compiled[target]; fact != nil {
		w.compile(p, fact)
		return
	}
	w.other(p)
	if w.replacing < limit.LayerReplacing {
		w.replacing++
		w.add(entry{Path: p, Type: entryHard, Target: target})
	}
}

// mayReplace notes a file that could stand where a layer below has a program:
// any file that is not called like one of those masses that programs are never
// called like. Where the summer digests files it has noted this one.
func (w *walker) mayReplace(p string) {
	switch path.Ext(p) {
	case ".py", ".pyc", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".map", ".json", ".md", ".txt", ".html", ".css", ".h", ".hpp",
		".svg", ".png", ".jpg", ".gif", ".xml", ".yml", ".yaml", ".rst", ".csv", ".mo", ".po", ".toml", ".cfg", ".woff2":
		return
	}
	if strings.HasPrefix(p, "/usr/share/") {
		return
	}
	w.replaces(p)
}

// replaces notes that something else is at p than what a layer below had there.
// There are at most limit.LayerReplacing such notes: without one a program that
// is not there any more is still reported, and none is missed.
func (w *walker) replaces(p string) {
	if distribution, python := wanted(p); distribution || python || w.replacing >= limit.LayerReplacing {
		return
	}
	if w.last.Path == p {
		return
	}
	w.replacing++
	w.add(entry{Path: p, Type: entryOther})
}
