package osv

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// DefaultSource is OSV's public bucket.
// https://google.github.io/osv.dev/data/
const DefaultSource = "https://osv-vulnerabilities.storage.googleapis.com"

const (
	snapshotSuffix = ".tms"
	currentName    = "current"
)

// ErrNoSnapshot means that a folder has no current snapshot yet.
var ErrNoSnapshot = errors.New("there is no advisory snapshot yet")

// Options say what Update compiles, from where and to where.
type Options struct {
	// Dir is the folder of snapshots. It is made if it does not exist.
	Dir string
	// From is a local folder or an http(s) URL in the layout of OSV's bucket;
	// "" means DefaultSource.
	From string
	// Ecosystems are the ecosystems to take. nil means all that a local
	// folder has; an http source needs them named. Those of the current
	// snapshot that are not named are kept; with nil nothing is kept.
	Ecosystems []string
	// Client is used for an http source, and must then not be nil.
	Client *http.Client
	// Progress is told what happens, nil for nobody. It is called from one
	// goroutine at a time and changes nothing about the result.
	Progress func(Event)
}

// Event is a step of an update.
type Event struct {
	Kind EventKind
	// Ecosystem is which.
	Ecosystem string
	// URL is where from, credentials removed; "" for a local source.
	URL string
	// Bytes is how much was downloaded so far, Total how much there is, -1 if
	// the server does not say.
	Bytes, Total int64
}

// EventKind says what happens.
type EventKind string

// The steps.
const (
	Downloading EventKind = "downloading"
	Compiling   EventKind = "compiling"
	Writing     EventKind = "writing"
)

// Result is what Update made.
type Result struct {
	// Path is the snapshot's file.
	Path string
	// Digest is "sha256:...".
	Digest string
	// Source is where it is from, credentials removed.
	Source string
	// Bytes is the snapshot's size, Downloaded what was fetched for it.
	Bytes, Downloaded int64
	// Unchanged is true when the snapshot was current already.
	Unchanged bool
}

// current is the small file that names the snapshot in use.
type current struct {
	Snapshot string `json:"snapshot"`
	Source   string `json:"source"`
}

// Update compiles a snapshot and makes it the current one. Whatever fails,
// the old one stays, and nothing is left half-written: files are written under
// unique temporary names, synced and renamed. Several processes may update at
// the same time; the last one's snapshot is current.
func Update(ctx context.Context, o Options) (*Result, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	res := &Result{Source: publicSource(o.From)}
	inputs, cleanup, err := o.gather(ctx, res)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	b, err := o.compile(ctx, inputs)
	if err != nil {
		return nil, err
	}
	defer b.close()
	if o.Progress != nil {
		o.Progress(Event{Kind: Writing})
	}
	old, _ := readCurrent(o.Dir)
	name, size, err := install(o.Dir, b)
	if err != nil {
		return nil, fmt.Errorf("writing the advisory snapshot: %w", err)
	}
	res.Path, res.Bytes = filepath.Join(o.Dir, name), size
	res.Digest = "sha256:" + strings.TrimSuffix(name, snapshotSuffix)
	now := current{Snapshot: name, Source: res.Source}
	res.Unchanged = old != nil && *old == now
	if !res.Unchanged {
		err = writeJSON(o.Dir, currentName, now)
	}
	return res, err
}

// gather finds or downloads what is to be compiled. cleanup removes the
// downloads.
func (o *Options) gather(ctx context.Context, res *Result) (inputs []input, cleanup func(), err error) {
	if !isURL(o.source()) {
		inputs, err = discover(ctx, o.source(), o.Ecosystems)
		return inputs, func() {}, err
	}
	dir, err := os.MkdirTemp(o.Dir, ".download-*")
	if err != nil {
		return nil, nil, err
	}
	cleanup = func() { _ = os.RemoveAll(dir) }
	inputs, res.Downloaded, err = o.download(ctx, dir)
	if err != nil {
		cleanup()
		return nil, nil, err
	}
	return inputs, cleanup, nil
}

func (o *Options) source() string {
	if o.From == "" {
		return DefaultSource
	}
	return o.From
}

// compile fills a builder from the inputs and, when only some ecosystems were
// asked for, from the rest of the current snapshot.
func (o *Options) compile(ctx context.Context, inputs []input) (*builder, error) {
	var old *DB
	var kept []source
	if o.Ecosystems != nil {
		var err error
		if old, err = o.openWhole(ctx); err != nil {
			return nil, err
		}
		if old != nil {
			if kept, err = old.sourcesBut(inputs); err != nil {
				return nil, errors.Join(err, old.Close())
			}
		}
	}
	l := newLoader(inputs, kept, o.Progress)
	if old != nil {
		l.builder.bases = []*DB{old}
	}
	if err := l.fill(ctx, inputs, old, kept); err != nil {
		l.builder.close()
		return nil, err
	}
	return l.builder, nil
}

// fill loads the inputs and carries the kept sources of the old snapshot over.
func (l *loader) fill(ctx context.Context, inputs []input, old *DB, kept []source) error {
	for _, in := range inputs {
		if err := l.load(ctx, in); err != nil {
			return err
		}
	}
	for _, s := range kept {
		if err := old.carry(ctx, l.builder, s.name, nil); err != nil {
			return err
		}
	}
	return nil
}

// openWhole opens the current snapshot after checking all of it. There is
// nothing to keep of one that is damaged or of another format: it is nil then,
// and whoever needs what it had finds the ecosystem missing.
func (o *Options) openWhole(ctx context.Context) (*DB, error) {
	old, _, err := openCurrent(o.Dir)
	if err == nil {
		if err = old.Verify(ctx); err == nil {
			return old, nil
		}
		_ = old.Close()
	}
	for _, start := range []error{ErrNoSnapshot, ErrDamaged, ErrFormat, fs.ErrNotExist} {
		if errors.Is(err, start) {
			return nil, nil
		}
	}
	return nil, err
}

// install writes the snapshot under its digest and returns the file's name.
func install(dir string, b *builder) (name string, size int64, err error) {
	f, err := os.CreateTemp(dir, ".snapshot-*")
	if err != nil {
		return "", 0, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(make([]byte, blockBytes)); err != nil {
		return "", 0, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	head, err := b.write(w)
	if err != nil {
		return "", 0, err
	}
	if err = w.Flush(); err != nil {
		return "", 0, err
	}
	if _, err = f.WriteAt(head, 0); err != nil {
		return "", 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	name = digestOf(head) + snapshotSuffix
	return name, info.Size(), publish(f, filepath.Join(dir, name))
}

// publish gives a temporary file its name once it is safe on disk.
func publish(f *os.File, path string) error {
	if err := f.Chmod(0o644); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func writeJSON(dir, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".current-*")
	if err != nil {
		return err
	}
	if _, err = f.Write(append(data, '\n')); err == nil {
		err = publish(f, filepath.Join(dir, name))
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	return err
}

func readCurrent(dir string) (*current, error) {
	path := filepath.Join(dir, currentName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %q", ErrNoSnapshot, dir)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := limit.ReadAll(f, limit.ConfigBytes)
	if err != nil {
		return nil, err
	}
	var c current
	if err := json.Unmarshal(data, &c); err != nil || !isSnapshotName(c.Snapshot) {
		return nil, fmt.Errorf("reading %q: %w: it names no snapshot", path, ErrDamaged)
	}
	return &c, nil
}

func isSnapshotName(name string) bool {
	hex, ok := strings.CutSuffix(name, snapshotSuffix)
	return ok && len(hex) == 2*hashBytes && strings.Trim(hex, "0123456789abcdef") == ""
}
