package sbom

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// Distrust takes back what a document of an SBOM file that calls itself
// tallyman's cannot be believed: anybody can write such a file, so nothing in it
// may silence what it lists. What it finds is a Gap; a document that says
// nothing strange stays as it is, and so does one that was distrusted before.
//
//   - Name, version, ecosystem and source package are those of the package
//     URL; another word is a conflict.
//   - A constraint that names one version, or that is no line of a manifest, is
//     matched like any other component. One that leaves a choice narrows what
//     other lines ask for, and stays a constraint.
//   - A claim with a version is the user's own word, see [FromSBOM].
//   - What comes from a URL and has no version has a gap.
//   - What is said to be there only to develop, to build or to show is a group
//     of that name, which gates; what is said to be the platform's own and has
//     no advisories is declared, which hides.
//
// What evidence os-owned is worth is decided in matching, where the owner has
// to be a package of a distribution.
func (d *Document) Distrust() {
	packages, places := map[string]bool{}, map[Location]bool{}
	for _, g := range d.Gaps {
		if g.Kind == GapUnversioned {
			packages[g.Package] = g.Package != ""
			places[Location{File: g.File, Line: g.Line, Layer: g.Layer}] = true
		}
	}
	unversioned := func(c *Component) bool {
		return packages[c.NormalName()] || slices.ContainsFunc(c.Locations, func(at Location) bool { return at.Line > 0 && places[at] })
	}
	for i := range d.Components {
		c := &d.Components[i]
		for _, g := range c.holdToURL() {
			if !d.tells(g) {
				d.Gaps = append(d.Gaps, g)
			}
		}
		if c.Constraint && !c.onlyNarrows() {
			c.Constraint = false
		}
		if c.Evidence == Claimed && c.Version != "" {
			c.Evidence = Locked
		}
		c.Scopes = nil
		switch c.Scope {
		case "dev", "build", "demo", "base":
			c.Scope = "group:" + c.Scope
		}
		if c.Evidence == Assumed && c.Ecosystem == "" {
			c.Evidence = Declared
		}
		if c.Version == "" && c.URL != "" && !unversioned(c) {
			d.Gaps = append(d.Gaps, c.gap(GapUnversioned, fmt.Sprintf("%q comes from a URL and has no version", c.Name)))
		}
	}
	d.Normalize()
}

// tells reports whether the document has the gap already, wherever it places
// it: what another tool's document could not say was a gap without a place.
func (d *Document) tells(g Gap) bool {
	return slices.ContainsFunc(d.Gaps, func(has Gap) bool {
		return has.Kind == g.Kind && has.Package == g.Package && has.Reason == g.Reason && has.Hides
	})
}

func (c *Component) gap(kind GapKind, reason string) Gap {
	g := NewGap(kind, "", 0, reason)
	g.Package = c.NormalName()
	if len(c.Locations) > 0 {
		g.File, g.Line, g.Layer = c.Locations[0].File, c.Locations[0].Line, c.Locations[0].Layer
	}
	return g
}

// holdToURL makes the component what its package URL says, and returns a gap
// for everything that was something else. Without a URL only a component
// without an ecosystem can be, which is a gap of matching.
func (c *Component) holdToURL() (gaps []Gap) {
	if c.PURL == "" {
		if c.Ecosystem != "" {
			gaps = append(gaps, c.gap(GapConflict, fmt.Sprintf("%q is of %q and has no package URL", c.Name, c.Ecosystem)))
		}
		return gaps
	}
	url, err := FromPURL(c.PURL, "")
	if err != nil {
		return append(gaps, c.gap(GapUnparsed, fmt.Sprintf("%q: %v", c.Name, err)))
	}
	conflict := func(what, told, says string) {
		gaps = append(gaps, c.gap(GapConflict, fmt.Sprintf("the %s of %q is said to be %q and, by its package URL, %q", what, url.Name, told, says)))
	}
	if c.Ecosystem != url.Ecosystem {
		conflict("ecosystem", c.Ecosystem, url.Ecosystem)
		c.Ecosystem = url.Ecosystem
	}
	if c.NormalName() != url.NormalName() {
		conflict("name", c.Name, url.Name)
		c.Name = url.Name
	}
	if url.Version != "" && c.Version != url.Version {
		conflict("version", c.Version, url.Version)
		c.Version = url.Version
	}
	if told, says := c.sourcePackage(), url.sourcePackage(); told != says {
		conflict("source package", told, says)
		c.Source, c.SourceVersion = url.Source, url.SourceVersion
	}
	return gaps
}

// sourcePackage is the source package and its version in one text.
func (c *Component) sourcePackage() string {
	return cmp.Or(c.Source, c.NormalName()) + " " + cmp.Or(c.SourceVersion, c.Version)
}

// onlyNarrows reports whether a constraint is a line of a manifest that leaves
// a choice of versions.
func (c *Component) onlyNarrows() bool {
	if c.Evidence != Declared || c.Version != "" || strings.Contains(c.Specifier, "===") {
		return false
	}
	s, err := pep440.ParseSpecifiers(c.Specifier)
	if err != nil {
		return false
	}
	_, single := s.Pin()
	return !single
}
