package oci

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
)

// source is a set of files: a folder, or a tar. Nothing stays open between
// reads, so a source needs no closing. A file that is not there is an error
// that wraps fs.ErrNotExist.
type source interface {
	open(name string) (io.ReadCloser, error)
}

// dirSource is a folder. Links inside that lead out of it are refused.
type dirSource string

func (d dirSource) open(name string) (io.ReadCloser, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(name)
}

// tarSource is a tar with an index of the regular files in it.
type tarSource struct {
	name  string // for messages, quoted
	at    opener
	files map[string]span
	links map[string]string
	// cut is true when the tar has no end mark.
	cut bool
}

// opener opens the tar for a read.
type opener func() (io.ReaderAt, io.Closer, error)

type span struct{ offset, size int64 }

// newTarSource indexes the tar at path, which is not compressed.
func newTarSource(name string) (*tarSource, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return indexTar(strconv.Quote(name), f, func() (io.ReaderAt, io.Closer, error) {
		f, err := os.Open(name)
		return f, f, err
	})
}

// indexTar indexes the tar that r has from its beginning and that at opens.
func indexTar(name string, r io.ReadSeeker, at opener) (*tarSource, error) {
	t := &tarSource{name: name, at: at, files: map[string]span{}, links: map[string]string{}}
	archive := tar.NewReader(r)
	for n := 0; ; n++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			t.cut = !endsWhole(r)
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		if n > limit.ArchiveFiles {
			return nil, fmt.Errorf("reading %s: %w of %d files", name, limit.ErrTooLarge, limit.ArchiveFiles)
		}
		if err := t.add(r, header); err != nil {
			return nil, err
		}
	}
}

// endsWhole reports whether a tar ends with two blocks of zeros, without which
// it was cut where one of its files ends.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html (ustar Interchange Format)
func endsWhole(r io.ReadSeeker) bool {
	if _, err := r.Seek(-2*tarBlock, io.SeekEnd); err != nil {
		return false
	}
	mark := make([]byte, 2*tarBlock)
	_, err := io.ReadFull(r, mark)
	return err == nil && len(bytes.Trim(mark, "\x00")) == 0
}

func (t *tarSource) add(r io.Seeker, header *tar.Header) error {
	p := clean(header.Name)
	switch header.Typeflag {
	case tar.TypeReg:
		// The archive's reader reads header blocks only, so the file stands at
		// the beginning of the content now.
		offset, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		t.files[p] = span{offset, header.Size}
	case tar.TypeSymlink:
		t.links[p] = clean(path.Join(path.Dir(p), header.Linkname))
	case tar.TypeLink:
		t.links[p] = clean(header.Linkname)
	}
	return nil
}

// clean makes a name in an archive relative to the archive's root.
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// kind says which form the tar has. What "docker save" writes today is both, and
// the layout says more.
func (t *tarSource) kind() Kind {
	if t.has("index.json") {
		return KindLayout
	}
	return KindDockerArchive
}

func (t *tarSource) has(name string) bool {
	_, ok := t.files[name]
	return ok
}

func (t *tarSource) find(name string) (span, error) {
	name = clean(name)
	for range 8 {
		if s, ok := t.files[name]; ok {
			return s, nil
		}
		target, ok := t.links[name]
		if !ok {
			break
		}
		name = target
	}
	return span{}, fmt.Errorf("%q in %s: %w", name, t.name, fs.ErrNotExist)
}

func (t *tarSource) open(name string) (io.ReadCloser, error) {
	s, err := t.find(name)
	if err != nil {
		return nil, err
	}
	r, closer, err := t.at()
	if err != nil {
		return nil, err
	}
	return readCloser{io.NewSectionReader(r, s.offset, s.size), closer}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// readFile reads a whole small file of a source.
func readFile(src source, name string) ([]byte, error) {
	r, err := src.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := limit.ReadAll(r, limit.OCIManifestBytes)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return data, nil
}

// verified returns a reader of r that ends well only if it gave exactly size
// bytes with the digest want. Who does not read to the end checks nothing.
func verified(r io.ReadCloser, want v1.Hash, size int64) io.ReadCloser {
	sum, err := v1.Hasher(want.Algorithm)
	if err != nil {
		sum = sha256.New() // which is not the digest's then
	}
	return &verifier{r: r, sum: sum, want: want, size: size}
}

type verifier struct {
	r    io.ReadCloser
	sum  hash.Hash
	want v1.Hash
	size int64 // as promised
	got  int64
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.got += int64(n)
	v.sum.Write(p[:n])
	if v.got > v.size {
		return n, fmt.Errorf("%w: %s has more than its %d bytes", ErrDigest, v.want, v.size)
	}
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if v.got != v.size {
		return n, fmt.Errorf("%w: %s has %d bytes instead of %d", ErrDigest, v.want, v.got, v.size)
	}
	if got := hex.EncodeToString(v.sum.Sum(nil)); got != v.want.Hex {
		return n, fmt.Errorf("%w: %s is %s:%s", ErrDigest, v.want, v.want.Algorithm, got)
	}
	return n, err
}

func (v *verifier) Close() error { return v.r.Close() }

// Another reports whether the same is to be had from elsewhere, where opening it
// again begins; see image.Read.
func (v *verifier) Another() bool {
	r, ok := v.r.(interface{ Another() bool })
	return ok && r.Another()
}
