package osv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxFallbacks bounds how many other snapshots are looked at when the current
// one cannot be used.
const maxFallbacks = 32

// OpenCurrent opens the snapshot that the last Update of a folder made; an
// error that wraps ErrNoSnapshot means that there was none. When that file is
// missing, damaged or of another format, the last other snapshot of the folder
// that is whole is opened in its place, and [DB.Fallback] says so; without one
// the error is the current one's. How old it is, its own dates say.
func OpenCurrent(dir string) (*DB, error) {
	db, name, err := openCurrent(dir)
	if err == nil || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) && !errors.Is(err, fs.ErrNotExist) {
		return db, err
	}
	other := lastWhole(dir, name)
	if other == nil {
		return nil, err
	}
	other.fallback = fmt.Sprintf("the current advisory snapshot cannot be used, and the last whole one, %s, is used in its place: %v", other.Digest(), err)
	return other, nil
}

// openTries bounds how often the current snapshot is looked for again when it
// was replaced and pruned between its name and its opening.
const openTries = 5

// openCurrent opens the current snapshot and no other. name is its file's, ""
// if nothing tells it. It takes no lock and waits for nobody.
func openCurrent(dir string) (db *DB, name string, err error) {
	for try := 1; ; try++ {
		c, err := readCurrent(dir)
		if err != nil {
			return nil, "", err
		}
		db, err := c.open(dir)
		if err == nil {
			return db, c.Snapshot, nil
		}
		if try == openTries || !errors.Is(err, fs.ErrNotExist) || c.Snapshot == name {
			return nil, c.Snapshot, err
		}
		name = c.Snapshot
	}
}

// lastWhole opens the snapshot of the folder that was written last, but the
// named one, and of which every block is good; nil if there is none.
func lastWhole(dir, but string) *DB {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	type candidate struct {
		name    string
		written time.Time
	}
	var all []candidate
	for _, e := range list {
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && isSnapshotName(e.Name()) && e.Name() != but {
			all = append(all, candidate{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(b.written.Compare(a.written), strings.Compare(a.name, b.name))
	})
	for _, c := range all[:min(len(all), maxFallbacks)] {
		db, err := Open(filepath.Join(dir, c.name))
		if err != nil {
			continue
		}
		if db.verify(func() error { return nil }) == nil {
			return db
		}
		_ = db.Close()
	}
	return nil
}

// Fallback says, in a sentence, that this is not the current snapshot of its
// folder and why not; "" for the current one.
func (db *DB) Fallback() string { return db.fallback }

// Verify reads the whole snapshot and checks every block.
func (db *DB) Verify(ctx context.Context) error { return db.verify(ctx.Err) }

// verify asks before each block whether to stop.
func (db *DB) verify(stop func() error) error {
	body := db.region.levels[0]
	for off := body.off; off < body.off+body.len; off += blockBytes {
		if err := stop(); err != nil {
			return err
		}
		if _, err := db.region.read(off, blockBytes); err != nil {
			return err
		}
	}
	return nil
}
