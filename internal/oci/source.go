package oci

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
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

// tarSource is a tar file with an index of the regular files in it.
type tarSource struct {
	path  string
	files map[string]span
	links map[string]string
}

type span struct{ offset, size int64 }

// newTarSource indexes the tar at path.
func newTarSource(name string) (*tarSource, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := &tarSource{path: name, files: map[string]span{}, links: map[string]string{}}
	archive := tar.NewReader(f)
	for n := 0; ; n++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading archive %q: %w", name, err)
		}
		if n > limit.ArchiveFiles {
			return nil, fmt.Errorf("reading archive %q: %w of %d files", name, limit.ErrTooLarge, limit.ArchiveFiles)
		}
		if err := t.add(f, header); err != nil {
			return nil, err
		}
	}
}

func (t *tarSource) add(f *os.File, header *tar.Header) error {
	p := clean(header.Name)
	switch header.Typeflag {
	case tar.TypeReg:
		// The archive's reader reads header blocks only, so the file stands at
		// the beginning of the content now.
		offset, err := f.Seek(0, io.SeekCurrent)
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
	return span{}, fmt.Errorf("%q in archive %q: %w", name, t.path, fs.ErrNotExist)
}

func (t *tarSource) open(name string) (io.ReadCloser, error) {
	s, err := t.find(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(t.path)
	if err != nil {
		return nil, err
	}
	return readCloser{io.NewSectionReader(f, s.offset, s.size), f}, nil
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
	return &verifier{r: r, sum: sha256.New(), want: want, size: size}
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
		return n, fmt.Errorf("%w: %s is sha256:%s", ErrDigest, v.want, got)
	}
	return n, err
}

func (v *verifier) Close() error { return v.r.Close() }
