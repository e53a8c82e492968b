package image

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func someBytes(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

// TestAheadReadsAndSkips reads and skips at random, and finds every byte where
// it is in the input, and all of them in the digest.
func TestAheadReadsAndSkips(t *testing.T) {
	data := someBytes(5*aheadBytes + 17)
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		sum := sha256.New()
		a := newAhead(iotest.HalfReader(bytes.NewReader(data)), sum)
		for at := 0; at < len(data); {
			n := min(1+random.IntN(aheadBytes*3/2), len(data)-at)
			if random.IntN(2) == 0 {
				if got, err := a.Seek(int64(n), io.SeekCurrent); err != nil || got != int64(at+n) {
					t.Fatalf("Seek from %d by %d = %d, %v", at, n, got, err)
				}
			} else {
				got := make([]byte, n)
				if _, err := io.ReadFull(a, got); err != nil || !bytes.Equal(got, data[at:at+n]) {
					t.Fatalf("Read of %d bytes at %d: wrong, or %v", n, at, err)
				}
			}
			at += n
		}
		if _, err := a.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("Read at the end: %v", err)
		}
		if got, err := a.Seek(10, io.SeekCurrent); got != int64(len(data)) || err != nil {
			t.Errorf("Seek at the end = %d, %v", got, err)
		}
		a.close()
		if want := sha256.Sum256(data); !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Errorf("seed %d: wrong digest", seed)
		}
	}
}

// TestAheadKeepsErrors is about a stream that is cut: it must not look like one
// that ends there, however its user comes to the place.
func TestAheadKeepsErrors(t *testing.T) {
	data := someBytes(aheadBytes + 100)
	for _, want := range []error{io.ErrUnexpectedEOF, errors.New("a cable was pulled")} {
		cut := func() *ahead {
			return newAhead(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(want)), sha256.New())
		}
		a := cut()
		if n, err := io.Copy(io.Discard, struct{ io.Reader }{a}); n != int64(len(data)) || !errors.Is(err, want) {
			t.Errorf("reading: %d bytes, %v", n, err)
		}
		a.close()
		a = cut()
		if _, err := a.Seek(int64(len(data))+1, io.SeekCurrent); !errors.Is(err, want) {
			t.Errorf("skipping: %v", err)
		}
		a.close()
		a = cut()
		if err := a.rest(); !errors.Is(err, want) {
			t.Errorf("the rest: %v", err)
		}
		a.close()
	}
	broken := newAhead(nil, sha256.New()) // reading panics
	if _, err := broken.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a reader that panics: %v", err)
	}
	broken.close()
	idle := newAhead(idleReader{}, sha256.New())
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v", err)
	}
	idle.close()
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

// TestAheadStops leaves a stream that has no end in its middle.
func TestAheadStops(t *testing.T) {
	a := newAhead(endless{}, sha256.New())
	if _, err := a.Seek(10*aheadBytes+1, io.SeekCurrent); err != nil {
		t.Fatal(err)
	}
	a.close()
	for range aheadBuffers + 1 { // what was read before, then why there is no more
		if err := a.rest(); err != nil {
			return
		}
	}
	t.Error("a stream that was stopped looks like one that ended")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
