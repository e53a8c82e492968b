package fix

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/vuln"
)

// carrier is the package that brings in what no line names: "gradio" of
// "gradio[mcp] 6.25.0".
func (n *need) carrier() string {
	name, _, _ := strings.Cut(n.through, " ")
	name, _, _ = strings.Cut(name, "[")
	return sbom.NormalName("PyPI", name)
}

// outdated reports whether the line that brings a package in is edited, so that
// another version of it brings in what it will.
func (n *need) outdated(carriers []*site) bool {
	_, version, _ := strings.Cut(n.through, " ")
	return len(carriers) == 1 && carriers[0].planned != nil && !strings.Contains(carriers[0].planned.text, version)
}

// accompany cures what comes through another package: a requirement of its own
// is written beside that package's, which leaves the package as it is.
func (p *planner) accompany(n *need, f *file) {
	carriers := f.at(n.line, n.carrier())
	if n.outdated(carriers) {
		return
	}
	p.openFindings(n)
	target := n.begin()
	if p.imposed(n, target) {
		return
	}
	if _, ok := f.grammar.(spaceGrammar); ok && len(carriers) == 1 && target.IsValid() && p.intoRequirements(n, target) {
		return
	} else if ok || len(carriers) != 1 || !target.IsValid() || target.IsPrerelease() || n.conditional() {
		if n.target().IsValid() || len(n.exclude) > 0 {
			p.refuse(n, "", "it comes through %s: %s", n.through, f.byHand(n))
		}
		return
	}
	s := carriers[0]
	if s.compiled {
		p.compiled(n, s.by, s.hashed, s.refuse)
		return
	}
	at, with, ok := f.beside(s, n.name+">="+target.String())
	if !ok || s.refuse != "" {
		p.refuse(n, "", "it comes through %s: %s", n.through, f.byHand(n))
		return
	}
	own := &site{lineName: lineName{n.line, n.normal()}, text: n.name + ">=" + target.String(), locate: locate}
	if p.withheld(n, f.name, n.line, own.text) {
		return
	}
	f.accept(&planned{
		site: own, text: own.text, from: at, to: at, with: with, added: true, floor: target,
		edit: Edit{File: f.name, Line: n.line, Package: n.name, New: own.text,
			Reason: "comes through " + n.through + "; cures " + n.reason(target)},
	})
}

// accept takes a requirement that is to be added. A requirements file is
// installed as a whole, so that one line for a package does: the first of two
// places, with the later version. One that has a marker stands for itself.
func (f *file) accept(c *planned) {
	i := slices.IndexFunc(f.changes, func(o *planned) bool {
		return o.added && o.site.name == c.site.name && !strings.Contains(o.with+c.with, ";")
	})
	if _, whole := f.grammar.(requirementGrammar); !whole || i < 0 {
		f.changes = append(f.changes, c)
		return
	}
	first, version := f.changes[i], f.changes[i]
	if c.from < first.from {
		first = c
	}
	if c.floor.Compare(version.floor) > 0 {
		version = c
	}
	one := *first
	one.with = strings.Replace(first.with, first.text, version.text, 1)
	one.text, one.floor, one.edit.New, one.edit.Reason = version.text, version.floor, version.edit.New, version.edit.Reason
	site := *first.site
	site.text, one.site = version.text, &site
	f.changes[i] = &one
}

// imposed reports whether the package that brings in what a need is about asks
// for versions of it that leave the target out, so that a requirement beside it
// could not be installed, and names the caps. It names those of the open
// findings too, which a lower target leaves open.
func (p *planner) imposed(n *need, target pep440.Version) (forbidden bool) {
	wanted := later(target, n.capped)
	caps, ids := n.caps(wanted)
	if len(caps) == 0 {
		return false
	}
	p.refuse(n, "", "%s cures %s, and the cap %s prevents it", wanted, names(ids), (&capError{caps}).list())
	if target.IsValid() {
		caps, _ = n.caps(target)
	}
	return len(caps) > 0
}

