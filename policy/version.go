package policy

import (
	"cmp"
	"strings"

	"github.com/tallyman/tallyman/vuln"
)

// compareVersions orders fixed versions for the remedy that a reason names, in
// the order of their ecosystem; one that it cannot read comes first, so that
// no remedy names it while there is another. It decides nothing: a finding
// says itself what is affected.
func compareVersions(ecosystem, a, b string) int {
	if c, err := vuln.CompareVersions(ecosystem, a, b); err == nil {
		return cmp.Or(c, strings.Compare(a, b))
	}
	return cmp.Or(-compareBool(readable(ecosystem, a), readable(ecosystem, b)), strings.Compare(a, b))
}

func readable(ecosystem, version string) bool {
	_, err := vuln.CompareVersions(ecosystem, version, version)
	return err == nil
}
