package cli

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/fix"
)

// maxRounds bounds how often a tree is planned for.
const maxRounds = 4

// plan plans the edits and audits the tree with them, until none of them does
// harm. It is planned for again with what another version brings in that a pin
// moved to, and without the edits that had to be taken back: what comes through
// a package that stays as it is needs other edits.
func (x *fixed) plan(ctx context.Context, auditor *audit.Auditor, t audit.Target) error {
	dir := folderOf(t.Folder)
	findings := x.before.Findings
	withheld := map[fix.Edit]string{}
	withhold := func(e fix.Edit) string { return withheld[place(e)] }
	for range maxRounds {
		x.after = x.before
		x.Plan = fix.New(t.Folder.FS, x.wanted(findings), fix.Options{
			Dir: dir, Within: within(t.Folder), Components: x.before.Components, Name: x.shown, Withhold: withhold,
		})
		if err := x.settleEdits(ctx, auditor, t); err != nil {
			return err
		}
		again := false
		for e, why := range x.Withdrawn() {
			if withheld[place(e)] == "" {
				withheld[place(e)], again = why, true
			}
		}
		if len(findings) == len(x.before.Findings) {
			extra := x.wanted(x.arisen(dir))
			findings = slices.Concat(findings, extra)
			again = again || len(extra) > 0
		}
		if !again {
			break
		}
	}
	return nil
}

// place is an edit but for what it replaces and why, to compare by.
func place(e fix.Edit) fix.Edit {
	return fix.Edit{File: e.File, Line: e.Line, Package: e.Package, New: e.New}
}

// settleEdits audits the tree with the edits of a plan and takes those back that
// do harm.
func (x *fixed) settleEdits(ctx context.Context, auditor *audit.Auditor, t audit.Target) error {
	for len(x.Edits) > 0 {
		if err := x.try(ctx, auditor, t); err != nil {
			return err
		}
		if !x.Withdraw(x.harm(folderOf(t.Folder))) {
			break
		}
		x.after = x.before
	}
	return x.reconsider(ctx, auditor, t)
}

// try audits the tree with the edits in it.
func (x *fixed) try(ctx context.Context, auditor *audit.Auditor, t audit.Target) error {
	edited, folder := t, *t.Folder
	folder.FS = x.Overlay(t.Folder.FS)
	edited.Folder = &folder
	after, err := x.app.runOn(ctx, auditor, edited)
	if err != nil {
		return err
	}
	x.after = after
	x.comparable(folderOf(t.Folder))
	return nil
}

// maxReconsidered bounds how many edits are tried again, each with an audit.
const maxReconsidered = 16

// reconsider tries the edits again that were taken back, one after the other:
// an edit may have done harm only beside another one that was taken back too.
func (x *fixed) reconsider(ctx context.Context, auditor *audit.Auditor, t audit.Target) error {
	list := make([]fix.Edit, 0, maxReconsidered)
	for e := range x.Withdrawn() {
		list = append(list, e)
	}
	if len(list) < 2 {
		return nil
	}
	for _, e := range list[:min(len(list), maxReconsidered)] {
		without := x.after
		if !x.Restore(e) {
			continue
		}
		if err := x.try(ctx, auditor, t); err != nil {
			return err
		}
		why := x.setback(e, without, folderOf(t.Folder))
		if why != "" {
			x.Withdraw(func(other fix.Edit) string {
				if other != e {
					return ""
				}
				return why
			})
			x.after = without
		}
	}
	return nil
}

// setback says why an edit that was put back has to go again, "" if it may
// stay; without is the audit of the tree without it.
func (x *fixed) setback(e fix.Edit, without *audit.Report, dir string) string {
	harm := x.harm(dir)
	why := harm(e)
	for _, other := range x.Edits {
		if why == "" && harm(other) != "" {
			why = fmt.Sprintf("%s would cure it, and does harm beside the edit of %s:%d", e.New, x.shown(other.File), other.Line)
		}
	}
	gating := func(r *audit.Report) (n int) {
		for i := range r.Findings {
			if r.Findings[i].Gates {
				n++
			}
		}
		return n
	}
	if why == "" && gating(x.after) > gating(without) {
		why = e.New + " would cure it, and would bring in more than it cures"
	}
	return why
}

