package sbom

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep508"
)

// NormalName returns the name to compare packages by: PEP 503's normal form
// for PyPI, lower case for Go, the name as it is for all others. The case of a
// Go module's path counts for Go, and package URLs have it in lower case, so
// that whoever compares with it would miss the module's advisories.
// https://packaging.python.org/en/latest/specifications/name-normalization/
// https://github.com/package-url/purl-spec/blob/main/types-doc/golang-definition.md
func NormalName(ecosystem, name string) string {
	switch ecosystem {
	case "PyPI":
		return pep508.NormalizeName(name)
	case "Go":
		return strings.ToLower(name)
	}
	return name
}

// NormalName returns the component's name to compare by.
func (c *Component) NormalName() string { return NormalName(c.Ecosystem, c.Name) }

// Merge joins documents into one named name: components that are the same but
// for their locations become one with all of them, equal gaps become one, and
// what a package URL needs is what it needs in any of them. The result is
// sorted; the arguments are not changed.
func Merge(name string, docs ...*Document) *Document {
	docs = slices.DeleteFunc(slices.Clone(docs), func(d *Document) bool { return d == nil })
	n := 0
	for _, d := range docs {
		n += len(d.Components)
	}
	out := &Document{Name: name, Components: make([]Component, 0, n), Gaps: []Gap{}}
	for _, d := range docs {
		out.Components = append(out.Components, d.Components...)
		out.Gaps = append(out.Gaps, d.Gaps...)
		out.Dependencies = append(out.Dependencies, d.Dependencies...)
		out.Together = append(out.Together, d.Together...)
		out.Files = append(out.Files, d.Files...)
		if out.Layers == nil {
			out.Layers = d.Layers // one target has one image
		}
	}
	out.Normalize()
	return out
}

// Normalize makes the document canonical: sorted, without duplicates, nil
// lists empty, Hides set from Kind.
func (d *Document) Normalize() {
	d.Components = mergeComponents(d.Components)
	if d.Gaps == nil {
		d.Gaps = []Gap{}
	}
	for i := range d.Gaps {
		d.Gaps[i].Hides = d.Gaps[i].Kind.Hides()
	}
	slices.SortFunc(d.Gaps, CompareGaps)
	d.Gaps = slices.Compact(d.Gaps)
	d.Dependencies = mergeDependencies(d.Dependencies)
	d.Together = mergeTogether(d.Together)
	d.Files = sortFiles(d.Files)
}

// mergeTogether sorts sets of files; one of a single file says nothing, unless a
// larger set has the file too.
func mergeTogether(in [][]string) [][]string {
	var out, single [][]string
	shared := map[string]bool{}
	for _, files := range in {
		files = slices.Compact(slices.Sorted(slices.Values(files)))
		switch len(files) {
		case 0:
		case 1:
			single = append(single, files)
		default:
			out = append(out, files)
			for _, f := range files {
				shared[f] = true
			}
		}
	}
	for _, files := range single {
		if shared[files[0]] {
			out = append(out, files)
		}
	}
	slices.SortFunc(out, slices.Compare)
	return slices.CompactFunc(out, slices.Equal)
}

// mergeDependencies makes one dependency of all that are of one package URL.
func mergeDependencies(in []Dependency) []Dependency {
	at := map[string]int{}
	var out []Dependency
	for _, d := range in {
		i, seen := at[d.PURL]
		if !seen {
			i = len(out)
			at[d.PURL] = i
			out = append(out, Dependency{PURL: d.PURL, DependsOn: []string{}})
		}
		out[i].DependsOn = append(out[i].DependsOn, d.DependsOn...)
	}
	for i := range out {
		slices.Sort(out[i].DependsOn)
		out[i].DependsOn = slices.Compact(out[i].DependsOn)
	}
	slices.SortFunc(out, func(a, b Dependency) int { return strings.Compare(a.PURL, b.PURL) })
	return out
}

// mergeComponents makes one component of all that are the same but for their
// locations.
func mergeComponents(in []Component) []Component {
	out := make([]Component, 0, len(in))
	at := make(map[string]int, len(in))
	owner := make([]int, len(in))
	var key []byte
	places := 0
	for i := range in {
		key = in[i].appendIdentity(key[:0])
		j, seen := at[string(key)]
		if !seen {
			j = len(out)
			at[string(key)] = j
			out = append(out, in[i])
			out[j].Locations = nil
		}
		owner[i] = j
		places += len(in[i].Locations)
	}
	mergeLocations(out, in, owner, places)
	slices.SortFunc(out, CompareComponents)
	return out
}

