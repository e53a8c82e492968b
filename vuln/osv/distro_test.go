package osv_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

// distroRecord is a record that affects a package before 2.0-1; it holds for
// all of RECORD, such as severity, and all of ENTRY of the affected package.
func distroRecord(id, ecosystem, name, inRecord, inEntry string) string {
	return `{"id":"` + id + `","modified":"2026-01-01T00:00:00Z"` + inRecord + `,"affected":[{"package":{"ecosystem":"` + ecosystem + `","name":"` + name +
		`"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0-r1"}]}]` + inEntry + `}]}`
}

// matchPURL matches one package of a distribution.
func matchPURL(t *testing.T, db *osv.DB, purl string) *vuln.Result {
	t.Helper()
	c, err := sbom.FromPURL(purl, "")
	if err != nil {
		t.Fatal(err)
	}
	c.Evidence = sbom.Installed
	res, err := vuln.Match(t.Context(), &sbom.Document{Components: []sbom.Component{c}}, db)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestSourcePackages: a package is found by the name of its source where the
// advisories speak of sources, and by its own where they speak of packages. A
// record about a source that only has the package's name is another thing's.
func TestSourcePackages(t *testing.T) {
	for _, c := range []struct {
		ecosystem, purl string
		// bySource and byName say which records are about the package.
		bySource, byName bool
	}{
		{"Debian:12", "pkg:deb/debian/libdemo1@1.0-r1?distro=debian-12&upstream=demo", true, false},
		{"Ubuntu:22.04:LTS", "pkg:deb/ubuntu/libdemo1@1.0-r1?distro=ubuntu-22.04&upstream=demo", true, false},
		{"Alpine:v3.20", "pkg:apk/alpine/libdemo1@1.0-r1?distro=alpine-3.20.3&upstream=demo", true, false},
		{"Alpaquita:23", "pkg:apk/alpaquita/libdemo1@1.0-r1?distro=alpaquita-23&upstream=demo", true, false},
		{"Wolfi", "pkg:apk/wolfi/libdemo1@1.0-r1?distro=wolfi-20230201&upstream=demo", true, true},
		{"Chainguard", "pkg:apk/chainguard/libdemo1@1.0-r1?distro=chainguard-20230214&upstream=demo", true, true},
		{"MinimOS", "pkg:apk/minimos/libdemo1@1.0-r1?upstream=demo", true, true},
		{"AlmaLinux:9", "pkg:rpm/almalinux/libdemo1@1.0-r1?distro=almalinux-9.4&upstream=demo", true, true},
		{"Rocky Linux:9", "pkg:rpm/rocky/libdemo1@1.0-r1?distro=rocky-9.4&upstream=demo", true, true},
		{"openSUSE:Leap 15.6", "pkg:rpm/opensuse/libdemo1@1.0-r1?distro=opensuse-leap-15.6&upstream=demo", true, true},
		{"Mageia:9", "pkg:rpm/mageia/libdemo1@1.0-r1?distro=mageia-9&upstream=demo", true, true},
	} {
		t.Run(c.ecosystem, func(t *testing.T) {
			db := compile(t, folder(t, "1.json", distroRecord("BY-SOURCE-1", c.ecosystem, "demo", "", ""),
				"2.json", distroRecord("BY-NAME-1", c.ecosystem, "libdemo1", "", "")))
			for _, fixed := range []bool{false, true} {
				purl := c.purl
				if fixed {
					purl = strings.Replace(purl, "@1.0-r1", "@2.0-r1", 1)
				}
				res := matchPURL(t, db, purl)
				var ids []string
				for _, f := range res.Findings {
					ids = append(ids, f.Records...)
				}
				if got := slices.Contains(ids, "BY-SOURCE-1"); got != (c.bySource && !fixed) {
					t.Errorf("fixed %v, by its source: %v", fixed, got)
				}
				if got := slices.Contains(ids, "BY-NAME-1"); got != (c.byName && !fixed) {
					t.Errorf("fixed %v, by its name: %v", fixed, got)
				}
				if len(res.Gaps) > 0 {
					t.Errorf("gaps %v", res.Gaps)
				}
			}
		})
	}
}

// TestUrgency: what a distribution itself says of a vulnerability: not
// affected, unimportant, or how urgent. A vector is believed before a word.
func TestUrgency(t *testing.T) {
	const vector = `,"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`
	debian := func(inRecord, urgency string) string {
		return distroRecord("DEBIAN-CVE-2025-1", "Debian:12", "demo", inRecord, `,"ecosystem_specific":{"urgency":"`+urgency+`"}`)
	}
	ubuntu := func(priority, more string) string {
		return distroRecord("UBUNTU-CVE-2025-1", "Ubuntu:22.04:LTS", "demo", `,"severity":[{"type":"Ubuntu","score":"`+priority+`"}`+more+`]`, "")
	}
	const onDebian, onUbuntu = "pkg:deb/debian/demo@1.0-r1?distro=debian-12", "pkg:deb/ubuntu/demo@1.0-r1?distro=ubuntu-22.04"
	for _, c := range []struct{ name, record, purl, want string }{
		{"unimportant", debian("", "unimportant"), onDebian, "none"},
		{"unimportant, whatever the vector", debian(vector, "unimportant"), onDebian, "none"},
		{"low**", debian("", "low**"), onDebian, "low"},
		{"high", debian("", "high"), onDebian, "high"},
		{"a vector before a word", debian(vector, "low"), onDebian, "critical"},
		{"not yet assigned", debian("", "not yet assigned"), onDebian, "unknown"},
		{"not affected", strings.Replace(debian(vector, "low"), "2.0-r1", "0", 1), onDebian, ""},
		{"negligible", ubuntu("negligible", ""), onUbuntu, "low"},
		{"Ubuntu's high", ubuntu("high", ""), onUbuntu, "high"},
		{"Ubuntu's word beside a vector", ubuntu("negligible", `,{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}`), onUbuntu, "critical"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := matchPURL(t, compile(t, folder(t, "1.json", c.record)), c.purl)
			got := ""
			for _, f := range res.Findings {
				got += string(f.Severity)
			}
			if got != c.want || len(res.Gaps) > 0 {
				t.Errorf("severity %q, want %q; gaps %v", got, c.want, res.Gaps)
			}
		})
	}
}

