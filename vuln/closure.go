package vuln

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

//go:embed closure.txt
var closureTable string

// root is the package whose own requirements are in the table.
const root = "gradio"

// release is one release of the table.
type release struct {
	version pep440.Version
	// requirements are by extra, "" for those that it always has.
	requirements map[string][]pep508.Requirement
	// named are those of which no range is known.
	named []pep508.Requirement
}

// closures reads the table.
func closures(table string) ([]release, error) {
	var out []release
	extra := ""
	for text := range strings.Lines(table) {
		text = strings.TrimSpace(text)
		switch {
		case text == "" || text[0] == '#':
		case strings.HasPrefix(text, "== "+root+" "):
			v, err := pep440.Parse(text[len("== "+root+" "):])
			if err != nil {
				return nil, fmt.Errorf("reading %q: %w", text, err)
			}
			out, extra = append(out, release{version: v, requirements: map[string][]pep508.Requirement{}}), ""
		case text[0] == '[':
			extra = strings.Trim(text, "[]")
		default:
			name, bare := strings.CutPrefix(text, "? ")
			r, err := pep508.Parse(name)
			if err != nil || len(out) == 0 {
				return nil, fmt.Errorf("reading %q: %w", text, err)
			}
			of := &out[len(out)-1]
			if bare {
				of.named = append(of.named, r)
			} else {
				of.requirements[extra] = append(of.requirements[extra], r)
			}
		}
	}
	return out, nil
}

// place is where a requirement is implied: a package, and the line that
// brings it in.
type place struct {
	name string
	at   sbom.Location
}

// imply adds what the requirements of gradio bring in where nothing else tells
// it: neither a lock nor an installation that has gradio, nor a requirement
// file that names all of its packages with exact versions. It is not added to
// the inventory, only matched. A release that is not in the table is a gap.
func (m *matcher) imply(doc *sbom.Document) []sbom.Component {
	components := doc.Components
	asked := asking(components)
	if len(asked) == 0 {
		return components
	}
	table, err := closures(closureTable)
	if err != nil {
		panic("vuln: the embedded table of closures: " + err.Error())
	}
	compiled := compiledFiles(components)
	components = slices.Clone(components)
	var open []opening
	judged := 0
	for _, c := range asked {
		places := c.Locations
		if len(places) == 0 {
			places = []sbom.Location{{}}
		}
		i := slices.IndexFunc(table, func(r release) bool { return sameRelease(r.version, c.Version) })
		for _, at := range places {
			switch {
			case compiled[at.File]:
			case i < 0:
				open = append(open, opening{c, at, nil})
			case judged == limit.ClosureLines:
				m.gapAt(c, at, sbom.GapTooLarge, fmt.Sprintf("more than %d lines name %s: what it brings in is not judged from here on", judged, root))
				judged++
			case judged < limit.ClosureLines:
				judged++
				components = append(components, m.implied(c, at, &table[i])...)
				if table[i].named != nil {
					open = append(open, opening{c, at, table[i].named})
					m.nameOnly(c, at, &table[i])
				}
			}
		}
	}
	m.openClosures(open)
	return components
}

// asking are the lines that ask for gradio; none where gradio is locked or
// installed, which says itself what it brings in.
func asking(components []sbom.Component) []*sbom.Component {
	var asked []*sbom.Component
	for i := range components {
		c := &components[i]
		if c.Ecosystem != pypi || c.NormalName() != root {
			continue
		}
		switch {
		case c.Evidence == sbom.Locked || c.Evidence == sbom.Installed || c.Evidence == sbom.Verified || c.Evidence == sbom.OSOwned:
			return nil
		case isLine(c) && !c.Constraint:
			asked = append(asked, c)
		}
	}
	return asked
}

// sameRelease reports whether a text is a version, however it is spelled.
func sameRelease(v pep440.Version, text string) bool {
	w, err := pep440.Parse(text)
	return err == nil && w.Equal(v)
}

// opening is a line whose closure is not known: nothing of it, or no more than
// the names.
type opening struct {
	component *sbom.Component
	at        sbom.Location
	named     []pep508.Requirement
}

// openClosures says what is not known, once a file and kind: at the first line,
// with how many more there are.
func (m *matcher) openClosures(open []opening) {
	type key struct {
		file, layer string
		named       bool
	}
	byFile := map[key][]opening{}
	for _, o := range open {
		k := key{o.at.File, o.at.Layer, o.named != nil}
		byFile[k] = append(byFile[k], o)
	}
	for k, list := range byFile {
		first := slices.MinFunc(list, func(a, b opening) int { return sbom.CompareLocations(a.at, b.at) })
		what := strings.TrimSpace(first.component.Name + " " + first.component.Specifier)
		if len(list) > 1 {
			what = fmt.Sprintf("%s, and %s at %d more lines here,", what, root, len(list)-1)
		}
		reason := "what " + what + " brings in is not known: no lock says it"
		if k.named {
			reason = fmt.Sprintf("in which versions %s brings in %s is not known: no lock says it", what, namesOfRequirements(first.named))
		}
		m.gapAt(first.component, first.at, sbom.GapClosure, reason)
	}
}

