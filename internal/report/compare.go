package report

import (
	"slices"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// Compare holds the findings of r about exact versions against those of another
// scanner. Two agree when they are about the same version of the same package
// and have an id in common. Source of the result is left to the caller.
func Compare(r *audit.Report, theirs []Match) audit.Comparison {
	out, missed := hold(r, theirs)
	for _, m := range missed {
		out.OnlyTheirs = append(out.OnlyTheirs, pair(m.Ecosystem, m.Package, m.Version, m.IDs))
	}
	slices.Sort(out.OnlyOurs)
	slices.Sort(out.OnlyTheirs)
	out.OnlyOurs, out.OnlyTheirs = slices.Compact(out.OnlyOurs), slices.Compact(out.OnlyTheirs)
	return out
}

// Missed makes a gap of everything that only the other scanner found: an
// advisory that may apply and that was not found to. source names its file. A
// gap is about the first id that known knows, else about the first: whoever
// accepts a risk may call it by any of its ids.
func Missed(r *audit.Report, theirs []Match, source string, known func(id string) bool) []sbom.Gap {
	var gaps []sbom.Gap
	_, missed := hold(r, theirs)
	for _, m := range missed {
		what := pair(m.Ecosystem, m.Package, m.Version, m.IDs)
		g := sbom.NewGap(sbom.GapAdvisory, source, 0, "only these findings have "+what)
		g.Package = sbom.NormalName(m.Ecosystem, m.Package)
		if i := slices.IndexFunc(m.IDs, known); i >= 0 {
			g.Advisory = m.IDs[i]
		} else if len(m.IDs) > 0 {
			g.Advisory = m.IDs[0]
		}
		gaps = append(gaps, g)
	}
	return gaps
}

// hold is Compare without the names of what only the other scanner found, and
// those findings.
func hold(r *audit.Report, theirs []Match) (audit.Comparison, []Match) {
	out := audit.Comparison{OnlyOurs: []string{}, OnlyTheirs: []string{}}
	index := map[string][]int{}
	for i, m := range theirs {
		for _, name := range []string{m.Package, m.OSPackage} {
			if name != "" {
				key := compareKey(m.Ecosystem, name, m.Version)
				index[key] = append(index[key], i)
			}
		}
	}
	met := make([]bool, len(theirs))
	for _, f := range sameOnce(normalised(r)) {
		agrees := false
		for _, key := range findingKeys(r, &f) {
			for _, i := range index[key] {
				if slices.ContainsFunc(f.IDs, func(id string) bool { return slices.Contains(theirs[i].IDs, id) }) {
					agrees, met[i] = true, true
				}
			}
		}
		if agrees {
			out.Both++
		} else {
			out.OnlyOurs = append(out.OnlyOurs, pair(f.Ecosystem, f.Package, f.Version, f.IDs))
		}
	}
	var missed []Match
	for i, m := range theirs {
		if !met[i] {
			missed = append(missed, m)
		}
	}
	return out, missed
}

// sameOnce returns the findings about exact versions, one for each package
// version and set of ids, however many ways the package is known in.
func sameOnce(r *audit.Report) []vuln.Finding {
	var out []vuln.Finding
	seen := map[string]bool{}
	for _, f := range r.Findings {
		key := compareKey(f.Ecosystem, f.Package, f.Version) + "\x00" + jsonKey(f.IDs)
		if f.Version != "" && !seen[key] {
			seen[key] = true
			out = append(out, f)
		}
	}
	return out
}

// findingKeys are the names under which another scanner may know the package:
// its own, and that of its source package with that one's version.
func findingKeys(r *audit.Report, f *vuln.Finding) []string {
	keys := []string{compareKey(f.Ecosystem, f.Package, f.Version)}
	for i := range r.Components {
		c := &r.Components[i]
		if c.Ecosystem == f.Ecosystem && c.Name == f.Package && c.Version == f.Version && c.Source != "" {
			n := scannerNameOf(c)
			keys = append(keys, compareKey(n.Ecosystem, n.Name, n.Version), compareKey(n.Ecosystem, c.Name, n.Version))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func compareKey(ecosystem, name, version string) string {
	return ecosystem + "\x00" + sbom.NormalName(ecosystem, name) + "\x00" + version
}

// pair is "ecosystem/package@version id".
func pair(ecosystem, name, version string, ids []string) string {
	out := ecosystem + "/" + name + "@" + version
	if len(ids) > 0 {
		out += " " + ids[0]
	}
	return out
}
