package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/vuln/osv"
)

// qualityShown is how many entries of one list text shows without --verbose.
const qualityShown = 10

func (a *app) dbQuality(cmd *cobra.Command, format string) error {
	return a.ask(cmd, format, func(ctx context.Context, db *osv.DB) error {
		q, err := db.Quality(ctx, a.env.Now())
		if err != nil {
			return err
		}
		if format == "json" {
			return a.writeJSON(q)
		}
		shown := qualityShown
		if a.flags.verbose {
			shown = len(q.Records) + len(q.Differing) + len(q.Refused)
		}
		fmt.Fprintf(a.env.Stdout, "%s from %s\n", q.Digest, report.Escape(q.Source))
		return writeQuality(a.env.Stdout, q, shown)
	})
}

// qualityKinds are the lists of records, and what a heading says of them.
var qualityKinds = [...]struct {
	kind osv.RemarkKind
	what string
}{
	{osv.RemarkVersionless, "an entry names no version that could be affected, and cannot be judged"},
	{osv.RemarkUnreadable, "a range has a version that its ecosystem cannot order"},
	{osv.RemarkRejected, "live, though the CVE number was rejected"},
	{osv.RemarkDisputed, "live, and disputed"},
	{osv.RemarkFuture, "modified in the future"},
	{osv.RemarkWithdrawn, "withdrawn"},
	{osv.RemarkMalicious, "the package is malware"},
}

// writeQuality writes the tables, and of each list the first entries.
func writeQuality(w io.Writer, q *osv.Quality, shown int) error {
	if err := writeQualityTable(w, q); err != nil {
		return err
	}
	for _, k := range qualityKinds {
		var lines []string
		for _, r := range q.Records {
			if r.Kind == k.kind {
				lines = append(lines, strings.TrimSpace(r.ID+"  "+r.Words))
			}
		}
		writeList(w, counted(len(lines), "record")+": "+k.what, lines, shown)
	}
	var lines []string
	for _, d := range q.Differing {
		lines = append(lines, d.Ecosystem+" "+d.Package+": "+d.Words)
	}
	writeList(w, counted(len(lines), "vulnerability")+": records of it have different ranges", lines, shown)
	lines = nil
	for _, r := range q.Refused {
		lines = append(lines, strings.TrimPrefix(r.Source+"/"+r.Record, "/")+": "+r.Reason)
	}
	writeList(w, counted(len(lines), "record")+": refused", lines, shown)
	return writeKnowledge(w, q)
}

func writeQualityTable(w io.Writer, q *osv.Quality) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "RECORDS\tVERSIONLESS\tUNREADABLE\tREJECTED\tDISPUTED\tFUTURE\tWITHDRAWN\tMALICIOUS\tDIFFERING\tREFUSED\tCORRECTED\tOWN\t  ECOSYSTEM")
	for _, e := range q.Ecosystems {
		for _, n := range []int{e.Records, e.Versionless, e.Unreadable, e.Rejected, e.Disputed, e.Future, e.Withdrawn, e.Malicious, e.Differing, e.Refused, e.Corrected, e.Own} {
			fmt.Fprintf(table, "%d\t", n)
		}
		fmt.Fprintf(table, "  %s\n", report.Escape(e.Name))
	}
	return table.Flush()
}

// writeKnowledge writes what tallyman knows better.
func writeKnowledge(w io.Writer, q *osv.Quality) error {
	fmt.Fprintf(w, "\n%s\n", counted(len(q.Corrections), "correction"))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range q.Corrections {
		why := c.Reason
		if why == "" {
			why = c.Note
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", report.Escape(c.ID), c.State, report.Escape(why))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s of tallyman's own\n", counted(len(q.Own), "advisory"))
	for _, o := range q.Own {
		also := ""
		if len(o.Also) > 0 {
			also = ", also " + strings.Join(o.Also, ", ")
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", report.Escape(o.ID), o.Severity, report.Escape(o.Summary+also))
	}
	return table.Flush()
}

// writeList writes a heading and the first entries below it, nothing for none.
func writeList(w io.Writer, heading string, lines []string, shown int) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", heading)
	for _, line := range lines[:min(shown, len(lines))] {
		fmt.Fprintf(w, "  %s\n", report.Escape(line))
	}
	if more := len(lines) - shown; more > 0 {
		fmt.Fprintf(w, "  and %d more (--verbose)\n", more)
	}
}

// counted is a number and what it counts: "1 record", "2 advisories".
func counted(n int, what string) string {
	if n != 1 {
		if stem, ok := strings.CutSuffix(what, "y"); ok {
			what = stem + "ie"
		}
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
