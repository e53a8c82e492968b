package osv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
)

// write lays the snapshot out: the body and the tree go to w, whose first
// byte comes right after the header block, and the header is returned.
func (b *builder) write(w io.Writer) (headerBlock []byte, err error) {
	t, list, err := b.tables()
	if err != nil {
		return nil, err
	}
	if len(t.sections[sectionStrings]) > math.MaxUint32 || len(t.sections[sectionPostings])/4 > math.MaxUint32 {
		return nil, fmt.Errorf("the advisories do not fit one snapshot: %d bytes of names", len(t.sections[sectionStrings]))
	}
	out := &blockWriter{w: w}
	h := &header{compiler: compilerVersion}
	for i := range sectionCount {
		start := out.written
		switch i {
		case sectionBlobs:
			for _, e := range list {
				out.write(e.blob)
			}
		case sectionOriginals:
			if err := b.packer.write(out, t, list); err != nil {
				return nil, err
			}
		default:
			out.write(t.sections[i])
		}
		h.sections[i] = span{off: blockBytes + start, len: out.written - start}
	}
	out.pad()
	if out.err != nil {
		return nil, out.err
	}
	h.bodySize = out.written
	tree, root := buildTree(out.leaves)
	if _, err := w.Write(tree); err != nil {
		return nil, err
	}
	h.root = root
	h.fileSize = blockBytes + h.bodySize + int64(len(tree))
	return h.encode(), nil
}

// bytes returns the whole snapshot in memory.
func (b *builder) bytes() ([]byte, error) {
	var buf bytes.Buffer
	buf.Write(make([]byte, blockBytes))
	head, err := b.write(&buf)
	if err != nil {
		return nil, err
	}
	copy(buf.Bytes(), head)
	return buf.Bytes(), nil
}

// digestOf is the digest of the snapshot with this header block, in hex.
func digestOf(headerBlock []byte) string {
	sum := sha256.Sum256(headerBlock)
	return hex.EncodeToString(sum[:])
}

// blockWriter passes bytes on in whole blocks and keeps the hash of each.
type blockWriter struct {
	w       io.Writer
	block   [blockBytes]byte
	used    int
	leaves  []byte
	written int64
	err     error
}

func (b *blockWriter) write(p []byte) {
	b.written += int64(len(p))
	for len(p) > 0 {
		n := copy(b.block[b.used:], p)
		p = p[n:]
		b.used += n
		if b.used == blockBytes {
			b.flush()
		}
	}
}

func (b *blockWriter) pad() {
	if b.used == 0 {
		return
	}
	b.written += int64(blockBytes - b.used)
	clear(b.block[b.used:])
	b.flush()
}

func (b *blockWriter) flush() {
	sum := sha256.Sum256(b.block[:])
	b.leaves = append(b.leaves, sum[:]...)
	b.used = 0
	if b.err == nil {
		_, b.err = b.w.Write(b.block[:])
	}
}
