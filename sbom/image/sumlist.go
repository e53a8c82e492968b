package image

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"iter"
)

// sumList holds files with their digests, in the order in which they were added
// and in little more memory than the digests take: a path is the number of bytes
// that it shares with the one before it, and the rest. The zero value is empty.
type sumList struct {
	// Chunks are the records, and Count is how many there are. Each chunk begins
	// anew.
	Chunks [][]byte
	Count  int
	last   string // the path that was written last
}

// fileSums are the digests of a file: a byte that says which there are, and these,
// as raw bytes. Nil is no file.
type fileSums []byte

// What the first byte of fileSums says.
const (
	sumMD5 = 1 << iota
	sumSHA1
	sumSHA256
	sumOther // a device, a pipe or the like
)

// sumSizes are those of the digests, in their order.
var sumSizes = [...]int{md5.Size, sha1.Size, sha256.Size}

func (d *digests) pack(other bool) fileSums {
	s := make(fileSums, 1, 1+md5.Size+sha1.Size+sha256.Size)
	for i, sum := range [...][]byte{d.MD5, d.SHA1, d.SHA256} {
		if len(sum) == sumSizes[i] {
			s[0] |= 1 << i
			s = append(s, sum...)
		}
	}
	if other {
		s[0] |= sumOther
	}
	return s
}

// sumsSize is the length of fileSums that begin with this byte.
func sumsSize(first byte) int {
	n := 1
	for i, size := range sumSizes {
		if first&(1<<i) != 0 {
			n += size
		}
	}
	return n
}

func (s fileSums) digests() (d digests) {
	at := 1
	for i, to := range [...]*[]byte{&d.MD5, &d.SHA1, &d.SHA256} {
		if s[0]&(1<<i) != 0 {
			*to = s[at : at+sumSizes[i] : at+sumSizes[i]]
			at += sumSizes[i]
		}
	}
	return d
}

// of returns a digest, nil when it is not there.
func (s fileSums) of(a algorithm) []byte {
	i := 0
	switch a {
	case algMD5:
	case algSHA1:
		i = 1
	case algSHA256:
		i = 2
	default:
		return nil
	}
	if len(s) == 0 || s[0]&(1<<i) == 0 {
		return nil
	}
	at := sumsSize(s[0] & (1<<i - 1))
	return s[at : at+sumSizes[i]]
}

func (s fileSums) other() bool { return len(s) > 0 && s[0]&sumOther != 0 }

// digested reports whether there is any digest.
func (s fileSums) digested() bool { return len(s) > 1 }

// add puts a file behind the others.
func (l *sumList) add(p string, s fileSums) {
	last := len(l.Chunks) - 1
	if last < 0 || len(l.Chunks[last])+len(p)+len(s)+2*binary.MaxVarintLen32 > chunkBytes {
		l.Chunks = append(l.Chunks, make([]byte, 0, min(chunkBytes, max(2*l.written(), len(p)+len(s)+16))))
		l.last = ""
		last++
	}
	l.Chunks[last] = append(appendShared(l.Chunks[last], l.last, p), s...)
	l.last = p
	l.Count++
}

// written is the size of the last chunk: many lists are short.
func (l *sumList) written() int {
	if n := len(l.Chunks); n > 0 {
		return len(l.Chunks[n-1])
	}
	return 0
}

// raw are the files in order. The path is only good until the next one.
func (l *sumList) raw() iter.Seq2[[]byte, fileSums] {
	return func(yield func([]byte, fileSums) bool) {
		for _, chunk := range l.Chunks {
			var p []byte
			var s fileSums
			for len(chunk) > 0 {
				if p, s, chunk = nextSums(p, chunk); s == nil || !yield(p, s) {
					return
				}
			}
		}
	}
}

// all are the files in order.
func (l *sumList) all() iter.Seq[looseFile] {
	return func(yield func(looseFile) bool) {
		for p, s := range l.raw() {
			if !yield(looseFile{string(p), s.digests(), s.other()}) {
				return
			}
		}
	}
}

// nextSums reads a record of a chunk; s is nil when there is none.
func nextSums(before, chunk []byte) (p []byte, s fileSums, rest []byte) {
	shared, n := binary.Uvarint(chunk)
	size, m := binary.Uvarint(chunk[max(n, 0):])
	if n <= 0 || m <= 0 || shared > uint64(len(before)) || size >= uint64(len(chunk)-n-m) {
		return nil, nil, nil
	}
	chunk = chunk[n+m:]
	p = append(before[:shared], chunk[:size]...)
	chunk = chunk[size:]
	end := sumsSize(chunk[0])
	if len(p) == 0 || p[0] != '/' || chunk[0] > sumOther<<1-1 || end > len(chunk) {
		return nil, nil, nil
	}
	return p, fileSums(chunk[:end:end]), chunk[end:]
}

// check reports whether the list is one that add wrote: raw ends where it is
// not.
func (l *sumList) check() error {
	n := 0
	for range l.raw() {
		n++
	}
	if n != l.Count {
		return errSums
	}
	return nil
}

var errSums = errors.New("the files' digests are not as they were written")
