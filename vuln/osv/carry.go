package osv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// errNotCarried means that a source's refused files are not all listed, so
// that nobody can say which of them are still refused.
var errNotCarried = errors.New("the snapshot does not list all refused records of the source")

// contents lists the files of a source with the dates of their records. A
// refused file, and one of a name that several have, has no date. Without a
// list of all that were refused it fails with an error that wraps errTooMany.
func (db *DB) contents(ctx context.Context, name string) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := db.filesOf(ctx, name, func(f *storedFile) error {
		if _, twice := out[f.name]; twice {
			f.modified = time.Time{}
		}
		out[f.name] = f.modified
		return nil
	})
	if err != nil {
		return nil, err
	}
	sources, err := db.sources()
	if err != nil {
		return nil, err
	}
	all, err := db.Refused()
	if err != nil {
		return nil, err
	}
	listed := 0
	for _, r := range all {
		if r.Source == name {
			out[r.Record] = time.Time{}
			listed++
		}
	}
	for _, s := range sources {
		if s.name == name && listed < s.refused {
			return nil, fmt.Errorf("%w: of the refused records of %q not all are listed", errTooMany, name)
		}
	}
	return out, nil
}

// carry adds a source of the snapshot to b: its files and its refusals, but
// those of the files that drop names (nil for none). What b then writes is,
// byte for byte, what it would write had it read the same files from where
// they once came from. Records are copied as they lie in the snapshot, which
// has to stay open until b has written; the ones that lost to another of the
// same id, and all of a snapshot that another version of the program compiled,
// are read again from their originals.
func (db *DB) carry(ctx context.Context, b *builder, name string, drop func(file string) bool) error {
	if err := db.carryRefused(b, name, drop); err != nil {
		return err
	}
	return db.filesOf(ctx, name, func(f *storedFile) error {
		if drop != nil && drop(f.name) {
			return nil
		}
		in, err := db.accepted(b, name, f)
		if err != nil || in == nil {
			return err
		}
		return b.add(name, in)
	})
}

// accepted is a stored file as the builder takes it, nil if it was refused.
func (db *DB) accepted(b *builder, name string, f *storedFile) (*accepted, error) {
	from := original{db: db, number: f.number}
	if f.kept && db.region.head.compiler == compilerVersion {
		_, _, blob, err := db.blob(f.record)
		if err != nil {
			return nil, err
		}
		r, err := decodeBlob(f.id, blob, func(_, _ []byte) bool { return true })
		if err != nil {
			return nil, fmt.Errorf("%w: record %q", ErrDamaged, f.id)
		}
		return &accepted{file: f.name, record: r, blob: blob, original: from}, nil
	}
	text, err := db.original(f.number)
	if err != nil {
		return nil, err
	}
	r, err := readRecord(name, f.name, text)
	if err != nil {
		b.refuse(name, f.name, err.Error())
		return nil, nil
	}
	return &accepted{file: f.name, record: r, blob: appendRecord(nil, r), original: from}, nil
}

// carryRefused adds the refusals of a source.
func (db *DB) carryRefused(b *builder, name string, drop func(file string) bool) error {
	sources, err := db.sources()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sources, func(s source) bool { return s.name == name })
	if i < 0 || sources[i].refused == 0 {
		return nil
	}
	all, err := db.Refused()
	if err != nil {
		return err
	}
	listed, dropped := 0, 0
	for _, r := range all {
		if r.Source != name {
			continue
		}
		listed++
		if drop != nil && drop(r.Record) {
			dropped++
			continue
		}
		b.refused = append(b.refused, r)
	}
	if drop != nil && listed < sources[i].refused {
		return fmt.Errorf("%w %q", errNotCarried, name)
	}
	b.sources[b.sourceIndex(name)].refused += sources[i].refused - dropped
	return nil
}
