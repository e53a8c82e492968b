package vuln_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// fake is a Source in memory: advisories by ecosystem and normal name.
type fake map[string]map[string][]vuln.Advisory

func (f fake) Advisories(_ context.Context, ecosystem, name string) ([]vuln.Advisory, error) {
	names, ok := f[ecosystem]
	if !ok {
		return nil, fmt.Errorf("%w: %q", vuln.ErrNoEcosystem, ecosystem)
	}
	return names[name], nil
}

var day = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)

// advisory builds one for a package of PyPI's; each event is "introduced 0",
// "fixed 1.2", a version of the list is "version 1.0".
func advisory(id string, events ...string) vuln.Advisory {
	a := vuln.Advisory{ID: id, Modified: day, Severity: vuln.SeverityHigh, SeveritySource: id + " CVSS:3.1 7.5", Summary: "about " + id}
	entry := vuln.Affected{Ecosystem: "PyPI", Name: "demo"}
	var r vuln.Range
	for _, text := range events {
		var kind, version string
		if _, err := fmt.Sscan(text, &kind, &version); err != nil {
			panic(err)
		}
		switch kind {
		case "version":
			entry.Versions = append(entry.Versions, version)
		case "introduced":
			r.Events = append(r.Events, vuln.Event{Introduced: version})
		case "fixed":
			r.Events = append(r.Events, vuln.Event{Fixed: version})
		case "last_affected":
			r.Events = append(r.Events, vuln.Event{LastAffected: version})
		case "limit":
			r.Events = append(r.Events, vuln.Event{Limit: version})
		default:
			panic(text)
		}
	}
	if r.Events != nil {
		r.Type = "ECOSYSTEM"
		entry.Ranges = []vuln.Range{r}
	}
	a.Affected = []vuln.Affected{entry}
	return a
}

func aliased(a vuln.Advisory, aliases ...string) vuln.Advisory {
	a.Aliases = aliases
	return a
}

func pypi(name, version, specifier string, lines ...int) sbom.Component {
	c := sbom.Component{Name: name, Version: version, Specifier: specifier, Ecosystem: "PyPI", PURL: sbom.PyPIPURL(name, version), Evidence: sbom.Declared}
	if version != "" && specifier == "" {
		c.Specifier = "==" + version
	}
	for _, l := range lines {
		c.Locations = append(c.Locations, sbom.Location{File: "requirements.txt", Line: l})
	}
	return c
}