// namesOfRequirements lists the first names, and counts the rest.
func namesOfRequirements(list []pep508.Requirement) string {
	const most = 4
	var names []string
	for i, r := range list {
		if i == most {
			return fmt.Sprintf("%s and %d more packages", strings.Join(names, ", "), len(list)-most)
		}
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

// implied returns what one release brings in at one line, with its extras.
func (m *matcher) implied(c *sbom.Component, at sbom.Location, r *release) []sbom.Component {
	var out []sbom.Component
	for _, extra := range append([]string{""}, c.Extras...) {
		through := root + " " + r.version.String()
		if extra != "" {
			through = root + "[" + extra + "] " + r.version.String()
		}
		for _, q := range r.requirements[extra] {
			one := sbom.Component{
				Name: q.Name, Specifier: q.Specifiers.String(), Ecosystem: pypi, Evidence: sbom.Assumed,
				Locations: []sbom.Location{at}, Extras: q.Extras, Scope: c.Scope,
			}
			if pin, ok := q.Specifiers.Pin(); ok {
				one.Version = pin.String()
			}
			one.PURL = sbom.PyPIPURL(one.Name, one.Version)
			if marker := joinMarkers(c.Marker, q.Marker); marker != "" {
				one.Marker = marker
			}
			m.through[place{one.NormalName(), at}] = through
			out = append(out, one)
		}
	}
	return out
}

// nameOnly remembers what a release brings in in versions that are not known.
func (m *matcher) nameOnly(c *sbom.Component, at sbom.Location, r *release) {
	for _, q := range r.named {
		one := sbom.Component{
			Name: q.Name, Ecosystem: pypi, Evidence: sbom.Assumed, PURL: sbom.PyPIPURL(q.Name, ""),
			Locations: []sbom.Location{at}, Scope: c.Scope, Marker: joinMarkers(c.Marker, q.Marker),
		}
		m.through[place{one.NormalName(), at}] = root + " " + r.version.String()
		m.nameless = append(m.nameless, one)
	}
}

// namesOnly judges what comes in versions that are not known: whatever the range
// is, only what every version has is sure. A line for the package says more.
func (m *matcher) namesOnly(ctx context.Context, lines map[string][]*line) error {
	for i := range m.nameless {
		c := &m.nameless[i]
		name := c.NormalName()
		if len(lines[name]) > 0 || !m.applies(c.Marker) {
			continue
		}
		list, err := m.lookup(ctx, subject{pypi, name})
		if err != nil && !errors.Is(err, ErrNoEcosystem) {
			return fmt.Errorf("looking up advisories for %q: %w", name, err)
		}
		if len(list) == 0 {
			continue
		}
		v := m.packOf(name, list).anything()
		for j := range v.findings {
			if one := &v.findings[j]; one.verdict == Forced {
				f := newFinding(c, one.group)
				f.Verdict, f.Basis = Forced, one.group.basisOr(one.basis)
				m.add(f)
			}
		}
	}
	return nil
}

// anything is what the advisories say of a package without a range.
func (p *pack) anything() *rangeVerdicts {
	v := p.verdicts[""]
	if v == nil {
		v = p.judge(&admitted{set: pep440.All()})
		p.verdicts[""] = v
	}
	return v
}

// applies reports whether a marker holds, or may, in one of the environments.
func (m *matcher) applies(marker string) bool {
	parsed, err := pep508.ParseMarker(marker)
	return marker == "" || err != nil || slices.ContainsFunc(m.environments, func(e Environment) bool {
		return parsed.Evaluate(e.Markers) != pep508.False
	})
}

// capsOf names what implied requirements of a demand keep a version out, as
// Finding.Caps has them.
func (m *matcher) capsOf(lines []*line, v pep440.Version) []string {
	var out []string
	for _, l := range lines {
		c := l.component
		if c.Evidence == sbom.Assumed && l.unread == "" && !l.specifiers.Set().Contains(v) {
			if by := m.through[place{c.NormalName(), l.at}]; by != "" {
				out = append(out, c.Name+c.Specifier+" ("+by+")")
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// joinMarkers returns the marker of what holds under both.
func joinMarkers(outer string, inner *pep508.Marker) string {
	if outer == "" {
		return inner.String()
	}
	if m, err := pep508.ParseMarker(outer); err == nil {
		return m.And(inner).String()
	}
	return outer // it cannot be read, and says so where it is used
}

// compiledFiles are the files that name gradio's client and nothing without an
// exact version: somebody had them resolved.
func compiledFiles(components []sbom.Component) map[string]bool {
	client, loose := map[string]bool{}, map[string]bool{}
	for i := range components {
		c := &components[i]
		if c.Ecosystem != pypi || c.Constraint || c.Evidence != sbom.Declared {
			continue
		}
		for _, at := range c.Locations {
			loose[at.File] = loose[at.File] || c.Version == ""
			client[at.File] = client[at.File] || c.NormalName() == "gradio-client"
		}
	}
	for file := range client {
		client[file] = client[file] && !loose[file]
	}
	return client
}
