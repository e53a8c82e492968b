package audit

import (
	"context"
	"fmt"
	"slices"

	"github.com/tallyman/tallyman/policy"
)

// Together decides the reports of one run again where an accepted risk covers
// nothing in one of them: whether it is used is judged once, over all. One that
// covers something somewhere is unused nowhere, and one that covers nothing at
// all is said to in the first report alone. No outcome changes by it.
func (a *Auditor) Together(ctx context.Context, reports []*Report) error {
	for i, r := range reports {
		exceptions := slices.Clone(r.Decision.Exceptions)
		changed := false
		for n := range exceptions {
			e := &exceptions[n]
			if e.Used == 0 && !e.Expired && e.Check() == nil && (i > 0 || usedIn(reports, *e)) {
				e.Elsewhere, changed = true, true
			}
		}
		if !changed {
			continue
		}
		for n := range exceptions {
			exceptions[n].Used, exceptions[n].Expired = 0, false
		}
		decision, err := policy.Decide(ctx, r.input(exceptions), policy.Options{Modules: a.Modules, Tool: r.Tool.String()})
		if err != nil {
			return fmt.Errorf("deciding %q together with the others: %w", r.Target.Name+r.Target.Image, err)
		}
		if decision.Outcome == r.Decision.Outcome { // another one only a policy of the user's own can make of it
			r.Decision = decision
		}
	}
	return nil
}

// usedIn reports whether an accepted risk covers something in one of the
// reports.
func usedIn(reports []*Report, e policy.Exception) bool {
	return slices.ContainsFunc(reports, func(r *Report) bool {
		return slices.ContainsFunc(r.Decision.Exceptions, func(o policy.Exception) bool {
			used := o.Used > 0
			o.Used, o.Expired, o.Elsewhere = e.Used, e.Expired, e.Elsewhere
			return used && o == e
		})
	})
}