func match(t *testing.T, src vuln.Source, components ...sbom.Component) *vuln.Result {
	t.Helper()
	res, err := vuln.Match(t.Context(), &sbom.Document{Components: components}, src)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestEvaluation holds single versions against single advisories: the result
// is "affected BASIS FIXED", "clear", or "gap KIND".
func TestEvaluation(t *testing.T) {
	for _, test := range []struct {
		version string
		events  []string
		want    string
	}{
		{"1.0", []string{"introduced 0"}, "affected events "},
		{"0.dev0", []string{"introduced 0"}, "affected events "},
		{"1.0", []string{"introduced 0", "fixed 1.1"}, "affected events 1.1"},
		{"1.1", []string{"introduced 0", "fixed 1.1"}, "clear"},
		{"1.1.0", []string{"introduced 0", "fixed 1.1"}, "clear"},
		{"1.1rc1", []string{"introduced 0", "fixed 1.1"}, "affected events 1.1"},
		{"1.1.post1", []string{"introduced 0", "fixed 1.1"}, "clear"},
		{"1!0.5", []string{"introduced 0", "fixed 2.0"}, "clear"},
		{"1.0", []string{"introduced 1.1", "fixed 1.2"}, "clear"},
		{"1.2", []string{"introduced 0", "last_affected 1.2"}, "affected events "},
		{"1.2.0", []string{"introduced 0", "last_affected 1.2"}, "affected events "},
		{"1.2.1", []string{"introduced 0", "last_affected 1.2"}, "clear"},
		// The order of the events in the record does not matter.
		{"2.5", []string{"fixed 3.0", "introduced 2.0", "fixed 1.0", "introduced 0"}, "affected events 3.0"},
		{"1.5", []string{"fixed 3.0", "introduced 2.0", "fixed 1.0", "introduced 0"}, "clear"},
		// Two fixes of one range: the first one ends it.
		{"1.5", []string{"introduced 0", "fixed 1.0", "fixed 2.0"}, "clear"},
		// Fixed and introduced again at one version.
		{"1.0", []string{"introduced 0", "fixed 1.0", "introduced 1.0", "fixed 2.0"}, "affected events 2.0"},
		{"1.0", []string{"introduced 1.0", "fixed 1.0"}, "clear"},
		// Limits cut a range off.
		{"1.5", []string{"introduced 0", "limit 2.0"}, "affected events "},
		{"2.0", []string{"introduced 0", "limit 2.0"}, "clear"},
		{"9", []string{"introduced 0", "limit *"}, "affected events "},
		// Not affected, as distributions write it.
		{"1.0", []string{"introduced 0", "fixed 0"}, "clear"},
		// The list, in any spelling of the version.
		{"1.0", []string{"version 1.0"}, "affected versions "},
		{"1.0.0", []string{"version 1.0"}, "affected versions "},
		{"1.0rc1", []string{"version 1.0-c1"}, "affected versions "},
		{"1.1", []string{"version 1.0"}, "clear"},
		{"3.0", []string{"version 3.0", "introduced 0", "fixed 1.0"}, "affected versions "},
		// A local version counts as the public one, too.
		{"2.1+cu118", []string{"introduced 0", "last_affected 2.1"}, "affected events "},
		{"2.1+cu118", []string{"version 2.1"}, "affected versions "},
		{"2.1+cu118", []string{"introduced 0", "fixed 2.1"}, "clear"},
		{"2.0+cu118", []string{"introduced 0", "fixed 2.1"}, "affected events 2.1"},
		// A version that cannot be read matters where it could decide.
		{"1.0", []string{"introduced 0", "fixed banana"}, "gap advisory"},
		{"1.0", []string{"introduced banana"}, "gap advisory"},
		{"1.0", []string{"introduced 0", "introduced banana"}, "affected events "},
		{"3.0", []string{"introduced 0", "fixed 2.0", "fixed banana"}, "clear"},
		{"1.0", []string{"version banana", "introduced 0", "fixed 0.9"}, "clear"},
		{"1.0", []string{"introduced 0", "limit banana"}, "gap advisory"},
		{"1.0", []string{"introduced 0", "limit banana", "limit 2.0"}, "affected events "},
		{"3.0", []string{"introduced 0", "fixed 2.0", "limit banana"}, "clear"},
		// Forms that come from CPE names.
		{"2.6.0", []string{"introduced 0", "last_affected 2.6.0-NA"}, "affected events "},
		{"2.6.1", []string{"introduced 0", "last_affected 2.6.0-NA"}, "clear"},
		{"2.6.0+cu118", []string{"introduced 0", "last_affected 2.6.0-cu124"}, "affected events "},
		{"2.6.1", []string{"introduced 0", "last_affected 2.6.0-cu124"}, "clear"},
		{"2.6.1", []string{"introduced 0", "last_affected 2.6.0-NAN"}, "gap advisory"},
		// An entry of the list that cannot be read is its own spelling alone.
		{"2.9.0", []string{"version 2.6.0-NA", "version 2.6.0-cu124"}, "clear"},
		{"2.9.0", []string{"version 2.6.0-NA", "introduced 0", "last_affected 2.6.0-NA"}, "clear"},
		{"1.0", nil, "gap advisory"},
		// A component's version that cannot be read.
		{"banana", []string{"introduced 0"}, "gap version"},
		{"banana", []string{"version banana"}, "affected versions "},
	} {
		res := match(t, fake{"PyPI": {"demo": {advisory("PYSEC-2025-1", test.events...)}}}, pypi("demo", test.version, "", 1))
		got := "clear"
		switch {
		case len(res.Findings) == 1:
			f := res.Findings[0]
			got = fmt.Sprintf("%s %s %s", f.Verdict, f.Basis, f.Fixed)
		case len(res.Gaps) == 1:
			got = "gap " + string(res.Gaps[0].Kind)
		}
		if got != test.want {
			t.Errorf("%s in %v: got %q, want %q", test.version, test.events, got, test.want)
		}
	}
}

func TestFindingNamesAllAliases(t *testing.T) {
	src := fake{"PyPI": {"demo": {
		aliased(advisory("GHSA-aaaa-bbbb-cccc", "introduced 0", "fixed 1.5"), "CVE-2025-10"),
		aliased(advisory("PYSEC-2025-1", "introduced 0", "fixed 1.4"), "CVE-2025-10", "GHSA-aaaa-bbbb-cccc"),
		// Connected through the CVE, but not affecting 1.0.
		aliased(advisory("PYSEC-2025-2", "introduced 3.0"), "CVE-2025-10"),
		advisory("PYSEC-2025-9", "introduced 0", "fixed 2.0"),
	}}}
	res := match(t, src, pypi("Demo", "1.0", "", 3), pypi("Demo", "1.0", "", 7))
	want := []vuln.Finding{{
		IDs:     []string{"CVE-2025-10", "GHSA-aaaa-bbbb-cccc", "PYSEC-2025-1", "PYSEC-2025-2"},
		Records: []string{"GHSA-aaaa-bbbb-cccc", "PYSEC-2025-1"},
		Package: "Demo", Ecosystem: "PyPI", PURL: "pkg:pypi/demo@1.0", Version: "1.0", Specifier: "==1.0",
		Evidence: sbom.Declared, Verdict: vuln.AffectedVersion, Basis: "events", BasisDate: day,
		Severity: vuln.SeverityHigh, SeveritySource: "GHSA-aaaa-bbbb-cccc CVSS:3.1 7.5", Fixed: "1.5", Floor: "2.0", Gates: true,
		Summary:   "about GHSA-aaaa-bbbb-cccc",
		Notes:     []string{"the records differ, and what any of them affects counts: GHSA-aaaa-bbbb-cccc <1.5; PYSEC-2025-1 <1.4; PYSEC-2025-2 >=3.0"},
		Locations: []sbom.Location{{File: "requirements.txt", Line: 3}, {File: "requirements.txt", Line: 7}},
	}, {
		IDs: []string{"PYSEC-2025-9"}, Records: []string{"PYSEC-2025-9"},
		Package: "Demo", Ecosystem: "PyPI", PURL: "pkg:pypi/demo@1.0", Version: "1.0", Specifier: "==1.0",
		Evidence: sbom.Declared, Verdict: vuln.AffectedVersion, Basis: "events", BasisDate: day,
		Severity: vuln.SeverityHigh, SeveritySource: "PYSEC-2025-9 CVSS:3.1 7.5", Fixed: "2.0", Floor: "2.0", Gates: true,
		Summary:   "about PYSEC-2025-9",
		Locations: []sbom.Location{{File: "requirements.txt", Line: 3}, {File: "requirements.txt", Line: 7}},
	}}
	if diff := cmp.Diff(want, res.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if len(res.Gaps) != 0 {
		t.Errorf("gaps: %v", res.Gaps)
	}
}

// summarise prints findings and gaps on a line each.
func summarise(res *vuln.Result) []string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s %s%s %s %s gates=%t at %d", f.Package, f.Version, f.Specifier, f.IDs[0], f.Verdict, f.Gates, len(f.Locations)))
	}
	for _, g := range res.Gaps {
		out = append(out, fmt.Sprintf("gap %s hides=%t %s:%d %s: %s", g.Kind, g.Hides, g.File, g.Line, g.Package, g.Reason))
	}
	return out
}