// TestNoAdvisoriesIsAGap: a release that the snapshot lacks, a distribution that
// OSV has nothing for, one whose order nobody knows: never nothing found.
func TestNoAdvisoriesIsAGap(t *testing.T) {
	db := compile(t, folder(t, "1.json", distroRecord("A-1", "Debian:12", "demo", "", ""), "2.json", distroRecord("A-2", "Photon OS:5.0", "demo", "", "")))
	for purl, want := range map[string]string{
		"pkg:deb/debian/demo@1.0?distro=debian-99":      "the advisory snapshot has nothing for Debian:99: 1 component was not matched",
		"pkg:apk/alpine/demo@1.0-r0?distro=alpine-3.20": "the advisory snapshot has nothing for Alpine:v3.20: 1 component was not matched",
		"pkg:rpm/photon/demo@1.0?distro=photon-5.0":     "the version order of Photon OS:5.0 is not known: 1 component was not matched",
		"pkg:rpm/redhat/demo@1.0?distro=rhel-9.4":       "there is no advisory source for packages of type rpm of rhel: 1 component was not matched (demo); Red Hat's advisories are for product streams, and a package does not say of which it is",
		"pkg:rpm/suse/demo@1.0?distro=sles-15.5":        "there is no advisory source for packages of type rpm of sles: 1 component was not matched (demo); SUSE's advisories are for products and modules, and a package does not say of which it is",
		"pkg:rpm/fedora/demo@1.0?distro=fedora-40":      "there is no advisory source for packages of type rpm of fedora: 1 component was not matched (demo)",
		"pkg:deb/debian/demo@1.0?distro=sid":            "there is no advisory source for packages of type deb of debian: 1 component was not matched (demo); which release it is, is not told",
	} {
		res := matchPURL(t, db, purl)
		var got []string
		for _, g := range res.Gaps {
			if !g.Hides {
				t.Errorf("%s: %+v hides nothing", purl, g)
			}
			got = append(got, g.Reason)
		}
		if diff := cmp.Diff([]string{want}, got); diff != "" || len(res.Findings) > 0 {
			t.Errorf("%s: findings %v, gaps (-want +got):\n%s", purl, res.Findings, diff)
		}
	}
}
