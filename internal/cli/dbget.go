package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/bundled"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

func (a *app) dbGetCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show an advisory, whole",
		Long: `Show the record with an id, and the records that name the id as an alias or as
what they were made from (a CVE that PYSEC and GHSA records speak of). JSON has
each record as its source wrote it, and as tallyman reads it, with the
corrections applied. Exits 3 when the snapshot knows nothing of the id, and
without a snapshot.`,
		Example: `  tallyman db get CVE-2024-1728
  tallyman db get PYSEC-2024-261 --format json`,
		Args:              oneArg("an id, such as CVE-2024-1728"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.dbGet(cmd, args[0], format) },
	}
	a.askFlags(cmd, &format)
	return cmd
}

func (a *app) dbSearchCommand() *cobra.Command {
	var format, ecosystem string
	cmd := &cobra.Command{
		Use:   "search PACKAGE[@VERSION]",
		Short: "List the advisories for a package",
		Long: `List the advisories that name a package and, with a version, what each of them
says about it. PACKAGE==VERSION is understood, too. A package that no record
names is listed with none, and that is no error; an ecosystem that the snapshot
does not have is one (exit 3).`,
		Example: `  tallyman db search gradio@4.19.1
  tallyman db search zlib --ecosystem Debian:12 --format json`,
		Args:              oneArg("a package, such as gradio or gradio@4.19.1"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.dbSearch(cmd, args[0], ecosystem, format)
		},
	}
	a.askFlags(cmd, &format)
	cmd.Flags().StringVar(&ecosystem, "ecosystem", "PyPI", "`NAME` of the package's ecosystem, with its release (Debian:12)")
	return cmd
}

// askFlags registers what get and search have in common.
func (a *app) askFlags(cmd *cobra.Command, format *string) {
	a.world(cmd)
	cmd.Flags().StringVar(&a.flags.advisories, "advisories", "", "`DIR` of OSV advisories to use instead of the snapshot of 'tallyman db update'")
	cmd.Flags().StringVar(format, "format", "text", "text or json")
	must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)))
}

func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && args[0] != "" {
			return nil
		}
		return usage(fmt.Errorf("%s takes %s, and got %d arguments", cmd.CommandPath(), what, len(args)), cmd.CommandPath()+" --help")
	}
}

// ask opens the advisories and calls do.
func (a *app) ask(cmd *cobra.Command, format string, do func(ctx context.Context, db *osv.DB) error) error {
	if format != "text" && format != "json" {
		return usagef(cmd.CommandPath()+" --help", "unknown format %q: there are text, json", format)
	}
	a.flags.format = "text"
	ctx, cancel, _, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	db, err := a.openToAsk(ctx)
	if errors.Is(err, osv.ErrNoSnapshot) {
		fmt.Fprintf(a.env.Stderr, "tallyman: there are no advisories yet: these are %s; 'tallyman db update' fetches all\n", bundled.Source)
		db, err = bundled.Open()
	}
	if err != nil {
		return err
	}
	defer db.Close()
	if note := db.Fallback(); note != "" {
		fmt.Fprintf(a.env.Stderr, "tallyman: %s\n", report.Escape(note))
	}
	return do(ctx, db)
}

func (a *app) openToAsk(ctx context.Context) (*osv.DB, error) {
	if a.flags.advisories == "" {
		return osv.OpenCurrent(a.snapshotDir())
	}
	p := a.progress()
	defer p.done()
	opened, err := a.compiledAdvisories(ctx, p)
	if err != nil {
		return nil, err
	}
	return opened.DB, nil
}

// writeJSON writes what may hold scanned content: no character moves a
// terminal's cursor.
func (a *app) writeJSON(v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := a.env.Stdout.Write(report.EscapeJSON(buf.Bytes()))
	return err
}

func (a *app) dbGet(cmd *cobra.Command, id, format string) error {
	return a.ask(cmd, format, func(ctx context.Context, db *osv.DB) error {
		found, err := db.Lookup(ctx, id)
		if err != nil {
			return err
		}
		if format == "json" {
			err = a.writeJSON(found)
		} else {
			for i := range found.Records {
				writeRecord(a.env.Stdout, &found.Records[i], id)
			}
			if len(found.Aliases) > 0 {
				fmt.Fprintf(a.env.Stdout, "known as %s\n", report.Escape(strings.Join(append([]string{id}, found.Aliases...), ", ")))
			}
		}
		if err == nil && len(found.Records) == 0 {
			return hinted(fmt.Errorf("no advisory has or names the id %q", id), "try: tallyman db status, which says what the snapshot has")
		}
		return err
	})
}

// recordText is what text shows of a record that matching does not read.
type recordText struct {
	Details    string
	References []struct{ Type, URL string }
}

