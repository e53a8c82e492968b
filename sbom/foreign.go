package sbom

import (
	"cmp"
	"fmt"
	"strings"
)

// FromSBOM returns the component that an entry of another tool's SBOM speaks
// of, and the gaps that it leaves. The user names such a file as the target and
// with it takes its word: an exact version is Locked, not Claimed, because a
// claim never gates and a vulnerable SBOM would pass. (An SBOM that is found
// inside something is a claim; who finds one sets that.) distro is as in
// FromPURL. An entry without a package URL, without an exact version or of an
// ecosystem that no advisories are about stays in the inventory with a Gap.
func FromSBOM(name, version, purl, distro string) (Component, []Gap) {
	c := Component{Name: name, Locations: []Location{}}
	var gaps []Gap
	gap := func(kind GapKind, format string, args ...any) {
		g := NewGap(kind, "", 0, fmt.Sprintf(format, args...))
		g.Package = c.NormalName()
		gaps = append(gaps, g)
	}
	told := version
	if purl == "" {
		gap(GapUnversioned, "%q has no package URL, so no advisories can be looked up for it", name)
	} else if parsed, err := FromPURL(purl, distro); err != nil {
		c.PURL = purl
		gap(GapUnparsed, "%q: %v", name, err)
	} else {
		c = parsed
		if c.NormalName() == NormalName(c.Ecosystem, name) && c.Ecosystem == "Go" {
			c.Name = name // package URLs often have it in lower case
		}
		version = cmp.Or(parsed.Version, version)
		if c.Ecosystem == "" {
			gap(GapEcosystem, "no advisories are known for the kind or the release of %q", purl)
		}
	}
	c.Version = ""
	switch {
	case version == "" && c.Ecosystem != "":
		c.Evidence = Declared
		gap(GapUnversioned, "%q has no version", cmp.Or(c.Name, name))
	case version == "":
		c.Evidence = Declared
	case !exactVersion(version):
		c.Evidence, c.Specifier = Declared, version
		gap(GapRange, "%q names a range of versions, %q, and not the one that is there", cmp.Or(c.Name, name), version)
	default:
		c.Evidence, c.Version = Locked, version
		if (c.Ecosystem == "PyPI" || c.Ecosystem == "npm") && told != "" && told != version {
			gap(GapConflict, "%q is said to be version %q and, by its package URL, %q", c.Name, told, version)
		}
	}
	return c, gaps
}

// exactVersion reports whether a version string of another tool names one
// version; some write ranges into the same field ("^4.17.0", ">= 1, < 2", "1.x").
func exactVersion(s string) bool {
	return !strings.ContainsAny(s, "<>=*|, ") && !strings.ContainsAny(s[:1], "^~!") && !strings.HasSuffix(s, ".x")
}
