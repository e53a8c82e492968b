package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
)

// headline is the decision, what it is about, and what led to it: for each
// reason that stops the release what it is and how to cure it.
func (t *text) headline() {
	d := t.r.Decision
	word := strings.ToUpper(d.Outcome.String())
	t.line("", t.paint(outcomeColour(d.Outcome), word)+"  "+t.paint(bold, t.target())+onlyBuilds(t.opts.onlyBuilds))
	if parts := t.lookedAt(); len(parts) > 0 {
		t.wrapped(strings.Repeat(" ", len(word)+2), sentence(parts))
	}
	for _, effect := range t.effects() {
		title, known := map[policy.Effect]string{
			policy.Deny: "Denied for", policy.Undecide: "Undecided for", policy.Warn: "Warned of",
		}[effect]
		if !known {
			title = "Of the unknown effect " + t.word(string(effect)) + ":"
		}
		if counts := t.reasonCounts(effect); len(counts) > 0 {
			t.WriteByte('\n')
			t.wrappedUnder(t.paint(bold, title)+" ", sentence(counts), "  ")
			t.cures(effect)
		}
	}
}

// onlyBuilds is what stands behind a target that decides nothing.
func onlyBuilds(is bool) string {
	if is {
		return " (only builds)"
	}
	return ""
}

// effects are those of the decision's reasons; the reasons are sorted by them.
func (t *text) effects() []policy.Effect {
	var out []policy.Effect
	for _, r := range t.r.Decision.Reasons {
		if !slices.Contains(out, r.Effect) {
			out = append(out, r.Effect)
		}
	}
	return out
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
		// No name of an image begins with a hyphen.
		if rest, stream := strings.CutPrefix(image, "image -"); stream {
			image = strings.TrimSpace("image on standard input " + strings.TrimLeft(rest, ":@"))
		}
		if target.Platform != "" {
			image += " (" + t.clean(target.Platform) + ")"
		}
		parts = append(parts, image)
	}
	if len(parts) == 0 {
		return "(nothing named)"
	}
	return strings.Join(parts, " and ")
}

func (t *text) lookedAt() []string {
	var parts []string
	if t.r.Command != audit.StageVerify {
		parts = append(parts, count(len(t.r.Components), "component", "components"))
	}
	if t.r.Image != nil {
		image := count(len(t.r.Image.Layers), "image layer", "image layers")
		if t.r.Image.Distribution != "" {
			image += " (" + t.clean(t.r.Image.Distribution) + ")"
		}
		parts = append(parts, image)
	}
	return parts
}

// reasonCounts counts the reasons of one effect by rule.
func (t *text) reasonCounts(effect policy.Effect) []string {
	rules, byRule := t.byRule(effect)
	var out []string
	for _, rule := range rules {
		if c := t.reasonCount(effect, rule, byRule[rule]); c != "" {
			out = append(out, c)
		}
	}
	return out
}

// byRule returns the reasons of one effect by rule, and the rules in the order
// of what they cost.
func (t *text) byRule(effect policy.Effect) (rules []string, byRule map[string][]policy.Reason) {
	byRule = map[string][]policy.Reason{}
	for _, reason := range t.r.Decision.Reasons {
		if reason.Effect != effect || t.saidByAbsence(reason) {
			continue
		}
		if len(byRule[reason.Rule]) == 0 {
			rules = append(rules, reason.Rule)
		}
		byRule[reason.Rule] = append(byRule[reason.Rule], reason)
	}
	slices.SortStableFunc(rules, func(a, b string) int { return cmp.Compare(ruleRank(a), ruleRank(b)) })
	return rules, byRule
}

// ruleRank puts the rules of the default pack in the order of what they cost,
// and every other rule after them.
func ruleRank(rule string) int {
	known := []string{"malicious", "vulnerability", "inherited", "unfixed", "verdict", "latent", "claimed", "lint", "inherited-lint", "signature", "signature-missing", "nothing-found", "no-advisories", "gap", "advisories-absent", "advisories-stale", "stale"}
	if i := slices.Index(known, rule); i >= 0 {
		return i
	}
	return len(known)
}

