package osv

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DefaultGrace is how long a snapshot that is not current any more stays, and
// how old the temporary files of a run must be to be those of a dead one.
const DefaultGrace = time.Hour

// Pruned is what Prune removed.
type Pruned struct {
	// Files are the removed files, sorted.
	Files []string `json:"files"`
	// Bytes is their size.
	Bytes int64 `json:"bytes"`
}

// Prune removes the snapshots that are neither current nor kept and have not
// been so for as long as grace, and what dead runs left behind. The one that
// was current before the current one stays: it is what OpenCurrent falls back
// on. A process that
// has one open goes on reading it: a mapped file stays until it is closed, and
// where an open file cannot be removed (Windows) it is left for another time.
// One that has read the name of a snapshot and has not opened it yet looks
// again. Age is by the folder's file system, not by this machine's clock.
func Prune(ctx context.Context, dir string, grace time.Duration) (*Pruned, error) {
	// Writers publish under this lock: nothing becomes current or kept
	// between the look and the removal.
	release, err := lock(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer release()
	needed, err := inUse(dir)
	if err != nil {
		return nil, err
	}
	now, err := folderTime(dir)
	if err != nil {
		return nil, err
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	needed = append(needed, previous(list, needed))
	out := &Pruned{Files: []string{}}
	for _, e := range list {
		info, err := e.Info()
		if err != nil || !isOurs(e) || slices.Contains(needed, e.Name()) || now.Sub(info.ModTime()) < graceOf(e.Name(), grace) {
			continue
		}
		if os.RemoveAll(filepath.Join(dir, e.Name())) == nil {
			out.Files, out.Bytes = append(out.Files, e.Name()), out.Bytes+info.Size()
		}
	}
	return out, nil
}

// graceOf is grace, and for temporary files at least DefaultGrace: a run that is
// alive needs its own, however eager who prunes is.
func graceOf(name string, grace time.Duration) time.Duration {
	if strings.HasPrefix(name, ".") {
		return max(grace, DefaultGrace)
	}
	return grace
}

// inUse are the files that are current or kept.
func inUse(dir string) ([]string, error) {
	var out []string
	add := func(c *current) {
		out = append(out, c.Snapshot)
		for _, origins := range c.Origins {
			for _, o := range origins {
				out = append(out, o.Settled)
			}
		}
	}
	c, err := readCurrent(dir)
	switch {
	case err == nil:
		add(c)
	case !errors.Is(err, ErrNoSnapshot):
		return nil, err // nobody knows what is in use
	}
	kept, err := ListKept(dir)
	for _, k := range kept {
		add(&k.pointer)
	}
	return out, err
}

// previous is the snapshot that was current last and is not in use.
func previous(list []os.DirEntry, needed []string) (name string) {
	var last time.Time
	for _, e := range list {
		info, err := e.Info()
		if err == nil && isSnapshotName(e.Name()) && !slices.Contains(needed, e.Name()) && info.ModTime().After(last) {
			name, last = e.Name(), info.ModTime()
		}
	}
	return name
}

// isOurs reports whether a folder entry is of a kind that is removed when it
// is not in use: nothing else in the folder is touched.
func isOurs(e fs.DirEntry) bool {
	name := e.Name()
	if e.IsDir() {
		return strings.HasPrefix(name, ".download-")
	}
	hash, settled := strings.CutSuffix(name, settledSuffix)
	return e.Type().IsRegular() && (isSnapshotName(name) || settled && isHash(hash) ||
		strings.HasPrefix(name, ".snapshot-") || strings.HasPrefix(name, ".current-"))
}

// folderTime is what time it is by the folder's file system.
func folderTime(dir string) (time.Time, error) {
	f, err := os.CreateTemp(dir, ".current-*")
	if err != nil {
		return time.Time{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
