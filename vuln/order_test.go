package vuln_test

import (
	"testing"

	"github.com/tallyman/tallyman/vuln"
)

// TestOrderOfEachEcosystem: one pair of each that only that ecosystem's own
// order gets right; a plain comparison of numbers or of text would not.
func TestOrderOfEachEcosystem(t *testing.T) {
	for _, c := range []struct{ ecosystem, less, more string }{
		{"PyPI", "1.0rc1", "1.0"},
		{"PyPI", "1.0", "1.0.post1"},
		{"npm", "1.0.0-beta.2", "1.0.0-beta.11"},
		{"Go", "v1.2.3-0.20240101000000-abcdef123456", "v1.2.3"},
		{"crates.io", "1.0.0-alpha", "1.0.0"},
		{"Debian:12", "1.2~rc1-1", "1.2-1"},
		{"Debian:12", "9.0-1", "1:1.0-1"},
		{"Ubuntu:22.04:LTS", "3.0.2-0ubuntu1.9", "3.0.2-0ubuntu1.15"},
		{"Alpine:v3.20", "1.2.5_rc1-r0", "1.2.5-r0"},
		{"Alpine:v3.20", "1.2.5-r9", "1.2.5-r10"},
		{"Alpaquita:23", "1.2.5_rc1-r0", "1.2.5-r0"},
		{"BellSoft Hardened Containers:25", "1.2.5-r9", "1.2.5-r10"},
		{"Wolfi", "3.1.4-r9", "3.1.4-r10"},
		{"Chainguard", "3.1.4_rc1-r0", "3.1.4-r0"},
		{"MinimOS", "3.1.4-r9", "3.1.4-r10"},
		{"AlmaLinux:9", "3.0.7-9.el9", "3.0.7-16.el9_2"},
		{"AlmaLinux:9", "9.9-1.el9", "1:1.0-1.el9"},
		{"Rocky Linux:9", "1.0~rc1-1.el9", "1.0-1.el9"},
		{"Red Hat:enterprise_linux:9::baseos", "1.0-9.el9", "1.0-10.el9"},
		{"openSUSE:Leap 15.6", "1.0-150600.3.2.1", "1.0-150600.3.10.1"},
		{"SUSE:Linux Enterprise Server 15 SP5", "1.0-9.1", "1.0-10.1"},
		{"Mageia:9", "1.0-9.mga9", "1.0-10.mga9"},
		{"openEuler:24.03-LTS", "1.0-9.oe2403", "1.0-10.oe2403"},
		{"Maven", "1.0-alpha-1", "1.0"},
		{"Maven", "1.0", "1.0-sp"},
		{"NuGet", "1.0.0-beta", "1.0.0.0"},
		{"RubyGems", "1.0.0.pre", "1.0.0"},
		{"Packagist", "1.0.0-RC1", "1.0.0"},
		{"Pub", "1.0.0", "1.0.0+1"},
		{"Hackage", "1.9", "1.10"},
		{"Hex", "1.0.0-rc.1", "1.0.0"},
		{"CRAN", "1.0-9", "1.0-10"},
		{"Bioconductor", "1.9.0", "1.10.0"},
		{"Bitnami", "7.2.0-rc1", "7.2.0"},
		{"ConanCenter", "1.9.0", "1.10.0"},
		{"Docker Hardened Images", "1.9.0", "1.10.0"},
		{"GHC", "9.8.4", "9.10.1"},
		{"Julia", "1.9.0", "1.10.0"},
		{"SwiftURL", "1.9.0", "1.10.0"},
	} {
		for _, way := range []struct {
			a, b string
			want int
		}{{c.less, c.more, -1}, {c.more, c.less, 1}, {c.less, c.less, 0}} {
			if got, err := vuln.CompareVersions(c.ecosystem, way.a, way.b); err != nil || got != way.want {
				t.Errorf("%s: %s with %s is %d, %v; want %d", c.ecosystem, way.a, way.b, got, err, way.want)
			}
		}
	}
	for _, none := range []string{"Photon OS:5.0", "Azure Linux:3", "Echo", "CleanStart", "TuxCare:9", "Root:Debian:12", "Arch", ""} {
		if got, err := vuln.CompareVersions(none, "1", "2"); err == nil || got != 0 {
			t.Errorf("%q has an order: %d", none, got)
		}
	}
}
