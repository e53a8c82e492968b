// Package syftjson reads the JSON of syft and writes the least of it that tools
// which read it need. Gaps, evidence, ranges and hashes have no place in it:
// the formats that keep them are sbom/cyclonedx and sbom/spdx.
// https://github.com/anchore/syft/blob/v1.54.1/schema/json/schema-latest.json
package syftjson

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// schemaVersion is the version of syft's schema that Encode follows.
const schemaVersion = "16.1.11"

// Options say what an encoded document tells about its making.
type Options struct {
	// ToolVersion is the version of tallyman.
	ToolVersion string
	// ImageDigest is the digest of the image that the document is about, ""
	// when it is about a folder.
	ImageDigest string
}

// The part of syft's document that we write and read.
type document struct {
	Artifacts     *[]artifact `json:"artifacts"`
	Relationships []struct{}  `json:"artifactRelationships"`
	Source        source      `json:"source"`
	Distro        release     `json:"distro"`
	Descriptor    descriptor  `json:"descriptor"`
	Schema        schema      `json:"schema"`
}

type artifact struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Version   string     `json:"version"`
	Type      string     `json:"type"`
	FoundBy   string     `json:"foundBy"`
	Locations []location `json:"locations"`
	Licenses  []struct{} `json:"licenses"`
	Language  string     `json:"language"`
	CPEs      []struct{} `json:"cpes"`
	PURL      string     `json:"purl"`
}

type location struct {
	Path       string `json:"path"`
	LayerID    string `json:"layerID,omitempty"`
	AccessPath string `json:"accessPath"`
}

type source struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Version  string         `json:"version"`
	Type     string         `json:"type"`
	Metadata map[string]any `json:"metadata"`
}

type release struct {
	ID        string `json:"id,omitempty"`
	VersionID string `json:"versionID,omitempty"`
}

type descriptor struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type schema struct {
	Version string `json:"version"`
	URL     string `json:"url"`
}

// Encode writes the components of d that have an exact version, sorted. Lines
// that only constrain are left out, for they bring nothing in.
func Encode(w io.Writer, d *sbom.Document, opts Options) error {
	d = sbom.Merge(d.Name, d)
	artifacts := []artifact{}
	for i := range d.Components {
		if c := &d.Components[i]; c.Version != "" && !c.Constraint {
			artifacts = append(artifacts, artifactOf(c))
		}
	}
	out := document{
		Artifacts: &artifacts, Relationships: []struct{}{}, Source: sourceOf(d, opts), Distro: releaseOf(d),
		Descriptor: descriptor{"tallyman", opts.ToolVersion},
		Schema:     schema{schemaVersion, "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-" + schemaVersion + ".json"},
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("writing syft JSON: %w", err)
	}
	return nil
}

func artifactOf(c *sbom.Component) artifact {
	kind, language := kindOf(c.PURL)
	a := artifact{
		ID: idOf(c), Name: c.Name, Version: c.Version, Type: kind, Language: language, FoundBy: "tallyman", PURL: c.PURL,
		Locations: []location{}, Licenses: []struct{}{}, CPEs: []struct{}{},
	}
	seen := map[location]bool{}
	for _, l := range c.Locations {
		at := location{Path: l.File, LayerID: l.Layer, AccessPath: l.File}
		if !seen[at] { // Places that differ by line alone are one here.
			seen[at] = true
			a.Locations = append(a.Locations, at)
		}
	}
	return a
}

// idOf is unique among components that differ in anything.
func idOf(v any) string {
	content, err := json.Marshal(v)
	if err != nil {
		panic("syftjson: a component is plain data: " + err.Error())
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// kindOf gives syft's words for the type and language of a package URL.
func kindOf(purl string) (kind, language string) {
	rest, _ := strings.CutPrefix(purl, "pkg:")
	t, _, _ := strings.Cut(rest, "/")
	switch t {
	case packageurl.TypePyPi:
		return "python", "python"
	case packageurl.TypeNPM:
		return "npm", "javascript"
	case packageurl.TypeGolang:
		return "go-module", "go"
	case packageurl.TypeMaven:
		return "java-archive", "java"
	case packageurl.TypeCargo:
		return "rust-crate", "rust"
	case packageurl.TypeGem, packageurl.TypeDebian, packageurl.TypeApk, packageurl.TypeRPM:
		return t, ""
	}
	return "UnknownPackage", ""
}

func sourceOf(d *sbom.Document, opts Options) source {
	if opts.ImageDigest != "" {
		return source{
			ID: strings.TrimPrefix(opts.ImageDigest, "sha256:"), Name: d.Name, Version: opts.ImageDigest, Type: "image",
			Metadata: map[string]any{"userInput": d.Name, "manifestDigest": opts.ImageDigest, "layers": []any{}, "tags": []any{}},
		}
	}
	return source{ID: idOf(d), Name: d.Name, Type: "directory", Metadata: map[string]any{"path": cmp.Or(d.Name, ".")}}
}

// releaseOf names the distribution that the packages are of, if it is one.
func releaseOf(d *sbom.Document) release {
	var out release
	for _, c := range d.Components {
		p, err := packageurl.FromString(c.PURL)
		if err != nil || p.Qualifiers.Map()["distro"] == "" {
			continue
		}
		id, version, _ := strings.Cut(p.Qualifiers.Map()["distro"], "-")
		if found := (release{id, version}); out != (release{}) && out != found {
			return release{}
		} else {
			out = found
		}
	}
	return out
}

// Decode reads the JSON of syft, of any version of its schema that has a list
// of artifacts, as the user's own word, see [sbom.FromSBOM].
func Decode(r io.Reader) (*sbom.Document, error) {
	data, err := limit.ReadAll(r, limit.SBOMBytes)
	if err != nil {
		return nil, fmt.Errorf("reading syft JSON: %w", err)
	}
	var in struct {
		Artifacts *[]struct {
			Name      string     `json:"name"`
			Version   string     `json:"version"`
			PURL      string     `json:"purl"`
			Locations []location `json:"locations"`
		} `json:"artifacts"`
		Source struct {
			Name string `json:"name"`
		} `json:"source"`
		Distro release `json:"distro"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("reading syft JSON: %w", err)
	}
	if in.Artifacts == nil {
		return nil, fmt.Errorf(`reading syft JSON: it has no list "artifacts"`)
	}
	distro := ""
	if in.Distro.ID != "" {
		distro = in.Distro.ID + "-" + in.Distro.VersionID
	}
	out := &sbom.Document{Name: in.Source.Name}
	for _, a := range *in.Artifacts {
		c, gaps := sbom.FromSBOM(a.Name, a.Version, a.PURL, distro)
		for _, l := range a.Locations {
			c.Locations = append(c.Locations, sbom.Location{File: l.Path, Layer: l.LayerID})
		}
		out.Components = append(out.Components, c)
		out.Gaps = append(out.Gaps, gaps...)
	}
	out.Normalize()
	return out, nil
}
