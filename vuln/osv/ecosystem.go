package osv

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// ecosystems are the names that OSV defines, without release suffix.
// https://ossf.github.io/osv-schema/#defined-ecosystems
var ecosystems = [...]string{
	"AlmaLinux", "Alpaquita", "Alpine", "Android", "Azure Linux", "BellSoft Hardened Containers",
	"Bioconductor", "Bitnami", "Chainguard", "CleanStart", "ConanCenter", "CRAN", "crates.io", "Debian",
	"Docker Hardened Images", "Echo", "FreeBSD", "GHC", "GitHub Actions", "Go", "Hackage", "Hex", "Julia",
	"Kubernetes", "Linux", "Mageia", "Maven", "MinimOS", "npm", "NuGet", "opam", "openEuler", "openSUSE",
	"OSS-Fuzz", "Packagist", "Photon OS", "Pub", "PyPI", "Red Hat", "Rocky Linux", "Root", "RubyGems", "SUSE",
	"SwiftURL", "TuxCare", "Ubuntu", "VSCode", "Wolfi",
}

// canonical returns an ecosystem as OSV spells it. The schema is exact about
// upper and lower case, but a record that is not ("pypi") speaks of the same
// packages, and would be found by nobody under a name of its own. A name that
// OSV does not define stays as it is.
func canonical(ecosystem string) string {
	name, release, suffixed := strings.Cut(strings.TrimSpace(ecosystem), ":")
	for _, known := range ecosystems {
		if strings.EqualFold(name, known) {
			name = known
			break
		}
	}
	if suffixed {
		return name + ":" + release
	}
	return name
}

// packageOf returns the ecosystem and the name of an affected entry's package.
// The schema allows a package URL beside them, and some records have nothing
// else; both are "" for an entry that speaks of a source repository only.
// https://ossf.github.io/osv-schema/#affectedpackage-field
func packageOf(ecosystem, name, purl string) (string, string, error) {
	switch {
	case ecosystem == "" && name == "" && purl == "":
		return "", "", nil
	case ecosystem != "" && name != "":
		return canonical(ecosystem), name, nil
	case purl == "":
		return "", "", errors.New("package without name or ecosystem")
	}
	c, err := sbom.FromPURL(purl, "")
	if err != nil {
		return "", "", err
	}
	if ecosystem != "" {
		c.Ecosystem = canonical(ecosystem)
	}
	if name != "" {
		c.Name = name
	}
	if c.Ecosystem == "" || c.Name == "" {
		return "", "", fmt.Errorf("package without ecosystem, and %.80q does not tell it", purl)
	}
	return c.Ecosystem, c.Name, nil
}

// isJSON and isZip go by the end of a file name, in any case.
func isJSON(name string) bool { return hasSuffixFold(name, ".json") }
func isZip(name string) bool  { return hasSuffixFold(name, ".zip") }

func hasSuffixFold(name, suffix string) bool {
	return len(name) >= len(suffix) && strings.EqualFold(name[len(name)-len(suffix):], suffix)
}