func writeRecord(w io.Writer, r *osv.Record, id string) {
	adv := &r.Advisory
	fmt.Fprintf(w, "%s", report.Escape(r.ID))
	switch r.Relation {
	case "alias":
		fmt.Fprintf(w, ", which has the alias %s", report.Escape(id))
	case "upstream":
		fmt.Fprintf(w, ", which was made from %s", report.Escape(id))
	}
	fmt.Fprintf(w, "\n  %s\n", report.Escape(cmp.Or(adv.Summary, "no summary")))
	fmt.Fprintf(w, "  severity %s", report.Escape(string(adv.Severity)))
	if adv.SeveritySource != "" {
		fmt.Fprintf(w, " (%s)", report.Escape(adv.SeveritySource))
	}
	fmt.Fprintln(w)
	for _, d := range []struct {
		name string
		at   time.Time
	}{{"published", adv.Published}, {"modified", adv.Modified}, {"withdrawn", adv.Withdrawn}} {
		if !d.at.IsZero() {
			fmt.Fprintf(w, "  %s %s\n", d.name, d.at.Format(time.RFC3339))
		}
	}
	for _, e := range adv.Affected {
		fmt.Fprintf(w, "  affects %s %s: %s\n", report.Escape(e.Ecosystem), report.Escape(e.Name), report.Escape(affectedText(&e)))
	}
	if adv.Correction != "" {
		fmt.Fprintf(w, "  corrected: %s\n", report.Escape(adv.Correction))
	}
	var more recordText
	if json.Unmarshal(r.Original, &more) != nil {
		more = recordText{} // a field of another type is shown by --format json
	}
	for line := range strings.Lines(strings.TrimSpace(more.Details)) {
		fmt.Fprintf(w, "    %s\n", report.Escape(strings.TrimRight(line, "\r\n")))
	}
	for _, ref := range more.References {
		fmt.Fprintf(w, "  %s %s\n", report.Escape(strings.ToLower(cmp.Or(ref.Type, "web"))), report.Escape(ref.URL))
	}
	fmt.Fprintln(w)
}

// affectedText is the ranges of an entry, or how many versions it lists.
func affectedText(e *vuln.Affected) string {
	var parts []string
	for _, r := range e.Ranges {
		for _, ev := range r.Events {
			switch {
			case ev.Introduced == "0":
				parts = append(parts, "from the first")
			case ev.Introduced != "":
				parts = append(parts, "from "+ev.Introduced)
			case ev.Fixed != "":
				parts = append(parts, "before "+ev.Fixed)
			case ev.LastAffected != "":
				parts = append(parts, "up to "+ev.LastAffected)
			case ev.Limit != "":
				parts = append(parts, "limit "+ev.Limit)
			}
		}
	}
	if n := len(e.Versions); n > 0 {
		parts = append(parts, fmt.Sprintf("%d versions listed", n))
	}
	if e.Urgency != "" {
		parts = append(parts, "urgency "+e.Urgency)
	}
	return cmp.Or(strings.Join(parts, ", "), "no versions are told")
}

// searchJSON is what `db search --format json` writes.
type searchJSON struct {
	Ecosystem string    `json:"ecosystem"`
	Package   string    `json:"package"`
	Version   string    `json:"version,omitempty"`
	Hits      []osv.Hit `json:"hits"`
}

func (a *app) dbSearch(cmd *cobra.Command, what, ecosystem, format string) error {
	name, version, err := searched(what, ecosystem)
	if err != nil {
		return err
	}
	return a.ask(cmd, format, func(ctx context.Context, db *osv.DB) error {
		hits, err := db.Search(ctx, ecosystem, name, version)
		if errors.Is(err, vuln.ErrNoEcosystem) {
			return hinted(err, "try: tallyman db status, which lists the ecosystems, or tallyman db update --ecosystem "+strings.SplitN(ecosystem, ":", 2)[0])
		}
		if err != nil {
			return err
		}
		if format == "json" {
			return a.writeJSON(searchJSON{ecosystem, name, version, hits})
		}
		return writeHits(a.env.Stdout, hits, ecosystem, name, version)
	})
}

func writeHits(w io.Writer, hits []osv.Hit, ecosystem, name, version string) error {
	if len(hits) == 0 {
		_, err := fmt.Fprintf(w, "no advisory names %s of %s\n", discreet(name), discreet(ecosystem))
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "ID\tSEVERITY\tSUMMARY"
	if version != "" {
		head = "ID\tAFFECTS " + report.Escape(version) + "\tFIXED\tSEVERITY\tSUMMARY"
	}
	fmt.Fprintln(table, head)
	for _, h := range hits {
		adv := &h.Advisory
		fmt.Fprintf(table, "%s\t", report.Escape(adv.ID))
		if version != "" {
			fmt.Fprintf(table, "%s\t%s\t", h.Affects, report.Escape(cmp.Or(h.Fixed, "-")))
		}
		summary := adv.Summary
		if !adv.Withdrawn.IsZero() {
			summary = "withdrawn: " + summary
		}
		fmt.Fprintf(table, "%s\t%s\n", report.Escape(string(adv.Severity)), report.Escape(cmp.Or(summary, "-")))
	}
	return table.Flush()
}
