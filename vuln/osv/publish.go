package osv

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"
)

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
	return writeFile(dir, name, append(data, '\n'))
}

// writeFile puts a small file in its place at once.
func writeFile(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, ".current-*")
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = publish(f, filepath.Join(dir, name))
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	return err
}

// lockName is the file that writers lock; it is empty and stays.
const lockName = "lock"

// lockWait is how long a writer sleeps before it asks for the lock again.
const lockWait = 10 * time.Millisecond

// errLocked means that another process has the lock.
var errLocked = errors.New("another process is updating the advisories")

// lock keeps other writers of the folder from replacing what is current until
// release is called or the process ends. Readers never ask for it. On a file
// system without locks it is nobody's, and the last writer wins.
func lock(ctx context.Context, dir string) (release func(), err error) {
	for {
		release, err := tryLock(filepath.Join(dir, lockName))
		if err == nil {
			return release, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, err
		}
		if wait(ctx, lockWait) != nil {
			return nil, errors.Join(errLocked, ctx.Err())
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// coarseTime is what the clock of a coarse file system tells apart. (FAT)
const coarseTime = 2 * time.Second

// setCurrent makes next the current snapshot. The one before counts as of now
// for Prune, however old its file is: a reader may have read its name just
// before. The lock must be held.
func setCurrent(dir string, before, next *current) error {
	if err := writeJSON(dir, currentName, next); err != nil {
		return err
	}
	if before == nil || before.Snapshot == next.Snapshot {
		return nil
	}
	// The folder's own clock: that of the file that was just written.
	info, err := os.Stat(filepath.Join(dir, currentName))
	if err != nil {
		return err
	}
	at := info.ModTime()
	// Its clock may not have ticked since the last time, and which of two was
	// current later has to be told all the same.
	if last, err := os.Stat(filepath.Join(dir, before.Snapshot)); err == nil {
		if ahead := last.ModTime().Sub(at); ahead >= 0 && ahead < coarseTime {
			at = last.ModTime().Add(time.Microsecond)
		}
	}
	_ = os.Chtimes(filepath.Join(dir, next.Snapshot), time.Time{}, at)
	_ = os.Chtimes(filepath.Join(dir, before.Snapshot), time.Time{}, at.Add(-coarseTime))
	return nil
}
