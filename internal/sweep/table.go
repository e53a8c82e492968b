package sweep

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/tallyman/tallyman/policy"
)

// WriteTable writes the result for eyes. escape makes a string from a registry
// harmless on a terminal.
func (r *Result) WriteTable(w io.Writer, escape func(string) string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "OUTCOME\tCRITICAL\tHIGH\tOTHER\tDENYING-LINT\tSIGNED\tGAPS\tIMAGE\tPLATFORM\tTAGS")
	for _, i := range r.Images {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", i.Outcome, i.numbers(), escape(i.Reference), escape(cmp.Or(i.Platform, "-")), escape(strings.Join(i.Tags, ",")))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, i := range r.Images {
		if why := i.why(); why != "" {
			fmt.Fprintf(w, "\n%s: %s\n", escape(strings.TrimSpace(i.Reference+" "+i.Platform)), escape(why))
		}
	}
	return r.writeEnd(w, "image", escape)
}

// writeEnd writes what stands below a table: what was skipped, and the outcome
// with the rows counted, each of which is a thing of this word.
func (r *Result) writeEnd(w io.Writer, word string, escape func(string) string) error {
	if len(r.Skipped) > 0 {
		fmt.Fprintln(w)
	}
	for _, k := range r.Skipped {
		fmt.Fprintf(w, "%s: skipped: %s\n", escape(k.Reference), escape(k.Kind))
	}
	_, err := fmt.Fprintf(w, "\n%s: %s\n", strings.ToUpper(r.Outcome.String()), r.counts(word))
	return err
}

// numbers are the columns of a row that count something.
func (i *Image) numbers() string {
	other := 0
	for severity, n := range i.Findings {
		if severity != "critical" && severity != "high" {
			other += n
		}
	}
	return fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d", i.Findings["critical"], i.Findings["high"], other, i.Lint, i.Signatures, i.Gaps)
}

// why says in words what the numbers of a row do not: why an image could not be
// audited, or why it is undecided.
func (i *Image) why() string {
	if i.Error != "" {
		return i.Error
	}
	if i.Outcome != policy.Undecided || len(i.Reasons) == 0 {
		return ""
	}
	out := i.Reasons[0]
	if more := len(i.Reasons) - 1; more > 0 {
		out += fmt.Sprintf(" (and %d more)", more)
	}
	return "undecided: " + out
}

// counts says how many images had which outcome, those that decide nothing by
// themselves; word is what they are called.
func (r *Result) counts(word string) string {
	n, aside := map[string]int{}, map[string]int{}
	for _, i := range r.Images {
		if i.ReportedOnly {
			aside[i.Outcome.String()]++
		} else {
			n[i.Outcome.String()]++
		}
	}
	if len(r.Images) != 1 {
		word += "s"
	}
	text := fmt.Sprintf("%d %s: %d denied, %d undecided, %d allowed", len(r.Images), word, n["denied"], n["undecided"], n["allowed"])
	for _, outcome := range []string{"denied", "undecided", "allowed"} {
		if aside[outcome] > 0 {
			text += fmt.Sprintf(", %d %s (only builds)", aside[outcome], outcome)
		}
	}
	if len(r.Skipped) > 0 {
		text += fmt.Sprintf("; %d skipped", len(r.Skipped))
	}
	return text
}
