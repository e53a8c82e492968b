package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// headline is the decision, what it is about, and its reasons counted.
func (t *text) headline() {
	d := t.r.Decision
	word := strings.ToUpper(d.Outcome.String())
	t.line("", t.paint(outcomeColour(d.Outcome), word)+"  "+t.paint(bold, t.target()))
	indent := strings.Repeat(" ", len(word)+2)
	if deny := t.reasonCounts(policy.Deny); len(deny) > 0 {
		t.wrapped(indent+"denied for    ", sentence(deny))
	}
	if open := t.reasonCounts(policy.Undecide); len(open) > 0 {
		t.wrapped(indent+"undecided for ", sentence(open))
	}
	if warn := t.reasonCounts(policy.Warn); len(warn) > 0 {
		t.wrapped(indent+"warned of     ", sentence(warn))
	}
	t.wrapped(indent+"looked at     ", sentence(t.lookedAt()))
}

func (t *text) target() string {
	target := t.r.Target
	parts := []string{}
	if target.Name != "" {
		parts = append(parts, t.clean(target.Name))
	}
	if target.Image != "" {
		image := "image " + t.clean(target.Image)
		if target.ImageDigest != "" && !strings.Contains(target.Image, target.ImageDigest) {
			image += "@" + t.clean(shortDigest(target.ImageDigest))
		}
		parts = append(parts, image)
	}
	if len(parts) == 0 {
		return "(nothing named)"
	}
	return strings.Join(parts, " and ")
}

func (t *text) lookedAt() []string {
	parts := []string{count(len(t.r.Components), "component", "components")}
	if t.r.Image != nil {
		image := count(len(t.r.Image.Layers), "image layer", "image layers")
		if t.r.Image.Distribution != "" {
			image += " (" + t.clean(t.r.Image.Distribution) + ")"
		}
		parts = append(parts, image)
	}
	if n := len(t.r.Snapshot.Ecosystems); n > 0 {
		parts = append(parts, "advisories for "+count(n, "ecosystem", "ecosystems"))
	}
	return parts
}

// reasonCounts counts the reasons of one effect by rule.
func (t *text) reasonCounts(effect policy.Effect) []string {
	var rules []string
	byRule := map[string][]policy.Reason{}
	for _, reason := range t.r.Decision.Reasons {
		if reason.Effect != effect {
			continue
		}
		if len(byRule[reason.Rule]) == 0 {
			rules = append(rules, reason.Rule)
		}
		byRule[reason.Rule] = append(byRule[reason.Rule], reason)
	}
	slices.SortStableFunc(rules, func(a, b string) int { return cmp.Compare(ruleRank(a), ruleRank(b)) })
	var out []string
	for _, rule := range rules {
		out = append(out, t.reasonCount(rule, byRule[rule]))
	}
	return out
}

// ruleRank puts the rules of the default pack in the order of what they cost,
// and every other rule after them.
func ruleRank(rule string) int {
	known := []string{"malicious", "vulnerability", "unfixed", "verdict", "latent", "lint", "signature", "nothing-found", "no-advisories", "gap", "advisories-absent", "advisories-stale", "stale"}
	if i := slices.Index(known, rule); i >= 0 {
		return i
	}
	return len(known)
}

func (t *text) reasonCount(rule string, reasons []policy.Reason) string {
	packages := len(packagesOf(reasons))
	places := 0
	for _, r := range reasons {
		places += max(len(r.Evidence), 1)
	}
	switch rule {
	case "malicious":
		return count(packages, "malicious package", "malicious packages")
	case "vulnerability":
		return count(packages, "vulnerable package", "vulnerable packages") + t.worst(reasons)
	case "unfixed":
		return count(packages, "vulnerable package without a fix", "vulnerable packages without a fix")
	case "latent":
		return count(packages, "package that may become vulnerable", "packages that may become vulnerable")
	case "verdict":
		return count(packages, "package without a verdict", "packages without a verdict")
	case "lint":
		return count(places, "lint finding", "lint findings")
	case "signature":
		return count(len(reasons), "signature fault", "signature faults")
	case "gap":
		// A reason about many gaps names only some of them as evidence.
		if n := t.gapCount(reasons[0].Effect != policy.Warn); n > places {
			places = n
		}
		return count(places, "thing that could not be read or judged", "things that could not be read or judged")
	case "stale", "advisories-stale":
		return count(len(reasons), "ecosystem with stale advisories", "ecosystems with stale advisories")
	case "advisories-absent":
		return count(len(reasons), "ecosystem without advisories", "ecosystems without advisories")
	case "no-advisories":
		return "no advisories at all"
	case "nothing-found":
		return "nothing found to audit"
	}
	return count(len(reasons), "reason", "reasons") + " of " + t.word(rule)
}

// gapCount counts the gaps that hide something, or those that do not.
func (t *text) gapCount(hides bool) int {
	n := 0
	for _, g := range t.r.Gaps {
		if g.Kind.Hides() == hides {
			n++
		}
	}
	return n
}

// packagesOf returns the packages that reasons are about. A reason about many
// names them in its evidence, as "package id".
func packagesOf(reasons []policy.Reason) map[string]bool {
	out := map[string]bool{}
	for _, r := range reasons {
		if r.Package != "" || len(r.Evidence) == 0 {
			out[r.Package] = true
			continue
		}
		for _, e := range r.Evidence {
			name, _, _ := strings.Cut(e, " ")
			out[name] = true
		}
	}
	return out
}

// worst counts, by severity, the findings that reasons name as evidence.
func (t *text) worst(reasons []policy.Reason) string {
	named := map[string]bool{}
	for _, r := range reasons {
		for _, id := range r.Evidence {
			named[sbom.NormalName("PyPI", r.Package)+"\x00"+id] = true
		}
	}
	tally := map[vuln.Severity]int{}
	for _, f := range t.r.Findings {
		if slices.ContainsFunc(f.IDs, func(id string) bool { return named[sbom.NormalName("PyPI", f.Package)+"\x00"+id] }) {
			tally[f.Severity]++
		}
	}
	if len(tally) == 0 {
		return ""
	}
	return " (" + strings.Join(severityCounts(tally), ", ") + ")"
}

// shortDigest keeps twelve hexadecimal digits of a digest, enough for an eye.
func shortDigest(d string) string {
	algorithm, hex, ok := strings.Cut(d, ":")
	if !ok || len(hex) <= 12 {
		return d
	}
	return algorithm + ":" + hex[:12]
}
