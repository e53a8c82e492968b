package pylock

import (
	"slices"

	"github.com/tallyman/tallyman/sbom"
)

const ecosystem = "PyPI"

// Document returns the lock as an inventory: a locked component for each
// package, and what needs what. The packages that are Own are not in it, see
// the package's documentation. A package of several scopes is listed under the
// weightiest: none before an extra, that before a group, that before dev.
func (f *File) Document() *sbom.Document {
	d := &sbom.Document{Name: f.Name, Gaps: slices.Clone(f.Gaps)}
	for i := range f.Packages {
		if !f.Packages[i].Own {
			d.Components = append(d.Components, f.component(&f.Packages[i]))
		}
	}
	d.Dependencies = f.dependencies()
	d.Normalize()
	return d
}

func (f *File) component(p *Package) sbom.Component {
	c := sbom.Component{
		Name: p.Name, Version: p.Version, Ecosystem: ecosystem, PURL: sbom.PyPIPURL(p.Name, p.Version),
		Evidence: sbom.Locked, Locations: []sbom.Location{{File: f.Name, Line: p.Line}},
		Extras: p.Extras, URL: p.Source.URL, Hashes: p.Hashes, Scope: weightiest(p.Scopes),
	}
	if p.Marker != nil {
		c.Marker = p.Marker.String()
	}
	return c
}

// dependencies returns the graph between components. A need that the lock does
// not hold, because it never counts where the lock does, is not in it; Pipenv
// notes no needs at all.
func (f *File) dependencies() []sbom.Dependency {
	g := newGraph(f.Packages)
	var out []sbom.Dependency
	for i := range f.Packages {
		p := &f.Packages[i]
		if p.Own || f.Kind == Pipenv {
			continue
		}
		d := sbom.Dependency{PURL: sbom.PyPIPURL(p.Name, p.Version)}
		for _, need := range p.Dependencies {
			for _, j := range g.resolve(need) {
				if q := &f.Packages[j]; !q.Own && j != i {
					d.DependsOn = append(d.DependsOn, sbom.PyPIPURL(q.Name, q.Version))
				}
			}
		}
		out = append(out, d)
	}
	return out
}
