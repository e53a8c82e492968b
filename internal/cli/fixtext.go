package cli

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/fix"
)

// text is the plan for a person.
func (x *fixed) text(written bool) string {
	var b strings.Builder
	for _, e := range x.Edits {
		what := report.Escape(e.Old) + " -> " + report.Escape(e.New)
		switch {
		case e.New == "":
			what = report.Escape(e.Old) + " -> (removed)"
		case e.Old == "":
			what = "add " + report.Escape(e.New)
		}
		fmt.Fprintf(&b, "%s:%d: %s\n    %s\n", report.Escape(x.shown(e.File)), e.Line, what, report.Escape(e.Reason))
	}
	if len(x.Refused) > 0 {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("Not cured by an edit:\n")
	}
	for _, group := range x.refusals() {
		x.refusal(&b, group)
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(x.summary(written))
	return b.String()
}

// refusals are those of one file that one command cures, or that stand for
// themselves.
func (x *fixed) refusals() [][]fix.Refusal {
	var out [][]fix.Refusal
	at := map[[3]string]int{}
	for _, r := range x.Refused {
		key := [3]string{r.File, r.Reason, r.Command}
		i, seen := at[key]
		if !seen || r.Command == "" {
			at[key] = len(out)
			out = append(out, []fix.Refusal{r})
			continue
		}
		out[i] = append(out[i], r)
	}
	return out
}

// refusal writes what one reason keeps from being cured.
func (x *fixed) refusal(b *strings.Builder, group []fix.Refusal) {
	first := group[0]
	where := ""
	switch {
	case first.File != "" && first.Line > 0 && len(group) == 1:
		where = fmt.Sprintf("%s:%d: ", x.shown(first.File), first.Line)
	case first.File != "":
		where = x.shown(first.File) + ": "
	}
	names := first.Package
	for _, r := range group[1:] {
		if !strings.HasSuffix(names, r.Package) {
			names += ", " + r.Package
		}
	}
	fmt.Fprintf(b, "%s%s: %s\n", report.Escape(where), report.Escape(names), report.Escape(first.Reason))
	if first.Command != "" {
		fmt.Fprintf(b, "    %s\n", report.Escape(first.Command))
	}
}

// summary is the last paragraph: what was or would be done, what is left, and
// what the policy makes of that.
func (x *fixed) summary(written bool) string {
	var b strings.Builder
	when := "With them"
	switch files := count(len(x.Files()), "file"); {
	case len(x.Edits) == 0:
		b.WriteString("No edit is proposed.")
		when = "As it is"
	case written:
		fmt.Fprintf(&b, "Made %s in %s.", count(len(x.Edits), "edit"), files)
	case len(x.Edits) == 1:
		fmt.Fprintf(&b, "1 edit in %s; --write makes it.", files)
		when = "With it"
	default:
		fmt.Fprintf(&b, "%s in %s; --write makes them.", count(len(x.Edits), "edit"), files)
	}
	fmt.Fprintf(&b, " %s.\n", x.leftovers())
	if written && len(x.Edits) > 0 {
		when = "Now"
	}
	fmt.Fprintf(&b, "%s the tree is %s", when, x.decision())
	hides := x.hides()
	if len(hides) == 0 {
		b.WriteString(".\n")
		return b.String()
	}
	b.WriteString(":\n")
	for _, line := range hides {
		fmt.Fprintf(&b, "  %s\n", report.Escape(line))
	}
	return b.String()
}

// decision is the policy's outcome and what it rests on, in the words of an
// audit.
func (x *fixed) decision() string {
	word := x.after.Decision.Outcome.String()
	parts := report.Summary(x.after)
	if len(parts) == 0 || !strings.HasPrefix(parts[0], word) {
		parts = append([]string{word}, parts...)
	}
	return strings.Join(parts, "; ")
}

// leftovers counts the findings after the edits by verdict, which no policy
// changes.
func (x *fixed) leftovers() string {
	tally := map[vuln.Verdict]int{}
	for _, f := range x.after.Findings {
		tally[f.Verdict]++
	}
	var parts []string
	for _, v := range []vuln.Verdict{vuln.AffectedVersion, vuln.Forced, vuln.Current, vuln.Latent, vuln.Unknown} {
		if tally[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", tally[v], v))
		}
	}
	switch n := len(x.after.Findings); n {
	case 0:
		if len(x.hides()) > 0 {
			return "No finding is left, but not everything could be judged"
		}
		return "Nothing is left to cure"
	case 1:
		return "1 finding is left: " + parts[0]
	default:
		return fmt.Sprintf("%d findings are left: %s", n, strings.Join(parts, ", "))
	}
}

// maxHides is how many reasons for being undecided are shown.
const maxHides = 5

// hides says why the edited tree is undecided; nothing when it is not.
func (x *fixed) hides() []string {
	var out []string
	for _, r := range x.after.Decision.Reasons {
		if r.Effect == policy.Undecide {
			out = append(out, r.Message)
		}
	}
	if more := len(out) - maxHides; more > 0 && !x.app.flags.verbose {
		out = append(out[:maxHides], fmt.Sprintf("and %d more, see: tallyman audit", more))
	}
	return out
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
