package sbom_test

import (
	"testing"

	"github.com/tallyman/tallyman/sbom"
)

// TestReleaseEcosystem: os-release files as the distributions ship them, and
// the name that OSV's records have.
func TestReleaseEcosystem(t *testing.T) {
	for _, c := range []struct{ id, version, more, want string }{
		{"debian", "12", "", "Debian:12"},
		{"debian", "", "", ""}, // testing and unstable
		{"ubuntu", "22.04", "", "Ubuntu:22.04:LTS"},
		{"ubuntu", "24.10", "", "Ubuntu:24.10"},
		{"ubuntu", "25.04", "", "Ubuntu:25.04"},
		{"alpine", "3.20.3", "", "Alpine:v3.20"},
		{"alpine", "3.23_alpha20250612", "", "Alpine:v3.23_alpha20250612"}, // nobody has that
		{"alpine", "edge", "", ""},
		{"almalinux", "9.4", "", "AlmaLinux:9"},
		{"rocky", "9.3", "", "Rocky Linux:9"},
		{"opensuse-leap", "15.6", "", "openSUSE:Leap 15.6"},
		{"opensuse-tumbleweed", "20260801", "", "openSUSE:Tumbleweed"},
		{"mageia", "9", "", "Mageia:9"},
		{"photon", "5.0", "", "Photon OS:5.0"},
		{"azurelinux", "3.0", "", "Azure Linux:3"},
		{"mariner", "2.0", "", "Azure Linux:2"},
		{"openEuler", "24.03", "24.03 (LTS-SP1)", "openEuler:24.03-LTS-SP1"},
		{"openEuler", "24.03", "24.03 (LTS)", "openEuler:24.03-LTS"},
		{"openEuler", "25.03", "25.03", ""},
		{"openEuler", "24.03", "22.03 (LTS)", ""},
		{"wolfi", "20230201", "", "Wolfi"},
		{"chainguard", "", "", "Chainguard"},
		{"minimos", "20241031", "", "MinimOS"},
		{"clnstrt", "1", "", "CleanStart"},
		{"alpaquita", "23", "", "Alpaquita:23"},
		{"alpaquita", "stream", "", "Alpaquita:stream"},
		{"bellsoft-hardened-containers", "25", "", "BellSoft Hardened Containers:25"},
		// Which products, streams or modules a package is of, nothing tells.
		{"rhel", "9.4", "", ""},
		{"sles", "15.5", "", ""},
		// Derivatives, and what OSV has nothing for.
		{"raspbian", "12", "", ""},
		{"linuxmint", "21", "", ""},
		{"centos", "9", "", ""},
		{"fedora", "40", "", ""},
		{"amzn", "2023", "", ""},
		{"ol", "9.4", "", ""},
		{"arch", "", "", ""},
		{"", "", "", ""},
	} {
		got := sbom.ReleaseEcosystem(map[string]string{"ID": c.id, "VERSION_ID": c.version, "VERSION": c.more})
		if got != c.want {
			t.Errorf("%s %s %q: %q, want %q", c.id, c.version, c.more, got, c.want)
		}
	}
}

// TestDistributionPURLs: the spellings that generators of SBOMs use.
func TestDistributionPURLs(t *testing.T) {
	for _, c := range []struct{ purl, ecosystem, id string }{
		{"pkg:rpm/opensuse/zlib@1.2?distro=opensuse-leap-15.6", "openSUSE:Leap 15.6", "opensuse-leap"},
		{"pkg:rpm/opensuse/zlib@1.2?distro=opensuse-tumbleweed-20260801", "openSUSE:Tumbleweed", "opensuse-tumbleweed"},
		{"pkg:rpm/azurelinux/zlib@1.2?distro=azurelinux-3.0", "Azure Linux:3", "azurelinux"},
		{"pkg:rpm/mageia/zlib@1.2?distro=mageia-9", "Mageia:9", "mageia"},
		{"pkg:rpm/photon/zlib@1.2?distro=photon-5.0", "Photon OS:5.0", "photon"},
		{"pkg:rpm/rocky/zlib@1.2?distro=rocky-9.3", "Rocky Linux:9", "rocky"},
		{"pkg:rpm/redhat/zlib@1.2?distro=redhat-9.4", "", "redhat"},
		{"pkg:rpm/redhat/zlib@1.2?distro=rhel-9.4", "", "rhel"},
		{"pkg:rpm/suse/zlib@1.2?distro=sles-15.5", "", "sles"},
		{"pkg:rpm/openeuler/zlib@1.2?distro=openeuler-24.03", "", "openeuler"},
		{"pkg:apk/wolfi/zlib@1.3-r0?distro=wolfi-20230201", "Wolfi", "wolfi"},
		{"pkg:apk/wolfi/zlib@1.3-r0", "Wolfi", "wolfi"},
		{"pkg:apk/chainguard/zlib@1.3-r0?distro=chainguard-20230214", "Chainguard", "chainguard"},
		{"pkg:apk/minimos/zlib@1.3-r0?distro=minimos-20241031", "MinimOS", "minimos"},
		{"pkg:apk/alpaquita/zlib@1.3-r0?distro=alpaquita-stream", "Alpaquita:stream", "alpaquita"},
		{"pkg:apk/bellsoft-hardened-containers/zlib@1.3-r0?distro=bellsoft-hardened-containers-25", "BellSoft Hardened Containers:25", "bellsoft-hardened-containers"},
		{"pkg:apk/alpine/zlib@1.3-r0?distro=3.20.1", "Alpine:v3.20", "alpine"},
		{"pkg:deb/debian/zlib1g@1?distro=bookworm", "Debian:12", "debian"},
		{"pkg:deb/debian/zlib1g@1?distro=sid", "", "debian"},
		{"pkg:deb/ubuntu/zlib1g@1?distro=debian-12", "", "debian"},
		{"pkg:rpm/suse/zlib@1.2?distro=opensuse-leap-15.6", "", "opensuse-leap"},
		{"pkg:bitnami/redis@7.2", "Bitnami", ""},
		{"pkg:pypi/gradio@4", "PyPI", ""},
		{"not a package URL", "", ""},
	} {
		got, err := sbom.FromPURL(c.purl, "")
		if err == nil && got.Ecosystem != c.ecosystem {
			t.Errorf("%s: ecosystem %q, want %q", c.purl, got.Ecosystem, c.ecosystem)
		}
		if id := sbom.DistroOf(c.purl); id != c.id {
			t.Errorf("%s: of %q, want %q", c.purl, id, c.id)
		}
	}
}
