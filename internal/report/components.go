package report

import (
	"cmp"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// maxFromColumn is how much is shown of where a component was installed from: the
// beginning, which names the host, and the end, which names the file or commit.
const maxFromColumn = 56

// components lists the inventory where it is what was asked for.
func (t *text) components() {
	if t.r.Command != "sbom" || len(t.r.Components) == 0 {
		return
	}
	t.section("Components", "")
	names, versions := 0, 0
	scoped, installers := t.scoped(), t.installers()
	for i := range t.r.Components {
		c := &t.r.Components[i]
		names = min(max(names, cells(t.word(c.Name))), maxNameColumn)
		versions = min(max(versions, cells(t.word(cmp.Or(c.Version, c.Specifier)))), maxFixColumn)
	}
	for i := range t.r.Components {
		c := &t.r.Components[i]
		var at []seen
		for _, l := range c.Locations {
			at = append(at, seen{c.Evidence, l, compiled(c.Ecosystem, l), true})
		}
		head := pad(t.word(c.Name), names) + "  " + pad(t.word(cmp.Or(c.Version, c.Specifier)), versions) + "  " + pad(t.word(c.Ecosystem), 9) + "  "
		said := t.said(c, scoped[nameAndVersion(c)], installers > 1)
		where, _ := t.places(at, t.width-2-cells(head)-cells(said))
		t.line("  ", head+where+said)
	}
}

// said is what tells a component from the others of the inventory, in brackets:
// its scope, how it came there.
func (t *text) said(c *sbom.Component, scope, installer bool) string {
	var words []string
	if scope {
		words = append(words, t.word(cmp.Or(c.Scope, "runtime")))
	}
	if grade := c.Evidence; grade == sbom.Claimed || t.opts.Verbose && (grade == sbom.Verified || grade == sbom.OSOwned) {
		words = append(words, string(grade))
	}
	if c.Installer != "" && installer {
		words = append(words, "by "+t.word(c.Installer))
	}
	if c.Requested {
		words = append(words, "requested")
	}
	if c.Editable {
		words = append(words, "editable")
	}
	if installed := c.Evidence == sbom.Installed || c.Evidence == sbom.Verified; installed && c.URL != "" {
		from := t.clean(c.URL)
		if !t.opts.Verbose {
			from = keepEnds(from, maxFromColumn)
		}
		words = append(words, "from "+from)
	}
	if len(words) == 0 {
		return ""
	}
	return " [" + strings.Join(words, ", ") + "]"
}

// installers counts the tools that installed something.
func (t *text) installers() int {
	found := map[string]bool{}
	for i := range t.r.Components {
		if by := t.r.Components[i].Installer; by != "" {
			found[by] = true
		}
	}
	return len(found)
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
