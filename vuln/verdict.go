package vuln

import (
	"slices"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// decide gives the verdict about the versions that requirements admit and
// those that a vulnerability affects, and the version that an installer takes
// as far as is known, the zero Version if none is. The verdict is "" when no
// admitted version is affected. The lowest admitted version never counts for
// more than any other.
func decide(s *admitted, affected pep440.Set, fixed []pep440.Version, k *known) (Verdict, pep440.Version) {
	switch {
	case !s.set.Overlaps(affected):
		return "", pep440.Version{}
	case s.set.SubsetOf(affected):
		return Forced, pep440.Version{}
	}
	candidates := k.candidates(s)
	if len(candidates) == 0 {
		return Latent, pep440.Version{}
	}
	newest := candidates[len(candidates)-1]
	if !affected.Contains(newest) {
		return Latent, newest
	}
	if k.complete {
		if slices.ContainsFunc(candidates, func(v pep440.Version) bool { return !affected.Contains(v) }) {
			return Current, newest
		}
		return Forced, newest
	}
	// Versions that nobody told us of may lie above the newest known one. When
	// all of them would be affected too, it does not matter.
	above := s.set.Intersect(pep440.AtMost(newest).Complement())
	if above.SubsetOf(affected) {
		return Current, newest
	}
	if !slices.ContainsFunc(fixed, s.admits) {
		return Unknown, newest
	}
	return Latent, newest
}

// rank orders verdicts: the worst is the highest. Unknown ranks above Latent,
// because what an installer takes today may be affected.
func (v Verdict) rank() int {
	return slices.Index([]Verdict{"", Latent, Unknown, Current, Forced, AffectedVersion}, v)
}
