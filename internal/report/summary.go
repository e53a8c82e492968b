package report

import (
	"cmp"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
)

// Summary says what a report's decision rests on, as the text's headline counts
// it: "denied for 1 vulnerable package (4 high)", "undecided for ...", "warned
// of ...", the gravest first. It is empty when nothing led to a decision other
// than to allow. It is one line each and safe to print.
func Summary(r *audit.Report) []string {
	t := &text{opts: Options{}, width: 100, r: r}
	t.fates = fatesOf(r.Findings, r.Decision.Reasons)
	t.packages = t.blocks()
	var out []string
	for _, effect := range t.effects() {
		title := map[policy.Effect]string{
			policy.Deny: "denied for", policy.Undecide: "undecided for", policy.Warn: "warned of",
		}[effect]
		if counts := t.reasonCounts(effect); len(counts) > 0 {
			out = append(out, cmp.Or(title, t.word(string(effect)))+" "+sentence(counts))
		}
	}
	return out
}
