package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// The result of osv-scanner v2 as far as it speaks of packages and findings,
// field by field that of models.VulnerabilityResults. The types are our own
// because that package links three hundred others into a program that only
// writes this JSON; a test decodes ours with theirs.
// https://pkg.go.dev/github.com/google/osv-scanner/v2@v2.5.1/pkg/models#VulnerabilityResults
type scannerResults struct {
	Results []scannerSource `json:"results"`
	Config  scannerConfig   `json:"experimental_config"`
}

type scannerConfig struct {
	Licenses scannerLicenses `json:"licenses"`
}

type scannerLicenses struct {
	Summary   bool     `json:"summary"`
	Allowlist []string `json:"allowlist"`
}

type scannerSource struct {
	Source   scannerPath      `json:"source"`
	Packages []scannerPackage `json:"packages"`
}

type scannerPath struct {
	Path string `json:"path"`
	Type string `json:"type"`
}

type scannerPackage struct {
	Package         scannerName     `json:"package"`
	Vulnerabilities []scannerRecord `json:"vulnerabilities,omitempty"`
	Groups          []scannerGroup  `json:"groups,omitempty"`
}

// scannerName is what advisories are looked up by: for a distribution package
// (in the results of others) the name and version of its source package.
type scannerName struct {
	Name          string `json:"name"`
	OSPackageName string `json:"os_package_name,omitempty"`
	Version       string `json:"version"`
	Ecosystem     string `json:"ecosystem"`
}

// scannerRecord is the least of an OSV record.
type scannerRecord struct {
	ID       string   `json:"id"`
	Modified string   `json:"modified,omitempty"`
	Aliases  []string `json:"aliases,omitempty"`
	Summary  string   `json:"summary,omitempty"`
}

type scannerGroup struct {
	IDs         []string `json:"ids"`
	Aliases     []string `json:"aliases"`
	MaxSeverity string   `json:"max_severity"`
}

// writeOSVScanner writes every component with an exact version, with and
// without findings, so that osv-scanner can look them up itself
// (`scan source -L osv-scanner:FILE`). Left out are lines that only constrain
// and files that a distribution package owns, which nobody looks up either, and
// the packages of distributions: v2.5.1 maps them to no ecosystem when it reads
// such a file, and offline one of them makes it give up on all the others.
func writeOSVScanner(w io.Writer, r *audit.Report, _ Options) error {
	found := map[scannerName][]vuln.Finding{}
	for _, f := range r.Findings {
		if f.Version != "" {
			key := scannerName{Name: sbom.NormalName(f.Ecosystem, f.Package), Version: f.Version, Ecosystem: f.Ecosystem}
			found[key] = append(found[key], f)
		}
	}
	sources := map[scannerPath]map[scannerName][]vuln.Finding{}
	for i := range r.Components {
		c := &r.Components[i]
		if !scannerKnows(c) {
			continue
		}
		source := scannerSourceOf(c)
		if sources[source] == nil {
			sources[source] = map[scannerName][]vuln.Finding{}
		}
		key := scannerName{Name: c.NormalName(), Version: c.Version, Ecosystem: c.Ecosystem}
		sources[source][scannerNameOf(c)] = found[key]
	}
	out := scannerResults{Results: []scannerSource{}, Config: scannerConfig{Licenses: scannerLicenses{Allowlist: []string{}}}}
	for path, packages := range sources {
		out.Results = append(out.Results, scannerSource{Source: path, Packages: scannerPackages(packages)})
	}
	slices.SortFunc(out.Results, func(a, b scannerSource) int {
		return cmp.Or(strings.Compare(a.Source.Path, b.Source.Path), strings.Compare(a.Source.Type, b.Source.Type))
	})
	return encodeJSON(w, out)
}

// scannerKnows reports whether the osv-scanner format has a component.
func scannerKnows(c *sbom.Component) bool {
	return c.Version != "" && c.Ecosystem != "" && !c.Constraint && c.Evidence != sbom.OSOwned && !distributed(c.Ecosystem)
}

// distributed reports whether an ecosystem is a release of a distribution:
// everything but the ecosystems that
// osv-scanner's reader of such files maps.
func distributed(ecosystem string) bool {
	return !slices.Contains([]string{
		"Go", "npm", "PyPI", "Maven", "Packagist", "crates.io", "RubyGems", "NuGet", "Pub",
	}, ecosystem)
}

func scannerSourceOf(c *sbom.Component) scannerPath {
	p := scannerPath{Type: "lockfile"}
	if len(c.Locations) > 0 {
		p.Path = c.Locations[0].File
	}
	if c.Evidence == sbom.Installed || c.Evidence == sbom.Verified {
		p.Type = "artifact"
	}
	return p
}

// scannerNameOf is the name and version by which osv-scanner looks c up.
func scannerNameOf(c *sbom.Component) scannerName {
	n := scannerName{Name: c.Name, Version: c.Version, Ecosystem: c.Ecosystem}
	if c.Ecosystem == "PyPI" {
		n.Name = c.NormalName()
	}
	if c.Source != "" {
		n.Name, n.OSPackageName = c.Source, c.Name
		n.Version = cmp.Or(c.SourceVersion, c.Version)
	}
	return n
}

