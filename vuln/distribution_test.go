package vuln_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

func debian(name, version, source, sourceVersion string) sbom.Component {
	return sbom.Component{
		Name: name, Version: version, Source: source, SourceVersion: sourceVersion, Ecosystem: "Debian:12",
		PURL: sbom.DebPURL("debian", name, version, "amd64", "debian-12", source), Evidence: sbom.Installed,
		Locations: []sbom.Location{{File: "/var/lib/dpkg/status", Layer: "sha256:aa"}},
	}
}

func debianAdvisory(id string, upstream []string, name, urgency string, events ...string) vuln.Advisory {
	a := advisory(id, events...)
	a.Upstream = upstream
	a.Affected[0].Ecosystem, a.Affected[0].Name, a.Affected[0].Urgency = "Debian:12", name, urgency
	return a
}

// TestDistributionPackages are matched by source package, one finding for each
// binary package; records of one upstream vulnerability are one finding.
func TestDistributionPackages(t *testing.T) {
	src := fake{"PyPI": {}, "Debian:12": {
		"openssl": {
			debianAdvisory("DEBIAN-CVE-2023-5363", []string{"CVE-2023-5363"}, "openssl", "not yet assigned", "introduced 0", "fixed 3.0.11-1~deb12u2"),
			debianAdvisory("DSA-5532-1", []string{"CVE-2023-5363"}, "openssl", "", "introduced 0", "fixed 3.0.11-1~deb12u2"),
		},
		"libssl3": {debianAdvisory("DEBIAN-CVE-1", nil, "libssl3", "", "introduced 0")},
		"zlib":    {debianAdvisory("DEBIAN-CVE-2023-45853", []string{"CVE-2023-45853"}, "zlib", "", "introduced 0")},
		"glibc":   {debianAdvisory("DEBIAN-CVE-2018-20796", []string{"CVE-2018-20796"}, "glibc", "unimportant", "introduced 0")},
		"bash":    {debianAdvisory("DEBIAN-CVE-2", nil, "bash", "end-of-life", "introduced 0")},
		"tar":     {debianAdvisory("DEBIAN-CVE-3", nil, "tar", "", "introduced 0", "fixed 0")},
	}}
	res := match(t, src,
		debian("libssl3", "3.0.11-1~deb12u1", "openssl", ""),
		debian("openssl", "3.0.11-1~deb12u2", "", ""),
		debian("zlib1g", "1:1.2.13.dfsg-1", "zlib", ""),
		debian("libc6", "2.36-9+deb12u4", "glibc", ""),
		debian("bash", "5.2.15-2+b2", "", "5.2.15-2"),
		debian("tar", "1.34+dfsg-1.2", "", ""),
	)
	var got []string
	for _, f := range res.Findings {
		got = append(got, strings.Join([]string{f.Package, f.SourcePackage, strings.Join(f.IDs, "+"), string(f.Severity), f.SeveritySource, f.Fixed}, " "))
	}
	want := []string{
		"bash  DEBIAN-CVE-2 high DEBIAN-CVE-2 CVSS:3.1 7.5 ",
		"libc6 glibc CVE-2018-20796+DEBIAN-CVE-2018-20796 none DEBIAN-CVE-2018-20796 urgency unimportant ",
		"libssl3 openssl CVE-2023-5363+DSA-5532-1+DEBIAN-CVE-2023-5363 high DEBIAN-CVE-2023-5363 CVSS:3.1 7.5 3.0.11-1~deb12u2",
		"zlib1g zlib CVE-2023-45853+DEBIAN-CVE-2023-45853 high DEBIAN-CVE-2023-45853 CVSS:3.1 7.5 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if len(res.Gaps) > 0 {
		t.Errorf("gaps: %v", res.Gaps)
	}
}

// TestOneNoticeOfManyVulnerabilities: a notice about two joins them only when
// it affects what is in use.
func TestOneNoticeOfManyVulnerabilities(t *testing.T) {
	both := []string{"CVE-2024-1", "CVE-2024-2"}
	list := []vuln.Advisory{
		debianAdvisory("DEBIAN-CVE-2024-1", both[:1], "demo", "", "introduced 0"),
		debianAdvisory("DEBIAN-CVE-2024-2", both[1:], "demo", "", "introduced 0"),
		debianAdvisory("DSA-1-1", both, "demo", "", "introduced 0", "fixed 2.0"),
	}
	src := fake{"Debian:12": {"demo": list}}
	if res := match(t, src, debian("demo", "1.0-1", "", "")); len(res.Findings) != 1 || len(res.Findings[0].Records) != 3 {
		t.Errorf("the old version has %v", res.Findings)
	}
	res := match(t, src, debian("demo", "3.0-1", "", ""))
	if len(res.Findings) != 2 || slices.Contains(res.Findings[0].IDs, "DSA-1-1") {
		t.Errorf("the new version has %v", res.Findings)
	}
}

// TestRecordsOfEveryRelease: a record that names a distribution without a
// release is about all of them, also when it names one of them besides.
func TestRecordsOfEveryRelease(t *testing.T) {
	every := func(id string, events ...string) vuln.Advisory {
		a := debianAdvisory(id, nil, "demo", "", events...)
		a.Affected[0].Ecosystem = "Debian"
		return a
	}
	src := fake{
		"Debian:12": {"demo": {debianAdvisory("DSA-2", nil, "demo", "", "introduced 5.0")}, "other": {}},
		"Debian":    {"demo": {every("DSA-1", "introduced 0", "fixed 2.0"), every("DSA-2", "introduced 0", "fixed 1.5")}},
	}
	records := func(version string) (out []string) {
		res := match(t, src, debian("demo", version, "", ""))
		if len(res.Gaps) > 0 {
			t.Errorf("%s: gaps: %v", version, res.Gaps)
		}
		for _, f := range res.Findings {
			out = append(out, f.Records...)
		}
		return out
	}
	for version, want := range map[string][]string{"1.0": {"DSA-1", "DSA-2"}, "1.9": {"DSA-1"}, "3.0": nil, "6.0": {"DSA-2"}} {
		if diff := cmp.Diff(want, records(version)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", version, diff)
		}
	}
	delete(src, "Debian:12")
	if res := match(t, src, debian("demo", "1.0", "", "")); len(res.Gaps) != 1 {
		t.Errorf("without the release: %v, gaps %v", res.Findings, res.Gaps)
	}
}
