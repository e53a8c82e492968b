package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// packageFacts groups findings, which are sorted by package, by package and
// profile.
func packageFacts(findings []vuln.Finding, risks *acceptedRisks, base baseLayers) ([]FindingProfile, []PackageFacts) {
	profiles := make([]FindingProfile, len(findings))
	for i, f := range findings {
		profiles[i] = profileOf(f, risks, base)
	}
	order := slices.Clone(profiles)
	slices.SortFunc(order, compareProfiles)
	order = slices.CompactFunc(order, func(a, b FindingProfile) bool { return compareProfiles(a, b) == 0 })
	packages, owner := groupByPackage(findings)
	for i, f := range findings {
		profile, _ := slices.BinarySearchFunc(order, profiles[i], compareProfiles)
		packages[owner[i]].add(profile, f)
	}
	for i := range packages {
		packages[i].finish()
	}
	return append([]FindingProfile{}, order...), packages
}

// groupByPackage makes the packages, each with the order of all its fixed
// versions, and says which of them each finding belongs to.
func groupByPackage(findings []vuln.Finding) (packages []PackageFacts, owner []int) {
	packages = []PackageFacts{}
	at := map[[2]string]int{}
	for _, f := range findings {
		key := [2]string{f.Ecosystem, sbom.NormalName(f.Ecosystem, f.Package)}
		i, seen := at[key]
		if !seen {
			i = len(packages)
			at[key] = i
			packages = append(packages, PackageFacts{
				Name: f.Package, Ecosystem: f.Ecosystem, Distribution: isDistribution(f.Ecosystem), Fixes: []string{},
			})
		}
		owner = append(owner, i)
		if fix := fixOf(&f); fix != "" {
			packages[i].Fixes = append(packages[i].Fixes, fix)
		}
	}
	for i := range packages {
		p := &packages[i]
		slices.Sort(p.Fixes)
		p.Fixes = slices.Compact(p.Fixes)
		slices.SortFunc(p.Fixes, func(a, b string) int { return compareVersions(p.Ecosystem, a, b) })
	}
	return packages, owner
}

func profileOf(f vuln.Finding, risks *acceptedRisks, base baseLayers) FindingProfile {
	return FindingProfile{
		Severity: f.Severity, Verdict: f.Verdict, Evidence: f.Evidence, Gates: f.Gates,
		Malicious: f.Malicious || isMalicious(f.IDs), Distribution: isDistribution(f.Ecosystem),
		Fixable: fixOf(&f) != "", Excludable: len(f.Exclude) > 0, Base: base.bring(f.Locations), Scopes: scopesOf(f), Accepted: risks.finding(f),
	}
}

// scopesOf are the scopes of a finding; one that has none is about what runs.
func scopesOf(f vuln.Finding) []string {
	if len(f.Scopes) == 0 {
		return []string{""}
	}
	scopes := slices.Clone(f.Scopes)
	for i, s := range scopes {
		if s == "runtime" {
			scopes[i] = ""
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

func compareProfiles(a, b FindingProfile) int {
	return cmp.Or(
		cmp.Compare(b.Severity.Rank(), a.Severity.Rank()),
		strings.Compare(string(a.Severity), string(b.Severity)),
		strings.Compare(string(a.Verdict), string(b.Verdict)),
		strings.Compare(string(a.Evidence), string(b.Evidence)),
		compareBool(a.Gates, b.Gates),
		compareBool(a.Malicious, b.Malicious),
		compareBool(a.Distribution, b.Distribution),
		compareBool(a.Fixable, b.Fixable),
		compareBool(a.Excludable, b.Excludable),
		compareBool(a.Base, b.Base),
		slices.Compare(a.Scopes, b.Scopes),
		strings.Compare(a.Accepted, b.Accepted),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func (p *PackageFacts) add(profile int, f vuln.Finding) {
	p.place(f.Locations)
	i := slices.IndexFunc(p.Findings, func(g FindingFacts) bool { return g.Profile == profile })
	if i < 0 {
		i = len(p.Findings)
		p.Findings = append(p.Findings, FindingFacts{Profile: profile, Fix: -1, Exclude: []string{}})
	}
	g := &p.Findings[i]
	g.IDs = append(g.IDs, bestID(f.IDs))
	g.Exclude = append(g.Exclude, f.Exclude...)
	g.Labels = append(g.Labels, cmp.Or(f.Version, f.Specifier, "(any version)"))
	g.Fix = max(g.Fix, slices.Index(p.Fixes, fixOf(&f)))
}

// fixOf is the version to raise to: the floor, which cures all of the line that
// can be cured, where it is known; the fixed version of one finding may have
// others.
func fixOf(f *vuln.Finding) string { return cmp.Or(f.Floor, f.Fixed) }

// place keeps the first location outside images, which a reader can edit.
func (p *PackageFacts) place(locations []sbom.Location) {
	for _, l := range locations {
		if p.File == "" || (l.Layer == "" && p.inLayer) {
			p.File, p.Line, p.inLayer = l.File, l.Line, l.Layer != ""
		}
	}
}

func (p *PackageFacts) finish() {
	slices.SortFunc(p.Findings, func(a, b FindingFacts) int { return cmp.Compare(a.Profile, b.Profile) })
	for i := range p.Findings {
		g := &p.Findings[i]
		slices.Sort(g.IDs)
		slices.Sort(g.Labels)
		slices.Sort(g.Exclude)
		g.IDs, g.Labels, g.Exclude = slices.Compact(g.IDs), slices.Compact(g.Labels), slices.Compact(g.Exclude)
	}
}

func bestID(ids []string) string {
	if len(ids) == 0 {
		return "(no id)"
	}
	return ids[0]
}

func isMalicious(ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "MAL-") })
}
