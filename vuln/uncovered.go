package vuln

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// uncovered is what one gap about packages without any advisory source is for:
// a type of package URL in one file, "" for what is in an image.
type uncovered struct {
	kind, file string
	// distro is the distribution's ID, "" if the package URL tells none.
	distro string
	// platform is true for what the platform adds of itself.
	platform bool
}

func uncoveredBy(c *sbom.Component) uncovered {
	u := uncovered{kind: purlType(c.PURL), distro: sbom.DistroOf(c.PURL), platform: c.Evidence == sbom.Assumed}
	if at := placeOf(c); at.Layer == "" {
		u.file = at.File
	}
	return u
}

// gap is the one gap for all of names, which it sorts.
func (u uncovered) gap(names []string) sbom.Gap {
	const most = 5
	slices.Sort(names)
	names = slices.Compact(names)
	shown := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		shown += ", ..."
	}
	of := u.kind
	if u.distro != "" {
		of += " of " + u.distro
	}
	kind, why := sbom.GapCatalogue, ""
	if reason := sbom.WhyNoEcosystem(u.distro); reason != "" {
		why = "; " + reason
	}
	if u.platform {
		kind, why = sbom.GapPlatform, why+"; the platform adds them to every application, and no edit of the application changes that"
	}
	return sbom.NewGap(kind, u.file, 0,
		fmt.Sprintf("there is no advisory source for packages of type %s: %s not matched (%s)%s", of, components(len(names)), shown, why))
}

// runtimeGap says of one interpreter that it is listed and not judged.
func runtimeGap(c *sbom.Component, name string) sbom.Gap {
	at := placeOf(c)
	g := sbom.NewGap(sbom.GapRuntime, at.File, at.Line,
		fmt.Sprintf("%s %s is listed and not judged: no advisory source tells of its versions", name, c.Version))
	g.Layer = at.Layer
	return g
}
