package fix

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// member is a line that says which versions of a package one part of a project
// asks for: its dependencies, a group, an extra, or one requirements file.
type member struct {
	file   string
	line   int
	name   string
	scopes []string
	// text is what the line asks for, set the versions that do.
	text string
	set  pep440.Set
	// begin is the lowest version that is named as one that does, the zero
	// Version for none; pinned says that it is the only one.
	begin  pep440.Version
	pinned bool
	// movable says that the line can be edited, edited that it is.
	movable, edited bool
}

// maxMembers bounds how many lines of one project are held against one another
// for one package.
const maxMembers = 64

// developFile are the requirements files that are installed on top of the
// requirements.txt beside them, by how people name them.
var developFile = regexp.MustCompile(`^(?:requirements[-_.](?:dev|devel|develop|development|tests?|testing|lint|docs?|ci|tools)|(?:dev|tests?|docs?)[-_.]requirements)\.txt$`)

const mainFile = "requirements.txt"

// projectOf returns what is equal for files of which parts are installed
// together, "" for one that is installed alone.
func projectOf(file string) string {
	base := path.Base(file)
	switch {
	case base == "pyproject.toml", base == "Pipfile":
		return file
	case base == mainFile, developFile.MatchString(base):
		return path.Join(path.Dir(file), mainFile)
	}
	return ""
}

// beside reports whether two lines are of parts of a project of which one is
// installed on top of the other. Two groups, or two extras, may be meant to
// exclude each other. Lines of one part are judged together by the audit.
func (m *member) beside(o *member) bool {
	if m.file != o.file {
		return path.Base(m.file) == mainFile || path.Base(o.file) == mainFile
	}
	const always = "runtime"
	inM, inO := slices.Contains(m.scopes, always), slices.Contains(o.scopes, always)
	return path.Base(m.file) != mainFile && !developFile.MatchString(path.Base(m.file)) && inM != inO
}

// read takes in what a line asks for.
func (m *member) read(text string, at spans) {
	m.text, m.set = text, at.set()
	m.begin = pep440.Version{}
	pin, pinned := at.pin()
	if m.pinned = pinned; pinned {
		m.begin = pin.Version
		return
	}
	for _, c := range at.clauses {
		if op := at.operator(c); (op == ">=" || op == "~=" || op == "^" || op == "~") && c.Version.IsValid() {
			m.begin = later(m.begin, c.Version)
		}
	}
}

// members lists the lines of the inventory that count in every environment, by
// project and package. place says where a line of the inventory is.
func members(components []sbom.Component, place func(sbom.Location) sbom.Location) map[[2]string][]*member {
	out := map[[2]string][]*member{}
	for i := range components {
		c := &components[i]
		if c.Ecosystem != "PyPI" || c.Evidence != sbom.Declared || c.Marker != "" || c.URL != "" || c.Constraint {
			continue
		}
		for _, l := range c.Locations {
			at := place(l)
			project := projectOf(at.File)
			text := strings.TrimSpace(c.Name + " " + c.Specifier)
			spans, err := locate(text)
			key := [2]string{project, c.NormalName()}
			if l.Layer != "" || project == "" || err != nil || len(out[key]) >= maxMembers {
				continue
			}
			m := &member{file: at.File, line: at.Line, name: c.NormalName(), scopes: c.AllScopes()}
			m.read(c.Name+c.Specifier, spans)
			out[key] = append(out[key], m)
		}
	}
	return out
}

// Exclusive returns a gap at each of two lines that exclude each other though
// what they stand in is installed together: the dependencies of a project and
// one of its groups or extras, or requirements.txt and the requirements-dev.txt
// beside it. place says where a line of the inventory is; nil is as it says.
// The gaps are sorted.
func Exclusive(components []sbom.Component, place func(sbom.Location) sbom.Location) []sbom.Gap {
	if place == nil {
		place = func(l sbom.Location) sbom.Location { return l }
	}
	var out []sbom.Gap
	for _, list := range members(components, place) {
		for i, m := range list {
			for _, o := range list[:i] {
				if !m.beside(o) || !m.set.Intersect(o.set).IsEmpty() {
					continue
				}
				first, second := m, o
				if cmp.Or(strings.Compare(o.file, m.file), cmp.Compare(o.line, m.line)) < 0 {
					first, second = o, m
				}
				reason := fmt.Sprintf("no version satisfies %s (%s:%d) and %s (%s:%d), which are installed together",
					first.text, first.file, first.line, second.text, second.file, second.line)
				out = append(out, sbom.NewGap(sbom.GapConflict, first.file, first.line, reason), sbom.NewGap(sbom.GapConflict, second.file, second.line, reason))
			}
		}
	}
	slices.SortFunc(out, func(a, b sbom.Gap) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Reason, b.Reason))
	})
	return out
}

