package vuln

import (
	"slices"

	"github.com/tallyman/tallyman/sbom"
)

// scopes says what the components at a place are for, "runtime" among them. A
// place without a component of a scope of its own is not in it. A constraint
// brings nothing in, so that it is for nothing.
type scopes map[place][]string

func scopesAt(all []sbom.Component) scopes {
	s := scopes{}
	each := func(do func(c *sbom.Component, at place)) {
		for i := range all {
			for _, l := range all[i].Locations {
				do(&all[i], place{all[i].NormalName(), l})
			}
		}
	}
	each(func(c *sbom.Component, at place) {
		if c.Constraint || scopeOf(c) != runtime || len(c.Scopes) > 0 {
			s[at] = nil
		}
	})
	each(func(c *sbom.Component, at place) {
		if known, named := s[at]; named && !c.Constraint {
			s[at] = withScopes(known, c.AllScopes())
		}
	})
	return s
}

// withScopes adds scopes to those known, each once.
func withScopes(known, more []string) []string {
	for _, scope := range more {
		switch {
		case slices.Contains(known, scope):
		case len(known) >= mostScopes:
			known = []string{runtime, scope}
		default:
			known = append(known, scope)
		}
	}
	return known
}

// mostScopes is how many scopes are told of one package at one place. What has
// more is for anything, runtime included.
const mostScopes = 16

// runtime is the scope of what has no other.
const runtime = "runtime"

func scopeOf(c *sbom.Component) string {
	if c.Scope == "" {
		return runtime
	}
	return c.Scope
}

// of are the scopes of a finding, sorted; nil when there is only runtime.
func (s scopes) of(f *Finding) []string {
	var out []string
	name := sbom.NormalName(f.Ecosystem, f.Package)
	for _, l := range f.Locations {
		known, named := s[place{name, l}]
		if !named {
			known = []string{runtime}
		}
		out = append(out, known...)
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) == 1 && out[0] == runtime {
		return nil
	}
	return out
}
