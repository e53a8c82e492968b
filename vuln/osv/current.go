package osv

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/internal/limit"
)

const (
	snapshotSuffix = ".tms"
	currentName    = "current"
)

// ErrNoSnapshot means that a folder has no current snapshot yet.
var ErrNoSnapshot = errors.New("there is no advisory snapshot yet")

// ErrNoRecords means that what an update is from has no usable advisory: it is
// not a source of advisories, and the old snapshot stays.
var ErrNoRecords = errors.New("the source has no advisory that can be used")

// current is the small file that names the snapshot in use, and what is known
// of it that is not of its contents: a snapshot that was looked at again
// today has today's date here and the digest that it had.
type current struct {
	Snapshot string `json:"snapshot"`
	Source   string `json:"source"`
	// Origins are where each source of the snapshot is from, by its name
	// ("PyPI", "" for a flat folder).
	Origins map[string][]origin `json:"origins,omitempty"`
}

// origin is where a source is from and when it was last asked.
type origin struct {
	// From is a folder or a URL without credentials.
	From string `json:"from"`
	// Date is the HTTP server's when it was last asked, Full when it last gave
	// everything; zero for a folder.
	Date time.Time `json:"date,omitzero"`
	Full time.Time `json:"full,omitzero"`
	How  How       `json:"how"`
	// Zip and Index are what all.zip and modified_id.csv are asked for again
	// with.
	Zip   validators `json:"zip,omitzero"`
	Index validators `json:"index,omitzero"`
	// Settled names the file of the ids whose records do not have the date
	// that modified_id.csv has for them, "" for none.
	Settled string `json:"settled,omitempty"`
}

// How says how a source was brought up to date.
type How string

// The ways.
const (
	// Whole: everything was read.
	Whole How = "full"
	// Incremental: the changed records were fetched.
	Incremental How = "incremental"
	// Imported: the snapshot came as a file.
	Imported How = "imported"
)

// validators ask a server whether something changed since.
// https://www.rfc-editor.org/rfc/rfc9110.html#section-13.1
type validators struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
}

func (v validators) none() bool { return v == validators{} }

// asked is the oldest date at which a server was asked for the sources that
// are there for an ecosystem, zero if one of them is of no server.
func (c *current) asked(ecosystem string) (oldest time.Time) {
	for name, origins := range c.Origins {
		if !(&source{name: name}).accepts(ecosystem) {
			continue
		}
		for _, o := range origins {
			if o.Date.IsZero() {
				return time.Time{}
			}
			if oldest.IsZero() || o.Date.Before(oldest) {
				oldest = o.Date
			}
		}
	}
	return oldest
}

// sourceText names all that the snapshot is from.
func (c *current) sourceText() string {
	var all []string
	for _, name := range sortedKeys(c.Origins) {
		for _, o := range c.Origins[name] {
			if !slices.Contains(all, o.From) {
				all = append(all, o.From)
			}
		}
	}
	return strings.Join(all, ", ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func readCurrent(dir string) (*current, error) {
	path := filepath.Join(dir, currentName)
	data, err := readBounded(path, limit.ConfigBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %q", ErrNoSnapshot, dir)
	}
	if err != nil {
		return nil, err
	}
	var c current
	if err := json.Unmarshal(data, &c); err != nil || !isSnapshotName(c.Snapshot) {
		return nil, fmt.Errorf("reading %q: %w: it names no snapshot", path, ErrDamaged)
	}
	return &c, nil
}

func readBounded(path string, max int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return limit.ReadAll(f, max)
}

// openRegular opens a regular file: opening a pipe would wait for ever.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("opening %q: not a regular file", path)
	}
	return os.Open(path)
}

func isSnapshotName(name string) bool {
	hex, ok := strings.CutSuffix(name, snapshotSuffix)
	return ok && isHash(hex)
}

func isHash(hex string) bool {
	return len(hex) == 2*hashBytes && strings.Trim(hex, "0123456789abcdef") == ""
}

func (c *current) open(dir string) (*DB, error) {
	db, err := Open(filepath.Join(dir, c.Snapshot))
	if err != nil {
		return nil, err
	}
	db.source, db.pointer = c.Source, *c
	return db, nil
}