// TestRangesAndNames: a range is never judged by its lower bound.
func TestRangesAndNames(t *testing.T) {
	withdrawn := advisory("PYSEC-2025-3", "introduced 0")
	withdrawn.Withdrawn = day
	src := fake{"PyPI": {
		"demo":      {advisory("PYSEC-2025-1", "introduced 0", "fixed 2.0"), advisory("PYSEC-2025-2", "introduced 0"), withdrawn},
		"evil":      {advisory("MAL-2025-1", "introduced 0"), advisory("PYSEC-2025-4", "introduced 0", "fixed 1.0")},
		"hacked":    {advisory("MAL-2025-2", "introduced 0", "fixed 1.0")},
		"hijacked":  {advisory("MAL-2025-3", "version 1.3")},
		"forgotten": {withdrawn},
	}}
	res := match(t, src,
		pypi("demo", "", ">=1.0,<3", 1, 9), pypi("evil", "", "", 2), pypi("hacked", "", "", 3), pypi("hijacked", "", ">=1", 4),
		pypi("forgotten", "", "", 5), pypi("unknown", "", ">=1", 6),
	)
	want := []string{
		"demo >=1.0,<3 PYSEC-2025-1 latent gates=false at 2",
		"demo >=1.0,<3 PYSEC-2025-2 forced gates=true at 2",
		"evil  MAL-2025-1 forced gates=true at 1",
		"evil  PYSEC-2025-4 latent gates=false at 1",
		"hacked  MAL-2025-2 latent gates=false at 1",
		// Nobody has told of a version of it that is not malware.
		"hijacked >=1 MAL-2025-3 unknown gates=false at 1",
	}
	if diff := cmp.Diff(want, summarise(res)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWhatIsNotMatched, and what then stands for it.
func TestWhatIsNotMatched(t *testing.T) {
	all := func(id string) []vuln.Advisory { return []vuln.Advisory{advisory(id, "introduced 0")} }
	src := fake{"PyPI": {"demo": all("PYSEC-1"), "owned": all("PYSEC-2"), "orphan": all("PYSEC-3")}, "Debian:12": {}}
	constraint := pypi("demo", "1.0", "", 1)
	constraint.Constraint = true
	claimed := pypi("demo", "1.1", "", 2)
	claimed.Evidence = sbom.Claimed
	owned := pypi("owned", "1.0", "", 3)
	owned.Evidence, owned.Owner = sbom.OSOwned, "python3-owned 1.0-1"
	orphan := pypi("orphan", "1.0", "", 4)
	orphan.Evidence, orphan.Owner = sbom.OSOwned, "python3-orphan 1.0-1"
	url := pypi("demo", "", "", 5)
	url.URL = "git+https://example.com/demo"
	res := match(t, src, constraint, claimed, owned, orphan, url,
		sbom.Component{Name: "python3-owned", Version: "1.0-1", Ecosystem: "Debian:12", PURL: "pkg:deb/debian/python3-owned@1.0-1"},
		sbom.Component{Name: "musl", Version: "1", Ecosystem: "Alpine:v3.20", PURL: "pkg:apk/alpine/musl@1"},
		sbom.Component{Name: "zlib", Version: "1", Ecosystem: "Alpine:v3.20", PURL: "pkg:apk/alpine/zlib@1"},
		sbom.Component{Name: "cudatoolkit", Version: "11", PURL: "pkg:conda/cudatoolkit@11"},
		sbom.Component{Name: "mkl", Version: "11", PURL: "pkg:conda/mkl@11"},
		sbom.Component{Name: "blob", Version: "11"},
		sbom.Component{Name: "python", Version: "3.11.7", PURL: "pkg:generic/python@3.11.7", Evidence: sbom.Installed, Locations: []sbom.Location{{File: "/b/python", Layer: "sha256:1"}, {File: "/c/python", Layer: "sha256:1"}}},
		sbom.Component{Name: "node", Version: "20.20.2", PURL: "pkg:generic/node@20.20.2", Evidence: sbom.Installed, Locations: []sbom.Location{{File: "/b/node", Layer: "sha256:1"}}},
		sbom.Component{Name: "node", PURL: "pkg:generic/node", Evidence: sbom.Installed},
		sbom.Component{Name: "nodes", Version: "1", PURL: "pkg:generic/nodes@1", Evidence: sbom.Installed},
	)
	want := []string{
		"demo 1.1==1.1 PYSEC-1 affected gates=false at 1",
		"orphan 1.0==1.0 PYSEC-3 affected gates=true at 1",
		"gap ecosystem hides=true :0 : the advisory snapshot has nothing for Alpine:v3.20: 2 components were not matched",
		"gap no-advisories hides=true :0 : there is no advisory source for packages of type conda: 2 components were not matched (cudatoolkit, mkl)",
		"gap no-advisories hides=true :0 : there is no advisory source for packages of type generic: 2 components were not matched (node, nodes)",
		"gap no-advisories hides=true :0 : there is no advisory source for packages of type unknown: 1 component was not matched (blob)",
		"gap runtime hides=false /b/node:0 : Node.js 20.20.2 is listed and not judged: no advisory source tells of its versions",
		"gap runtime hides=false /b/python:0 : CPython 3.11.7 is listed and not judged: no advisory source tells of its versions",
	}
	if diff := cmp.Diff(want, summarise(res)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDoubtNeedsNoGapWhenAnAliasIsClear: PYSEC-2024-261 says nothing about
// versions, its alias in another database does.
func TestDoubtNeedsNoGapWhenAnAliasIsClear(t *testing.T) {
	mute := aliased(advisory("PYSEC-2024-261"), "CVE-2024-0964")
	spoken := aliased(advisory("GHSA-f3h9-8phc-6gvh", "introduced 0", "fixed 4.9.0"), "CVE-2024-0964")
	alone := match(t, fake{"PyPI": {"demo": {mute}}}, pypi("demo", "5.0", "", 1))
	if got := summarise(alone); len(got) != 1 || alone.Gaps[0].Kind != sbom.GapAdvisory {
		t.Errorf("alone: %v", got)
	}
	if got := summarise(match(t, fake{"PyPI": {"demo": {mute, spoken}}}, pypi("demo", "5.0", "", 1))); len(got) != 0 {
		t.Errorf("with the alias: %v", got)
	}
	if got := match(t, fake{"PyPI": {"demo": {mute, spoken}}}, pypi("demo", "4.0", "", 1)); len(got.Findings) != 1 || len(got.Gaps) != 0 {
		t.Errorf("affected: %v", summarise(got))
	}
}

func TestSourceErrorIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := vuln.Match(ctx, &sbom.Document{Components: []sbom.Component{pypi("demo", "1", "", 1)}}, broken{})
	if err == nil {
		t.Error("a source that fails gave a result")
	}
}

type broken struct{}

func (broken) Advisories(ctx context.Context, _, _ string) ([]vuln.Advisory, error) {
	return nil, ctx.Err()
}

func TestUnknownOrderIsAGap(t *testing.T) {
	src := fake{"GitHub Actions": {"a/b": {advisory("GHSA-1", "introduced 0")}}}
	res := match(t, src, sbom.Component{Name: "a/b", Version: "1", Ecosystem: "GitHub Actions"})
	if len(res.Gaps) != 1 || res.Gaps[0].Kind != sbom.GapEcosystem {
		t.Errorf("got %v", summarise(res))
	}
}

func TestCompareIDs(t *testing.T) {
	want := []string{"MAL-2024-9", "CVE-2024-999", "CVE-2024-1000", "CVE-2025-1", "GHSA-2222-aaaa-bbbb", "PYSEC-2024-2", "PYSEC-2024-10", "DSA-9-1", "DEBIAN-CVE-2024-1"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, vuln.CompareIDs)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCompareVersions(t *testing.T) {
	for _, test := range []struct {
		ecosystem, a, b string
		want            int
	}{
		{"PyPI", "1.0rc1", "1.0", -1}, {"PyPI", "1.0.0", "1.0", 0}, {"PyPI", "1.10", "1.9", 1},
		{"Debian:12", "1.0~rc1-1", "1.0-1", -1}, {"Debian:12", "1:0.1", "2.0", 1}, {"Alpine:v3.20", "1.2.3-r10", "1.2.3-r9", 1},
	} {
		got, err := vuln.CompareVersions(test.ecosystem, test.a, test.b)
		if err != nil || got != test.want {
			t.Errorf("%s: %s against %s: got %d, %v, want %d", test.ecosystem, test.a, test.b, got, err, test.want)
		}
	}
	for _, test := range [][3]string{{"PyPI", "banana", "1"}, {"PyPI", "1", "banana"}, {"GitHub Actions", "1", "1"}, {"", "1", "1"}} {
		if got, err := vuln.CompareVersions(test[0], test[1], test[2]); err == nil || got != 0 {
			t.Errorf("%q: got %d, %v, want an error", test, got, err)
		}
	}
}
