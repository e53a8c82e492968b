package fix

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/vuln"
)

// plan makes the edits of one line, or says why there are none.
func (p *planner) plan(n *need) {
	if n.layer != "" || n.file == "" {
		p.refuse(n, "", "it is installed in the image: build that anew from a cured manifest or base image")
		return
	}
	if n.ecosystem != "PyPI" && !isLock(n.file) {
		p.refuse(n, "", "only the manifests of Python packages are edited")
		return
	}
	if isLock(n.file) {
		p.locked(n)
		return
	}
	f, err := p.load(n.file)
	if err != nil {
		p.refuse(n, "", "%v", err)
		return
	}
	sites := f.at(n.line, n.normal())
	switch {
	case len(sites) > 0:
	case p.elsewhere(n):
		return
	case n.through != "" && f.grammar != nil && !n.remove:
		p.accompany(n, f)
		return
	default:
		p.refuse(n, "", "%s", f.whyNone(n))
		return
	}
	p.openFindings(n)
	for _, s := range sites {
		p.site(n, f, s)
	}
}

// openFindings says of the findings that have no cure why.
func (p *planner) openFindings(n *need) {
	var none, malware []string
	for _, f := range n.open {
		switch {
		case f.Fixed != "":
		case f.Malicious:
			malware = append(malware, firstID(f))
		default:
			none = append(none, firstID(f))
		}
	}
	if len(malware) > 0 {
		p.refuse(n, "", "it is malicious, see %s, and no version that is not is known: remove it by hand", names(malware))
	}
	if len(none) > 0 {
		p.refuse(n, "", "no fixed version is known for %s", names(none))
	}
}

// site edits one requirement.
func (p *planner) site(n *need, f *file, s *site) {
	switch {
	case s.compiled:
		p.compiled(n, s.by, s.hashed, s.refuse)
		return
	case s.refuse != "":
		p.refuse(n, "", "%s", s.refuse)
		return
	case n.remove:
		p.remove(n, f, s)
		return
	}
	target := p.target(n, s)
	if c, ok := p.raised(n, f, s, target); ok && !p.withheld(n, f.name, s.line, s.shown(c.apply(s.text))) {
		f.add(s, c, n, target)
	}
	if len(n.exclude) == 0 {
		return
	}
	text := s.text
	if s.planned != nil {
		text = s.planned.text
	}
	at, err := s.locate(text)
	if err != nil {
		p.refuse(n, "", "%v", err)
		return
	}
	if c, ok := at.without(n.exclude); ok {
		f.add(s, c, n, target)
	}
}

// withheld refuses an edit that whoever asked does not want.
func (p *planner) withheld(n *need, file string, line int, text string) bool {
	if p.opts.Withhold == nil {
		return false
	}
	why := p.opts.Withhold(Edit{File: file, Line: line, Package: n.name, New: text})
	if why != "" {
		p.refuse(n, "", "%s", why)
	}
	return why != ""
}

// target is the version that a line must begin at. A pin that only constrains
// has to move to where the findings would be cured, for which the requirements
// beside it leave room.
func (p *planner) target(n *need, s *site) pep440.Version {
	at, err := s.locate(s.text)
	if err != nil {
		return n.floor
	}
	if _, pinned := at.pin(); pinned {
		return later(n.floor, n.capped)
	}
	return n.begin()
}

// begin is the version that a range must begin at: the floor, or beyond it the
// version that cures the most of the open findings that everything which is
// required together admits. No known version is free of all then, but less is
// admitted than was, and what is left has no cure here.
func (n *need) begin() pep440.Version {
	begin := n.floor
	for _, f := range n.open {
		fixed, _ := pep440.Parse(f.Fixed)
		if s, err := pep440.ParseSpecifiers(f.Specifier); err == nil && fixed.IsValid() && s.Set().Contains(fixed) {
			begin = later(begin, fixed)
		}
	}
	return begin
}

// raised returns the change that lets a line begin at a version.
func (p *planner) raised(n *need, f *file, s *site, target pep440.Version) (c change, ok bool) {
	at, err := s.locate(s.text)
	if err != nil {
		p.refuse(n, "", "%v", err)
		return c, false
	}
	_, pinned := at.pin()
	if !pinned && n.capped.IsValid() && target.Compare(n.capped) < 0 {
		p.caps(n, at, target)
	}
	if !target.IsValid() {
		return c, false
	}
	if build := ownBuild(at); build != "" && !at.from(target) {
		p.refuse(n, "", "it names a build of its own (%s): choose the version by hand; %s cures %s", build, target, n.reason(target))
		return c, false
	}
	if target.IsPrerelease() && !at.prereleases() {
		p.refuse(n, "", "%s cures %s, and no final version is known that does", target, n.reason(target))
		return c, false
	}
	if why := p.against(n, s, target); why != "" {
		p.refuse(n, "", "%s", why)
		return c, false
	}
	c, ok, err = at.raise(target)
	if p.covered(n, at, target) {
		return change{}, false
	}
	var capped *capError
	switch {
	case errors.As(err, &capped):
		p.refuse(n, "", "%s would cure it, and %v", target, err)
	case err != nil:
		p.refuse(n, "", "%v", err)
	}
	// What was meant may do as it is, once it is quoted.
	return c, (ok || s.glued != "") && err == nil
}

