package fix

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Apply returns the new contents of the files that the plan edits, by name.
// read gives what they hold now; the error is read's, or says that a file is
// not what the plan was made on.
func (p *Plan) Apply(read func(name string) ([]byte, error)) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range p.Files() {
		f := p.files[name]
		data, err := read(name)
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", name, err)
		}
		if !bytes.Equal(data, f.data) {
			return nil, fmt.Errorf("%q has changed since it was audited", name)
		}
		out[name] = f.apply()
	}
	return out, nil
}

// Files are the names of the files that the plan edits, sorted.
func (p *Plan) Files() []string { return slices.Sorted(maps.Keys(p.files)) }

// Withdraw takes back the edits for which why gives a reason, which becomes a
// Refusal, and reports whether there were any. It is for who has audited the
// tree with the edits in it and found that one does harm.
func (p *Plan) Withdraw(why func(Edit) string) bool {
	withdrawn := false
	for name, f := range p.files {
		f.changes = slices.DeleteFunc(f.changes, func(c *planned) bool {
			reason := why(c.edit)
			if reason != "" {
				withdrawn = true
				r := Refusal{File: c.edit.File, Line: c.edit.Line, Package: c.edit.Package, Reason: reason}
				p.Refused = append(p.Refused, r)
				p.withdrawn = append(p.withdrawn, withdrawal{f, c, r})
			}
			return reason != ""
		})
		if len(f.changes) == 0 {
			delete(p.files, name)
		}
	}
	p.collect()
	return withdrawn
}

// withdrawal is an edit that was taken back, and what was said of it.
type withdrawal struct {
	file    *file
	change  *planned
	refusal Refusal
}

// Withdrawn are the edits that were taken back, in the order of the files, and
// why.
func (p *Plan) Withdrawn() iter.Seq2[Edit, string] {
	list := slices.Clone(p.withdrawn)
	slices.SortStableFunc(list, func(a, b withdrawal) int { return compareEdits(a.change.edit, b.change.edit) })
	return func(yield func(Edit, string) bool) {
		for _, w := range list {
			if !yield(w.change.edit, w.refusal.Reason) {
				return
			}
		}
	}
}

// Restore puts an edit back that was taken back, and reports whether it was. It
// is for who has found that it did harm only beside another one, which was
// taken back too.
func (p *Plan) Restore(e Edit) bool {
	i := slices.IndexFunc(p.withdrawn, func(w withdrawal) bool { return w.change.edit == e })
	if i < 0 {
		return false
	}
	w := p.withdrawn[i]
	p.withdrawn = slices.Delete(p.withdrawn, i, i+1)
	w.file.changes = append(w.file.changes, w.change)
	p.files[w.file.name] = w.file
	if j := slices.Index(p.Refused, w.refusal); j >= 0 {
		p.Refused = slices.Delete(p.Refused, j, j+1)
	}
	p.collect()
	return true
}
