package osv

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/internal/limit"
)

// ErrNotKept means that no snapshot was kept for a day.
var ErrNotKept = errors.New("no advisory snapshot was kept for that day or before")

// ErrNotKeepable means that a snapshot cannot be kept as it was asked for.
var ErrNotKeepable = errors.New("this cannot be kept")

// ErrNameKept means that another snapshot is kept under a name.
var ErrNameKept = errors.New("another snapshot is kept under this name")

// Kept is a snapshot that Prune never removes.
type Kept struct {
	// Name is the day, or what the user called it.
	Name string `json:"name"`
	// Day is the day of the data, at midnight UTC.
	Day time.Time `json:"day"`
	// Path is the file, Digest "sha256:...", Source where it is from.
	Path   string `json:"path"`
	Digest string `json:"digest"`
	Source string `json:"source"`
	// Replaced is what was kept under the name before KeepCurrent, "DIGEST, of
	// DAY", and is no longer; "" for nothing else.
	Replaced string `json:"-"`
	// pointer is all that is known of it.
	pointer current
}

const (
	keptPrefix = "kept-"
	keptSuffix = ".json"
)

// keptFile is what a kept-NAME.json says.
type keptFile struct {
	current
	Day string `json:"day"`
}

// KeepCurrent keeps the current snapshot under a name, "" for its day. The day
// of a snapshot is that of its newest data, in UTC: the newest date of its
// ecosystems, which is when a server was last asked for one or, without a
// server, the newest modified date not after now. A day that is given replaces
// it and must not be before it: the snapshot would know of what came later.
// What is kept under the name already is replaced if replace says so; else
// another snapshot or day there is an error that wraps ErrNameKept.
func KeepCurrent(ctx context.Context, dir, name string, day, now time.Time, replace bool) (*Kept, error) {
	db, _, err := openCurrent(dir)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	own, err := db.day(now)
	if err != nil {
		return nil, err
	}
	if day.IsZero() {
		day = own
	}
	if day.Before(own) {
		return nil, fmt.Errorf("%w: the current advisory snapshot is of %s, and would know on %s what came later", ErrNotKeepable, own.Format(time.DateOnly), day.Format(time.DateOnly))
	}
	if day.After(now) {
		return nil, fmt.Errorf("%w: %s is still to come, and nobody knows what is published until then", ErrNotKeepable, day.Format(time.DateOnly))
	}
	name = cmp.Or(name, day.Format(time.DateOnly))
	if !isKeptName(name) {
		return nil, fmt.Errorf("%w: a name is at most 64 letters, digits, '-', '_' and '.', and %.80q is not", ErrNotKeepable, name)
	}
	// Under the lock, so that Prune does not remove it at the same moment.
	release, err := lock(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer release()
	k := newKept(dir, name, day, db.pointer)
	if k.Replaced, err = inPlaceOf(dir, &k); err != nil {
		return nil, err
	}
	if k.Replaced != "" && !replace {
		return nil, fmt.Errorf("%w: %q is %s", ErrNameKept, name, k.Replaced)
	}
	if err := writeJSON(dir, keptPrefix+name+keptSuffix, keptFile{current: db.pointer, Day: day.Format(time.DateOnly)}); err != nil {
		return nil, err
	}
	return &k, nil
}

// inPlaceOf is what is kept under the name of k now and is another snapshot or
// of another day, "" for nothing else. One that cannot be read is another.
func inPlaceOf(dir string, k *Kept) (string, error) {
	before, err := readKept(dir, k.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, ErrDamaged):
		return "one that is damaged", nil
	case err != nil:
		return "", err
	case before.Digest == k.Digest && before.Day.Equal(k.Day):
		return "", nil
	}
	return fmt.Sprintf("%s, of %s", before.Digest, before.Day.Format(time.DateOnly)), nil
}

