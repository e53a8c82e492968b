package report

import (
	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/sbom"
)

// LeftOut is how many components of r a format has no way to hold: syft-json
// has those with an exact version only, and osv-scanner of those the ones that
// osv-scanner looks up by itself. Lines that only constrain are no components
// of the application and do not count. It is 0 for every other format.
func LeftOut(format string, r *audit.Report) int {
	var holds func(c *sbom.Component) bool
	switch format {
	case FormatSyftJSON:
		holds = func(c *sbom.Component) bool { return c.Version != "" }
	case FormatOSVScanner:
		holds = scannerKnows
	default:
		return 0
	}
	n := 0
	for i := range r.Components {
		if c := &r.Components[i]; !c.Constraint && !holds(c) {
			n++
		}
	}
	return n
}
