package osv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tallyman/tallyman/internal/limit"
)

// CacheOptions say how Cached compiles.
type CacheOptions struct {
	// CacheDir is the folder of compiled snapshots; "" or one that cannot be
	// written to means that everything is done in memory.
	CacheDir string
	// Rehash also compares the contents of every source file with those that
	// the snapshot was compiled from.
	Rehash bool
	// Progress is told what happens, nil for nobody.
	Progress func(Event)
}

// cacheEntry is the small file that ties a state of a folder to a snapshot.
type cacheEntry struct {
	Snapshot string `json:"snapshot"`
	// Contents is the SHA-256 over the contents of the source files.
	Contents string `json:"contents"`
}

// compilerVersion changes whenever the same records give another snapshot.
const compilerVersion = 4

// Cached opens a snapshot of a local folder of advisories, compiling it unless
// the cache has one that was made from the same files: same paths, sizes,
// modification times and inodes. The note says what the user should know about
// how it was done, "" for nothing. Any number of processes may do this at the
// same time without waiting for one another.
func Cached(ctx context.Context, dir string, o CacheOptions) (db *DB, note string, err error) {
	inputs, err := discover(ctx, dir, nil)
	if err != nil {
		return nil, "", fmt.Errorf("reading advisories: %w", err)
	}
	key, err := fingerprint(inputs)
	if err != nil {
		return nil, "", fmt.Errorf("reading advisories: %w", err)
	}
	if o.CacheDir != "" {
		db, err := openCached(ctx, o, key, inputs)
		if err != nil {
			return nil, "", fmt.Errorf("reading advisories: %w", err)
		}
		if db != nil {
			db.source = dir
			return db, "", nil
		}
	}
	b, err := compileAll(ctx, inputs, key, o.Progress)
	if err != nil {
		return nil, "", fmt.Errorf("compiling the advisories in %q: %w", dir, err)
	}
	note = "advisories were compiled in memory, as on every run: there is no cache folder"
	if o.CacheDir != "" {
		if db, err = store(ctx, o.CacheDir, key, inputs, b); err == nil {
			db.source = dir
			return db, "", nil
		}
		note = fmt.Sprintf("advisories were compiled in memory, as on every run: the cache cannot be written: %v", err)
	}
	data, err := b.bytes()
	if err != nil {
		return nil, "", fmt.Errorf("compiling the advisories in %q: %w", dir, err)
	}
	if db, err = openBytes(data); err != nil {
		return nil, "", err
	}
	db.source = dir
	return db, note, nil
}

// compileAll compiles the inputs, and fails if their files were changed
// meanwhile: what was read would then be neither the one nor the other.
func compileAll(ctx context.Context, inputs []input, key string, progress func(Event)) (*builder, error) {
	l := newLoader(inputs, nil, progress)
	for _, in := range inputs {
		if err := l.load(ctx, in); err != nil {
			return nil, err
		}
	}
	after, err := fingerprint(inputs)
	if err != nil {
		return nil, err
	}
	if after != key {
		return nil, errors.New("a file changed while it was read")
	}
	return l.builder, nil
}

// openCached returns nil when the cache has nothing good for the key.
func openCached(ctx context.Context, o CacheOptions, key string, inputs []input) (*DB, error) {
	f, err := os.Open(filepath.Join(o.CacheDir, key))
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	data, err := limit.ReadAll(f, limit.ConfigBytes)
	var e cacheEntry
	if err != nil || json.Unmarshal(data, &e) != nil || !isSnapshotName(e.Snapshot) {
		return nil, nil
	}
	if o.Rehash {
		contents, err := hashContents(ctx, inputs)
		if err != nil {
			return nil, err
		}
		if contents != e.Contents {
			return nil, nil
		}
	}
	// A damaged snapshot is compiled again.
	db, err := Open(filepath.Join(o.CacheDir, e.Snapshot))
	if err != nil {
		return nil, nil
	}
	if o.Rehash && db.Verify(ctx) != nil {
		return nil, errors.Join(ctx.Err(), db.Close())
	}
	return db, nil
}

// store puts the snapshot and the file that ties it to the key into the cache.
func store(ctx context.Context, dir, key string, inputs []input, b *builder) (*DB, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	contents, err := hashContents(ctx, inputs)
	if err != nil {
		return nil, err
	}
	name, _, err := install(dir, b)
	if err != nil {
		return nil, err
	}
	if err := writeJSON(dir, key, cacheEntry{Snapshot: name, Contents: contents}); err != nil {
		return nil, err
	}
	return Open(filepath.Join(dir, name))
}

// paths are the files of an input.
func (in *input) paths() []string {
	if in.zip != "" {
		return []string{in.zip}
	}
	return in.files
}

// fingerprint is a name for the state of the source files, without reading
// them.
func fingerprint(inputs []input) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "tallyman advisories %d.%d\n", formatVersion, compilerVersion)
	for _, in := range inputs {
		for _, path := range in.paths() {
			abs, err := filepath.Abs(path)
			if err != nil {
				return "", err
			}
			info, err := os.Stat(path)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%q %q %d %d %d\n", in.name, abs, info.Size(), info.ModTime().UnixNano(), inode(info))
		}
	}
	return hex.EncodeToString(h.Sum(nil)) + ".key", nil
}

// hashContents is the SHA-256 over the SHA-256 of each source file.
func hashContents(ctx context.Context, inputs []input) (string, error) {
	all := sha256.New()
	for _, in := range inputs {
		for _, path := range in.paths() {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			one, err := hashFile(path)
			if err != nil {
				return "", err
			}
			all.Write(one)
		}
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

func hashFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, limit.Reader(f, limit.AdvisoryZipBytes)); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}
