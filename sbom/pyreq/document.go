package pyreq

import (
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// Project returns the name of the project that the entry asks for and its
// version if the line tells exactly one: by a pin, or by a wheel's file name,
// which pip holds against the wheel. Both are "" when only fetching the link
// would tell.
func (e *Entry) Project() (name, version string) {
	name = e.Requirement.Name
	if e.Link == "" {
		if pin, ok := e.Requirement.Specifiers.Pin(); ok {
			version = pin.String()
		}
		return name, version
	}
	file := linkFile(e.Link)
	if sdist, ok := sdistName(file); ok && name == "" {
		return sdist, ""
	}
	wheel, version, ok := wheelName(file)
	switch {
	case !ok:
		return name, ""
	case name == "":
		return wheel, version
	case pep508.NormalizeName(name) != pep508.NormalizeName(wheel):
		return name, ""
	}
	return name, version
}

// Digests returns all digests that the line demands, those of --hash and the
// one in the link's fragment, sorted.
func (e *Entry) Digests() []string {
	out := slices.Clone(e.Hashes)
	_, fragment, _ := strings.Cut(e.Link, "#")
	for pair := range strings.SplitSeq(fragment, "&") {
		switch key, value, _ := strings.Cut(pair, "="); key {
		case "md5", "sha1", "sha224", "sha256", "sha384", "sha512":
			out = append(out, key+":"+strings.ToLower(value))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// own reports whether the entry is the project that the file itself belongs
// to ("-e ."): a folder around the file. It is what is audited, so that no
// advisory could be missed by not knowing its version.
func (e *Entry) own() bool {
	if e.Link == "" || e.IsURL || path.IsAbs(e.Link) {
		return false
	}
	// pip takes a path from the working directory, which may be the file's
	// folder or the root.
	p := path.Clean(e.Link)
	return p == "." || strings.Trim(p, "./") == "" && strings.Count(p, "..") <= strings.Count(e.File, "/")
}

const ecosystem = "PyPI"

// Document returns the file as an inventory. The project that the file itself
// belongs to ("-e .") is not in it: it is what is audited.
func (f *File) Document() *sbom.Document {
	d := &sbom.Document{Name: f.Name, Gaps: slices.Clone(f.Gaps)}
	if len(f.Files) > 1 {
		d.Together = [][]string{f.Files}
	}
	for i := range f.Entries {
		if !f.Entries[i].own() {
			d.Components = append(d.Components, f.Entries[i].component())
		}
	}
	d.Normalize()
	return d
}

// component returns the entry as a declared component. One whose project is
// not known is named by its link and belongs to no ecosystem.
func (e *Entry) component() sbom.Component {
	name, version := e.Project()
	c := sbom.Component{
		Name: name, Version: version, Specifier: e.Requirement.Specifiers.String(),
		Ecosystem: ecosystem, PURL: sbom.PyPIPURL(name, version), Evidence: sbom.Declared,
		Locations: []sbom.Location{{File: e.File, Line: e.Line}},
		Extras:    normalExtras(e.Requirement.Extras), URL: e.Link, Hashes: e.Digests(),
		Editable: e.Editable, Constraint: e.Constraint,
	}
	if e.Requirement.Marker != nil {
		c.Marker = e.Requirement.Marker.String()
	}
	if name == "" {
		c.Name, _, _ = strings.Cut(e.Link, "#")
		c.Ecosystem, c.PURL = "", ""
	}
	return c
}

// normalExtras returns extras in normal form, sorted, each once.
// https://packaging.python.org/en/latest/specifications/core-metadata/#provides-extra-multiple-use
func normalExtras(extras []string) []string {
	var out []string
	for _, x := range extras {
		out = append(out, pep508.NormalizeName(x))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