// caps are the caps that the findings of a need name and that leave a version
// out, sorted, and the advisories of those findings. One that cannot be read
// leaves every version out.
func (n *need) caps(v pep440.Version) (out, ids []string) {
	for _, f := range n.findings {
		for _, c := range f.Caps {
			text, _, _ := strings.Cut(c, " (")
			r, err := pep508.Parse(text)
			if err != nil || v.IsValid() && !r.Specifiers.Contains(v, pep440.PrereleasesAllowed) {
				out, ids = append(out, c), append(ids, firstID(f))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), ids
}

// conditional reports whether the package comes in some environments only, so
// that a line that names it would bring it into the others.
func (n *need) conditional() bool {
	return slices.ContainsFunc(n.findings, func(f *vuln.Finding) bool { return len(f.Environments) > 0 })
}

// byHand says what to write where nothing is added.
func (f *file) byHand(n *need) string {
	if _, ok := f.grammar.(spaceGrammar); ok {
		return "write " + n.asks() + " into requirements.txt beside it by hand"
	}
	return "write " + n.asks() + " beside it by hand"
}

// beside returns what to insert, and where, so that a requirement stands right
// behind another one: as the next item of a list, the next word of a command,
// or on a line of its own. The file is read again with it, see check.
func (f *file) beside(s *site, text string) (at int, with string, ok bool) {
	if _, marker, found := strings.Cut(s.text, ";"); found && strings.TrimSpace(marker) != "" {
		text += " ; " + strings.TrimSpace(marker)
	}
	quote := byte(0)
	if s.from > 0 && s.to < len(f.data) && f.data[s.from-1] == f.data[s.to] && strings.IndexByte(`"'`, f.data[s.to]) >= 0 {
		quote, at = f.data[s.to], s.to+1
	} else if s.from < s.to && f.data[s.from] == f.data[s.to-1] && strings.IndexByte(`"'`, f.data[s.from]) >= 0 {
		quote, at = f.data[s.from], s.to
	}
	switch f.grammar.(type) {
	case requirementGrammar:
		return f.ownLine(s, text)
	case dockerGrammar:
		if strings.Contains(text, `"`) || s.offsets == nil && s.write == nil || s.nested {
			return 0, "", false
		}
		return s.to, ` "` + text + `"`, true
	case projectGrammar, literalGrammar:
		switch {
		case s.key != "":
			name, version, _ := strings.Cut(text, ">=")
			return f.ownLine(s, name+` = ">=`+version+`"`)
		case quote != 0 && strings.IndexByte(text, quote) < 0:
			return at, ", " + string(quote) + text + string(quote), true
		case quote == 0:
			return f.ownLine(s, text)
		}
	}
	return 0, "", false
}

// ownLine is the line behind that of a requirement, indented likewise.
func (f *file) ownLine(s *site, text string) (at int, with string, ok bool) {
	from := bytes.LastIndexByte(f.data[:s.from], '\n') + 1
	indent := string(bytes.TrimPrefix(f.data[from:s.from], []byte("\ufeff")))
	if s.key != "" {
		indent = indent[:len(indent)-len(strings.TrimLeft(indent, " \t"))]
	}
	if strings.Trim(indent, " \t-") != "" {
		return 0, "", false
	}
	for at = s.to; ; at++ {
		n := bytes.IndexByte(f.data[at:], '\n')
		if n < 0 {
			at = len(f.data)
			break
		}
		at += n
		if !bytes.HasSuffix(bytes.TrimSuffix(f.data[from:at], []byte("\r")), []byte(`\`)) {
			break
		}
	}
	end := "\n"
	if bytes.HasSuffix(f.data[:at], []byte("\r")) || at == len(f.data) && bytes.Contains(f.data, []byte("\r\n")) {
		end = "\r\n"
	}
	if bytes.HasSuffix(f.data[:at], []byte("\r")) {
		at--
	}
	return at, end + indent + text, true
}

// elsewhere reports whether another place of the same findings is one that is
// edited, so that this one needs no edit of its own.
func (p *planner) elsewhere(n *need) bool {
	for _, f := range n.findings {
		if !slices.ContainsFunc(f.Locations, func(l sbom.Location) bool {
			other, err := p.load(p.below(l.File))
			return err == nil && slices.ContainsFunc(other.at(l.Line, n.normal()), func(s *site) bool { return s.refuse == "" })
		}) {
			return false
		}
	}
	return len(n.findings) > 0
}

// takeAdded removes from what a file declares with its changes the requirements
// that were added, and returns the changes of which it has not exactly what was
// meant.
func takeAdded(after []declaration, changes []*planned) (rest []declaration, bad []*planned) {
	for _, c := range changes {
		if !c.added {
			continue
		}
		i := slices.IndexFunc(after, func(d declaration) bool {
			got, err := pep440.ParseSpecifiers(d.specifier)
			want, bad := c.site.locate(c.text)
			return err == nil && bad == nil && d.name == c.site.name && d.line >= c.site.line && got.Set().Equal(want.set())
		})
		if i < 0 {
			bad = append(bad, c)
			continue
		}
		after = slices.Delete(slices.Clone(after), i, i+1)
	}
	return after, bad
}
