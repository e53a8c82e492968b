package image

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/decode"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// What an SBOM inside an image says is a claim: somebody wrote it down, and the
// files may be there or not. So a claim adds components that never gate, and
// one that cannot be read takes nothing away.

// claimedPackage is a package that a file of the image says is somewhere in it.
type claimedPackage struct {
	Name          string `json:"name"`
	Version       string `json:"version"`
	Ecosystem     string `json:"ecosystem"`
	PURL          string `json:"purl"`
	Source        string `json:"source,omitempty"`
	SourceVersion string `json:"source_version,omitempty"`
	// Line counts from 1; 0 for a file that is not one of lines.
	Line int `json:"line,omitempty"`
}

// claimKind knows the files that claim packages: SBOMs by the names that the
// formats and PEP 770 give them and by the folders that distributions and
// Bitnami put them into, and the lists of what pip and setuptools vendor.
//
//	https://peps.python.org/pep-0770/
//	https://cyclonedx.org/specification/overview/#recognized-file-patterns
//	https://spdx.github.io/spdx-spec/v2.3/conformance/#44-standard-data-format-requirements
//	https://pip.pypa.io/en/stable/development/vendoring-policy/
func claimKind(dir, base string) kind {
	if path.Base(dir) == "_vendor" && (base == "vendor.txt" || base == "vendored.txt") {
		return kindVendor
	}
	for _, suffix := range []string{".cdx.json", ".spdx.json", ".syft.json", ".sbom.json"} {
		if strings.HasSuffix(base, suffix) {
			return kindClaims
		}
	}
	for _, folder := range []string{"/usr/share/sbom/", "/usr/local/share/sbom/", "/var/lib/db/sbom/"} {
		if strings.HasPrefix(dir+"/", folder) {
			return kindClaims
		}
	}
	switch {
	case path.Base(dir) == "sboms" && strings.HasSuffix(path.Dir(dir), ".dist-info"),
		strings.HasPrefix(dir+"/", "/opt/bitnami/") && strings.HasPrefix(base, ".spdx-") && path.Ext(base) == ".spdx":
		return kindClaims
	}
	return kindNone
}

// claims reports whether a file of this kind only claims packages.
func (k kind) claims() bool { return k == kindClaims || k == kindVendor }

// gapKind is the kind of a gap about a file that was not read as another kind
// says: what only claims hides nothing.
func (k kind) gapKind(other sbom.GapKind) sbom.GapKind {
	if k.claims() {
		return sbom.GapClaim
	}
	return other
}

// parseClaims reads an SBOM. unusable is how many of its entries name no package
// with a version that advisories could be looked up for.
func parseClaims(data []byte) (claims []claimedPackage, unusable int, err error) {
	if text := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\ufeff")), " \t\r\n"); len(text) == 0 || text[0] != '{' {
		return nil, 0, errors.New("an SBOM in a form that is not read")
	}
	d, _, err := decode.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, 0, errors.New("an SBOM that is none of a format that is read, or broken")
	}
	if len(d.Components) > limit.ClaimedPackages {
		return nil, 0, fmt.Errorf("an SBOM of %d components: %w of %d", len(d.Components), limit.ErrTooLarge, limit.ClaimedPackages)
	}
	seen := map[string]bool{}
	for i := range d.Components {
		c := &d.Components[i]
		purl, ok := barePURL(c.PURL)
		if !ok || c.Ecosystem == "" || !debWord(c.Name) || !debWord(c.Version) {
			unusable++
			continue
		}
		if !seen[purl] {
			seen[purl] = true
			claims = append(claims, claimedPackage{
				Name: plain(c.Name), Version: plain(c.Version), Ecosystem: c.Ecosystem, PURL: purl,
				Source: plain(c.Source), SourceVersion: plain(c.SourceVersion),
			})
		}
	}
	return claims, unusable, nil
}

// barePURL returns a package URL with the qualifiers that say which package it
// is, and without those that say where it is from: they may hold credentials.
func barePURL(s string) (string, bool) {
	p, err := packageurl.FromString(s)
	if err != nil {
		return "", false
	}
	p.Qualifiers = slices.DeleteFunc(p.Qualifiers, func(q packageurl.Qualifier) bool {
		return !slices.Contains([]string{"arch", "distro", "epoch", "upstream"}, q.Key)
	})
	p.Subpath = ""
	return plain(p.ToString()), true
}

// parseVendor reads a list of vendored distributions: lines of "name==version",
// with comments and indentation. unusable is how many lines are something else.
func parseVendor(data []byte) (claims []claimedPackage, unusable int) {
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		text, _, _ := strings.Cut(line, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		name, version, pinned := strings.Cut(text, "==")
		name, _, _ = strings.Cut(name, "[")
		if name, version = strings.TrimSpace(name), strings.TrimSpace(version); !pinned || !nameOK.MatchString(name) || !debWord(version) || len(claims) == limit.ClaimedPackages {
			unusable++
			continue
		}
		claims = append(claims, claimedPackage{Name: name, Version: version, Ecosystem: "PyPI", PURL: sbom.PyPIPURL(name, version), Line: n})
	}
	return claims, unusable
}

