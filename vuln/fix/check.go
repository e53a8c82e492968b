package fix

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// declaration is what a reader of the inventory makes of one requirement.
type declaration struct {
	lineName
	specifier string
	// rest is everything else: extras, marker, link, digests.
	rest string
}

func compareDeclarations(a, b declaration) int {
	return cmp.Or(cmp.Compare(a.line, b.line), strings.Compare(a.name, b.name), strings.Compare(a.rest, b.rest), strings.Compare(a.specifier, b.specifier))
}

// check reads a file again with its changes. Those after which the inventory's
// reader does not see what was meant are refused; if the others do not hold
// either, all are.
func (p *planner) check(f *file) {
	if len(f.changes) == 0 {
		return
	}
	if bad := f.wrong(); len(bad) > 0 {
		p.drop(f, bad)
		if len(f.changes) > 0 && len(f.wrong()) > 0 {
			p.drop(f, slices.Clone(f.changes))
		}
	}
}

func (p *planner) drop(f *file, bad []*planned) {
	for _, c := range bad {
		p.refused = append(p.refused, Refusal{
			File: c.edit.File, Line: c.edit.Line, Package: c.edit.Package,
			Reason: "it would have to be " + c.edit.New + ", which cannot be written in place here: edit it by hand",
		})
	}
	f.changes = slices.DeleteFunc(f.changes, func(c *planned) bool { return slices.Contains(bad, c) })
}

// wrong returns the changes after which the file does not say what was meant.
func (f *file) wrong() []*planned {
	before, after := f.grammar.declared(f.data), f.grammar.declared(f.apply())
	slices.SortFunc(before, compareDeclarations)
	slices.SortFunc(after, compareDeclarations)
	changes := map[lineName][]*planned{}
	after, lost := takeAdded(after, f.changes)
	if len(lost) > 0 {
		return lost
	}
	for _, c := range f.changes {
		if c.added {
			continue
		}
		changes[c.site.lineName] = append(changes[c.site.lineName], c)
	}
	before = slices.DeleteFunc(before, func(d declaration) bool {
		return slices.ContainsFunc(changes[d.lineName], func(c *planned) bool { return c.edit.New == "" })
	})
	if len(before) != len(after) {
		return slices.Clone(f.changes)
	}
	bad, met := map[*planned]bool{}, map[*planned]bool{}
	moved := f.moved()
	for i, d := range before {
		e := after[i]
		same := moved(d.line) == e.line && d.name == e.name && d.rest == e.rest
		here := changes[d.lineName]
		holds := same && d.specifier == e.specifier
		if len(here) > 0 {
			holds = same && slices.ContainsFunc(here, func(c *planned) bool { return c.meant(d, e) })
		}
		if !holds && len(here) == 0 {
			return slices.Clone(f.changes)
		}
		for _, c := range here {
			met[c] = true
			bad[c] = bad[c] || !holds
		}
	}
	return slices.DeleteFunc(slices.Clone(f.changes), func(c *planned) bool {
		return c.edit.New == "" || c.added || met[c] && !bad[c]
	})
}

// moved returns where a line is after the changes.
func (f *file) moved() func(line int) int {
	var lines, by []int // after each of lines, the rest has moved by so many
	total := 0
	for _, c := range f.sorted() {
		if n := strings.Count(c.with, "\n") - bytes.Count(f.data[c.from:c.to], []byte("\n")); n != 0 {
			total += n
			lines, by = append(lines, c.site.line), append(by, total)
		}
	}
	return func(line int) int {
		i, _ := slices.BinarySearch(lines, line)
		if i == 0 {
			return line
		}
		return line + by[i-1]
	}
}

// Origin returns which line of a file as it is a line of the edited file is
// from; of a line that an edit adds, the one behind which it stands. Both count
// from 1.
func (p *Plan) Origin(file string, line int) int {
	f := p.files[file]
	if f == nil {
		return line
	}
	shift := 0
	for _, c := range f.sorted() {
		n := strings.Count(c.with, "\n") - bytes.Count(f.data[c.from:c.to], []byte("\n"))
		at := bytes.Count(f.data[:c.from], []byte("\n")) + 1 + shift
		switch {
		case n > 0 && line > at && line <= at+n:
			return c.site.line
		case n > 0 && line > at, n < 0 && line >= at:
			shift += n
		}
	}
	return line - shift
}

// meant reports whether the readers see in e what the change was to make of d.
// Two requirements for one package on one line are told apart by what they say.
func (c *planned) meant(d, e declaration) bool {
	want, err := c.site.locate(c.text)
	if err != nil {
		return false
	}
	if d.specifier == e.specifier {
		// The other one of the line.
		old, err := c.site.locate(c.site.text)
		s, bad := pep440.ParseSpecifiers(d.specifier)
		return err == nil && bad == nil && !old.set().Equal(s.Set())
	}
	got, err := pep440.ParseSpecifiers(e.specifier)
	return err == nil && got.Set().Equal(want.set())
}
