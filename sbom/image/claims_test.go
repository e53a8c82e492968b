package image

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// cyclonedxOf is an SBOM of package URLs.
func cyclonedxOf(purls ...string) string {
	var parts []string
	for _, p := range purls {
		name, version, _ := strings.Cut(p[strings.LastIndex(p, "/")+1:], "@")
		version, _, _ = strings.Cut(version, "?")
		parts = append(parts, fmt.Sprintf(`{"type":"library","name":%q,"version":%q,"purl":%q}`, name, version, p))
	}
	return `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[` + strings.Join(parts, ",") + `]}`
}

// spdxOf is an SPDX document of package URLs and of one package without.
func spdxOf(purls ...string) string {
	parts := []string{`{"SPDXID":"SPDXRef-x","name":"operating system","versionInfo":"1","downloadLocation":"NOASSERTION"}`}
	for i, p := range purls {
		name, version, _ := strings.Cut(p[strings.LastIndex(p, "/")+1:], "@")
		version, _, _ = strings.Cut(version, "?")
		parts = append(parts, fmt.Sprintf(`{"SPDXID":"SPDXRef-%d","name":%q,"versionInfo":%q,"downloadLocation":"NOASSERTION",
			"externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":%q}]}`, i, name, version, p))
	}
	return `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x","documentNamespace":"https://example.org/x","creationInfo":{"created":"2024-01-01T00:00:00Z","creators":["Tool: x"]},"packages":[` + strings.Join(parts, ",") + `]}`
}

const vendorTxt = "CacheControl==0.13.1  # Make sure\nrequests[socks]==2.31.0\n    certifi==2023.7.22\n# a comment\nsetuptools @ https://example.org\n"

// TestClaims has the SBOMs and lists that are found inside images.
func TestClaims(t *testing.T) {
	const pip = site + "pip/_vendor/"
	installed := []item{{site + "a-1.dist-info/METADATA", metadata("a", "1")}, {site + "pip-23.2.1.dist-info/METADATA", metadata("pip", "23.2.1")}}
	known := []string{"PyPI a 1 installed layer 1", "PyPI pip 23.2.1 installed layer 1"}
	wolfi := []item{{"etc/os-release", "ID=wolfi\nVERSION_ID=20230201\n"}, {"usr/lib/apk/db/installed", "P:openssl\nV:3.3.0-r0\nA:x86_64\n\n"}}
	for _, tc := range []struct {
		name             string
		items            []item
		components, gaps []string
	}{
		{"PEP 770, of other things and of itself", append(installed, item{site + "a-1.dist-info/sboms/auditwheel.cdx.json", cyclonedxOf("pkg:rpm/almalinux/libgfortran@8.5.0?distro=almalinux-8", "pkg:pypi/a@1?file_name=a-1.whl", "pkg:cargo/openssl@0.10.55")}),
			append([]string{"AlmaLinux:8 libgfortran 8.5.0 claimed layer 1"}, append(known, "crates.io openssl 0.10.55 claimed layer 1")...), nil},
		{"what is vendored by pip", append(installed, item{pip + "vendor.txt", vendorTxt}, item{pip + "bom.cdx.json", cyclonedxOf("pkg:pypi/pip@23.2.1", "pkg:pypi/requests@2.31.0", "pkg:pypi/a@1")}),
			[]string{"PyPI a 1 claimed layer 1", known[0], "PyPI CacheControl 0.13.1 claimed layer 1", "PyPI certifi 2023.7.22 claimed layer 1", known[1], "PyPI requests 2.31.0 claimed layer 1"}, []string{"claim /" + pip + "vendor.txt layer 1"}},
		{"of pip without pip", []item{{pip + "bom.cdx.json", cyclonedxOf("pkg:pypi/pip@23.2.1")}}, []string{"PyPI pip 23.2.1 claimed layer 1"}, nil},
		{"Wolfi's, of what the database has and has not", append(wolfi, item{"var/lib/db/sbom/openssl-3.3.0-r0.spdx.json", spdxOf("pkg:apk/wolfi/openssl@3.3.0-r0?arch=x86_64&distro=wolfi")}, item{"var/lib/db/sbom/gone-1-r0.spdx.json", spdxOf("pkg:apk/wolfi/gone@1-r0?arch=x86_64&distro=wolfi")}),
			[]string{"Wolfi gone 1-r0 claimed layer 1", "Wolfi openssl 3.3.0-r0 installed layer 1"}, []string{"claim /var/lib/db/sbom/gone-1-r0.spdx.json layer 1"}},
		{"Bitnami's", []item{{"opt/bitnami/python/.spdx-python.spdx", spdxOf("pkg:bitnami/python@3.12.1")}}, []string{"Bitnami python 3.12.1 claimed layer 1"}, []string{"claim /opt/bitnami/python/.spdx-python.spdx layer 1"}},
		{"of the distribution", []item{{"usr/share/sbom/app/x.json", cyclonedxOf("pkg:npm/a@1")}}, []string{"npm a 1 claimed layer 1"}, nil},
		{"of an image of our own, that says installed", []item{{"sbom.cdx.json", strings.Replace(cyclonedxOf("pkg:npm/a@1"), `"components"`, `"properties":[{"name":"tallyman:format","value":"1"}],"components"`, 1)}}, []string{"npm a 1 claimed layer 1"}, nil},
		{"broken", []item{{"usr/share/sbom/x.json", "{"}}, nil, []string{"claim /usr/share/sbom/x.json layer 1"}},
		{"of another form", []item{{"usr/share/sbom/x.xml", "<bom/>"}}, nil, []string{"claim /usr/share/sbom/x.xml layer 1"}},
		{"of no format", []item{{"usr/share/sbom/x.json", "{}"}}, nil, []string{"claim /usr/share/sbom/x.json layer 1"}},
		{"too large", []item{{"usr/share/sbom/x.json", strings.Repeat(" ", limit.ClaimBytes+1)}}, nil, []string{"claim /usr/share/sbom/x.json layer 1"}},
		{"behind a link to what was not read", []item{{"usr/share/sbom/x.json", "-> /srv/x"}, {"srv/x", "{}"}, {"usr/share/sbom/y.json", "=> srv/x"}}, nil, []string{"claim /usr/share/sbom/x.json layer 1", "claim /usr/share/sbom/y.json layer 1"}},
		{"removed", []item{{"usr/share/sbom/x.json", cyclonedxOf("pkg:npm/a@1")}, {"usr/share/sbom", "x"}}, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			components, gaps, inv := read(t, imageOf(t, tarOf(t, tc.items...)))
			slices.Sort(tc.components)
			slices.Sort(components)
			if diff := cmp.Diff(tc.components, components); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			for _, g := range inv.Document.Gaps {
				if g.Hides || g.Reason == "" {
					t.Errorf("%+v hides", g)
				}
			}
		})
	}
}

