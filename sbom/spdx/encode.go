package spdx

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tallyman/tallyman/sbom"
)

const documentID = "SPDXRef-DOCUMENT"

// Encode writes d as SPDX 2.3 JSON, sorted. The namespace is derived from the
// content, so that equal documents have equal ones.
func Encode(w io.Writer, d *sbom.Document, opts Options) error {
	d = sbom.Merge(d.Name, d)
	content, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("writing SPDX: %w", err)
	}
	sum := sha256.Sum256(content)
	date := opts.Timestamp
	if date.IsZero() {
		date = time.Unix(0, 0)
	}
	e := encoder{date: date.UTC().Format(time.RFC3339)}
	creator := "Tool: tallyman"
	if opts.ToolVersion != "" {
		creator += "-" + opts.ToolVersion
	}
	out := document{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: documentID, Name: cmp.Or(d.Name, "unnamed"),
		Namespace:    "https://tallyman.invalid/spdx/" + hex.EncodeToString(sum[:]),
		CreationInfo: creationInfo{Created: e.date, Creators: []string{creator}},
		Packages:     []pkg{}, Relationships: []relationship{},
		Annotations: []annotation{e.annotation(documentMark, origin{formatVersion, d.Name})},
	}
	for _, g := range d.Gaps {
		out.Annotations = append(out.Annotations, e.annotation(gapMark, g))
	}
	for _, files := range d.Together {
		out.Annotations = append(out.Annotations, e.annotation(togetherMark, files))
	}
	for _, files := range d.Files {
		out.Annotations = append(out.Annotations, e.annotation(filesMark, files))
	}
	for _, layer := range d.Layers {
		out.Annotations = append(out.Annotations, e.annotation(layerMark, layer))
	}
	for i := range d.Components {
		p := e.pkg(&d.Components[i])
		out.Packages = append(out.Packages, p)
		out.Relationships = append(out.Relationships, relationship{documentID, "DESCRIBES", p.ID})
	}
	e.graph(&out, d)
	if e.err != nil {
		return fmt.Errorf("writing SPDX: %w", e.err)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("writing SPDX: %w", err)
	}
	return nil
}

// encoder holds the date of all annotations and the first error.
type encoder struct {
	date string
	err  error
}

func (e *encoder) annotation(mark string, v any) annotation {
	text, err := json.Marshal(v)
	e.err = cmp.Or(e.err, err)
	return annotation{Date: e.date, Type: "OTHER", Annotator: "Tool: tallyman", Comment: mark + string(text)}
}

func (e *encoder) pkg(c *sbom.Component) pkg {
	note := e.annotation(componentMark, c)
	sum := sha256.Sum256([]byte(note.Comment))
	out := pkg{
		ID: "SPDXRef-Package-" + hex.EncodeToString(sum[:12]), Name: c.Name, Version: c.Version,
		Download: "NOASSERTION", Purpose: "LIBRARY", Checksums: checksums(c.Hashes), Annotations: []annotation{note},
	}
	if sbom.RuntimeOf(c) != "" {
		out.Purpose = "APPLICATION"
	}
	if c.PURL != "" {
		out.References = []externalRef{{"PACKAGE-MANAGER", "purl", c.PURL}}
	}
	return out
}

// checksums gives the demanded digests when there is one of an algorithm:
// several are digests of different files of a release.
func checksums(demanded []string) []checksum {
	count := map[string]int{}
	for _, h := range demanded {
		algorithm, _, _ := strings.Cut(h, ":")
		count[algorithm]++
	}
	names := map[string]string{"md5": "MD5", "sha1": "SHA1", "sha224": "SHA224", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512"}
	var out []checksum
	for _, h := range demanded {
		algorithm, value, _ := strings.Cut(h, ":")
		if _, err := hex.DecodeString(value); err == nil && value != "" && names[algorithm] != "" && count[algorithm] == 1 {
			out = append(out, checksum{names[algorithm], value})
		}
	}
	return out
}
