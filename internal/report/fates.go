package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// fate is what the decision makes of a finding: the effect and the rule of a
// reason. The zero value is that of a finding that no reason speaks of.
type fate struct {
	effect policy.Effect
	rule   string
}

// rank orders fates from the gravest; the zero value comes last.
func (f fate) rank() int {
	if f.rule == "" {
		return 1 << 16
	}
	return effectRank(f.effect)<<8 + ruleRank(f.rule)
}

// packageKey names a package, however it is spelled.
type packageKey struct{ ecosystem, name string }

func keyOf(f *vuln.Finding) packageKey {
	return packageKey{f.Ecosystem, sbom.NormalName(f.Ecosystem, f.Package)}
}

// advisory names a finding's advisory, however many packages have it.
func advisory(f *vuln.Finding) string {
	if len(f.IDs) > 0 {
		return f.IDs[0]
	}
	return strings.Join([]string{f.Ecosystem, f.Package, f.Summary}, "\x00")
}

// fates says for every finding what the decision makes of it.
type fates struct {
	// each is by the finding's place in the report, the gravest fate first.
	each [][]fate
	// packages has the gravest fate of every package: each package counts once.
	packages map[packageKey]fate
}

// aboutPackages reports whether a rule of the default pack is about findings.
// Its reasons name packages, and as evidence the first ids of the findings.
func aboutPackages(rule string) bool {
	return slices.Contains([]string{"malicious", "vulnerability", "inherited", "unfixed", "latent", "claimed", "verdict", "accepted"}, rule)
}

// fatesOf holds the reasons of a decision against the findings that they name.
func fatesOf(findings []vuln.Finding, reasons []policy.Reason) *fates {
	byName := map[string][]*policy.Reason{}
	bySentence := map[string][]*policy.Reason{}
	for i := range reasons {
		r := &reasons[i]
		if !aboutPackages(r.Rule) {
			continue
		}
		if r.Package != "" {
			name := sbom.NormalName("PyPI", r.Package)
			byName[name] = append(byName[name], r)
			continue
		}
		for _, e := range r.Evidence { // "package id"
			bySentence[e] = append(bySentence[e], r)
		}
	}
	out := &fates{each: make([][]fate, len(findings)), packages: map[packageKey]fate{}}
	for i := range findings {
		f := &findings[i]
		for _, r := range byName[sbom.NormalName("PyPI", f.Package)] {
			if names(r, f) {
				out.each[i] = append(out.each[i], fate{r.Effect, r.Rule})
			}
		}
		for _, r := range bySentence[f.Package+" "+advisory(f)] {
			out.each[i] = append(out.each[i], fate{r.Effect, r.Rule})
		}
		slices.SortFunc(out.each[i], func(a, b fate) int { return cmp.Compare(a.rank(), b.rank()) })
		key, best := keyOf(f), out.of(i)
		if known, seen := out.packages[key]; !seen || best.rank() < known.rank() {
			out.packages[key] = best
		}
	}
	return out
}

// names reports whether a reason about a package is about the finding.
func names(r *policy.Reason, f *vuln.Finding) bool {
	if sbom.NormalName(f.Ecosystem, r.Package) != sbom.NormalName(f.Ecosystem, f.Package) {
		return false
	}
	shown := advisory(f)
	return slices.ContainsFunc(r.Evidence, func(e string) bool { return e == shown || slices.Contains(f.IDs, e) })
}

// of is the gravest fate of a finding.
func (s *fates) of(i int) fate {
	if len(s.each[i]) == 0 {
		return fate{}
	}
	return s.each[i][0]
}

// count returns how many packages have a fate as their gravest, whether any
// finding has it at all, and the severities of the advisories that have it.
func (s *fates) count(findings []vuln.Finding, what fate) (packages int, any bool, tally map[vuln.Severity]int) {
	for _, f := range s.packages {
		if f == what {
			packages++
		}
	}
	var concerned []vuln.Finding
	for i := range findings {
		if slices.Contains(s.each[i], what) {
			any = true
			if s.packages[keyOf(&findings[i])] == what {
				concerned = append(concerned, findings[i])
			}
		}
	}
	return packages, any, tallied(concerned)
}

// tallied counts advisories by severity, the highest of each.
func tallied(findings []vuln.Finding) map[vuln.Severity]int {
	worst := map[string]vuln.Severity{}
	for i := range findings {
		id := advisory(&findings[i])
		if s, seen := worst[id]; !seen || severityRank(findings[i].Severity) < severityRank(s) {
			worst[id] = findings[i].Severity
		}
	}
	out := map[vuln.Severity]int{}
	for _, s := range worst {
		out[s]++
	}
	return out
}
