package policy

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompareVersions(t *testing.T) {
	for ecosystem, want := range map[string][]string{
		"PyPI":      {"not a version", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "1.0.1", "4.9.0", "4.44.1", "5.0.0", "2023.7.22", "1!0.1"},
		"Debian:12": {"3.0.11-1~deb12u2", "3.0.11-1", "3.0.11-1+deb12u2", "9.9", "1:1.2"},
		"npm":       {"", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0"},
		"invented":  {"10", "2", "x"}, // No order is known, so it is that of the bytes.
	} {
		rng := rand.New(rand.NewPCG(5, 6))
		for range 20 {
			got := slices.Clone(want)
			rng.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
			slices.SortFunc(got, func(a, b string) int { return compareVersions(ecosystem, a, b) })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", ecosystem, diff)
			}
		}
	}
}