// reasonCount counts the reasons of one rule in its own words, "" when the
// packages that it is about are counted with a graver one.
func (t *text) reasonCount(effect policy.Effect, rule string, reasons []policy.Reason) string {
	if rule == "accepted" {
		return count(cmp.Or(t.acceptedRisks(), len(reasons)), "accepted risk", "accepted risks")
	}
	if aboutPackages(rule) {
		return t.packageCount(fate{effect, rule}, len(reasons))
	}
	places := 0
	for _, r := range reasons {
		places += max(len(r.Evidence), 1)
	}
	switch rule {
	case "lint":
		return count(places, "lint finding", "lint findings")
	case "inherited-lint":
		return count(places, "lint finding of the base image", "lint findings of the base image")
	case "suppressed":
		return count(places, "lint finding that is switched off", "lint findings that are switched off")
	case "signature", "signature-missing":
		return t.signatureCount(effect, reasons)
	case "gap":
		// A reason about many gaps names only some of them as evidence.
		if n := t.gapCount(effect != policy.Warn); n > places {
			places = n
		}
		return count(places, "thing that could not be read or judged", "things that could not be read or judged")
	case "stale", "advisories-stale":
		return count(len(reasons), "ecosystem with stale advisories", "ecosystems with stale advisories")
	case "advisories-absent":
		return count(len(reasons), "ecosystem without advisories", "ecosystems without advisories")
	case "advisories-refused":
		return count(len(reasons), "ecosystem with unreadable advisories", "ecosystems with unreadable advisories")
	case "only-added":
		return "a base image that is not known"
	case "no-advisories":
		return "no advisories at all"
	case "nothing-found":
		return "nothing found to audit"
	case "exception-unused":
		return count(len(reasons), "accepted risk that covers nothing", "accepted risks that cover nothing")
	case "exception-expired":
		return count(len(reasons), "accepted risk that has expired", "accepted risks that have expired")
	case "exception-invalid":
		return count(len(reasons), "accepted risk that does not count", "accepted risks that do not count")
	}
	return count(len(reasons), "reason", "reasons") + " of " + t.word(rule)
}

// packageCount counts the packages of one fate. Each package counts once, with
// the gravest of its fates, so that the counts add up.
func (t *text) packageCount(what fate, reasons int) string {
	n, any, tally := t.fates.count(t.r.Findings, what)
	switch {
	case !any:
		n = reasons
	case n == 0:
		return ""
	}
	names := map[string][2]string{
		"malicious":     {"malicious package", "malicious packages"},
		"vulnerability": {"vulnerable package", "vulnerable packages"},
		"unfixed":       {"vulnerable package without a fix", "vulnerable packages without a fix"},
		"inherited":     {"vulnerable package of the base image", "vulnerable packages of the base image"},
		"claimed":       {"vulnerable package that is only claimed", "vulnerable packages that are only claimed"},
		"latent":        {"package that may become vulnerable", "packages that may become vulnerable"},
		"verdict":       {"package without a verdict", "packages without a verdict"},
		"accepted":      {"package with accepted risks", "packages with accepted risks"},
	}[what.rule]
	out := count(n, names[0], names[1])
	if what.rule == "vulnerability" && len(tally) > 0 {
		out += " (" + strings.Join(severityCounts(tally), ", ") + ")"
	}
	return out
}

// signatureCount says what is the matter with signatures.
func (t *text) signatureCount(effect policy.Effect, reasons []policy.Reason) string {
	n := len(reasons)
	if reasons[0].Rule == "signature-missing" {
		return count(n, "missing signature", "missing signatures")
	}
	has := func(status policy.SignatureStatus) bool {
		return slices.ContainsFunc(t.r.Signatures, func(s policy.Signature) bool { return s.Status == status })
	}
	switch {
	case effect == policy.Deny:
		return t.failedCount(n)
	case effect == policy.Warn && has(policy.SignatureMissing):
		return "a missing signature"
	}
	return count(n, "signature not checked", "signatures not checked")
}

// failedCount counts the n signatures and attestations that do not verify, each
// by what it is.
func (t *text) failedCount(n int) string {
	attestations := 0
	for _, s := range t.r.Signatures {
		if s.Status == policy.SignatureFailed && s.Kind == "attestation" {
			attestations++
		}
	}
	switch signatures := n - attestations; {
	case attestations == 0 || signatures < 0:
		return count(n, "signature that does not verify", "signatures that do not verify")
	case signatures == 0:
		return count(n, "attestation that does not verify", "attestations that do not verify")
	default:
		return count(signatures, "signature", "signatures") + " and " +
			count(attestations, "attestation", "attestations") + " that do not verify"
	}
}

// gapCount counts the gaps that hide something and that nobody accepted, or
// those that hide nothing.
func (t *text) gapCount(hides bool) int {
	n := 0
	for _, g := range t.r.Gaps {
		if g.Kind.Hides() == hides && !acceptedGap(t.r, g) && !t.absence(g) {
			n++
		}
	}
	return n
}

// shortDigest keeps twelve hexadecimal digits of a digest, enough for an eye.
func shortDigest(d string) string {
	algorithm, hex, ok := strings.Cut(d, ":")
	if !ok || len(hex) <= 12 {
		return d
	}
	return algorithm + ":" + hex[:12]
}
