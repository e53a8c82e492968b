package image

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// packedFile is a file of a layer that has to be read out of order, held in memory
// compressed: a database's pages are mostly empty or text.
type packedFile struct {
	size   int64
	chunks [][]byte
	dec    *zstd.Decoder
	// plain are the chunks inflated last, by number.
	plain map[int][]byte
	order []int
}

const (
	// pieceBytes is what is compressed together.
	pieceBytes = 64 << 10
	// keptPieces are held inflated.
	keptPieces = 64
)

// pack reads size bytes of r.
func pack(r io.Reader, size int64) (*packedFile, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(pieceBytes))
	if err != nil {
		return nil, err
	}
	defer enc.Close()
	p := &packedFile{size: size, plain: map[int][]byte{}}
	var buf []byte
	chunk := make([]byte, min(size, pieceBytes))
	for left := size; left > 0; left -= int64(len(chunk)) {
		chunk = chunk[:min(left, pieceBytes)]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return nil, fmt.Errorf("reading a database: %w", err)
		}
		buf = enc.EncodeAll(chunk, buf[:0])
		p.chunks = append(p.chunks, bytes.Clone(buf))
	}
	p.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(pieceBytes))
	return p, err
}

// close gives back what inflating took.
func (p *packedFile) close() { p.dec.Close() }

// ReadAt is io.ReaderAt's, for one goroutine at a time.
func (p *packedFile) ReadAt(b []byte, offset int64) (n int, err error) {
	for n < len(b) {
		at := offset + int64(n)
		if at < 0 || at >= p.size {
			return n, io.EOF
		}
		chunk, err := p.chunk(int(at / pieceBytes))
		if err != nil {
			return n, err
		}
		n += copy(b[n:], chunk[at%pieceBytes:])
	}
	return n, nil
}

// chunk returns a chunk inflated.
func (p *packedFile) chunk(i int) ([]byte, error) {
	if plain, ok := p.plain[i]; ok {
		return plain, nil
	}
	var room []byte
	if len(p.order) == keptPieces {
		room = p.plain[p.order[0]]
		delete(p.plain, p.order[0])
		p.order = p.order[1:]
	}
	plain, err := p.dec.DecodeAll(p.chunks[i], room[:0])
	if err != nil {
		return nil, err
	}
	p.plain[i] = plain
	p.order = append(p.order, i)
	return plain, nil
}
