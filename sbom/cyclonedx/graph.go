package cyclonedx

import (
	"cmp"
	"encoding/json"
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/tallyman/tallyman/sbom"
)

// dependencies gives the graph between components. refs are the references of
// d.Components. Where several components have one package URL, one stands for
// all. What names a package URL of no component goes to a property as well.
// https://cyclonedx.org/docs/1.6/json/#dependencies
func dependencies(d *sbom.Document, refs []string) (*[]cdx.Dependency, []cdx.Property, error) {
	at := d.ByPURL()
	var out []cdx.Dependency
	var rest []cdx.Property
	for _, one := range d.Dependencies {
		whole := true
		needs := []string{}
		for _, purl := range one.DependsOn {
			if i, ok := at[purl]; ok {
				needs = append(needs, refs[i])
			} else {
				whole = false
			}
		}
		if i, ok := at[one.PURL]; ok {
			out = append(out, cdx.Dependency{Ref: refs[i], Dependencies: &needs})
		} else {
			whole = false
		}
		if !whole {
			text, err := json.Marshal(one)
			if err != nil {
				return nil, nil, fmt.Errorf("writing CycloneDX: %w", err)
			}
			rest = append(rest, cdx.Property{Name: propDepends, Value: string(text)})
		}
	}
	if out == nil {
		return nil, rest, nil
	}
	return &out, rest, nil
}

// purls returns the package URLs of components by their references.
func purls(components []cdx.Component) map[string]string {
	out := make(map[string]string, len(components))
	for i := range components {
		if c := &components[i]; c.BOMRef != "" && c.PackageURL != "" {
			out[c.BOMRef] = c.PackageURL
		}
	}
	return out
}

// graph reads the dependencies between components that have package URLs, and
// returns the first reference to none of them, "" if there is no such.
func graph(bom *cdx.BOM, purls map[string]string) (out []sbom.Dependency, stray string) {
	for _, one := range list(bom.Dependencies) {
		purl, ok := purls[one.Ref]
		if !ok {
			stray = cmp.Or(stray, one.Ref)
			continue
		}
		d := sbom.Dependency{PURL: purl}
		for _, ref := range list(one.Dependencies) {
			if purl, ok := purls[ref]; ok {
				d.DependsOn = append(d.DependsOn, purl)
			} else {
				stray = cmp.Or(stray, ref)
			}
		}
		out = append(out, d)
	}
	return out, stray
}

// ownGraph reads the graph of a document that Encode wrote.
func ownGraph(d *sbom.Document, bom *cdx.BOM) error {
	found, stray := graph(bom, purls(list(bom.Components)))
	if stray != "" {
		return fmt.Errorf("a dependency refers to %q, which is no component: another tool changed a document of tallyman's", stray)
	}
	rest, err := fromJSON[sbom.Dependency](bom.Properties, propDepends)
	if err != nil {
		return err
	}
	d.Dependencies = append(found, rest...)
	return nil
}
