package cyclonedx

import (
	"cmp"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/tallyman/tallyman/sbom"
)

// foreign reads a document of another tool.
func foreign(d *sbom.Document, bom *cdx.BOM) {
	var all []cdx.Component
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		// What the document is about is a component too if it has a package
		// URL of its own, and its parts are in any case.
		root := *bom.Metadata.Component
		all = flatten(nil, list(root.Components))
		if strings.HasPrefix(root.PackageURL, "pkg:") && !strings.HasPrefix(root.PackageURL, "pkg:oci/") {
			all = append(all, root)
		}
	}
	all = flatten(all, list(bom.Components))
	distro := distribution(all)
	for i := range all {
		if c := &all[i]; c.PackageURL != "" || named(c.Type) {
			component, gaps := foreignComponent(c, distro)
			d.Components = append(d.Components, component)
			d.Gaps = append(d.Gaps, gaps...)
		}
	}
	// Edges from or to what is no component of ours (files, the target) say
	// nothing about packages.
	d.Dependencies, _ = graph(bom, purls(all))
}

// flatten appends components and what is nested in them.
func flatten(out, components []cdx.Component) []cdx.Component {
	for _, c := range components {
		out = append(out, c)
		out = flatten(out, list(c.Components))
	}
	return out
}

// named reports whether a component of this type stands for software that
// advisories are about, so that one without a package URL is a Gap. Files,
// data, models, certificates and the operating system as such are not; the
// packages of the operating system have entries of their own.
func named(t cdx.ComponentType) bool {
	return !slices.Contains([]cdx.ComponentType{
		cdx.ComponentTypeFile, cdx.ComponentTypeData, cdx.ComponentTypeOS, cdx.ComponentTypeMachineLearningModel,
		cdx.ComponentTypeCryptographicAsset, cdx.ComponentTypeContainer,
	}, t)
}

// distribution returns "ID-VERSION" of the one operating system that the
// document names, "" for none or several.
func distribution(components []cdx.Component) string {
	found := ""
	for _, c := range components {
		if c.Type != cdx.ComponentTypeOS || c.Version == "" {
			continue
		}
		distro := strings.ToLower(c.Name) + "-" + c.Version
		if found != "" && found != distro {
			return ""
		}
		found = distro
	}
	return found
}

func foreignComponent(c *cdx.Component, distro string) (sbom.Component, []sbom.Gap) {
	name := c.Name
	if c.Group != "" {
		name = c.Group + "/" + c.Name
	}
	out, gaps := sbom.FromSBOM(name, cmp.Or(c.Version, c.VersionRange), c.PackageURL, distro)
	out.Locations = occurrences(c)
	for i := range out.Locations {
		// Another tool's context is not a layer.
		out.Locations[i].Layer = ""
	}
	out.Locations = append(out.Locations, syftLocations(c)...)
	trivySource(c, &out)
	return out, gaps
}

// syftLocations reads the places that syft keeps in properties
// ("syft:location:0:path", "syft:location:0:layerID").
func syftLocations(c *cdx.Component) []sbom.Location {
	layers := map[string]string{}
	for _, p := range list(c.Properties) {
		if n, ok := strings.CutSuffix(p.Name, ":layerID"); ok {
			layers[n] = p.Value
		}
	}
	var out []sbom.Location
	for _, p := range list(c.Properties) {
		if n, ok := strings.CutSuffix(p.Name, ":path"); ok && strings.HasPrefix(n, "syft:location:") {
			out = append(out, sbom.Location{File: p.Value, Layer: layers[n]})
		}
	}
	return out
}

// trivySource reads the source package, by which a distribution's advisories
// go, where trivy keeps it.
func trivySource(c *cdx.Component, out *sbom.Component) {
	const trivy = "aquasecurity:trivy:"
	one := func(name string) string { return strings.Join(values(c.Properties, trivy+name), "") }
	if name := one("SrcName"); out.Source == "" && name != "" {
		version := one("SrcVersion")
		if release := one("SrcRelease"); release != "" && version != "" {
			version += "-" + release
		}
		if epoch := one("SrcEpoch"); epoch != "" && epoch != "0" && version != "" {
			version = epoch + ":" + version
		}
		if name != out.Name || version != out.Version {
			out.Source, out.SourceVersion = name, version
		}
	}
}
