package image

import (
	"encoding/binary"
	"errors"
	"iter"
)

// entryList holds entries in the order in which they were added, in a tenth of
// the memory that they would take one by one: an archive goes through its
// folders in order, so that what a path and a link's target have in common with
// those before them is said in a byte. The zero value is empty.
//
// A record is the type, the mode, the path, and for links the target; a text is
// the number of bytes that it shares with the one before it, and the rest. Each
// chunk begins anew.
type entryList struct {
	chunks []string
	open   []byte // the chunk that is being written
	files  []*file
	count  int
	// path and target are those that were written last to open.
	path, target string
}

// chunkBytes is where a chunk ends.
const chunkBytes = 64 << 10

// add puts e behind the others.
func (l *entryList) add(e entry) {
	l.open = append(l.open, byte(e.Type))
	l.open = binary.AppendUvarint(l.open, uint64(e.Mode))
	l.open = appendShared(l.open, l.path, e.Path)
	l.path = e.Path
	switch e.Type {
	case entryLink, entryHard:
		l.open = appendShared(l.open, l.target, e.Target)
		l.target = e.Target
	case entryFile:
		l.files = append(l.files, e.File)
	}
	if l.count++; len(l.open) >= chunkBytes {
		l.close()
	}
}

// close ends the open chunk.
func (l *entryList) close() {
	if len(l.open) > 0 {
		l.chunks = append(l.chunks, string(l.open))
		l.open, l.path, l.target = l.open[:0], "", ""
	}
}

// shared is how many bytes two texts begin with alike.
func shared(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func appendShared(to []byte, before, text string) []byte {
	n := shared(before, text)
	to = binary.AppendUvarint(to, uint64(n))
	to = binary.AppendUvarint(to, uint64(len(text)-n))
	return append(to, text[n:]...)
}

// all are the entries, whose order is that of add.
func (l *entryList) all() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		l.close()
		files := l.files
		for _, chunk := range l.chunks {
			r := entryReader{rest: chunk}
			for r.rest != "" {
				e := entry{Type: r.next(), Mode: r.mode, Path: string(r.path)}
				switch e.Type {
				case entryLink, entryHard:
					e.Target = string(r.target)
				case entryFile:
					e.File, files = files[0], files[1:]
				}
				if !yield(e) {
					return
				}
			}
		}
	}
}

// check reports whether the list is one that add wrote: all does not look.
func (l *entryList) check() error {
	count, files := 0, 0
	for _, chunk := range l.chunks {
		for r := (entryReader{rest: chunk}); r.rest != ""; count++ {
			switch r.next() {
			case entryDir, entryLink, entryHard, entryOther, entryRemoved, entryOpaque:
			case entryFile:
				files++
			default:
				return errEntries
			}
			if r.broken || len(r.path) == 0 || r.path[0] != '/' {
				return errEntries
			}
		}
	}
	if count != l.count || files != len(l.files) {
		return errEntries
	}
	return nil
}

var errEntries = errors.New("the entries are not as they were written")

// entryReader reads the records of a chunk.
type entryReader struct {
	rest         string
	mode         uint16
	path, target []byte
	broken       bool
}

// next reads one record and returns its type.
func (r *entryReader) next() entryType {
	kind := entryType(r.rest[0])
	r.rest = r.rest[1:]
	r.mode = uint16(r.number())
	r.path = r.text(r.path)
	switch kind {
	case entryLink, entryHard:
		r.target = r.text(r.target)
	}
	return kind
}

func (r *entryReader) number() uint64 {
	var n uint64
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen64; i++ {
		b := r.rest[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			return n
		}
	}
	r.rest, r.broken = "", true
	return 0
}

func (r *entryReader) text(before []byte) []byte {
	shared, size := r.number(), r.number()
	if shared > uint64(len(before)) || size > uint64(len(r.rest)) {
		r.rest, r.broken = "", true
		return nil
	}
	out := append(before[:shared], r.rest[:size]...)
	r.rest = r.rest[size:]
	return out
}
