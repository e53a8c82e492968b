package sbom

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
)

// FromPURL returns what a package URL says about a component: name, version,
// ecosystem, and for distribution packages the source package. Evidence is left
// to the caller. distro is the distribution ("debian-12") of packages whose URL
// names none, "" if it is not known. The ecosystem is "" when OSV has none for
// the type, or when the distribution's release is not known.
// https://github.com/package-url/purl-spec/tree/main/types
func FromPURL(purl, distro string) (Component, error) {
	p, err := packageurl.FromString(purl)
	if err != nil {
		return Component{}, fmt.Errorf("reading package URL %q: %w", purl, err)
	}
	q := p.Qualifiers.Map()
	c := Component{Name: purlName(p), Version: withEpoch(p.Version, q["epoch"]), PURL: purl, Locations: []Location{}}
	switch p.Type {
	case packageurl.TypeDebian, packageurl.TypeApk, packageurl.TypeRPM:
		if q["distro"] != "" {
			distro = q["distro"]
		}
		c.Ecosystem = purlDistro(p.Namespace, distro)
		c.Source, c.SourceVersion, _ = strings.Cut(q["upstream"], "@")
		if name, version, release := CutSourceRPM(q["upstream"]); name != "" {
			epoch, told := q["upstream_epoch"]
			if !told {
				epoch = q["epoch"] // the package's own
			}
			c.Source, c.SourceVersion = name, withEpoch(version+"-"+release, epoch)
		}
		if c.Source == c.Name && (c.SourceVersion == "" || c.SourceVersion == c.Version) {
			c.Source, c.SourceVersion = "", ""
		}
	case packageurl.TypeGolang:
		c.Ecosystem, c.Name = purlEcosystem(p.Type), inCaseOf(purl, c.Name)
	default:
		c.Ecosystem = purlEcosystem(p.Type)
	}
	return c, nil
}

// inCaseOf gives the name of a Go module the case that it has in its package
// URL: the specification wants it lower, and whoever imports the module does not.
// https://go.dev/ref/mod#module-path
func inCaseOf(purl, name string) string {
	path, _, _ := strings.Cut(purl, "#")
	path, _, _ = strings.Cut(path, "?")
	if i := strings.LastIndex(path, "@"); i >= 0 {
		path = path[:i]
	}
	_, path, _ = strings.Cut(path, "/")
	if path, err := url.PathUnescape(strings.Trim(path, "/")); err == nil && strings.EqualFold(path, name) {
		return path
	}
	return name
}

// purlName joins namespace and name as the ecosystem's advisories spell them.
func purlName(p packageurl.PackageURL) string {
	switch {
	case p.Namespace == "":
		return p.Name
	case p.Type == packageurl.TypeMaven:
		return p.Namespace + ":" + p.Name
	case slices.Contains([]string{packageurl.TypeDebian, packageurl.TypeApk, packageurl.TypeRPM, packageurl.TypePyPi}, p.Type):
		return p.Name
	}
	return p.Namespace + "/" + p.Name
}

// withEpoch puts an epoch that stands in a qualifier before the version.
// https://github.com/package-url/purl-spec/blob/main/types-doc/rpm-definition.md
func withEpoch(version, epoch string) string {
	if epoch == "" || epoch == "0" || version == "" || strings.Contains(version, ":") {
		return version
	}
	return epoch + ":" + version
}

// purlEcosystem maps the type of a package URL to OSV's ecosystem, "" for none.
// https://ossf.github.io/osv-schema/#defined-ecosystems
func purlEcosystem(purlType string) string {
	switch purlType {
	case packageurl.TypePyPi:
		return "PyPI"
	case packageurl.TypeNPM:
		return "npm"
	case packageurl.TypeGolang:
		return "Go"
	case packageurl.TypeCargo:
		return "crates.io"
	case packageurl.TypeGem:
		return "RubyGems"
	case packageurl.TypeMaven:
		return "Maven"
	case packageurl.TypeNuget:
		return "NuGet"
	case packageurl.TypeComposer:
		return "Packagist"
	case packageurl.TypeHex:
		return "Hex"
	case packageurl.TypePub:
		return "Pub"
	case packageurl.TypeConan:
		return "ConanCenter"
	case packageurl.TypeCran:
		return "CRAN"
	case packageurl.TypeHackage:
		return "Hackage"
	case packageurl.TypeSwift:
		return "SwiftURL"
	case "bioconductor":
		return "Bioconductor"
	case "bitnami":
		return "Bitnami"
	case "julia":
		return "Julia"
	}
	return ""
}