// wanted are the findings that were asked to be cured.
func (x *fixed) wanted(findings []vuln.Finding) []vuln.Finding {
	if !x.gating {
		return findings
	}
	return slices.DeleteFunc(slices.Clone(findings), func(f vuln.Finding) bool { return !f.Gates })
}

// comparable gives the places of the edited tree's findings and gaps the line
// numbers of the tree as it is.
func (x *fixed) comparable(dir string) {
	if x.after == x.before {
		return
	}
	for i := range x.after.Findings {
		at := slices.Clone(x.after.Findings[i].Locations)
		for j, l := range at {
			if l.Layer == "" {
				at[j].Line = x.Origin(path.Join(dir, l.File), l.Line)
			}
		}
		x.after.Findings[i].Locations = at
	}
	for i, g := range x.after.Gaps {
		x.after.Gaps[i].Line = x.Origin(path.Join(dir, g.File), g.Line)
	}
}

// spot is where a finding is: a package in a line of a file below the root.
type spot struct {
	file    string
	line    int
	name    string
	finding string
}

// spots lists where findings that gate or are latent are; dir is the folder
// that their locations are relative to.
func spots(findings []vuln.Finding, dir string) map[spot]vuln.Finding {
	out := map[spot]vuln.Finding{}
	for _, f := range findings {
		if !f.Gates && f.Verdict != vuln.Latent {
			continue
		}
		for _, l := range f.Locations {
			out[spot{path.Join(dir, l.File), l.Line, sbom.NormalName(f.Ecosystem, f.Package), strings.Join(f.IDs[:min(1, len(f.IDs))], "")}] = f
		}
	}
	return out
}

// harm tells of an edit what it would bring in that was not there before.
func (x *fixed) harm(dir string) func(fix.Edit) string {
	before, after := spots(x.before.Findings, dir), spots(x.after.Findings, dir)
	worse := map[spot]string{}
	for at, now := range after {
		if was, found := before[at]; !found || now.Gates && !was.Gates {
			where := spot{file: at.file, line: at.line, name: at.name}
			worse[where] = max(worse[where], at.finding)
		}
	}
	conflicts := x.conflicts(dir)
	return func(e fix.Edit) string {
		if why := conflicts[spot{file: e.File, line: e.Line}]; why != "" {
			return e.New + " would cure it, and then " + why
		}
		id := worse[spot{file: e.File, line: e.Line, name: sbom.NormalName("PyPI", e.Package)}]
		if id == "" {
			return ""
		}
		return fmt.Sprintf("%s would bring in %s, and no better version is known", e.New, id)
	}
}

