package spdx

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Decode reads SPDX 2.2 or 2.3 JSON. Of a document that Encode wrote it gives
// the same Document, as far as it can be believed, see
// [sbom.Document.Distrust]; of another tool's it gives every package as the user's own
// word, see [sbom.FromSBOM]. What it cannot use is a Gap.
func Decode(r io.Reader) (*sbom.Document, error) {
	data, err := limit.ReadAll(r, limit.SBOMBytes)
	if err != nil {
		return nil, fmt.Errorf("reading SPDX: %w", err)
	}
	var in document
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("reading SPDX: %w", err)
	}
	if in.Version != "SPDX-2.2" && in.Version != "SPDX-2.3" {
		return nil, fmt.Errorf("reading SPDX: version is %q, this program reads SPDX-2.2 and SPDX-2.3", in.Version)
	}
	out := &sbom.Document{Name: in.Name}
	if marks := comments(in.Annotations, documentMark); len(marks) > 0 {
		err = ours(out, &in, marks)
	} else {
		foreign(out, &in)
	}
	if err != nil {
		return nil, fmt.Errorf("reading SPDX: %w", err)
	}
	out.Normalize()
	return out, nil
}

// comments returns the JSON of our annotations of one kind.
func comments(annotations []annotation, mark string) []string {
	var out []string
	for _, a := range annotations {
		if text, ok := strings.CutPrefix(a.Comment, mark); ok && a.Annotator == "Tool: tallyman" {
			out = append(out, text)
		}
	}
	return out
}

// ours reads a document that Encode wrote. A package that does not say the
// same in its fields and in its annotation was changed by somebody.
func ours(out *sbom.Document, in *document, marks []string) error {
	var from origin
	if err := json.Unmarshal([]byte(marks[0]), &from); err != nil {
		return fmt.Errorf("annotation %q: %w", documentMark, err)
	}
	if len(marks) > 1 || from.Format != formatVersion {
		return fmt.Errorf("annotation %q has format %d, this program reads %d", documentMark, from.Format, formatVersion)
	}
	out.Name = from.Name
	var err error
	if out.Gaps, err = fromJSON[sbom.Gap](in.Annotations, gapMark); err != nil {
		return err
	}
	if out.Together, err = fromJSON[[]string](in.Annotations, togetherMark); err != nil {
		return err
	}
	if out.Files, err = fromJSON[sbom.Files](in.Annotations, filesMark); err != nil {
		return err
	}
	if out.Layers, err = fromJSON[sbom.Layer](in.Annotations, layerMark); err != nil {
		return err
	}
	for i := range in.Packages {
		p := &in.Packages[i]
		texts := comments(p.Annotations, componentMark)
		if len(texts) != 1 {
			return fmt.Errorf("package %q has %d annotations of tallyman's: another tool changed the document", p.Name, len(texts))
		}
		var c sbom.Component
		if err := json.Unmarshal([]byte(texts[0]), &c); err != nil {
			return fmt.Errorf("annotation of package %q: %w", p.Name, err)
		}
		if c.Name != p.Name || c.Version != p.Version || c.PURL != purl(p) {
			return fmt.Errorf("package %q says something else than its annotation: another tool changed the document", p.Name)
		}
		out.Components = append(out.Components, c)
	}
	if err := ownGraph(out, in); err != nil {
		return err
	}
	out.Distrust()
	return nil
}

// fromJSON reads our annotations of one kind.
func fromJSON[T any](annotations []annotation, mark string) ([]T, error) {
	var out []T
	for _, text := range comments(annotations, mark) {
		var one T
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			return nil, fmt.Errorf("annotation %q: %w", mark, err)
		}
		out = append(out, one)
	}
	return out, nil
}

func purl(p *pkg) string {
	for _, r := range p.References {
		if r.Type == "purl" {
			return r.Locator
		}
	}
	return ""
}

// foreign reads a document of another tool.
func foreign(out *sbom.Document, in *document) {
	distro := distribution(in.Packages)
	roots := roots(in)
	for i := range in.Packages {
		p := &in.Packages[i]
		url := purl(p)
		if url == "" && (slices.Contains([]string{"FILE", "OPERATING-SYSTEM", "CONTAINER"}, p.Purpose) || roots[p.ID] && len(in.Packages) > len(roots)) {
			continue // The thing that the document is about, or no software of its own.
		}
		c, gaps := sbom.FromSBOM(p.Name, said(p.Version), url, distro)
		out.Components = append(out.Components, c)
		out.Gaps = append(out.Gaps, gaps...)
	}
	// Relationships with what is no package (files, the target) say nothing
	// about packages.
	out.Dependencies, _ = readGraph(in)
}

// said is "" for the words by which SPDX says that nothing is said.
func said(s string) string {
	if s == "NOASSERTION" || s == "NONE" {
		return ""
	}
	return s
}

// roots are the elements that the document says it describes.
func roots(in *document) map[string]bool {
	out := map[string]bool{}
	for _, id := range in.Describes {
		out[id] = true
	}
	for _, r := range in.Relationships {
		if r.From == in.ID && r.Type == "DESCRIBES" {
			out[r.To] = true
		}
	}
	return out
}

// distribution returns "ID-VERSION" of the one operating system among the
// packages, "" for none or several.
func distribution(packages []pkg) string {
	found := ""
	for _, p := range packages {
		if p.Purpose != "OPERATING-SYSTEM" || said(p.Version) == "" {
			continue
		}
		distro := strings.ToLower(p.Name) + "-" + p.Version
		if found != "" && found != distro {
			return ""
		}
		found = distro
	}
	return found
}
