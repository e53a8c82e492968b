package osv

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/vuln"
)

// input is one thing to compile: a zip, or a folder of JSON files.
type input struct {
	// name is the ecosystem, "" for records of any.
	name string
	// zip is the zip's path; "" when files are given.
	zip string
	// files are the paths of JSON files.
	files []string
	// names are what the files are called at their source, nil when that is
	// what they are called here.
	names []string
}

// discover finds what a local folder holds: ECOSYSTEM/all.zip, ECOSYSTEM/*.json
// (also in folders below), ECOSYSTEM.zip, all.zip and *.json. wanted limits it
// to some ecosystems, nil means all.
func discover(ctx context.Context, dir string, wanted []string) ([]input, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	found := map[string]*input{}
	at := func(name string) *input {
		if found[name] == nil {
			found[name] = &input{name: name}
		}
		return found[name]
	}
	var zips []input
	for _, e := range list {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		zipped, base := isZip(e.Name()), ""
		if zipped {
			base = e.Name()[:len(e.Name())-len(".zip")]
		}
		switch {
		case info.IsDir():
			all, err := bucketZips(path)
			if err != nil {
				return nil, err
			}
			for _, zip := range all {
				zips = append(zips, input{name: canonical(e.Name()), zip: zip})
			}
			files, err := jsonFiles(ctx, path)
			if err != nil {
				return nil, err
			}
			if len(files) > 0 {
				in := at(canonical(e.Name()))
				in.files = append(in.files, files...)
			}
		case zipped && strings.EqualFold(base, "all"):
			zips = append(zips, input{zip: path})
		case zipped:
			zips = append(zips, input{name: canonical(base), zip: path})
		case isJSON(e.Name()):
			in := at("")
			in.files = append(in.files, path)
		}
	}
	out := zips
	for _, in := range found {
		out = append(out, *in)
	}
	return choose(dir, out, wanted)
}

// choose keeps the inputs that are for a wanted ecosystem and fails when there
// is none for one of them, or none at all.
func choose(dir string, in []input, wanted []string) ([]input, error) {
	slices.SortFunc(in, func(a, b input) int { return strings.Compare(a.name+"\x00"+a.zip, b.name+"\x00"+b.zip) })
	if len(in) == 0 {
		return nil, fmt.Errorf("no advisories in %q: it should hold ECOSYSTEM/all.zip or OSV records as .json files", dir)
	}
	if wanted == nil {
		return in, nil
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(in, func(i input) bool { return (&source{name: i.name}).accepts(w) }) {
			return nil, fmt.Errorf("no advisories for %q in %q", w, dir)
		}
	}
	return slices.DeleteFunc(in, func(i input) bool {
		return !slices.ContainsFunc(wanted, (&source{name: i.name}).accepts)
	}), nil
}

// bucketZips lists the all.zip of an ecosystem's folder, in any case.
func bucketZips(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range list {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); strings.EqualFold(e.Name(), "all.zip") && err == nil && info.Mode().IsRegular() {
			out = append(out, path)
		}
	}
	return out, nil
}

// jsonFiles lists the JSON files of a folder and of the folders in it.
func jsonFiles(ctx context.Context, dir string) ([]string, error) {
	var out []string
	seen := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if seen++; seen > limit.TreeFiles {
			return fmt.Errorf("%w of %d files in %q", limit.ErrTooLarge, limit.TreeFiles, dir)
		}
		if e.Type().IsRegular() && isJSON(e.Name()) {
			out = append(out, path)
		}
		return ctx.Err()
	})
	return out, err
}

// loader fills a builder from inputs, on as many processors as there are.
type loader struct {
	mu       sync.Mutex
	builder  *builder
	progress func(Event)
}

func newLoader(inputs []input, more []source, progress func(Event)) *loader {
	var sources []source
	for _, in := range inputs {
		if i := slices.IndexFunc(sources, func(s source) bool { return s.name == in.name }); i < 0 {
			sources = append(sources, source{name: in.name})
		}
	}
	if progress == nil {
		progress = func(Event) {}
	}
	return &loader{builder: newBuilder(append(sources, more...)), progress: progress}
}

func (l *loader) load(ctx context.Context, in input) error {
	l.progress(Event{Kind: Compiling, Ecosystem: in.name})
	if in.zip != "" {
		return l.loadZip(ctx, in)
	}
	return l.each(ctx, in, len(in.files), func(i int) (string, []byte, error) {
		data, err := readFile(in.files[i])
		if in.names != nil {
			return in.names[i], data, err
		}
		return filepath.Base(in.files[i]), data, err
	})
}

// errSetAside is what a record that is too large to look at is refused with.
var errSetAside = errors.New("larger than the bound on one record")