// arisen are the findings of places that had none before the edits: a version
// that a pin moved to brings in other packages than the one before.
func (x *fixed) arisen(dir string) []vuln.Finding {
	before := spots(x.before.Findings, dir)
	var out []vuln.Finding
	for _, f := range x.after.Findings {
		for at := range spots([]vuln.Finding{f}, dir) {
			if _, was := before[at]; !was {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// conflicts are the places of which the edited tree says that no version
// satisfies everything, and the tree as it is does not.
func (x *fixed) conflicts(dir string) map[spot]string {
	list := func(gaps, exclusive []sbom.Gap) map[spot]string {
		out := map[spot]string{}
		for _, g := range slices.Concat(gaps, exclusive) {
			if g.Kind == sbom.GapConflict {
				out[spot{file: path.Join(dir, g.File), line: g.Line}] = g.Reason
			}
		}
		return out
	}
	after := list(x.after.Gaps, fix.Exclusive(x.after.Components, func(l sbom.Location) sbom.Location {
		if x.after != x.before {
			l.Line = x.Origin(path.Join(dir, l.File), l.Line)
		}
		return l
	}))
	for at := range list(x.before.Gaps, fix.Exclusive(x.before.Components, nil)) {
		delete(after, at)
	}
	return after
}

// settle tells what is left after the edits, each place with a reason.
func (x *fixed) settle(dir string) {
	x.Left = []vuln.Finding{}
	for _, f := range x.after.Findings {
		if f.Gates || f.Verdict == vuln.Latent {
			x.Left = append(x.Left, f)
		}
	}
	x.drop(dir)
	said := map[spot]bool{}
	for _, r := range x.Refused {
		said[spot{file: r.File, line: r.Line, name: sbom.NormalName("PyPI", r.Package)}] = true
	}
	x.unsaid(dir, said)
	x.unknown(dir)
	slices.SortFunc(x.Refused, func(a, b fix.Refusal) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Package, b.Package), strings.Compare(a.Reason, b.Reason))
	})
}

// spotsOf are the places of a finding, without its identifier; dir is the
// folder that they are relative to.
func spotsOf(f *vuln.Finding, dir string) []spot {
	var out []spot
	for _, l := range f.Locations {
		if l.Layer == "" {
			l.File = path.Join(dir, l.File)
		}
		out = append(out, spot{file: l.File, line: l.Line, name: sbom.NormalName("PyPI", f.Package)})
	}
	return out
}

// drop takes the refusals of places out that other edits cured: those of which
// nothing was found in the edited tree.
func (x *fixed) drop(dir string) {
	found := func(r *audit.Report) map[spot]bool {
		out := map[spot]bool{}
		for i := range r.Findings {
			for _, at := range spotsOf(&r.Findings[i], dir) {
				out[at] = true
			}
		}
		return out
	}
	before, after := found(x.before), found(x.after)
	x.Refused = slices.DeleteFunc(x.Refused, func(r fix.Refusal) bool {
		at := spot{file: r.File, line: r.Line, name: sbom.NormalName("PyPI", r.Package)}
		// What only an edit brought in is not in the tree as it was.
		planned := x.after != x.before && r.Line > 0 && r.Command == ""
		return !after[at] && (before[at] || planned)
	})
}

// unsaid gives the places of what is left a reason that have none yet, unless
// another place of the same finding has one.
func (x *fixed) unsaid(dir string, said map[spot]bool) {
	added := map[spot]bool{}
	for i := range x.Left {
		f := &x.Left[i]
		at := spotsOf(f, dir)
		if len(at) == 0 || f.Locations[0].Layer != "" || x.gating && !f.Gates || slices.ContainsFunc(at, func(s spot) bool { return said[s] }) {
			continue
		}
		for _, s := range at {
			if !added[s] {
				added[s] = true
				x.Refused = append(x.Refused, fix.Refusal{File: s.file, Line: s.line, Package: f.Package, Reason: "it is affected after the edits too, and no edit is known that cures it"})
			}
		}
	}
}

// unknown names the findings of which nobody knows whether an installer would
// take an affected version: no edit cures them, and they do not count as left.
func (x *fixed) unknown(dir string) {
	ids := map[spot][]string{}
	names := map[spot]string{}
	for i := range x.after.Findings {
		f := &x.after.Findings[i]
		if f.Verdict != vuln.Unknown || len(f.IDs) == 0 {
			continue
		}
		for _, at := range spotsOf(f, dir) {
			ids[at], names[at] = append(ids[at], f.IDs[0]), f.Package
		}
	}
	for at, list := range ids {
		better := ", and whether there is a better one is not known"
		x.Refused = append(x.Refused, fix.Refusal{File: at.file, Line: at.line, Package: names[at],
			Reason: "the newest version that is known has " + fix.Advisories(list) + better})
	}
}
