package oci

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tallyman/tallyman/internal/limit"
)

// Spools keeps archives that can be read only once, or not from any place: those
// from standard input and from daemons, and compressed ones. An archive lists
// its images anywhere in it, so it cannot be read in one pass. Each is kept once,
// inflated and otherwise as it came, until Close. The zero value is not usable:
// [NewSpools] makes one. It may be used from several goroutines.
type Spools struct {
	dir  string
	mu   sync.Mutex
	kept map[string]*spool
}

// NewSpools returns Spools that keep archives in files of the folder dir, "" for
// the system's folder of temporary files. The files have no names from their
// first moment on, so that nothing stays behind however the program ends; where
// a system does not allow that, Close removes them.
func NewSpools(dir string) *Spools { return &Spools{dir: dir, kept: map[string]*spool{}} }

// Close gives up all that is kept. Images that were opened from it cannot be
// read after that.
func (s *Spools) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, one := range s.kept {
		err = errors.Join(err, one.close())
	}
	clear(s.kept)
	return err
}

// source returns the tar that is kept under key. When there is none yet, it
// keeps what open gives. name is for messages.
func (s *Spools) source(ctx context.Context, key, name string, open func() (io.ReadCloser, error)) (*tarSource, error) {
	if s == nil {
		return nil, errors.New("there is no folder in which an archive could be kept")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one, ok := s.kept[key]; ok {
		return one.source(name)
	}
	r, err := open()
	if err != nil {
		return nil, err
	}
	one, err := newSpool(ctx, r, s.dir)
	if errors.Is(err, syscall.ENOSPC) {
		return nil, &Error{Err: err, Hint: "TMPDIR names a folder with more room"}
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	s.kept[key] = one
	return one.source(name)
}

// spool is one archive in a temporary file.
type spool struct {
	file *os.File
	// path is what close removes, "" when the file has no name already.
	path string
	size int64
}

// newSpool keeps what r has in a file of the folder dir, and closes r. It ends
// with ctx even while r gives nothing.
func newSpool(ctx context.Context, r io.ReadCloser, dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "tallyman-image-*.tar")
	if err != nil {
		r.Close()
		return nil, err
	}
	s := &spool{file: f, path: f.Name()}
	if os.Remove(s.path) == nil {
		s.path = ""
	}
	done := make(chan error, 1)
	go func() { done <- errors.Join(s.fill(r), r.Close()) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// fill copies r into the file, inflated.
func (s *spool) fill(r io.Reader) error {
	counted := &counter{r: r}
	plain, done, err := inflateTar(counted)
	if err != nil {
		return err
	}
	defer done()
	s.size, err = io.Copy(s.file, &bounded{r: plain, in: counted})
	return err
}

// close frees what the file holds.
func (s *spool) close() error {
	err := s.file.Close()
	if s.path != "" {
		err = errors.Join(err, os.Remove(s.path))
	}
	return err
}

// source indexes the tar. name is for messages.
func (s *spool) source(name string) (*tarSource, error) {
	return indexTar(name, io.NewSectionReader(s.file, 0, s.size), func() (io.ReaderAt, io.Closer, error) {
		return s.file, io.NopCloser(nil), nil
	})
}

// counter counts what was read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded is an archive that may neither be too large nor inflate to too many
// times its size.
type bounded struct {
	r  io.Reader
	in *counter
	n  int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	switch {
	case b.n > limit.ArchiveBytes:
		return n, fmt.Errorf("the archive: %w of %d bytes", limit.ErrTooLarge, int64(limit.ArchiveBytes))
	case b.n > limit.ArchiveFreeBytes && b.n/limit.ArchiveRatio > b.in.n:
		return n, fmt.Errorf("the archive inflates to more than %d times its size: %w", limit.ArchiveRatio, limit.ErrTooLarge)
	}
	return n, err
}

// tarBlock is the size of a tar's header.
const tarBlock = 512

// What is no archive from its beginning on.
var (
	errEmpty = errors.New("it is empty")
	errNoTar = errors.New("it is no tar, and no tar compressed with gzip or Zstandard")
)

// inflateTar undoes gzip or Zstandard around a tar, and refuses what is none
// before it is read.
func inflateTar(r io.Reader) (plain io.Reader, done func(), err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	head, err := in.Peek(4)
	if len(head) == 0 {
		return nil, nil, atEnd(err, errEmpty)
	}
	plain, done = in, func() {}
	switch {
	case !compressed(head):
	case head[0] == 0x1f:
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, err
		}
		plain, done = z, func() { z.Close() }
	default:
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(limit.ZstdWindowBytes))
		if err != nil {
			return nil, nil, err
		}
		plain, done = z, z.Close
	}
	first := bufio.NewReaderSize(plain, 1<<16)
	block, err := first.Peek(tarBlock)
	if len(block) < tarBlock && !errors.Is(err, io.EOF) {
		done()
		return nil, nil, err
	}
	if _, err := tar.NewReader(bytes.NewReader(block)).Next(); len(block) < tarBlock || errors.Is(err, tar.ErrHeader) {
		done()
		return nil, nil, errNoTar
	}
	return first, done, nil
}

// atEnd is err, or, when that is the end, what the end means.
func atEnd(err, meaning error) error {
	if errors.Is(err, io.EOF) {
		return meaning
	}
	return err
}
