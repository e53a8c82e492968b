package cli

import (
	"fmt"
	"slices"
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
		fmt.Fprintf(&b, "%s:%d: %s\n", report.Escape(x.shown(e.File)), e.Line, what)
		b.WriteString(x.paragraph("    ", report.Escape(e.Reason), "    "))
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
	b.WriteString(x.alone())
	b.WriteString(x.summary(written))
	return b.String()
}

// paragraph is report.Paragraph for the user's terminal.
func (x *fixed) paragraph(head, words, indent string) string {
	return report.Paragraph(head, words, indent, x.app.env.Width)
}

// alone names what was left alone because it was not asked for.
func (x *fixed) alone() string {
	var names []string
	n := 0
	for _, f := range x.Left {
		if x.gating && !f.Gates {
			n++
			names = append(names, report.Escape(f.Package))
		}
	}
	if n == 0 {
		return ""
	}
	slices.Sort(names)
	return x.paragraph("", fmt.Sprintf("Left alone by --only gating: %s in %s.", latentCount(n), strings.Join(slices.Compact(names), ", ")), "  ")
}

func latentCount(n int) string {
	if n == 1 {
		return "1 finding that is latent,"
	}
	return fmt.Sprintf("%d findings that are latent,", n)
}

// refusals are those of one file that one command cures, and those of one
// package that have one reason.
func (x *fixed) refusals() [][]fix.Refusal {
	var out [][]fix.Refusal
	at := map[[3]string]int{}
	for _, r := range x.Refused {
		key := [3]string{r.File, r.Reason, r.Command}
		if r.Command == "" {
			key[0] = "of " + r.Package
		}
		i, seen := at[key]
		if !seen {
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
	where, names := "", first.Package
	switch {
	case first.File != "" && first.Line > 0 && len(group) == 1:
		where = fmt.Sprintf("%s:%d: ", x.shown(first.File), first.Line)
	case first.File != "" && (first.Command != "" || len(group) == 1):
		where = x.shown(first.File) + ": "
	}
	var places []string
	for i, r := range group {
		if i > 0 && !strings.HasSuffix(names, r.Package) {
			names += ", " + r.Package
		}
		if place := fmt.Sprintf("%s:%d", x.shown(r.File), r.Line); r.File != "" && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	b.WriteString(x.paragraph("", report.Escape(where+names+": "+first.Reason), "    "))
	if first.Command != "" {
		fmt.Fprintf(b, "    %s\n", report.Escape(first.Command))
	} else if len(group) > 1 && len(places) > 0 {
		b.WriteString(x.paragraph("    ", report.Escape("in "+strings.Join(places, ", ")), "    "))
	}
}

// summary is the last paragraph: what was or would be done, what is left, and
// what the policy makes of that.
func (x *fixed) summary(written bool) string {
	done, when := "", "With them"
	switch files := count(len(x.Files()), "file"); {
	case len(x.Edits) == 0:
		done, when = "No edit is proposed.", "As it is"
	case written:
		done, when = fmt.Sprintf("Made %s in %s.", count(len(x.Edits), "edit"), files), "Now"
	case len(x.Edits) == 1:
		done, when = fmt.Sprintf("1 edit in %s; --write makes it.", files), "With it"
	default:
		done = fmt.Sprintf("%s in %s; --write makes them.", count(len(x.Edits), "edit"), files)
	}
	left := x.leftovers()
	out := x.paragraph("", done+" "+left[0], "  ")
	for _, line := range left[1:] {
		out += x.paragraph("  ", line, "    ")
	}
	hides := x.hides()
	end := "."
	if len(hides) > 0 {
		end = ":"
	}
	out += x.paragraph("", fmt.Sprintf("%s the tree is %s%s", when, x.decision(), end), "  ")
	for _, line := range hides {
		out += x.paragraph("  ", report.Escape(line), "    ")
	}
	return out
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

// leftovers says how many findings are left after the edits, which no policy
// changes, and what they are: in the words of an audit, with the verdicts.
func (x *fixed) leftovers() []string {
	tally := map[vuln.Verdict]int{}
	for _, f := range x.after.Findings {
		tally[f.Verdict]++
	}
	var parts []string
	for _, part := range []struct {
		one, many string
		verdicts  []vuln.Verdict
	}{
		{"that an installation has", "that an installation has", []vuln.Verdict{vuln.AffectedVersion, vuln.Forced, vuln.Current}},
		{"that an installation may have", "that an installation may have", []vuln.Verdict{vuln.Latent}},
		{"without a verdict", "without a verdict", []vuln.Verdict{vuln.Unknown}},
	} {
		n := 0
		var words []string
		for _, v := range part.verdicts {
			if n += tally[v]; tally[v] > 0 {
				words = append(words, fmt.Sprintf("%d %s", tally[v], verdictWord(v)))
			}
		}
		if len(words) == 1 { // One verdict needs no number of its own.
			_, words[0], _ = strings.Cut(words[0], " ")
		}
		switch n {
		case 0:
		case 1:
			parts = append(parts, "1 "+part.one+": "+words[0])
		default:
			parts = append(parts, fmt.Sprintf("%d %s: %s", n, part.many, strings.Join(words, ", ")))
		}
	}
	switch n := len(x.after.Findings); n {
	case 0:
		if len(x.hides()) > 0 {
			return []string{"No finding is left, but not everything could be judged."}
		}
		return []string{"Nothing is left to cure."}
	case 1:
		return append([]string{"1 finding is left:"}, parts...)
	default:
		return append([]string{fmt.Sprintf("%d findings are left:", n)}, parts...)
	}
}

// verdictWord says what a verdict means, behind a number.
func verdictWord(v vuln.Verdict) string {
	switch v {
	case vuln.AffectedVersion:
		return "of a version that is named or installed (affected)"
	case vuln.Forced:
		return "of every version that is allowed (forced)"
	case vuln.Current:
		return "of the newest version that is allowed (current)"
	case vuln.Latent:
		return "of versions that an installer would not take today (latent)"
	}
	return "of the newest version that is known (unknown)"
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
