package vuln

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

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
			out, extra = append(out, release{v, map[string][]pep508.Requirement{}}), ""
		case text[0] == '[':
			extra = strings.Trim(text, "[]")
		default:
			r, err := pep508.Parse(text)
			if err != nil || len(out) == 0 {
				return nil, fmt.Errorf("reading %q: %w", text, err)
			}
			of := out[len(out)-1].requirements
			of[extra] = append(of[extra], r)
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
	var asked []*sbom.Component
	for i := range components {
		c := &components[i]
		if c.Ecosystem != pypi || c.NormalName() != root {
			continue
		}
		switch {
		case c.Evidence == sbom.Locked || c.Evidence == sbom.Installed || c.Evidence == sbom.Verified || c.Evidence == sbom.OSOwned:
			return components
		case isLine(c) && !c.Constraint:
			asked = append(asked, c)
		}
	}
	if len(asked) == 0 {
		return components
	}
	table, err := closures(closureTable)
	if err != nil {
		panic("vuln: the embedded table of closures: " + err.Error())
	}
	compiled := compiledFiles(components)
	components = slices.Clone(components)
	for _, c := range asked {
		places := c.Locations
		if len(places) == 0 {
			places = []sbom.Location{{}}
		}
		for _, at := range places {
			if compiled[at.File] {
				continue
			}
			i := slices.IndexFunc(table, func(r release) bool { return r.version.String() == c.Version })
			if i < 0 {
				m.gapAt(c, at, sbom.GapClosure, "what "+strings.TrimSpace(c.Name+" "+c.Specifier)+" brings in is not known: no lock says it")
				continue
			}
			components = append(components, m.implied(c, at, &table[i])...)
		}
	}
	return components
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