// raise is a version that a pin has to move to so that it can be installed with
// another line.
type raise struct {
	member
	to pep440.Version
	by *member
}

// apart returns the pins that the plan leaves below what a line that they are
// installed with begins at, and where they have to move. What an edit lets a
// line begin at is free of findings, and what is not edited has none.
func (p *planner) apart() []raise {
	lists := members(p.opts.Components, func(l sbom.Location) sbom.Location {
		l.File = p.below(l.File)
		return l
	})
	touched := map[[2]string]bool{}
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		for _, c := range p.files[name].changes {
			key := [2]string{projectOf(name), c.site.name}
			touched[key] = key[0] != ""
			at, err := locate(c.text)
			if !c.added || key[0] == "" || err != nil || strings.Contains(c.with, ";") {
				continue
			}
			m := &member{file: name, line: c.edit.Line, name: c.site.name, scopes: p.scopesOf(name, c.edit.Line), edited: true}
			m.read(c.text, at)
			lists[key] = append(lists[key], m)
		}
	}
	var out []raise
	for key, list := range lists {
		if !touched[key] {
			continue
		}
		for _, m := range list {
			p.settled(m)
		}
		for _, m := range list {
			if r := m.toward(list); r.to.IsValid() {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b raise) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line), strings.Compare(a.name, b.name))
	})
	return out
}

// toward is where a pin has to move.
func (m *member) toward(list []*member) (r raise) {
	if !m.pinned || !m.movable || m.begin.HasLocal() {
		return r
	}
	for _, o := range list {
		if o == m || !m.edited && !o.edited || !m.beside(o) || !o.begin.IsValid() || o.begin.IsPrerelease() || o.begin.HasLocal() {
			continue
		}
		if m.set.Intersect(o.set).IsEmpty() && o.set.Contains(o.begin) && m.begin.Compare(o.begin) < 0 && r.to.Compare(o.begin) < 0 {
			r = raise{*m, o.begin, o}
		}
	}
	return r
}

// settled fills in what a line asks for after the plan, and whether it can be
// edited.
func (p *planner) settled(m *member) {
	f, err := p.load(m.file)
	if err != nil || m.edited {
		return
	}
	sites := f.at(m.line, m.name)
	if len(sites) != 1 || sites[0].refuse != "" || sites[0].compiled {
		return
	}
	s := sites[0]
	m.movable = true
	if s.planned == nil || !slices.Contains(f.changes, s.planned) {
		return
	}
	if at, err := s.locate(s.planned.text); err == nil {
		m.edited = true
		m.read(s.planned.text, at)
	}
}

// scopesOf are what the requirements of a line are for.
func (p *planner) scopesOf(file string, line int) []string {
	var out []string
	for i := range p.opts.Components {
		c := &p.opts.Components[i]
		for _, l := range c.Locations {
			if l.Layer == "" && l.Line == line && p.below(l.File) == file {
				out = append(out, c.AllScopes()...)
			}
		}
	}
	return out
}

// agree has pins move to where they can be installed with other lines.
func (p *planner) agree(all []*need, raised []raise) []*need {
	for _, r := range raised {
		where := fmt.Sprintf("%s (%s:%d)", r.by.text, r.by.file, r.by.line)
		i := slices.IndexFunc(all, func(n *need) bool {
			return n.file == r.file && n.line == r.line && n.normal() == r.name && n.through == "" && n.layer == ""
		})
		if i < 0 {
			all = append(all, &need{file: r.file, line: r.line, name: r.name, ecosystem: "PyPI", evidence: sbom.Declared, floor: r.to, with: where})
			continue
		}
		all[i].floor, all[i].with = later(all[i].floor, r.to), where
	}
	return all
}

// why says why a line is to begin at a version.
func (n *need) why(target pep440.Version) string {
	switch {
	case n.with == "":
		return "cures " + n.reason(target)
	case len(n.findings) == 0:
		return "is installed together with " + n.with
	}
	return "cures " + n.reason(target) + "; is installed together with " + n.with
}
