//go:build !scalibr

package vuln

// otherVersion is a version of an ecosystem other than PyPI.
type otherVersion interface {
	Compare(otherVersion) (int, error)
}

// parseOther knows no order: without osv-scalibr only PyPI's versions are
// ordered, and what uses others gets a hiding Gap.
func parseOther(string, string) (otherVersion, error) { return nil, errNoOrder }
