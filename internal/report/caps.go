package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/vuln"
)

// capped says which clauses of which lines keep the version out that would cure
// a package: `capped by "pillow<12" at requirements.txt:3`. It is "" when none
// does, so that the version only has to be asked for.
func (t *text) capped(b *block, version string) string {
	v, err := pep440.Parse(version)
	if err != nil || b.ecosystem != "PyPI" || !slices.ContainsFunc(b.findings, func(f vuln.Finding) bool {
		return f.Fixed != "" && (len(capsOf(f.Specifier, v)) > 0 || len(f.Caps) > 0)
	}) {
		return ""
	}
	here := map[sbom.Location]bool{}
	for _, s := range b.places {
		here[s.location] = true
	}
	var out []string
	for i := range t.r.Components {
		c := &t.r.Components[i]
		if c.Ecosystem != b.ecosystem || c.NormalName() != sbom.NormalName(b.ecosystem, b.name) {
			continue
		}
		by := capsOf(c.Specifier, v)
		if len(by) == 0 {
			continue
		}
		for _, l := range c.Locations {
			if here[l] {
				out = append(out, fmt.Sprintf("%q at %s", t.clean(c.Name+strings.Join(by, ",")), t.clean(place(l.File, l.Line))))
			}
		}
	}
	for _, f := range b.findings {
		for _, by := range f.Caps {
			out = append(out, t.clean(by))
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if len(out) == 0 {
		return ""
	}
	return "capped by " + t.some(out)
}

// capsOf are the upper bounds and exclusions of a specifier that keep a version
// out. A pin is none: it is what has to be moved.
func capsOf(specifier string, v pep440.Version) []string {
	s, err := pep440.ParseSpecifiers(specifier)
	if err != nil {
		return nil
	}
	if _, pinned := s.Pin(); pinned {
		return nil
	}
	var out []string
	for _, c := range s.Clauses() {
		if one := c.Set(); !one.Contains(v) {
			out = append(out, c.String())
		}
	}
	return out
}
