package vuln

import (
	"errors"

	"github.com/google/osv-scalibr/semantic"
)

// otherVersion is a version of an ecosystem other than PyPI.
type otherVersion = semantic.Version

// parseOther reads a version of an ecosystem other than PyPI in that
// ecosystem's own order; errNoOrder means that the order is not known.
func parseOther(s, ecosystem string) (otherVersion, error) {
	v, err := semantic.Parse(s, ecosystem)
	if errors.Is(err, semantic.ErrUnsupportedEcosystem) {
		return nil, errNoOrder
	}
	return v, err
}
