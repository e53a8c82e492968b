package oci

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/zstd"

	"github.com/tallyman/tallyman/internal/limit"
)

// spools are Spools in a folder of their own, which is empty in the end.
func spools(t testing.TB) (*Spools, string) {
	t.Helper()
	dir := t.TempDir()
	s := NewSpools(dir)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return s, dir
}

// saved is img as "docker save" writes it.
func saved(t testing.TB, img v1.Image) []byte {
	t.Helper()
	tag, err := name.NewTag("example.test/app:1")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tarball.Write(tag, img, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// exported is img as an OCI layout in a tar.
func exported(t testing.TB, img v1.Image) []byte {
	t.Helper()
	data, err := os.ReadFile(tarDir(t, newLayoutDir(t, img)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

// TestStream reads both forms from standard input, in each compression, from a
// pipe and from a file, and the same from files by name.
func TestStream(t *testing.T) {
	img := testImage(t, "amd64")
	for form, data := range map[string][]byte{"saved": saved(t, img), "exported": exported(t, img)} {
		for suffix, packed := range map[string][]byte{".tar": data, ".tar.gz": gzipped(t, data), ".tar.zst": zstandard(t, data)} {
			file := filepath.Join(t.TempDir(), form+suffix)
			writeTestFile(t, file, packed)
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for from, c := range map[string]struct {
				ref   string
				stdin io.Reader
			}{"a pipe": {"-", bytes.NewReader(packed)}, "a file": {"-:1.0", f}, "its name": {file, nil}} {
				if form == "saved" {
					c.ref = strings.TrimSuffix(c.ref, ":1.0")
				}
				opts := Options{Stdin: c.stdin}
				opts.Spools, _ = spools(t)
				got := open(t, c.ref, opts)
				if err := readLayers(got.Image()); err != nil {
					t.Errorf("%s%s from %s: %v", form, suffix, from, err)
				}
				want, _ := img.ConfigName()
				if id, err := got.Image().ConfigName(); err != nil || id != want {
					t.Errorf("%s%s from %s: image %s, %v", form, suffix, from, id, err)
				}
				if c.stdin != nil && got.Name() != c.ref {
					t.Errorf("%s: is called %q", c.ref, got.Name())
				}
				// What was read once is there for a second look.
				again, err := Platforms(t.Context(), got.Ref(), opts)
				if err != nil || len(again) != 1 || again[0].Digest != got.Digest() || again[0].Platform != "linux/amd64" {
					t.Errorf("%s%s from %s: platforms %v, %v", form, suffix, from, again, err)
				}
			}
		}
	}
}

func TestStreamThatIsNoImage(t *testing.T) {
	img := testImage(t, "amd64")
	whole := saved(t, img)
	rootfs := t.TempDir()
	writeTestFile(t, filepath.Join(rootfs, "etc", "passwd"), []byte("root"))
	root, err := os.ReadFile(tarDir(t, rootfs))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want error
		says string
	}{
		"nothing":       {nil, errEmpty, "see what the command before the pipe says"},
		"words":         {[]byte("Error response from daemon: no such image\n"), errNoTar, "no tar"},
		"JSON":          {[]byte(`{"bomFormat":"CycloneDX"` + strings.Repeat(" ", 2000) + "}"), errNoTar, "no tar"},
		"packed words":  {gzipped(t, []byte("hello")), errNoTar, "no tar"},
		"packed void":   {gzipped(t, nil), errNoTar, "no tar"},
		"an empty tar":  {make([]byte, 1024), ErrMediaType, "docker export does not"},
		"a root":        {root, ErrMediaType, "docker export does not"},
		"a cut header":  {whole[:300], errNoTar, "no tar"},
		"a cut tar":     {whole[:1300], io.ErrUnexpectedEOF, "before it names an image"},
		"a cut gzip":    {gzipped(t, whole)[:600], io.ErrUnexpectedEOF, "the tar ends in its middle"},
		"a broken gzip": {append([]byte{0x1f, 0x8b}, whole[:4000]...), gzip.ErrHeader, ""},
	} {
		opts := Options{Stdin: bytes.NewReader(c.data)}
		opts.Spools, _ = spools(t)
		_, err := tryOpen(t, "-", opts)
		if err == nil || !strings.Contains(err.Error(), `image "-": `) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if !errors.Is(err, c.want) && !strings.Contains(err.Error(), c.want.Error()) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for name, opts := range map[string]Options{"no input": {}, "nowhere to keep it": {Stdin: bytes.NewReader(whole)}} {
		if _, err := tryOpen(t, "-", opts); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// A stream that is cut anywhere is no image, or one whose layers do not read.
func TestStreamCutAnywhere(t *testing.T) {
	whole := saved(t, testImage(t, "amd64"))
	end := len(whole) - 1024 - 512 // the end mark, and what may fill the last block
	for n := 0; n < end; n += 97 {
		opts := Options{Stdin: bytes.NewReader(whole[:n])}
		opts.Spools, _ = spools(t)
		got, err := tryOpen(t, "-", opts)
		if err == nil {
			err = readLayers(got.Image())
		}
		if err == nil {
			t.Fatalf("%d of %d bytes: read as sound", n, len(whole))
		}
	}
}

// A command before the pipe that hangs does not hold the program.
func TestStreamThatHangs(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		w.Write(make([]byte, 100))
		cancel()
	}()
	opts := Options{Stdin: r}
	opts.Spools, _ = spools(t)
	if _, err := Open(ctx, Ref{Kind: KindStream}, opts); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// The file has no name while it is in use, where the system allows that.
func TestSpoolHasNoName(t *testing.T) {
	opts := Options{Stdin: bytes.NewReader(saved(t, testImage(t, "amd64")))}
	var dir string
	opts.Spools, dir = spools(t)
	open(t, "-", opts)
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range opts.Spools.kept {
		if one.path == "" && len(left) > 0 || one.path != "" && len(left) != 1 {
			t.Errorf("%q, and the folder has %v", one.path, left)
		}
	}
}

// A compressed archive that inflates without end is stopped long before a disk
// is full.
func TestArchiveBomb(t *testing.T) {
	in := &counter{n: 1 << 10}
	for b := (&bounded{r: zeros{}, in: in}); ; {
		_, err := b.Read(make([]byte, 1<<20))
		if err == nil && b.n > limit.ArchiveFreeBytes+2<<20 {
			t.Fatalf("%d bytes of %d", b.n, in.n)
		}
		if err != nil {
			if !errors.Is(err, limit.ErrTooLarge) || b.n < limit.ArchiveFreeBytes {
				t.Errorf("after %d bytes: %v", b.n, err)
			}
			break
		}
	}
	b := &bounded{r: zeros{}, in: &counter{n: limit.ArchiveBytes}, n: limit.ArchiveBytes - 5}
	if _, err := b.Read(make([]byte, 10)); !errors.Is(err, limit.ErrTooLarge) {
		t.Errorf("an archive that is too large: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A temporary folder that is not there is an error, not another folder.
func TestSpoolNowhere(t *testing.T) {
	s := NewSpools(filepath.Join(t.TempDir(), "none"))
	_, err := tryOpen(t, "-", Options{Stdin: strings.NewReader("x"), Spools: s})
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
