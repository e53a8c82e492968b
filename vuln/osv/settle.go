package osv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// settle compiles what was gathered and makes it current. When another process
// made a snapshot current meanwhile, everything that is not ours is taken from
// that one, this time with the lock held, so that it is the last.
func (o *Options) settle(ctx context.Context, base *DB, groups []*group) (*Result, error) {
	next, err := o.make(ctx, base, base, groups)
	if err != nil {
		return nil, err
	}
	release, err := lock(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	defer release()
	now, err := o.openWhole(ctx)
	if err != nil {
		return nil, err
	}
	if now != nil {
		defer now.Close()
	}
	if now.name() != base.name() {
		if next, err = o.make(ctx, base, now, now.older(groups)); err != nil {
			return nil, err
		}
	}
	// Who prunes without grace may have removed it before the lock was ours:
	// then the old one stays.
	info, err := os.Stat(filepath.Join(o.Dir, next.Snapshot))
	if err != nil {
		return nil, err
	}
	before, _ := readCurrent(o.Dir)
	if err := setCurrent(o.Dir, before, next); err != nil {
		return nil, err
	}
	return &Result{
		Path: filepath.Join(o.Dir, next.Snapshot), Digest: "sha256:" + strings.TrimSuffix(next.Snapshot, snapshotSuffix),
		Source: next.Source, Bytes: info.Size(),
		Unchanged: before != nil && before.Snapshot == next.Snapshot && before.Source == next.Source,
	}, nil
}

// name is the snapshot's file name, "" for none.
func (db *DB) name() string {
	if db == nil {
		return ""
	}
	return db.digest + snapshotSuffix
}

// older drops the groups that another process made current meanwhile, from the
// same place, with what the server said later.
func (db *DB) older(groups []*group) []*group {
	return slices.DeleteFunc(slices.Clone(groups), func(g *group) bool {
		if len(g.origins) != 1 {
			return false
		}
		theirs := db.prior(g.name, g.origins[0].From)
		return theirs != nil && theirs.Date.After(g.origins[0].Date)
	})
}

// make compiles and installs a snapshot of the groups and, when only some
// ecosystems were asked for, of the rest of another one. What the groups carry
// over is from base, which they were planned for.
func (o *Options) make(ctx context.Context, base, rest *DB, groups []*group) (*current, error) {
	next := &current{Origins: map[string][]origin{}}
	var kept []source
	if o.Ecosystems != nil && rest != nil {
		all, err := rest.sources()
		if err != nil {
			return nil, err
		}
		kept = slices.DeleteFunc(all, func(s source) bool {
			return slices.ContainsFunc(groups, func(g *group) bool { return g.name == s.name })
		})
		for _, s := range kept {
			next.Origins[s.name] = rest.pointer.Origins[s.name]
		}
	}
	for _, g := range groups {
		next.Origins[g.name] = g.origins
	}
	next.Source = next.sourceText()
	if same, err := base.isSame(rest, kept, groups); err != nil || same {
		next.Snapshot = base.name()
		return next, err
	}
	b, err := o.compile(ctx, base, rest, kept, groups)
	if err != nil {
		return nil, err
	}
	if o.Progress != nil {
		o.Progress(Event{Kind: Writing})
	}
	if next.Snapshot, _, err = install(o.Dir, b); err != nil {
		return nil, fmt.Errorf("writing the advisory snapshot: %w", err)
	}
	return next, nil
}

// isSame reports whether the groups and what is kept are all that the snapshot
// has.
func (db *DB) isSame(rest *DB, kept []source, groups []*group) (bool, error) {
	if db == nil || rest.name() != db.name() || slices.ContainsFunc(groups, func(g *group) bool { return !g.same }) {
		return false, nil
	}
	all, err := db.sources()
	return len(all) == len(kept)+len(groups), err
}

// compile fills a builder.
func (o *Options) compile(ctx context.Context, base, rest *DB, kept []source, groups []*group) (*builder, error) {
	var inputs []input
	more := kept
	for _, g := range groups {
		inputs = append(inputs, g.inputs...)
		if len(g.inputs) == 0 {
			more = append(more, source{name: g.name})
		}
	}
	l := newLoader(inputs, more, o.Progress)
	for _, in := range inputs {
		if err := l.load(ctx, in); err != nil {
			return nil, err
		}
	}
	for _, g := range groups {
		if g.drop == nil && !g.same {
			continue
		}
		if err := base.carry(ctx, l.builder, g.name, g.drop); err != nil {
			return nil, err
		}
	}
	for _, s := range kept {
		if err := rest.carry(ctx, l.builder, s.name, nil); err != nil {
			return nil, err
		}
	}
	return l.builder, l.builder.vouches(groups)
}

// vouches fails when none of the groups has a usable record: whatever the
// source is, it is not one of advisories, and must not take the place of some.
func (b *builder) vouches(groups []*group) error {
	refused := 0
	named := map[int]bool{}
	for _, g := range groups {
		i := b.sourceIndex(g.name)
		named[i] = true
		refused += b.sources[i].refused
	}
	for _, e := range b.byID {
		if slices.ContainsFunc(e.files, func(f *file) bool { return named[f.source] }) {
			return nil
		}
	}
	b.trimRefused()
	i := slices.IndexFunc(b.refused, func(r Refusal) bool { return named[b.sourceIndex(r.Source)] })
	if i < 0 {
		return ErrNoRecords
	}
	first := b.refused[i]
	return fmt.Errorf("%w: %d refused, such as %q: %s", ErrNoRecords, refused, strings.TrimPrefix(first.Source+"/"+first.Record, "/"), first.Reason)
}
