package osv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// Export writes the current snapshot to w, after checking all of it, and
// returns its digest. It is the file itself: Import, and every program that
// reads snapshots, needs nothing else. When servers were last asked is not in
// it, since nobody could check that: the age of an imported snapshot is that
// of its newest record.
func Export(ctx context.Context, dir string, w io.Writer) (digest string, err error) {
	db, _, err := openCurrent(dir)
	if err != nil {
		return "", err
	}
	defer db.Close()
	if err := db.Verify(ctx); err != nil {
		return "", err
	}
	f, err := openRegular(filepath.Join(dir, db.name()))
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		return "", err
	}
	return db.Digest(), nil
}

// Import makes a snapshot that Export wrote the current one, after checking
// every block of it, in place of all that was current. from is its name for
// people to read. One that is damaged, of another version or larger than the
// bound is refused, and the old one stays.
func Import(ctx context.Context, dir string, r io.Reader, from string) (*Result, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, ".snapshot-*")
	if err != nil {
		return nil, err
	}
	temporary := f.Name()
	defer os.Remove(temporary)
	defer f.Close()
	if _, err := io.Copy(f, limit.Reader(r, limit.AdvisorySnapshotBytes)); err != nil {
		return nil, fmt.Errorf("reading the advisory snapshot: %w", err)
	}
	digest, names, err := inspect(ctx, temporary)
	if err != nil {
		return nil, err
	}
	next := &current{Snapshot: digest + snapshotSuffix, Origins: map[string][]origin{}}
	for _, name := range names {
		next.Origins[name] = []origin{{From: from, How: Imported}}
	}
	next.Source = next.sourceText()
	release, err := lock(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := publish(f, filepath.Join(dir, next.Snapshot)); err != nil {
		return nil, err
	}
	before, _ := readCurrent(dir)
	if err := setCurrent(dir, before, next); err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(dir, next.Snapshot))
	if err != nil {
		return nil, err
	}
	return &Result{
		Path: filepath.Join(dir, next.Snapshot), Digest: "sha256:" + digest, Source: next.Source, Bytes: info.Size(),
		Unchanged: before != nil && before.Snapshot == next.Snapshot && before.Source == next.Source,
	}, nil
}

// inspect checks a snapshot file whole and lists its sources.
func inspect(ctx context.Context, path string) (digest string, names []string, err error) {
	db, err := Open(path)
	if err != nil {
		return "", nil, errors.New(strings.ReplaceAll(err.Error(), " "+fmt.Sprintf("%q", path), ""))
	}
	defer db.Close()
	if err := db.Verify(ctx); err != nil {
		return "", nil, err
	}
	sources, err := db.sources()
	for _, s := range sources {
		names = append(names, s.name)
	}
	return db.digest, names, err
}
