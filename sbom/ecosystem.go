package sbom

import (
	"fmt"
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
		if c.Source == c.Name && (c.SourceVersion == "" || c.SourceVersion == c.Version) {
			c.Source, c.SourceVersion = "", ""
		}
	default:
		c.Ecosystem = purlEcosystem(p.Type)
	}
	return c, nil
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
	}
	return ""
}

// purlDistro maps the namespace of a distribution package and the "distro"
// qualifier to OSV's ecosystem. The qualifier is "ID-VERSION" ("debian-12.5"),
// the version alone, or a code name ("bookworm").
func purlDistro(vendor, distro string) string {
	id, version, dashed := strings.Cut(distro, "-")
	switch {
	case distro == "":
		id = vendor
	case !dashed && distro[0] >= '0' && distro[0] <= '9':
		id, version = vendor, distro
	case !dashed && distro != vendor:
		id, version = vendor, codename(distro)
	}
	if vendor != "" && id != vendor {
		// A package of another vendor on this distribution is not the
		// distribution's, and its advisories say nothing about it.
		return ""
	}
	return DistroEcosystem(id, version)
}

// DistroEcosystem maps ID and VERSION_ID of an os-release file to OSV's
// ecosystem with its release suffix, "" when OSV has none that can be named for
// sure. Derivatives get none: their packages are not those of what they derive
// from. https://ossf.github.io/osv-schema/#defined-ecosystems
func DistroEcosystem(id, version string) string {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	switch {
	case id == "wolfi":
		return "Wolfi"
	case id == "chainguard":
		return "Chainguard"
	case version == "":
		return ""
	case id == "debian":
		return "Debian:" + major
	case id == "ubuntu" && minor == "":
		return ""
	case id == "ubuntu":
		return "Ubuntu:" + major + "." + minor + longTerm(major, minor)
	case id == "alpine" && minor == "":
		return ""
	case id == "alpine":
		return "Alpine:v" + major + "." + minor
	case id == "almalinux":
		return "AlmaLinux:" + major
	case id == "rocky" || id == "rocky-linux":
		return "Rocky Linux:" + major
	}
	return ""
}

// longTerm is the suffix of Ubuntu's long-term releases: April of even years.
func longTerm(major, minor string) string {
	if minor == "04" && strings.ContainsAny(major[len(major)-1:], "02468") {
		return ":LTS"
	}
	return ""
}

// codename maps the code names that package URLs use for releases.
// https://www.debian.org/releases/ and https://wiki.ubuntu.com/Releases
func codename(name string) string {
	return map[string]string{
		"stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14",
		"bionic": "18.04", "focal": "20.04", "jammy": "22.04", "noble": "24.04",
	}[name]
}
