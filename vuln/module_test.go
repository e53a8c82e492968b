package vuln

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// builds is a source of advisories about one package.
type builds []Advisory

func (b builds) Advisories(_ context.Context, ecosystem, name string) ([]Advisory, error) {
	if ecosystem != "AlmaLinux:9" && ecosystem != "Rocky Linux:9" || name != "nodejs" {
		return nil, nil
	}
	return b, nil
}

// below is an advisory that is fixed in versions, with the summary that it has.
func below(id, summary string, fixed ...string) Advisory {
	a := Advisory{ID: id, Summary: summary}
	for _, v := range fixed {
		a.Affected = append(a.Affected, Affected{Ecosystem: "AlmaLinux:9", Name: "nodejs", Ranges: []Range{{Type: "ECOSYSTEM", Events: []Event{{Introduced: "0"}, {Fixed: v}}}}})
	}
	return a
}

// TestModules: an advisory is about the builds of the release or of one module's
// stream; whatever does not say so is about all.
func TestModules(t *testing.T) {
	src := builds{
		below("A-18", "Moderate: nodejs:18 security update", "1:18.20.4-1.module_el9.4.0+112+bb28ff81"),
		below("A-20", "Important: nodejs:20 security update", "1:20.16.0-1.module_el9.4.0+107+dbd477e4"),
		below("A-22+24", "Important: nodejs:22 and nodejs:24 security update", "1:22.1.0-1.module_el9.4.0+1+a"),
		below("A-any", "Important: a module's update", "1:23.0.0-1.module_el9.4.0+2+b"),
		below("A-base", "Important: nodejs security update", "1:16.20.2-8.el9_4"),
		below("A-both", "Important: nodejs security update", "1:16.20.2-9.el9_4", "1:18.20.5-1.module_el9.4.0+3+c"),
		below("A-none", "Important: nodejs security update", "1:30"),
	}
	const label = "&rpmmod=nodejs%3A18%3A9040020240807%3Arhel9"
	for _, tc := range []struct {
		name, ecosystem, version, purl string
		want                           []string
	}{
		{"of stream 18", "AlmaLinux:9", "1:18.20.3-1.module_el9.4.0+1+x", "pkg:rpm/almalinux/nodejs@18?distro=almalinux-9" + label, []string{"A-18", "A-any", "A-both", "A-none"}},
		{"of stream 18, and current", "AlmaLinux:9", "1:18.20.5-1.module_el9.4.0+3+c", "pkg:rpm/almalinux/nodejs@18?distro=almalinux-9" + label, []string{"A-any", "A-none"}},
		{"of stream 18, and nobody says so", "AlmaLinux:9", "1:18.20.3-1.module_el9.4.0+1+x", "pkg:rpm/almalinux/nodejs@18?distro=almalinux-9", []string{"A-18", "A-20", "A-22+24", "A-any", "A-both", "A-none"}},
		{"of stream 24", "AlmaLinux:9", "1:22.0.0-1.module_el9.4.0+1+x", "pkg:rpm/almalinux/nodejs@22?distro=almalinux-9&rpmmod=nodejs%3A24%3A1%3Aa", []string{"A-22+24", "A-any", "A-none"}},
		{"of a stream without a number", "AlmaLinux:9", "1:18.20.3-1.module_el9.4.0+1+x", "pkg:rpm/almalinux/nodejs@18?distro=almalinux-9&rpmmod=nodejs%3Arhel9%3A1%3Aa", []string{"A-18", "A-20", "A-22+24", "A-any", "A-both", "A-none"}},
		{"of another module", "AlmaLinux:9", "1:18.20.3-1.module_el9.4.0+1+x", "pkg:rpm/almalinux/nodejs@18?distro=almalinux-9&rpmmod=tools%3A3%3A1%3Aa", []string{"A-18", "A-20", "A-22+24", "A-any", "A-both", "A-none"}},
		{"of the release", "AlmaLinux:9", "1:16.20.2-4.el9_3", "pkg:rpm/almalinux/nodejs@16?distro=almalinux-9", []string{"A-base", "A-both", "A-none"}},
		{"of the release, and current", "AlmaLinux:9", "1:16.20.2-9.el9_4", "pkg:rpm/almalinux/nodejs@16?distro=almalinux-9", []string{"A-none"}},
		{"of a third party", "AlmaLinux:9", "1:16.20.2-1nodesource", "pkg:rpm/almalinux/nodejs@16?distro=almalinux-9", []string{"A-18", "A-20", "A-22+24", "A-any", "A-base", "A-both", "A-none"}},
		{"of Rocky", "Rocky Linux:9", "1:18.20.3-1.module+el9.4.0+1+x", "pkg:rpm/rocky/nodejs@18?distro=rocky-9" + label, []string{"A-18", "A-any", "A-both", "A-none"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc := &sbom.Document{Components: []sbom.Component{{
				Name: "nodejs", Version: tc.version, Ecosystem: tc.ecosystem, PURL: tc.purl, Evidence: sbom.Installed, Locations: []sbom.Location{{File: "/var/lib/rpm/rpmdb.sqlite"}},
			}}}
			res, err := Match(t.Context(), doc, src)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range res.Findings {
				got = append(got, f.IDs...)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || len(res.Gaps) != 0 {
				t.Errorf("gaps %v, advisories (-want +got)\n%s", res.Gaps, diff)
			}
		})
	}
}
