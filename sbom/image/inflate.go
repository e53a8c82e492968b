package image

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tallyman/tallyman/internal/limit"
)

// ctxReader ends with the context's error once that is done.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// inflate undoes gzip or Zstandard, known by the first bytes because media
// types are often wrong; everything else is taken as it is.
func inflate(r *bufio.Reader) (plain io.Reader, done func(), err error) {
	head, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	n := len(head)
	switch {
	case n >= 2 && head[0] == 0x1f && head[1] == 0x8b: // RFC 1952, 2.3.1
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { z.Close() }, nil
	case n == 4 && zstandardFrame(binary.LittleEndian.Uint32(head)):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(limit.ZstdWindowBytes))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	case n >= 3 && string(head[:3]) == "BZh", n == 4 && string(head) == "\xfd7zX":
		return nil, nil, errors.New("compressed with bzip2 or xz, which no image specification knows")
	}
	return r, func() {}, nil
}

// zstandardFrame reports whether a number begins a frame of Zstandard, or one to
// skip, as pzstd puts before each other frame.
// https://www.rfc-editor.org/rfc/rfc8878#section-3.1
func zstandardFrame(magic uint32) bool { return magic == 0xfd2fb528 || magic&^0xf == 0x184d2a50 }
