package pylock

import (
	"fmt"
	"slices"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

const ecosystem = "PyPI"

// Document returns the lock as an inventory: a locked component for each
// package, and what needs what. The packages that are Own are not in it, see
// the package's documentation. Of several scopes the weightiest is the
// component's Scope: none before an extra, that before a group, that before dev.
// The group that is named dev is dev: installers take it for those who work on
// the project and leave it out of what they ship.
// https://docs.astral.sh/uv/concepts/projects/dependencies/#development-dependencies
func (f *File) Document() *sbom.Document {
	d := &sbom.Document{Name: f.Name, Gaps: slices.Clone(f.Gaps)}
	for i := range f.Packages {
		if !f.Packages[i].Own {
			d.Components = append(d.Components, f.component(&f.Packages[i]))
		}
	}
	steps, complete := 0, true
	d.Dependencies = f.dependencies(func(n int) bool {
		steps += n
		complete = steps <= limit.LockSteps
		return complete
	})
	if !complete {
		d.Gaps = append(d.Gaps, sbom.NewGap(sbom.GapTooLarge, f.Name, 0, fmt.Sprintf("the graph of the lock has more than %d edges and is left out", limit.LockSteps)))
	}
	d.Normalize()
	return d
}

func (f *File) component(p *Package) sbom.Component {
	scopes := documented(p.Scopes)
	c := sbom.Component{
		Name: p.Name, Version: p.Version, Ecosystem: ecosystem, PURL: sbom.PyPIPURL(p.Name, p.Version),
		Evidence: sbom.Locked, Locations: []sbom.Location{{File: f.Name, Line: p.Line}},
		Extras: p.Extras, URL: p.Source.URL, Hashes: p.Hashes, Scope: weightiest(scopes),
	}
	if len(scopes) > 1 {
		c.Scopes = scopes
	}
	if p.Marker != nil {
		c.Marker = p.Marker.String()
	}
	return c
}

// mostScopes is how many scopes a component tells. What more groups and extras
// than that need counts as needed by the application itself.
const mostScopes = 16

// documented returns the scopes of a component, sorted; nil for runtime.
func documented(scopes []string) []string {
	if len(scopes) > mostScopes {
		return nil
	}
	out := slices.Clone(scopes)
	for i := range out {
		if out[i] == "group:dev" {
			out[i] = "dev"
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// dependencies returns the graph between components. A need that the lock does
// not hold, because it never counts where the lock does, is not in it; Pipenv
// notes no needs at all. It is nil when spend refuses, see graph.
func (f *File) dependencies(spend func(int) bool) []sbom.Dependency {
	if f.Kind == Pipenv {
		return nil
	}
	g := newGraph(f.Packages)
	g.spend = spend
	purls := make([]string, len(f.Packages))
	for i := range f.Packages {
		purls[i] = sbom.PyPIPURL(f.Packages[i].Name, f.Packages[i].Version)
	}
	var out []sbom.Dependency
	for i := range f.Packages {
		p := &f.Packages[i]
		if p.Own {
			continue
		}
		d := sbom.Dependency{PURL: purls[i]}
		for _, need := range p.Dependencies {
			for _, j := range g.resolve(need) {
				if !f.Packages[j].Own && purls[j] != purls[i] {
					d.DependsOn = append(d.DependsOn, purls[j])
				}
			}
		}
		out = append(out, d)
	}
	if g.full {
		return nil
	}
	return out
}