// claims adds what SBOMs and lists of vendored packages say. A distribution
// package that is in the distribution's own database is not said again, nor a
// Python distribution by its own SBOM.
func (b *builder) claims() {
	there := map[string]bool{}
	for i := range b.doc.Components {
		c := &b.doc.Components[i]
		if key := packageKey(c.PURL, c.NormalName(), c.Version); key != "" && c.Evidence != sbom.Claimed {
			there[key] = true
		}
	}
	first, files, unusable := "", 0, 0
	for _, p := range slices.Sorted(maps.Keys(b.files)) {
		f := b.files[p]
		if !f.Kind.claims() {
			continue
		}
		if f.Unusable > 0 {
			if first == "" {
				first = p
			}
			files, unusable = files+1, unusable+f.Unusable
		}
		owners := b.ownersOf(p)
		for i := range f.Claims {
			c := f.Claims[i]
			name := sbom.NormalName(c.Ecosystem, c.Name)
			imported := f.Kind == kindVendor && b.folders[path.Dir(p)]
			if !imported && there[packageKey(c.PURL, name, c.Version)] && (c.Ecosystem != "PyPI" || b.aboutItself(p, name)) {
				continue
			}
			out := sbom.Component{
				Name: c.Name, Version: c.Version, Ecosystem: c.Ecosystem, PURL: c.PURL, Source: c.Source, SourceVersion: c.SourceVersion,
				Evidence: sbom.Claimed, Locations: []sbom.Location{{File: p, Line: c.Line, Layer: b.layers[f.layer]}},
			}
			if imported {
				out.Evidence = sbom.Installed
			}
			if len(owners) > 0 {
				out.Owner, out.Evidence = owners[0].String(), sbom.OSOwned
			}
			b.doc.Components = append(b.doc.Components, out)
		}
	}
	if unusable > 0 {
		b.newGap(sbom.GapClaim, first, b.files[first].layer,
			fmt.Sprintf("%d entries of SBOMs found inside (%d files) name no package and version that advisories could be looked up for", unusable, files))
	}
}

// packageKey is what a package is told by when it is a distribution's, of which
// there is one in an image, or a Python distribution; "" for any other.
func packageKey(purl, name, version string) string {
	for _, of := range []string{"deb", "apk", "rpm", "pypi"} {
		if strings.HasPrefix(purl, "pkg:"+of+"/") {
			return of + " " + name + " " + version
		}
	}
	return ""
}

// aboutItself reports whether the file at p is among those of the Python
// distribution called name, in normal form.
func (b *builder) aboutItself(p, name string) bool {
	if dir := path.Dir(path.Dir(p)); metadataDir(dir) {
		own := b.files[path.Join(dir, "METADATA")]
		return own.file != nil && own.Package != nil && pep508.NormalizeName(own.Package.Name) == name
	}
	_, module := moduleOf(p)
	return module != "" && pep508.NormalizeName(module) == name
}

// copied reports whether the metadata at p is that of a copy which Python does
// not find by itself: one inside another package (pip/_vendor), or one that a
// package manager keeps to install from.
//
//	https://docs.astral.sh/uv/concepts/cache/
//	https://docs.conda.io/projects/conda/en/stable/user-guide/configuration/custom-env-and-pkg-locations.html
func copied(p string) bool {
	above := strings.Split(path.Dir(path.Dir(p)), "/")
	n := len(above)
	at := func(i int) string { // from the end, 1 the last
		if i > n {
			return ""
		}
		return above[n-i]
	}
	switch at(1) {
	case "_vendor", "_vendored", "_vendored_packages":
		return slices.Contains(above, "site-packages") || slices.Contains(above, "dist-packages")
	case "site-packages":
		python := strings.HasPrefix(at(2), "python") && at(3) == "lib"
		return at(3) == "pkgs" && condaArchive(at(2)) || python && at(5) == "pkgs" && condaArchive(at(4))
	}
	return at(2) == uvArchive && slices.Contains(above, "uv")
}

// uvArchive is the folder in which uv keeps what it unpacked.
const uvArchive = "archive-v0"

// condaArchive reports whether a folder is called like a conda package,
// "NAME-VERSION-BUILD".
func condaArchive(folder string) bool { return strings.Count(folder, "-") >= 2 }

// linkedCopies finds the metadata of copies that a link leads to from elsewhere,
// as when uv or conda are told to link what they install: these are installed.
func (b *builder) linkedCopies() {
	b.linked = map[string]bool{}
	of := map[string][]string{} // the metadata by what a link to it would be to
	for p, f := range b.files {
		if f.Kind != kindPython || f.Package == nil || !copied(p) {
			continue
		}
		dir := path.Dir(p)
		site := path.Dir(dir)
		for _, at := range []string{p, dir, site} {
			of[at] = append(of[at], p)
		}
		modules := []string{strings.ReplaceAll(pep508.NormalizeName(f.Package.Name), "-", "_")}
		for _, list := range []string{"RECORD", "top_level.txt"} {
			if beside := b.files[path.Join(dir, list)]; beside.file != nil {
				modules = append(modules, beside.Modules...)
			}
		}
		for _, m := range modules {
			at := path.Join(site, m)
			of[at], of[at+".py"] = append(of[at], p), append(of[at+".py"], p)
		}
	}
	if len(of) == 0 {
		return
	}
	for n := range b.tree.all(heldLink) {
		link := b.tree.path(n)
		real, err := b.resolve(link)
		if err != nil || len(of[real]) == 0 || ofCache.MatchString(link) {
			continue
		}
		for _, p := range of[real] {
			b.linked[p] = true
		}
		delete(of, real)
	}
}

// ofCache are the links by which uv finds in its cache what it unpacked there.
// https://docs.astral.sh/uv/concepts/cache/
var ofCache = regexp.MustCompile(`/uv/(?:built-)?(?:wheels|sdists)-v[0-9]+/`)
