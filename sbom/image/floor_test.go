package image

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"github.com/tallyman/tallyman/internal/oci"
)

// largeImage opens the image that TALLYMAN_LARGE_IMAGE names, an OCI layout such
// as .ci/microscope builds.
func largeImage(b *testing.B) v1.Image {
	b.Helper()
	dir := os.Getenv("TALLYMAN_LARGE_IMAGE")
	if dir == "" {
		b.Skip("TALLYMAN_LARGE_IMAGE names no OCI layout: .ci/microscope builds one")
	}
	ref, err := oci.Parse("oci:" + dir)
	if err != nil {
		b.Fatal(err)
	}
	img, err := oci.Open(b.Context(), ref, oci.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return img.Image()
}

func large(b *testing.B) []layer {
	b.Helper()
	parts, err := split(largeImage(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(parts.size)
	return parts.layers
}

// BenchmarkFloor is what the machine needs for the least that reading an image
// is: the stored bytes hashed, inflated, hashed again and walked as an archive,
// as many layers at a time as Read takes.
func BenchmarkFloor(b *testing.B) {
	layers := large(b)
	for b.Loop() {
		group := &errgroup.Group{}
		group.SetLimit(min(4, runtime.GOMAXPROCS(0)))
		for _, l := range layers {
			group.Go(func() error { return floor(l) })
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

func floor(l layer) error {
	stored, err := l.Compressed() // hashed as it is read
	if err != nil {
		return err
	}
	defer stored.Close()
	plain, err := gzip.NewReader(stored)
	if err != nil {
		return err
	}
	sum := sha256.New()
	stream := io.TeeReader(plain, sum)
	archive := tar.NewReader(stream)
	for {
		if _, err = archive.Next(); err != nil {
			break
		}
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	_, err = io.Copy(io.Discard, stream)
	return err
}

// BenchmarkLarge is Read of the same image without a cache.
func BenchmarkLarge(b *testing.B) {
	img := largeImage(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(b.Context(), img, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLargeKnown is Read of the same image when every layer is in the cache.
func BenchmarkLargeKnown(b *testing.B) {
	img := largeImage(b)
	root, err := os.OpenRoot(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	cache := NewCache(root, CacheOptions{})
	if _, err := Read(b.Context(), img, Options{Cache: cache}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		inv, err := Read(b.Context(), img, Options{Cache: cache})
		if err != nil || inv.Known == 0 {
			b.Fatalf("%d layers known, %v", inv.Known, err)
		}
	}
}
