package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// openStream opens an image of the tar on standard input.
func openStream(ctx context.Context, ref Ref, opts Options) (*Image, error) {
	src, err := streamSource(ctx, opts)
	if err != nil {
		return nil, layoutError(ref, err)
	}
	return openTarImage(src, ref, opts)
}

// streamSource indexes the tar on standard input. A file that the shell opened
// ("< image.tar") is read where it is; everything else is kept.
func streamSource(ctx context.Context, opts Options) (*tarSource, error) {
	if opts.Stdin == nil {
		return nil, errors.New("there is no standard input")
	}
	if f, ok := opts.Stdin.(*os.File); ok {
		if src, ok := plainFile(f); ok {
			return src, nil
		}
	}
	src, err := opts.Spools.source(ctx, string(KindStream), stdinName, func() (io.ReadCloser, error) {
		return io.NopCloser(opts.Stdin), nil
	})
	if errors.Is(err, errEmpty) {
		return nil, &Error{Err: err, Hint: "see what the command before the pipe says"}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &Error{Err: fmt.Errorf("%w: the tar ends in its middle", err), Hint: "see what the command before the pipe says"}
	}
	return src, err
}

// stdinName is what messages call standard input.
const stdinName = "standard input"

// plainFile indexes a tar in a regular file that is not compressed. Where the
// file stands is left alone.
func plainFile(f *os.File) (*tarSource, bool) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	offset, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, false
	}
	head := make([]byte, 4)
	if n, _ := f.ReadAt(head, offset); n < len(head) || compressed(head) {
		return nil, false
	}
	rest := func() *io.SectionReader { return io.NewSectionReader(f, offset, info.Size()-offset) }
	src, err := indexTar(stdinName, rest(), func() (io.ReaderAt, io.Closer, error) {
		return rest(), io.NopCloser(nil), nil
	})
	return src, err == nil
}

// openPacked opens an image of a tar whose form nobody told.
func openPacked(ctx context.Context, ref Ref, opts Options) (*Image, error) {
	src, err := openTar(ctx, ref.Path, opts)
	if err != nil {
		return nil, layoutError(ref, err)
	}
	return openTarImage(src, ref, opts)
}

// openTar indexes the tar at path, which may be compressed.
func openTar(ctx context.Context, path string, opts Options) (*tarSource, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head)
	if err := f.Close(); err != nil {
		return nil, err
	}
	if !compressed(head[:n]) {
		return newTarSource(path)
	}
	return opts.Spools.source(ctx, "file:"+path, strconv.Quote(path), func() (io.ReadCloser, error) { return os.Open(path) })
}

// openTarImage opens an image of a tar, whichever of both forms that has.
func openTarImage(src *tarSource, ref Ref, opts Options) (*Image, error) {
	if ref.Path != "" && (src.has("index.json") || src.has("manifest.json")) {
		ref.Kind = src.kind()
	}
	switch {
	case src.has("index.json"):
		return (&layout{src: src}).image(ref, opts)
	case src.has("manifest.json"):
		return archiveFrom(src, ref, opts)
	case src.cut:
		return nil, &Error{Ref: ref.String(), Err: fmt.Errorf("%s ends before it names an image: %w", src.name, io.ErrUnexpectedEOF)}
	}
	return nil, &Error{
		Ref: ref.String(), Reason: ErrMediaType, Err: errors.New("the tar has neither index.json nor manifest.json"),
		Hint: `docker save and podman save write images, docker export does not`,
	}
}
