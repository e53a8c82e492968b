package image

import (
	"errors"
	"fmt"
	"hash"
	"io"
)

// Sizes of what is read of a layer at a time.
const (
	storedBufferBytes = 256 << 10
	aheadBytes        = 256 << 10 // of each of the buffers
	aheadBuffers      = 4
)

// ahead reads from r in a goroutine of its own, a few buffers further than its
// user has come, so that a layer is inflated by one core while another hashes
// and walks it. Every byte that its user passes, read or skipped, goes to sum.
//
// It is an io.Seeker for archive/tar, which skips the files that nobody reads
// by seeking forward where it can.
type ahead struct {
	sum  hash.Hash
	full chan []byte   // read, in order
	free chan []byte   // to read into
	stop chan struct{} // closed when nothing more is wanted
	err  error         // why there is no more; set before full is closed

	buf  []byte // the whole buffer that left is the end of
	left []byte
	at   int64
}

var _ io.ReadSeeker = (*ahead)(nil)

func newAhead(r io.Reader, sum hash.Hash) *ahead {
	a := &ahead{sum: sum, full: make(chan []byte, aheadBuffers), free: make(chan []byte, aheadBuffers), stop: make(chan struct{})}
	for range aheadBuffers {
		a.free <- make([]byte, aheadBytes)
	}
	go a.run(r)
	return a
}

func (a *ahead) run(r io.Reader) {
	defer close(a.full)
	defer func() {
		if p := recover(); p != nil { // in a decompressor, which is not ours
			a.err = fmt.Errorf("inflating: panic: %v", p)
		}
	}()
	for {
		select {
		case <-a.stop:
			a.err = errStopped
			return
		case buf := <-a.free:
			n, err := fill(r, buf)
			if n > 0 {
				a.full <- buf[:n] // as many as there are buffers: never blocks
			}
			if err != nil {
				a.err = err
				return
			}
		}
	}
}

var errStopped = errors.New("reading was stopped")

// fill reads until buf is full or there is an error, which is r's own:
// io.ReadFull would call the end of r unexpected, as a truncated stream does.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf) && err == nil; {
		var more int
		if more, err = r.Read(buf[n:]); more > 0 {
			idle = 0
		} else if idle++; idle > 100 && err == nil {
			err = io.ErrNoProgress
		}
		n += more
	}
	return n, err
}

// close ends the goroutine and waits until it reads no more.
func (a *ahead) close() {
	close(a.stop)
	for range a.full { // until it is closed
	}
}

// more makes left hold something, or returns why it cannot.
func (a *ahead) more() error {
	if len(a.left) > 0 {
		return nil
	}
	if a.buf != nil {
		a.free <- a.buf[:cap(a.buf)]
		a.buf = nil
	}
	buf, ok := <-a.full
	if !ok {
		return a.err
	}
	a.sum.Write(buf)
	a.buf, a.left = buf, buf
	return nil
}

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := a.more(); err != nil {
		return 0, err
	}
	n := copy(p, a.left)
	a.pass(n)
	return n, nil
}

func (a *ahead) pass(n int) {
	a.left = a.left[n:]
	a.at += int64(n)
}

// Seek skips forward from where it is. Before the offset it stops at the end,
// which the next Read reports.
func (a *ahead) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || offset < 0 {
		return 0, errors.ErrUnsupported
	}
	for offset > 0 {
		if err := a.more(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return a.at, err
		}
		n := min(offset, int64(len(a.left)))
		a.pass(int(n))
		offset -= n
	}
	return a.at, nil
}

// rest passes what is left.
func (a *ahead) rest() error {
	for {
		if err := a.more(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		a.pass(len(a.left))
	}
}
