package report

import (
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// An ecosystem without advisories is a reason by itself, and a gap of the
// packages that were not matched, and absent from the snapshot. The short form
// of text says it once, as the reason.

// absentEcosystems are those of which a reason says that there are no
// advisories.
func (t *text) absentEcosystems() []string {
	var out []string
	for _, r := range t.r.Decision.Reasons {
		if r.Rule == "advisories-absent" {
			out = append(out, r.Evidence...)
		}
	}
	return out
}

// absence reports whether a gap says no more than the reason about its
// ecosystem: "the advisory snapshot has nothing for npm: ...".
func (t *text) absence(g sbom.Gap) bool {
	return g.Kind == sbom.GapEcosystem && g.File == "" && slices.ContainsFunc(t.absentEcosystems(), func(ecosystem string) bool {
		return strings.Contains(g.Reason, " has nothing for "+ecosystem+":")
	})
}

// unmatched is a reason about an absent ecosystem with what was not matched for
// it: the words of the gap, where there is one.
func (t *text) unmatched(r policy.Reason) string {
	for _, g := range t.r.Gaps {
		for _, ecosystem := range r.Evidence {
			if t.absence(g) && strings.Contains(g.Reason, " has nothing for "+ecosystem+":") {
				return g.Reason
			}
		}
	}
	return r.Message
}

// saidByAbsence reports whether a reason is about such gaps only.
func (t *text) saidByAbsence(r policy.Reason) bool {
	if r.Rule != "gap" {
		return false
	}
	_, gaps := t.gapsOf(r)
	return len(gaps) > 0 && !slices.ContainsFunc(gaps, func(g sbom.Gap) bool { return !t.absence(g) })
}
