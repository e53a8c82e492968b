package sbom

import (
	"strings"

	"github.com/package-url/packageurl-go"
)

// purlDistro maps the namespace of a distribution package and the "distro"
// qualifier to OSV's ecosystem. The qualifier is "ID-VERSION" ("debian-12.5",
// "opensuse-leap-15.6"), the version alone, an ID alone ("wolfi"), or a code
// name ("bookworm").
func purlDistro(vendor, distro string) string {
	vendor = strings.ToLower(vendor)
	id, version := splitDistro(strings.ToLower(distro))
	switch {
	case distro == "":
		id = vendor
	case id == "" && version != "":
		id = vendor
	case version == "" && id != vendor:
		id, version = vendor, codename(id)
	}
	if vendor != "" && id != vendor && !(vendor == "opensuse" && strings.HasPrefix(id, "opensuse-")) {
		// A package of another vendor on this distribution is not the
		// distribution's, and its advisories say nothing about it.
		return ""
	}
	return DistroEcosystem(id, version)
}

// splitDistro parts "ID-VERSION"; a version begins with a digit or is "stream".
// Without one the version is "", and the ID is when there is nothing else.
func splitDistro(distro string) (id, version string) {
	if distro != "" && distro[0] >= '0' && distro[0] <= '9' {
		return "", distro
	}
	for i := range distro {
		if distro[i] != '-' || i+1 == len(distro) {
			continue
		}
		if rest := distro[i+1:]; rest[0] >= '0' && rest[0] <= '9' || rest == "stream" {
			return distro[:i], rest
		}
	}
	return distro, ""
}

// DistroOf is the ID of the distribution that the package URL of one of its
// packages names, in its "distro" qualifier or else as its namespace; "" for
// other types.
func DistroOf(purl string) string {
	p, err := packageurl.FromString(purl)
	if err != nil || p.Type != packageurl.TypeDebian && p.Type != packageurl.TypeApk && p.Type != packageurl.TypeRPM {
		return ""
	}
	id, version := splitDistro(strings.ToLower(p.Qualifiers.Map()["distro"]))
	if id == "" || version == "" {
		return strings.ToLower(p.Namespace)
	}
	return id
}

// DistroEcosystem maps ID and VERSION_ID of an os-release file to OSV's
// ecosystem with its release suffix, "" when OSV has none that can be named for
// sure, see [WhyNoEcosystem]. Derivatives get none: their packages are not those
// of what they derive from. https://ossf.github.io/osv-schema/#defined-ecosystems
func DistroEcosystem(id, version string) string {
	if name := rolling(id); name != "" || version == "" {
		return name
	}
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	switch id {
	case "debian":
		return "Debian:" + major
	case "ubuntu", "alpine", "photon", "opensuse-leap":
		return minorEcosystem(id, major, minor)
	case "almalinux":
		return "AlmaLinux:" + major
	case "rocky", "rocky-linux":
		return "Rocky Linux:" + major
	case "azurelinux", "mariner":
		// CBL-Mariner was the name of Azure Linux until its version 2.
		return "Azure Linux:" + major
	case "mageia":
		return "Mageia:" + major
	case "alpaquita":
		return "Alpaquita:" + version
	case "bellsoft-hardened-containers":
		return "BellSoft Hardened Containers:" + version
	}
	return ""
}

// rolling maps the distributions that have no releases: VERSION_ID is a day.
func rolling(id string) string {
	switch id {
	case "wolfi":
		return "Wolfi"
	case "chainguard":
		return "Chainguard"
	case "minimos":
		return "MinimOS"
	case "cleanstart", "clnstrt":
		return "CleanStart"
	case "opensuse-tumbleweed":
		return "openSUSE:Tumbleweed"
	}
	return ""
}

// minorEcosystem maps the distributions whose releases have two numbers.
func minorEcosystem(id, major, minor string) string {
	switch {
	case minor == "":
		return ""
	case id == "ubuntu":
		return "Ubuntu:" + major + "." + minor + longTerm(major, minor)
	case id == "alpine":
		return "Alpine:v" + major + "." + minor
	case id == "photon":
		return "Photon OS:" + major + "." + minor
	}
	return "openSUSE:Leap " + major + "." + minor
}

// ReleaseEcosystem is DistroEcosystem of the variables of an os-release file,
// and knows releases that ID and VERSION_ID do not tell: openEuler's service
// packs stand in VERSION, as "24.03 (LTS-SP1)".
func ReleaseEcosystem(vars map[string]string) string {
	id, version := strings.ToLower(vars["ID"]), vars["VERSION_ID"]
	if id != "openeuler" {
		return DistroEcosystem(id, version)
	}
	number, pack, found := strings.Cut(vars["VERSION"], " (")
	pack, closed := strings.CutSuffix(pack, ")")
	if !found || !closed || number != version || !strings.HasPrefix(pack, "LTS") {
		return "" // an innovation release has no advisories
	}
	return "openEuler:" + number + "-" + strings.ReplaceAll(pack, " ", "-")
}

// WhyNoEcosystem says why DistroEcosystem has no answer for a distribution for
// which OSV has advisories, one clause; "" when there is nothing to say. id is
// ID of an os-release file.
func WhyNoEcosystem(id string) string {
	switch id {
	case "rhel", "redhat":
		return "Red Hat's advisories are for product streams, and a package does not say of which it is"
	case "sles", "sled", "sle_hpc", "sle-micro", "suse":
		return "SUSE's advisories are for products and modules, and a package does not say of which it is"
	case "openeuler":
		return "openEuler's advisories are for service packs of long-term releases, and which one it is, is not told"
	case "opensuse-leap", "opensuse", "debian", "ubuntu", "alpine", "almalinux", "rocky", "azurelinux", "mariner", "mageia", "photon", "alpaquita":
		return "which release it is, is not told"
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
