package cyclonedx

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/tallyman/tallyman/sbom"
)

// Encode writes d as CycloneDX 1.6 JSON, sorted. The serial number is derived
// from the content, so that equal documents have equal ones.
func Encode(w io.Writer, d *sbom.Document, opts Options) error {
	d = sbom.Merge(d.Name, d)
	bom := cdx.NewBOM()
	bom.SpecVersion = cdx.SpecVersion1_6
	bom.JSONSchema = "http://cyclonedx.org/schema/bom-1.6.schema.json"
	bom.Metadata = metadata(d.Name, opts)
	components := make([]cdx.Component, 0, len(d.Components))
	refs := make([]string, 0, len(d.Components))
	for i := range d.Components {
		c, err := component(&d.Components[i])
		if err != nil {
			return err
		}
		components = append(components, c)
		refs = append(refs, c.BOMRef)
	}
	bom.Components = &components
	edges, rest, err := dependencies(d, refs)
	if err != nil {
		return err
	}
	bom.Dependencies = edges
	properties, err := documentProperties(d)
	if err != nil {
		return err
	}
	properties = append(properties, rest...)
	bom.Properties = &properties
	var content bytes.Buffer
	if err := encodeTo(&content, bom); err != nil {
		return err
	}
	bom.SerialNumber = "urn:uuid:" + uuidOf(content.Bytes())
	return encodeTo(w, bom)
}

func encodeTo(w io.Writer, bom *cdx.BOM) error {
	enc := cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := enc.Encode(bom); err != nil {
		return fmt.Errorf("writing CycloneDX: %w", err)
	}
	return nil
}

// uuidOf returns a version 8 UUID of 122 bits of the content's SHA-256.
// https://www.rfc-editor.org/rfc/rfc9562#section-5.8
func uuidOf(content []byte) string {
	u := sha256.Sum256(content)
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

func metadata(name string, opts Options) *cdx.Metadata {
	m := &cdx.Metadata{}
	if !opts.Timestamp.IsZero() {
		m.Timestamp = opts.Timestamp.UTC().Format(time.RFC3339)
	}
	if opts.ToolVersion != "" {
		tool := cdx.Component{Type: cdx.ComponentTypeApplication, Name: "tallyman", Version: opts.ToolVersion}
		m.Tools = &cdx.ToolsChoice{Components: &[]cdx.Component{tool}}
	}
	if name != "" || opts.ImageDigest != "" {
		subject := &cdx.Component{BOMRef: "target", Type: cdx.ComponentTypeApplication, Name: name}
		if opts.ImageDigest != "" {
			subject.Type, subject.Version = cdx.ComponentTypeContainer, opts.ImageDigest
		}
		m.Component = subject
	}
	return m
}

func documentProperties(d *sbom.Document) ([]cdx.Property, error) {
	out := []cdx.Property{{Name: propFormat, Value: formatVersion}}
	add := func(name string, v any) error {
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("writing CycloneDX: %w", err)
		}
		out = append(out, cdx.Property{Name: name, Value: string(text)})
		return nil
	}
	for i := range d.Gaps {
		if err := add(propGap, d.Gaps[i]); err != nil {
			return nil, err
		}
	}
	for _, files := range d.Together {
		if err := add(propTogether, files); err != nil {
			return nil, err
		}
	}
	for _, files := range d.Files {
		if err := add(propFiles, files); err != nil {
			return nil, err
		}
	}
	for i := range d.Layers {
		if err := add(propLayer, d.Layers[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func component(c *sbom.Component) (cdx.Component, error) {
	ref, err := bomRef(c)
	if err != nil {
		return cdx.Component{}, err
	}
	out := cdx.Component{
		BOMRef: ref, Type: cdx.ComponentTypeLibrary,
		Name: c.Name, Version: c.Version, PackageURL: c.PURL,
		Hashes: hashes(c.Hashes), Properties: properties(c),
	}
	if c.Scope == "dev" || strings.HasPrefix(c.Scope, "extra:") || strings.HasPrefix(c.Scope, "group:") {
		out.Scope = cdx.ScopeOptional
	}
	if sbom.RuntimeOf(c) != "" {
		out.Type = cdx.ComponentTypePlatform // "a runtime environment which interprets or executes software"
	}
	if len(c.Locations) > 0 {
		occurrences := make([]cdx.EvidenceOccurrence, 0, len(c.Locations))
		for _, l := range c.Locations {
			o := cdx.EvidenceOccurrence{Location: cmp.Or(l.File, nowhere), AdditionalContext: l.Layer}
			if l.Line > 0 {
				o.Line = &l.Line
			}
			occurrences = append(occurrences, o)
		}
		out.Evidence = &cdx.Evidence{Occurrences: &occurrences}
	}
	return out, nil
}

// bomRef is unique in a document, because no two components of one are equal,
// and begins with what a person knows the component by.
func bomRef(c *sbom.Component) (string, error) {
	content, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("writing CycloneDX: %w", err)
	}
	sum := sha256.Sum256(content)
	name := c.PURL
	if name == "" {
		name = c.Name
	}
	return name + "#" + hex.EncodeToString(sum[:12]), nil
}

// properties keeps every field that CycloneDX has no place for.
func properties(c *sbom.Component) *[]cdx.Property {
	var out []cdx.Property
	add := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				out = append(out, cdx.Property{Name: name, Value: v})
			}
		}
	}
	add(propEvidence, string(c.Evidence))
	add(propEcosystem, c.Ecosystem)
	add(propSpecifier, c.Specifier)
	add(propMarker, c.Marker)
	add(propExtra, c.Extras...)
	add(propHash, c.Hashes...)
	add(propURL, c.URL)
	add(propSource, c.Source)
	add(propSourceVer, c.SourceVersion)
	add(propOwner, c.Owner)
	add(propScope, c.Scope)
	if c.Editable {
		add(propEditable, "true")
	}
	add(propInstaller, c.Installer)
	if c.Requested {
		add(propRequested, "true")
	}
	if c.Constraint {
		add(propConstr, "true")
	}
	if len(out) == 0 {
		return nil
	}
	return &out
}

// hashes gives the demanded digests as CycloneDX hashes when there is one of an
// algorithm. Several of one are digests of different files of a release (its
// wheels), of which the component is only one; the properties keep them all.
func hashes(demanded []string) *[]cdx.Hash {
	count := map[string]int{}
	for _, h := range demanded {
		algorithm, _, _ := strings.Cut(h, ":")
		count[algorithm]++
	}
	var out []cdx.Hash
	for _, h := range demanded {
		algorithm, value, _ := strings.Cut(h, ":")
		known, digits := hashAlgorithm(algorithm)
		raw, err := hex.DecodeString(value)
		if err == nil && known != "" && 2*len(raw) == digits && count[algorithm] == 1 {
			out = append(out, cdx.Hash{Algorithm: known, Value: value})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return &out
}

// hashAlgorithm maps pip's name of a digest to CycloneDX's and to the number of
// its hexadecimal digits; "" for one that CycloneDX does not have.
func hashAlgorithm(name string) (cdx.HashAlgorithm, int) {
	switch name {
	case "md5":
		return cdx.HashAlgoMD5, 32
	case "sha1":
		return cdx.HashAlgoSHA1, 40
	case "sha256":
		return cdx.HashAlgoSHA256, 64
	case "sha384":
		return cdx.HashAlgoSHA384, 96
	case "sha512":
		return cdx.HashAlgoSHA512, 128
	}
	return "", 0
}
