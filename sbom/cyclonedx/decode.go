package cyclonedx

import (
	"encoding/json"
	"fmt"
	"io"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Decode reads CycloneDX JSON. Of a document that Encode wrote it gives the
// same Document, as far as it can be believed, see [sbom.Document.Distrust]; of another tool's it gives every component with a package URL,
// nested ones included, as the user's own word, see [sbom.FromSBOM]. What it
// cannot use is a Gap.
func Decode(r io.Reader) (*sbom.Document, error) {
	data, err := limit.ReadAll(r, limit.SBOMBytes)
	if err != nil {
		return nil, fmt.Errorf("reading CycloneDX: %w", err)
	}
	var bom cdx.BOM
	if err := json.Unmarshal(data, &bom); err != nil {
		return nil, fmt.Errorf("reading CycloneDX: %w", err)
	}
	if bom.BOMFormat != cdx.BOMFormat {
		return nil, fmt.Errorf("reading CycloneDX: bomFormat is %q, want %q", bom.BOMFormat, cdx.BOMFormat)
	}
	d := &sbom.Document{}
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		d.Name = bom.Metadata.Component.Name
	}
	if format := values(bom.Properties, propFormat); len(format) > 0 {
		err = ours(d, &bom, format)
	} else {
		foreign(d, &bom)
	}
	if err != nil {
		return nil, fmt.Errorf("reading CycloneDX: %w", err)
	}
	d.Normalize()
	return d, nil
}

// ours reads a document that Encode wrote.
func ours(d *sbom.Document, bom *cdx.BOM, format []string) error {
	if len(format) != 1 || format[0] != formatVersion {
		return fmt.Errorf("property %s is %q, this program reads %q", propFormat, format, formatVersion)
	}
	for _, c := range list(bom.Components) {
		if len(list(c.Components)) > 0 {
			return fmt.Errorf("component %q has components: another tool changed a document of tallyman's", c.Name)
		}
		d.Components = append(d.Components, ownComponent(&c))
	}
	var err error
	if d.Gaps, err = fromJSON[sbom.Gap](bom.Properties, propGap); err != nil {
		return err
	}
	if d.Together, err = fromJSON[[]string](bom.Properties, propTogether); err != nil {
		return err
	}
	if d.Files, err = fromJSON[sbom.Files](bom.Properties, propFiles); err != nil {
		return err
	}
	if d.Layers, err = fromJSON[sbom.Layer](bom.Properties, propLayer); err != nil {
		return err
	}
	if err := ownGraph(d, bom); err != nil {
		return err
	}
	d.Distrust()
	return nil
}

// fromJSON reads the properties of one name whose values are JSON.
func fromJSON[T any](properties *[]cdx.Property, name string) ([]T, error) {
	var out []T
	for _, value := range values(properties, name) {
		var one T
		if err := json.Unmarshal([]byte(value), &one); err != nil {
			return nil, fmt.Errorf("property %s: %w", name, err)
		}
		out = append(out, one)
	}
	return out, nil
}

func ownComponent(c *cdx.Component) sbom.Component {
	one := func(name string) string {
		if v := values(c.Properties, name); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	several := func(name string) (out []string) {
		for _, v := range values(c.Properties, name) {
			if v != "" {
				out = append(out, v)
			}
		}
		return out
	}
	return sbom.Component{
		Name: c.Name, Version: c.Version, PURL: c.PackageURL,
		Evidence:  sbom.Evidence(one(propEvidence)),
		Ecosystem: one(propEcosystem), Specifier: one(propSpecifier), Marker: one(propMarker),
		Extras: several(propExtra), Hashes: several(propHash),
		URL: one(propURL), Source: one(propSource), SourceVersion: one(propSourceVer), Owner: one(propOwner),
		Scope: one(propScope), Editable: one(propEditable) == "true", Constraint: one(propConstr) == "true",
		Installer: one(propInstaller), Requested: one(propRequested) == "true",
		Locations: occurrences(c),
	}
}

func occurrences(c *cdx.Component) []sbom.Location {
	if c.Evidence == nil {
		return nil
	}
	var out []sbom.Location
	for _, o := range list(c.Evidence.Occurrences) {
		l := sbom.Location{File: o.Location, Layer: o.AdditionalContext}
		if l.File == nowhere {
			l.File = ""
		}
		if o.Line != nil {
			l.Line = max(*o.Line, 0)
		}
		out = append(out, l)
	}
	return out
}

// values returns the values of all properties of one name.
func values(properties *[]cdx.Property, name string) []string {
	var out []string
	for _, p := range list(properties) {
		if p.Name == name {
			out = append(out, p.Value)
		}
	}
	return out
}

// list is what a pointer of cyclonedx-go to a list points to.
func list[T any](p *[]T) []T {
	if p == nil {
		return nil
	}
	return *p
}
