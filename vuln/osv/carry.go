package osv

import (
	"context"
	"slices"
)

// sourcesBut lists the sources of the snapshot that none of the inputs
// replaces.
func (db *DB) sourcesBut(inputs []input) ([]source, error) {
	all, err := db.sources()
	return slices.DeleteFunc(all, func(s source) bool {
		return slices.ContainsFunc(inputs, func(in input) bool { return in.name == s.name })
	}), err
}

// carryOver adds the records and the refusals of the kept sources to b, as if
// they had been read from where they came from.
func (db *DB) carryOver(ctx context.Context, b *builder, kept []source) error {
	all, err := db.sources()
	if err != nil {
		return err
	}
	isKept := func(name string) bool {
		return slices.ContainsFunc(kept, func(s source) bool { return s.name == name })
	}
	for i, s := range all {
		if !isKept(s.name) {
			continue
		}
		e, err := db.section(sectionSources, i, 1, sourceBytes)
		if err != nil {
			return err
		}
		members, err := db.section(sectionMembers, u32(e, 2), u32(e, 3), 4)
		if err != nil {
			return err
		}
		for n := range u32(e, 3) {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, _, err := db.record(u32(members, n), func(_, _ []byte) bool { return true })
			if err != nil {
				return err
			}
			if err := b.add(s.name, r); err != nil {
				return err
			}
		}
	}
	refused, err := db.Refused()
	if err != nil {
		return err
	}
	for _, r := range refused {
		if isKept(r.Source) {
			// The counts came with the sources; only the list is added.
			b.refused = append(b.refused, r)
		}
	}
	return nil
}