// ownBuild returns the local version that a clause names, with its plus sign;
// "" when there is none. Such a build comes from an index of its own, where
// other versions have it under other names or not at all.
// https://packaging.python.org/en/latest/specifications/version-specifiers/#local-version-identifiers
func ownBuild(at spans) string {
	for _, c := range at.clauses {
		if _, local, found := strings.Cut(c.Text, "+"); found && c.Operator != pep440.Excluding {
			return "+" + local
		}
	}
	return ""
}

// caps names what keeps the fixed version of the open findings out that are not
// cured by beginning at a version.
func (p *planner) caps(n *need, at spans, begin pep440.Version) {
	var ids, by []string
	for _, f := range n.open {
		if fixed, _ := pep440.Parse(f.Fixed); fixed.IsValid() && begin.Compare(fixed) < 0 {
			ids = append(ids, firstID(f))
		}
	}
	for _, c := range at.clauses {
		if !c.set().Contains(n.capped) {
			by = append(by, at.text[c.from:c.to])
		}
	}
	moved := false
	for _, other := range p.constraining(n) {
		set, err := pep440.ParseSpecifiers(other.specifier)
		if len(by) > 0 || err != nil || set.Contains(n.capped, pep440.PrereleasesAllowed) {
			continue
		}
		if _, pinned := set.Pin(); pinned {
			moved = true
			continue
		}
		by = append(by, fmt.Sprintf("%s (%s:%d)", other.specifier, other.file, other.line))
	}
	imposed, _ := n.caps(n.capped)
	by = append(by, imposed...)
	if len(by) == 0 && moved {
		return
	}
	if len(by) == 0 {
		p.refuse(n, "", "%s cures %s, and another line for the package prevents it", n.capped, names(ids))
		return
	}
	p.refuse(n, "", "%s cures %s, and the cap %s prevents it", n.capped, names(ids), (&capError{by}).list())
}

// constraining are the other lines that only constrain what the findings of a
// need are about: those that the findings name. The constraints of another
// project in the tree say nothing here.
func (p *planner) constraining(n *need) []place {
	return slices.DeleteFunc(slices.Clone(p.beside[n.normal()]), func(c place) bool {
		return c.file == n.file && c.line == n.line || !slices.ContainsFunc(n.findings, func(f *vuln.Finding) bool {
			return slices.ContainsFunc(f.Locations, func(l sbom.Location) bool { return l.Line == c.line && p.below(l.File) == c.file })
		})
	})
}

// against names a constraint that would forbid what a requirement is raised to.
func (p *planner) against(n *need, s *site, target pep440.Version) string {
	for _, other := range p.constraining(n) {
		set, err := pep440.ParseSpecifiers(other.specifier)
		if err != nil {
			continue
		}
		if _, pinned := set.Pin(); !pinned && set.Set().Intersect(atLeast(target)).IsEmpty() {
			return fmt.Sprintf("%s would cure it, and the constraint %s (%s:%d) prevents it", target, other.specifier, other.file, other.line)
		}
	}
	return ""
}

// covered reports whether a constraint needs no edit, because the requirements
// that it constrains are raised and it leaves room for that.
func (p *planner) covered(n *need, at spans, target pep440.Version) bool {
	if !p.constrains(n) || !at.set().Contains(target) {
		return false
	}
	return slices.ContainsFunc(n.findings, func(f *vuln.Finding) bool {
		return slices.ContainsFunc(f.Locations, func(l sbom.Location) bool {
			name := p.below(l.File)
			if p.constraints[sbom.Location{File: name, Line: l.Line}] {
				return false
			}
			other, err := p.load(name)
			return err == nil && slices.ContainsFunc(other.at(l.Line, n.normal()), func(s *site) bool { return s.refuse == "" })
		})
	})
}

func (p *planner) constrains(n *need) bool {
	return p.constraints[sbom.Location{File: n.file, Line: n.line}] && p.overriding(n.file, n.normal()) != n.line
}

// remove takes a line out.
func (p *planner) remove(n *need, f *file, s *site) {
	from, to, ok := f.wholeLine(s)
	if !ok {
		p.refuse(n, "", "every version of it is malicious: remove it by hand, it does not stand on a line of its own")
		return
	}
	f.changes = append(f.changes, &planned{site: s, from: from, to: to, edit: Edit{
		File: n.file, Line: n.line, Package: n.name, Old: shown(s.text), Reason: "malicious, whatever the version: " + n.reason(pep440.Version{}),
	}})
}
