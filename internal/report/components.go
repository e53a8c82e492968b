package report

import "cmp"

// components lists the inventory where it is what was asked for.
func (t *text) components() {
	if t.r.Command != "sbom" || len(t.r.Components) == 0 {
		return
	}
	t.section("Components", "")
	names, versions := 0, 0
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
		where, _ := t.places(at, t.width-2-cells(head))
		t.line("  ", head+where)
	}
}