func newKept(dir, name string, day time.Time, p current) Kept {
	return Kept{
		Name: name, Day: day, Path: filepath.Join(dir, p.Snapshot), Digest: "sha256:" + strings.TrimSuffix(p.Snapshot, snapshotSuffix),
		Source: p.Source, pointer: p,
	}
}

// day is the day of the newest data.
func (db *DB) day(now time.Time) (time.Time, error) {
	status, err := db.Status(now)
	if err != nil {
		return time.Time{}, err
	}
	var newest time.Time
	for _, s := range status {
		if s.Date.After(newest) {
			newest = s.Date
		}
	}
	return newest.UTC().Truncate(24 * time.Hour), nil
}

func isKeptName(name string) bool {
	return len(name) <= 64 && isFileID(name) && !strings.ContainsAny(name, ":+")
}

// ListKept lists the kept snapshots, the oldest day first.
func ListKept(dir string) ([]Kept, error) {
	files, err := filepath.Glob(filepath.Join(escapeGlob(dir), keptPrefix+"*"+keptSuffix))
	if err != nil {
		return nil, err
	}
	out := make([]Kept, 0, len(files))
	for _, path := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), keptPrefix), keptSuffix)
		k, err := readKept(dir, name)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b Kept) int { return cmp.Or(a.Day.Compare(b.Day), strings.Compare(a.Name, b.Name)) })
	return out, nil
}

// readKept reads what is kept under a name.
func readKept(dir, name string) (Kept, error) {
	path := filepath.Join(dir, keptPrefix+name+keptSuffix)
	data, err := readBounded(path, limit.ConfigBytes)
	if err != nil {
		return Kept{}, err
	}
	var k keptFile
	day, derr := time.Parse(time.DateOnly, "")
	if err = json.Unmarshal(data, &k); err == nil {
		day, derr = time.Parse(time.DateOnly, k.Day)
	}
	if err != nil || derr != nil || !isSnapshotName(k.Snapshot) || !isKeptName(name) {
		return Kept{}, fmt.Errorf("reading %q: %w: it names no snapshot and day", path, ErrDamaged)
	}
	return newKept(dir, name, day, k.current), nil
}

// escapeGlob makes a path mean itself.
func escapeGlob(path string) string {
	if os.PathSeparator == '\\' {
		return path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// keptFor is the kept snapshot of the latest day that is not after day.
func keptFor(dir string, day time.Time) (*Kept, error) {
	list, err := ListKept(dir)
	if err != nil {
		return nil, err
	}
	for _, k := range slices.Backward(list) {
		if !k.Day.After(day.UTC()) {
			return &k, nil
		}
	}
	return nil, fmt.Errorf("%w (%s): see 'tallyman db list'", ErrNotKept, day.UTC().Format(time.DateOnly))
}

// KeptFor returns the file of the snapshot that was kept for a day: of those
// whose data is of that day or before, the one of the latest day (of several
// the last by name). An error that wraps ErrNotKept means that there is none.
func KeptFor(dir string, day time.Time) (path string, err error) {
	k, err := keptFor(dir, day)
	if err != nil {
		return "", err
	}
	return k.Path, nil
}

// OpenKept opens what KeptFor finds, with its source and the dates at which
// its servers were asked, which the file alone does not have.
func OpenKept(dir string, day time.Time) (*DB, error) {
	k, err := keptFor(dir, day)
	if err != nil {
		return nil, err
	}
	return k.pointer.open(dir)
}

// DropKept keeps a snapshot no longer: Prune may then remove its file.
func DropKept(ctx context.Context, dir, name string) error {
	if !isKeptName(name) {
		return fmt.Errorf("no kept snapshot is called %.80q", name)
	}
	release, err := lock(ctx, dir)
	if err != nil {
		return err
	}
	defer release()
	err = os.Remove(filepath.Join(dir, keptPrefix+name+keptSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no kept snapshot is called %.80q", name)
	}
	return err
}
