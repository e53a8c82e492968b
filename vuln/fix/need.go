package fix

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/vuln"
)

// need is what the findings ask of one line.
type need struct {
	file string
	line int
	// name is the package as the findings spell it.
	name, ecosystem string
	layer           string
	// through names what brings it in, "" when a line does.
	through  string
	evidence sbom.Evidence
	findings []*vuln.Finding
	// floor is the version to begin at or to move to, the zero Version for
	// none; capped is where it would be were it not for a cap.
	floor, capped pep440.Version
	// exclude are single versions that must not be installed.
	exclude []string
	// remove says that every version is malicious.
	remove bool
	// open are the findings that no edit cures.
	open []*vuln.Finding
	// with is the line that a pin has to be installed with, "" when no line
	// asks more of it than its findings.
	with string
}

// planner is the state of one New.
type planner struct {
	fsys    fs.FS
	opts    Options
	files   map[string]*file
	refused []Refusal
	// constraints are the lines that only constrain, by file and line;
	// beside are all lines of a package, by normal name.
	constraints map[sbom.Location]bool
	beside      map[string][]place
	// overrides are the lines of a project's overrides, by file and package.
	overrides map[string]map[string]int
	// locks and recompiled are what tools have to make anew, by file.
	locks      map[string][]*need
	recompiled map[string]*recompiled
}

// place is one line of the inventory.
type place struct {
	file       string
	line       int
	specifier  string
	constraint bool
}

// constrain notes which lines of the inventory constrain which packages.
func (p *planner) constrain() {
	p.constraints, p.beside = map[sbom.Location]bool{}, map[string][]place{}
	for i := range p.opts.Components {
		c := &p.opts.Components[i]
		if !c.Constraint || c.Ecosystem != "PyPI" {
			continue
		}
		for _, at := range c.Locations {
			name := p.below(at.File)
			p.constraints[sbom.Location{File: name, Line: at.Line}] = true
			p.beside[c.NormalName()] = append(p.beside[c.NormalName()], place{name, at.Line, c.Specifier, true})
		}
	}
}

// below returns a location's path below the root.
func (p *planner) below(name string) string { return path.Join(p.opts.Dir, name) }

// needs returns what the findings ask for, sorted by file, line and package.
func (p *planner) needs(findings []vuln.Finding) []*need {
	type key struct {
		at   sbom.Location
		name string
	}
	all := map[key]*need{}
	for i := range findings {
		f := &findings[i]
		if !f.Verdict.Gating() && f.Verdict != vuln.Latent {
			continue
		}
		at := f.Locations
		if len(at) == 0 {
			at = []sbom.Location{{}}
		}
		for _, l := range at {
			if l.Layer == "" && l.File != "" {
				l.File = p.below(l.File)
				if line := p.overriding(l.File, sbom.NormalName(f.Ecosystem, f.Package)); line > 0 && f.Through == "" {
					l.Line = line
				}
			}
			k := key{l, sbom.NormalName(f.Ecosystem, f.Package)}
			n := all[k]
			if n == nil {
				n = &need{file: l.File, line: l.Line, layer: l.Layer, name: f.Package, ecosystem: f.Ecosystem, evidence: f.Evidence, through: f.Through}
				all[k] = n
			}
			n.add(f)
		}
	}
	out := make([]*need, 0, len(all))
	for _, n := range all {
		slices.Sort(n.exclude)
		n.exclude = slices.Compact(n.exclude)
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *need) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line), strings.Compare(a.name, b.name), strings.Compare(a.layer, b.layer))
	})
	return out
}

// add takes in one finding.
func (n *need) add(f *vuln.Finding) {
	n.findings = append(n.findings, f)
	n.exclude = append(n.exclude, f.Exclude...)
	floor, _ := pep440.Parse(f.Floor)
	fixed, _ := pep440.Parse(f.Fixed)
	switch {
	case floor.IsValid():
		n.floor = later(n.floor, floor)
	case len(f.Exclude) > 0:
	case fixed.IsValid():
		n.capped = later(n.capped, fixed)
		n.open = append(n.open, f)
	case f.Malicious && f.Verdict == vuln.Forced:
		n.remove = true
	default:
		n.open = append(n.open, f)
	}
}

func later(a, b pep440.Version) pep440.Version {
	if a.Compare(b) < 0 {
		return b
	}
	return a
}

// normal is the package's name to compare by.
func (n *need) normal() string { return sbom.NormalName(n.ecosystem, n.name) }

// target is the version that would cure all that some version does.
func (n *need) target() pep440.Version { return later(n.floor, n.capped) }

// asks is the requirement that a locking tool is to be given.
func (n *need) asks() string {
	switch {
	case n.target().IsValid():
		return n.name + ">=" + n.target().String()
	case len(n.exclude) > 0:
		return n.name + "!=" + strings.Join(n.exclude, ",!=")
	}
	return n.name
}

// maxIDs is how many advisories a reason names.
const maxIDs = 3

// reason says what an edit cures: the findings that are not open, and those
// that beginning at target cures.
func (n *need) reason(target pep440.Version) string {
	var ids []string
	for _, f := range n.findings {
		fixed, _ := pep440.Parse(f.Fixed)
		if !slices.Contains(n.open, f) || fixed.IsValid() && fixed.Compare(target) <= 0 {
			ids = append(ids, firstID(f))
		}
	}
	return names(ids)
}

// names counts the advisories and names the first ones.
func names(ids []string) string {
	slices.SortFunc(ids, vuln.CompareIDs)
	ids = slices.Compact(ids)
	word, more := "advisories", ""
	if len(ids) == 1 {
		word = "advisory"
	}
	if len(ids) > maxIDs {
		more = fmt.Sprintf(" and %d more", len(ids)-maxIDs)
		ids = ids[:maxIDs]
	}
	if more == "" && len(ids) == 1 {
		return word + " " + ids[0]
	}
	return word + " " + strings.Join(ids, ", ") + more
}

func firstID(f *vuln.Finding) string {
	switch {
	case len(f.IDs) > 0:
		return f.IDs[0]
	case len(f.Records) > 0:
		return f.Records[0]
	}
	return "of " + f.Package
}

// refuse notes that a need is not met.
func (p *planner) refuse(n *need, command, format string, args ...any) {
	p.refused = append(p.refused, Refusal{
		File: n.file, Line: n.line, Package: n.name, Command: command,
		Reason: sbom.RedactText(fmt.Sprintf(format, args...)),
	})
}