// mergeLocations gives each component of out the locations of those of in that
// it owns, sorted, in one array of that many places.
func mergeLocations(out, in []Component, owner []int, places int) {
	counts := make([]int, len(out))
	for i, j := range owner {
		counts[j] += len(in[i].Locations)
	}
	all := make([]Location, places)
	for j, n := range counts {
		out[j].Locations, all = all[:0:n], all[n:]
	}
	for i, j := range owner {
		out[j].Locations = append(out[j].Locations, in[i].Locations...)
	}
	for j := range out {
		slices.SortFunc(out[j].Locations, CompareLocations)
		out[j].Locations = slices.Compact(out[j].Locations)
	}
}

// appendIdentity appends what tells the component from others: every field but
// Locations, each text with its length. A list that is nil is an empty one.
func (c *Component) appendIdentity(key []byte) []byte {
	text := func(s string) {
		key = append(binary.AppendUvarint(key, uint64(len(s))), s...)
	}
	for _, s := range [...]string{
		c.Name, c.Version, c.Specifier, c.Ecosystem, c.PURL, string(c.Evidence), c.Source, c.SourceVersion,
		c.Owner, c.Marker, c.URL, c.Scope, c.Installer,
	} {
		text(s)
	}
	for _, list := range [...][]string{c.Extras, c.Hashes, c.Scopes} {
		key = binary.AppendUvarint(key, uint64(len(list)))
		for _, s := range list {
			text(s)
		}
	}
	for _, is := range [...]bool{c.Editable, c.Constraint, c.Requested} {
		key = strconv.AppendBool(key, is)
	}
	return key
}

// CompareComponents orders components by ecosystem, normalised name, version,
// specifier, evidence, purl, and then by every other field.
func CompareComponents(a, b Component) int {
	// Most are told apart by these: the rest is not compared for nothing.
	if c := strings.Compare(a.Ecosystem, b.Ecosystem); c != 0 {
		return c
	}
	if a.Name != b.Name {
		if c := strings.Compare(a.NormalName(), b.NormalName()); c != 0 {
			return c
		}
	}
	if c := strings.Compare(a.Version, b.Version); c != 0 {
		return c
	}
	if c := strings.Compare(a.Specifier, b.Specifier); c != 0 {
		return c
	}
	if c := cmp.Or(strings.Compare(string(a.Evidence), string(b.Evidence)), strings.Compare(a.PURL, b.PURL)); c != 0 {
		return c
	}
	return compareDetails(&a, &b)
}

// compareDetails orders components that are the same package, known in the same
// way, by every other field.
func compareDetails(a, b *Component) int {
	if c := cmp.Or(strings.Compare(a.Marker, b.Marker), strings.Compare(a.Scope, b.Scope)); c != 0 {
		return c
	}
	if c := slices.Compare(a.Scopes, b.Scopes); c != 0 {
		return c
	}
	if c := slices.CompareFunc(a.Locations, b.Locations, CompareLocations); c != 0 {
		return c
	}
	return cmp.Or(
		strings.Compare(a.Name, b.Name),
		strings.Compare(a.URL, b.URL),
		slices.Compare(a.Extras, b.Extras),
		slices.Compare(a.Hashes, b.Hashes),
		strings.Compare(a.Source, b.Source),
		strings.Compare(a.SourceVersion, b.SourceVersion),
		strings.Compare(a.Owner, b.Owner),
		compareBool(a.Editable, b.Editable),
		compareBool(a.Constraint, b.Constraint),
		strings.Compare(a.Installer, b.Installer),
		compareBool(a.Requested, b.Requested),
	)
}

// CompareLocations orders locations by layer, file and line.
func CompareLocations(a, b Location) int {
	return cmp.Or(strings.Compare(a.Layer, b.Layer), strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// CompareGaps orders gaps by file, line, kind and reason.
func CompareGaps(a, b Gap) int {
	return cmp.Or(
		strings.Compare(a.Layer, b.Layer),
		strings.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		strings.Compare(string(a.Kind), string(b.Kind)),
		strings.Compare(a.Package, b.Package),
		strings.Compare(a.Reason, b.Reason),
		strings.Compare(a.Advisory, b.Advisory),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
