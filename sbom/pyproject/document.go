package pyproject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

const ecosystem = "PyPI"

// Document returns the file as an inventory. The project itself is not in it:
// it is what is audited.
func (f *File) Document() *sbom.Document {
	d := &sbom.Document{Name: f.Name, Gaps: slices.Clone(f.Gaps)}
	indexes := map[string]string{}
	for _, x := range f.Indexes {
		if x.Name != "" && !isPyPI(x.URL) {
			indexes[x.Name] = x.URL
		}
	}
	for i := range f.Requirements {
		q := &f.Requirements[i]
		if q.Own {
			continue
		}
		c := q.component()
		if c.URL == "" {
			c.URL = indexes[q.Index]
		}
		d.Components = append(d.Components, c)
	}
	for _, c := range f.Conda {
		d.Components = append(d.Components, c.component(f.Name))
	}
	if n := len(f.Conda); n > 0 {
		d.Gaps = append(d.Gaps, sbom.NewGap(sbom.GapCatalogue, f.Name, f.Conda[0].Line,
			fmt.Sprintf("%d packages come from conda, for whose packages there are no advisories", n)))
	}
	d.Together = f.together()
	d.Normalize()
	return d
}

// together are the files whose lines are installed in one go: what the project
// always needs, which is also installed by itself, and with it each extra. A
// group and what builds the project are installed without it.
// https://peps.python.org/pep-0735/#rationale
func (f *File) together() [][]string {
	base := []string{f.Name}
	byScope := map[string][]string{}
	for i := range f.Requirements {
		q := &f.Requirements[i]
		switch {
		case q.File == f.Name:
		case q.Scope == "":
			base = append(base, q.File)
		default:
			byScope[q.Scope] = append(byScope[q.Scope], q.File)
		}
	}
	sets := [][]string{base}
	for scope, files := range byScope {
		if strings.HasPrefix(scope, "extra:") {
			files = slices.Concat(files, base)
		}
		sets = append(sets, files)
	}
	return sets
}

// component returns a requirement as a declared component. One whose project
// is not known is named by its link and belongs to no ecosystem.
func (q *Requirement) component() sbom.Component {
	name, version := q.Project()
	if q.Alternatives != nil {
		version = ""
	}
	c := sbom.Component{
		Name: name, Version: version, Specifier: q.Requirement.Specifiers.String(),
		Ecosystem: ecosystem, PURL: sbom.PyPIPURL(name, version), Evidence: sbom.Declared,
		Locations: []sbom.Location{{File: q.File, Line: q.Line}},
		Extras:    normalExtras(q.Requirement.Extras), URL: q.Link, Hashes: q.Digests(),
		Editable: q.Editable, Constraint: q.Constraint, Scope: q.Scope,
	}
	if q.Requirement.Marker != nil {
		c.Marker = q.Requirement.Marker.String()
	}
	if name == "" {
		c.Name, _, _ = strings.Cut(q.Link, "#")
		c.Ecosystem, c.PURL = "", ""
	}
	return c
}

// isPyPI reports whether an index is PyPI itself.
func isPyPI(url string) bool {
	return strings.TrimSuffix(url, "/") == "https://pypi.org/simple" || strings.TrimSuffix(url, "/") == "https://pypi.python.org/simple"
}

// normalExtras returns extras in normal form, sorted, each once.
func normalExtras(extras []string) []string {
	var out []string
	for _, x := range extras {
		out = append(out, pep508.NormalizeName(x))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// component returns a package of conda. It has no ecosystem, since OSV has
// none for conda.
// https://github.com/package-url/purl-spec/blob/main/types-doc/conda-definition.md
func (p CondaPackage) component(file string) sbom.Component {
	q := map[string]string{}
	for k, v := range map[string]string{"channel": p.Channel, "build": p.Build} {
		if v != "" {
			q[k] = v
		}
	}
	specifier := ""
	if s, err := pep440.ParseSpecifiers(p.Specifier); err == nil {
		// The field is for what PEP 440 has too.
		specifier = s.String()
	}
	return sbom.Component{
		Name: p.Name, Version: p.Version, Specifier: specifier, Evidence: sbom.Declared,
		PURL:      packageurl.NewPackageURL("conda", "", p.Name, p.Version, packageurl.QualifiersFromMap(q), "").ToString(),
		Locations: []sbom.Location{{File: file, Line: p.Line}},
	}
}