// TestClaimsWithoutSecrets: what says where a claimed package is from stays
// behind.
func TestClaimsWithoutSecrets(t *testing.T) {
	secret := cyclonedxOf("pkg:pypi/a@1?download_url=https%3A%2F%2Fme%3Asecret%40example.org%2Fa.whl&vcs_url=git%2Bhttps%3A%2F%2Fme%3Asecret%40example.org")
	_, _, inv := read(t, imageOf(t, tarOf(t, item{"usr/share/sbom/x.json", secret})))
	if got := inv.Document.Components[0].PURL; got != "pkg:pypi/a@1" {
		t.Errorf("package URL %q", got)
	}
}

// TestClaimsOfADistribution: what a distribution package brings is the
// distribution's to judge.
func TestClaimsOfADistribution(t *testing.T) {
	const p, list = "usr/lib/python3/dist-packages/pip/_vendor/vendor.txt", "requests==2.20.0\n"
	components, gaps, _ := read(t, imageOf(t, tarOf(t, item{"etc/os-release", debian12}, item{"var/lib/dpkg/status", deb("python3-pip", "23.0.1")},
		item{"var/lib/dpkg/info/python3-pip.md5sums", sums(p, list)}, item{p, list})))
	want := []string{"Debian:12 python3-pip 23.0.1 verified layer 1", "PyPI requests 2.20.0 os-owned layer 1 of python3-pip 23.0.1"}
	if diff := cmp.Diff(want, components); diff != "" || len(gaps) != 0 {
		t.Errorf("gaps %v, components (-want +got):\n%s", gaps, diff)
	}
}

// TestCopies: what is vendored or kept to install from is claimed; what Python
// finds is installed, wherever it is.
func TestCopies(t *testing.T) {
	for dir, want := range map[string]sbom.Evidence{
		site: sbom.Installed, "opt/venv/lib/python3.12/site-packages/": sbom.Installed, "root/.local/lib/python3.12/site-packages/": sbom.Installed,
		"root/.local/share/uv/tools/x/lib/python3.12/site-packages/": sbom.Installed, "root/.local/share/pipx/venvs/x/lib/python3.12/site-packages/": sbom.Installed,
		"usr/lib/python3/dist-packages/": sbom.Installed, "app/": sbom.Installed, "srv/_vendor/": sbom.Installed,
		site + "setuptools/_vendor/": sbom.Claimed, site + "a/b/_vendor/": sbom.Claimed, site + "py/_vendored_packages/": sbom.Claimed,
		"root/.cache/uv/archive-v0/zSDj3/": sbom.Claimed, "root/.cache/uv/archive-v0/zSDj3/lib/python3.12/site-packages/": sbom.Installed,
		"opt/conda/pkgs/a-1-py312_0/lib/python3.12/site-packages/": sbom.Claimed, "opt/conda/pkgs/a-1-pyhd8_0/site-packages/": sbom.Claimed,
		"opt/pkgs/app/site-packages/": sbom.Installed,
	} {
		_, _, inv := read(t, imageOf(t, tarOf(t, item{dir + "a-1.dist-info/METADATA", metadata("a", "1")})))
		if got := inv.Document.Components[0].Evidence; got != want {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
}

// FuzzClaims: what is claimed names a package and a version that advisories are
// looked up for, once.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(cyclonedxOf("pkg:npm/a@1", "pkg:pypi/b@2?x=y#z", "pkg:generic/c@3")))
	f.Add([]byte(spdxOf("pkg:apk/wolfi/openssl@3.3.0-r0?distro=wolfi")))
	f.Add([]byte(`{"artifacts":[{"name":"a","version":"1","type":"python","purl":"pkg:pypi/a@1"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		claims, _, err := parseClaims(data)
		seen := map[string]bool{}
		for _, c := range claims {
			if err != nil || seen[c.PURL] || c.Ecosystem == "" || !debWord(c.Name) || !debWord(c.Version) {
				t.Errorf("claimed %+v, %v", c, err)
			}
			seen[c.PURL] = true
		}
	})
}

// FuzzVendor: every line is a claim, says nothing, or is counted.
func FuzzVendor(f *testing.F) {
	f.Add([]byte(vendorTxt))
	f.Fuzz(func(t *testing.T, data []byte) {
		claims, unusable := parseVendor(data)
		more, same := parseVendor(append([]byte("sentinel==1\n"), data...))
		if len(more) != len(claims)+1 && len(claims) < limit.ClaimedPackages || same != unusable || more[0].Name != "sentinel" {
			t.Errorf("%d claims, %d unusable; with one before %d, %d", len(claims), unusable, len(more), same)
		}
	})
}