func scannerPackages(in map[scannerName][]vuln.Finding) []scannerPackage {
	out := make([]scannerPackage, 0, len(in))
	for name, findings := range in {
		p := scannerPackage{Package: name}
		for i := range findings {
			p.Groups = append(p.Groups, scannerGroupOf(&findings[i]))
			p.Vulnerabilities = append(p.Vulnerabilities, scannerRecords(&findings[i])...)
		}
		slices.SortFunc(p.Vulnerabilities, func(a, b scannerRecord) int { return strings.Compare(a.ID, b.ID) })
		p.Vulnerabilities = slices.CompactFunc(p.Vulnerabilities, func(a, b scannerRecord) bool { return a.ID == b.ID })
		slices.SortFunc(p.Groups, func(a, b scannerGroup) int { return slices.Compare(a.IDs, b.IDs) })
		p.Groups = slices.CompactFunc(p.Groups, func(a, b scannerGroup) bool { return slices.Equal(a.IDs, b.IDs) })
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b scannerPackage) int {
		x, y := a.Package, b.Package
		return cmp.Or(strings.Compare(x.Ecosystem, y.Ecosystem), strings.Compare(x.Name, y.Name),
			strings.Compare(x.Version, y.Version), strings.Compare(x.OSPackageName, y.OSPackageName))
	})
	return out
}

// scannerGroupOf is one finding: osv-scanner groups records by their aliases as
// we do.
func scannerGroupOf(f *vuln.Finding) scannerGroup {
	ids := slices.Sorted(slices.Values(f.IDs))
	score := baseScore(f.SeveritySource)
	if f.Malicious {
		score = "10.0" // malware has no vector, and nothing is worse
	}
	return scannerGroup{IDs: ids, Aliases: ids, MaxSeverity: score}
}

// baseScore is the CVSS base score at the end of a severity's source
// ("PYSEC-2024-1 CVSS:3.1 9.8"), "" if it is from a word.
func baseScore(source string) string {
	words := strings.Fields(source)
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	if score, err := strconv.ParseFloat(last, 64); err != nil || !(score >= 0 && score <= 10) {
		return ""
	}
	return last
}

func scannerRecords(f *vuln.Finding) []scannerRecord {
	var out []scannerRecord
	for _, id := range f.IDs {
		r := scannerRecord{ID: id, Summary: f.Summary}
		if !f.BasisDate.IsZero() {
			r.Modified = f.BasisDate.UTC().Format("2006-01-02T15:04:05Z")
		}
		for _, other := range slices.Sorted(slices.Values(f.IDs)) {
			if other != id {
				r.Aliases = append(r.Aliases, other)
			}
		}
		out = append(out, r)
	}
	return out
}

// Match is one finding of another scanner: a package at an exact version and
// the ids, connected by aliases, of what is wrong with it.
type Match struct {
	// Ecosystem is OSV's name with its release suffix.
	Ecosystem string
	// Package is the name that the other scanner looked up, and OSPackage the
	// binary package of a distribution, "" for none.
	Package   string
	OSPackage string
	Version   string
	// IDs are sorted.
	IDs []string
}

// ReadOSVScanner reads the JSON result of osv-scanner v2, or what the
// osv-scanner format wrote, and returns a Match for each group of each package,
// sorted. A result that has no "results" is an error: it would say that
// nothing was found.
func ReadOSVScanner(r io.Reader) ([]Match, error) {
	data, err := limit.ReadAll(r, limit.SBOMBytes)
	if err != nil {
		return nil, fmt.Errorf("reading the osv-scanner result: %w", err)
	}
	var in struct {
		Results *[]scannerSource `json:"results"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("reading the osv-scanner result: %w", err)
	}
	if in.Results == nil {
		return nil, fmt.Errorf("reading the osv-scanner result: it has no list \"results\"; write it with `osv-scanner scan source --format json`")
	}
	out := []Match{}
	for _, source := range *in.Results {
		for _, p := range source.Packages {
			out = append(out, matches(&p)...)
		}
	}
	slices.SortFunc(out, compareMatches)
	return slices.CompactFunc(out, func(a, b Match) bool { return compareMatches(a, b) == 0 }), nil
}

// matches returns one Match for each group, and one for each record that is in
// no group.
func matches(p *scannerPackage) []Match {
	var out []Match
	grouped := map[string]bool{}
	add := func(ids []string) {
		slices.Sort(ids)
		out = append(out, Match{
			Ecosystem: p.Package.Ecosystem, Package: p.Package.Name, OSPackage: p.Package.OSPackageName,
			Version: p.Package.Version, IDs: slices.Compact(ids),
		})
	}
	for _, g := range p.Groups {
		ids := slices.Concat(g.IDs, g.Aliases)
		for _, id := range ids {
			grouped[id] = true
		}
		add(ids)
	}
	for _, v := range p.Vulnerabilities {
		if !grouped[v.ID] {
			add(append([]string{v.ID}, v.Aliases...))
		}
	}
	return out
}

func compareMatches(a, b Match) int {
	return cmp.Or(strings.Compare(a.Ecosystem, b.Ecosystem), strings.Compare(a.Package, b.Package), strings.Compare(a.OSPackage, b.OSPackage),
		strings.Compare(a.Version, b.Version), slices.Compare(a.IDs, b.IDs))
}