func readFile(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := limit.ReadAll(f, limit.AdvisoryBytes)
	if errors.Is(err, limit.ErrTooLarge) {
		return nil, errSetAside
	}
	return data, err
}

// each reads n records and adds them. A record that is malformed is refused; a
// read that fails is an error of the whole.
func (l *loader) each(ctx context.Context, in input, n int, read func(int) (name string, data []byte, err error)) error {
	group, ctx := errgroup.WithContext(ctx)
	next := make(chan int)
	group.Go(func() error {
		defer close(next)
		for i := range n {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for i := range next {
				name, data, err := read(i)
				if err != nil && !errors.Is(err, errSetAside) {
					return fmt.Errorf("reading record %q: %w", name, err)
				}
				if err := l.addOne(in.name, name, data, err); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// isOf reports whether the record names a package of the source that it is in.
// One that does not would be looked up by nobody.
func (r *record) isOf(name string) bool {
	s := source{name: name}
	return slices.ContainsFunc(r.affected, func(a vuln.Affected) bool { return s.accepts(a.Ecosystem) })
}

func (l *loader) addOne(source, name string, data []byte, reason error) error {
	var in *accepted
	if reason == nil {
		in, reason = l.builder.packer.accept(source, name, data)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if reason != nil {
		l.builder.refuse(source, name, reason.Error())
		return nil
	}
	return l.builder.add(source, in)
}

// loadZip reads a bucket's all.zip.
func (l *loader) loadZip(ctx context.Context, in input) error {
	f, err := openRegular(in.zip)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := openZip(f, zipBounds{limit.AdvisoryZipEntries, limit.AdvisoryZipDirectoryBytes})
	if err != nil {
		return fmt.Errorf("reading %q: %w", in.zip, err)
	}
	files := slices.DeleteFunc(slices.Clone(z.File), func(f *zip.File) bool { return f.FileInfo().IsDir() })
	err = l.each(ctx, in, len(files), func(i int) (string, []byte, error) {
		if !isJSON(files[i].Name) {
			return files[i].Name, []byte{}, nil // refused: not an OSV record
		}
		data, err := readEntry(files[i])
		return files[i].Name, data, err
	})
	if err != nil {
		return fmt.Errorf("reading %q: %w", in.zip, err)
	}
	return nil
}

// zipBounds are how many entries a zip may have, and how many bytes may be
// read of its directory before they are counted.
type zipBounds struct{ entries, directoryBytes int64 }

// openZip opens a zip whose directory and whose declared sizes are within
// bounds.
func openZip(f *os.File, b zipBounds) (*zip.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit.AdvisoryZipBytes {
		return nil, fmt.Errorf("%w of %d bytes", limit.ErrTooLarge, int64(limit.AdvisoryZipBytes))
	}
	metered := &meteredReaderAt{r: f, left: b.directoryBytes, opening: true}
	z, err := zip.NewReader(metered, info.Size())
	metered.opening = false
	if err != nil {
		return nil, fmt.Errorf("not a whole zip file: %w", err)
	}
	if int64(len(z.File)) > b.entries {
		return nil, fmt.Errorf("%w of %d entries in a zip", limit.ErrTooLarge, b.entries)
	}
	most := min(uint64(limit.AdvisoryTotalBytes), 64<<20+limit.AdvisoryZipRatio*uint64(info.Size()))
	var total uint64
	for _, e := range z.File {
		if total += e.UncompressedSize64; total > most || e.UncompressedSize64 > most {
			return nil, fmt.Errorf("%w: %d bytes that inflate to more than %d look like a zip bomb", limit.ErrTooLarge, info.Size(), most)
		}
	}
	return z, nil
}

// readEntry reads one entry; what it inflates to is held against what the
// directory says.
func readEntry(e *zip.File) ([]byte, error) {
	if e.UncompressedSize64 > limit.AdvisoryBytes {
		return nil, errSetAside
	}
	r, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, e.UncompressedSize64)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("the zip is damaged: %w", err)
	}
	// The end, where the checksum is compared, has to come here.
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return nil, fmt.Errorf("the zip is damaged: an entry is larger than it says or has another checksum")
	}
	return data, nil
}

// meteredReaderAt fails once more than left bytes were read while opening, so
// that a zip's directory cannot fill the memory before it can be counted.
type meteredReaderAt struct {
	r       io.ReaderAt
	left    int64
	opening bool
}

func (m *meteredReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if m.opening {
		if m.left -= int64(len(p)); m.left < 0 {
			return 0, fmt.Errorf("%w: its directory is too large", limit.ErrTooLarge)
		}
	}
	return m.r.ReadAt(p, off)
}
