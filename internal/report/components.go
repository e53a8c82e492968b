package report

import (
	"cmp"

	"github.com/tallyman/tallyman/sbom"
)

// components lists the inventory where it is what was asked for.
func (t *text) components() {
	if t.r.Command != "sbom" || len(t.r.Components) == 0 {
		return
	}
	t.section("Components", "")
	names, versions := 0, 0
	scoped := t.scoped()
	for i := range t.r.Components {
		c := &t.r.Components[i]
		names = min(max(names, cells(t.word(c.Name))), maxNameColumn)
		versions = min(max(versions, cells(t.word(cmp.Or(c.Version, c.Specifier)))), maxFixColumn)
	}
	for i := range t.r.Components {
		c := &t.r.Components[i]
		var at []seen
		for _, l := range c.Locations {
			at = append(at, seen{c.Evidence, l})
		}
		head := pad(t.word(c.Name), names) + "  " + pad(t.word(cmp.Or(c.Version, c.Specifier)), versions) + "  " + pad(t.word(c.Ecosystem), 9) + "  "
		scope := ""
		if scoped[nameAndVersion(c)] {
			scope = " [" + t.word(cmp.Or(c.Scope, "runtime")) + "]"
		}
		where, _ := t.places(at, t.width-2-cells(head)-cells(scope))
		t.line("  ", head+where+scope)
	}
}

// scoped are the components that the inventory has in more than one scope, and
// that look alike without it.
func (t *text) scoped() map[[3]string]bool {
	first, out := map[[3]string]string{}, map[[3]string]bool{}
	for i := range t.r.Components {
		c := &t.r.Components[i]
		key := nameAndVersion(c)
		if scope, seen := first[key]; seen && scope != c.Scope {
			out[key] = true
		}
		first[key] = c.Scope
	}
	return out
}

func nameAndVersion(c *sbom.Component) [3]string {
	return [3]string{c.Ecosystem, c.NormalName(), cmp.Or(c.Version, c.Specifier)}
}
