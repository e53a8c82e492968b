// Package fix says which edits of the manifests cure findings: [New] makes a
// [Plan] of the smallest ones, which raise a floor or move a pin in place and
// leave every other byte as it is.
//
// Requirement and constraint files, the dependency lists of pyproject.toml and
// of a Pipfile, and what the RUN instructions of a Dockerfile install are
// edited. Whatever cannot be, is a [Refusal] that says why and, where a tool
// has to lock anew, with which command. Nothing here writes a file: Apply gives
// the new contents.
//
// An edit is proposed only after the file has been read again with it, by the
// same readers that make the inventory: all requirements must be what they were
// but for the edited one, whose versions must be the old ones from the floor on
// (or the new pin).
package fix

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// Plan is what to edit, and what cannot be. The zero value changes nothing.
type Plan struct {
	// Edits are sorted by file and line.
	Edits []Edit `json:"edits"`
	// Refused are sorted by file, line and package.
	Refused []Refusal `json:"refused"`

	// files are the contents that the edits were planned on, by name.
	files map[string]*file
	// withdrawn are the edits that were taken back.
	withdrawn []withdrawal
}

// Edit is one requirement to be written otherwise.
type Edit struct {
	// File is a path below the root of the fs.FS; Line counts from 1.
	File string `json:"file"`
	Line int    `json:"line"`
	// Package is the name as the finding spells it.
	Package string `json:"package"`
	// Old and New are the requirement without comment and options, credentials
	// removed. New is "" when the line is to be removed, Old is "" when New is a
	// requirement that is added behind the one on the line.
	Old string `json:"old"`
	New string `json:"new"`
	// Reason says what it cures.
	Reason string `json:"reason"`
}

// Refusal is a place that has a finding and is not edited.
type Refusal struct {
	// File is as in Edit, or the path inside an image; "" when the finding has
	// no place.
	File string `json:"file"`
	// Line counts from 1; 0 when there is none.
	Line int `json:"line"`
	// Package is the name as the finding spells it.
	Package string `json:"package"`
	// Reason is one sentence for a person. It may quote scanned content.
	Reason string `json:"reason"`
	// Command is what cures it when a tool can, "" for none. It is quoted for
	// a POSIX shell.
	Command string `json:"command,omitempty"`
}

// Options are what a caller may set.
type Options struct {
	// Dir is the folder below the root of the fs.FS that the locations of
	// findings are relative to; "" is the root.
	Dir string
	// Within is the file or folder below the root of the fs.FS outside of which
	// nothing is edited; "" is the whole tree. What stands outside and would
	// have to be edited is a Refusal.
	Within string
	// Components are the inventory that was matched. They tell which lines are
	// constraints, and which constraints would forbid what is proposed. nil
	// takes every line for a requirement.
	Components []sbom.Component
	// Withhold says why an edit is not to be proposed, "" if it may be; its
	// Reason is not set yet. What comes through a package that is not edited is
	// then planned for as it is. nil withholds none.
	Withhold func(Edit) string
	// Name returns how a command must name a file below the root. nil is for
	// commands that are typed at the root.
	Name func(file string) string
}

// New plans the edits that cure the findings that gate and those that are
// latent. fsys is the boundary: whoever passes it sees to it that no symbolic
// link leads out of it (os.Root). It never fails: what cannot be read or edited
// is a Refusal.
func New(fsys fs.FS, findings []vuln.Finding, opts Options) *Plan {
	p := planOnce(fsys, findings, opts, nil)
	if raised := p.apart(); len(raised) > 0 {
		p = planOnce(fsys, findings, opts, raised)
	}
	return p.result()
}

// planOnce plans with pins moved so that they can be installed with others.
func planOnce(fsys fs.FS, findings []vuln.Finding, opts Options, raised []raise) *planner {
	p := &planner{fsys: fsys, opts: opts, files: map[string]*file{}}
	p.constrain()
	all := p.agree(p.needs(findings), raised)
	// What a line brings in depends on what becomes of the line.
	slices.SortStableFunc(all, func(a, b *need) int { return cmp.Compare(min(1, len(a.through)), min(1, len(b.through))) })
	for _, n := range all {
		p.plan(n)
	}
	p.relock()
	for _, f := range p.files {
		p.check(f)
	}
	return p
}

// result is the plan.
func (p *planner) result() *Plan {
	out := &Plan{Refused: p.refused, files: map[string]*file{}}
	for name, f := range p.files {
		if len(f.changes) > 0 {
			out.files[name] = f
		}
	}
	out.collect()
	return out
}

// collect lists the edits and sorts all lists.
func (p *Plan) collect() {
	p.Edits = []Edit{}
	for _, f := range p.files {
		for _, c := range f.changes {
			p.Edits = append(p.Edits, c.edit)
		}
	}
	slices.SortFunc(p.Edits, compareEdits)
	slices.SortFunc(p.Refused, func(a, b Refusal) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Package, b.Package),
			strings.Compare(a.Reason, b.Reason), strings.Compare(a.Command, b.Command))
	})
	p.Refused = append([]Refusal{}, slices.Compact(p.Refused)...)
}

func compareEdits(a, b Edit) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Package, b.Package),
		strings.Compare(a.Old, b.Old), strings.Compare(a.New, b.New))
}

// Advisories names the first of some advisories and counts the others, as the
// reasons of a plan do: "advisories CVE-2024-1, CVE-2024-2, CVE-2024-3 and 4
// more".
func Advisories(ids []string) string { return names(slices.Clone(ids)) }
