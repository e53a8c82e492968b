package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/vuln/osv"
)

// defaultEcosystems are what `db update` takes from a bucket that cannot be
// listed, when the user names none: what a Gradio application is made of.
var defaultEcosystems = []string{"PyPI", "npm", "Debian", "Ubuntu", "Alpine"}

func (a *app) dbCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "db",
		Short: "Keep the advisory snapshot",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.dbUpdateCommand(), a.dbStatusCommand(), a.dbGetCommand(), a.dbSearchCommand())
	return cmd
}

func (a *app) dbUpdateCommand() *cobra.Command {
	var from string
	var ecosystems []string
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Compile a new advisory snapshot",
		Long: `Compile a new advisory snapshot from OSV's public bucket, a mirror of it, or a
local folder in the same layout (ECOSYSTEM/all.zip, or JSON files). Whatever
fails, the old snapshot stays.`,
		Example: `  tallyman db update
  tallyman db update --from ./osv --ecosystem PyPI,Debian`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dbUpdate(cmd, from, ecosystems) },
	}
	a.world(cmd)
	cmd.Flags().Lookup("timeout").DefValue = "30m"
	must(cmd.Flags().Lookup("timeout").Value.Set("30m"))
	cmd.Flags().StringVar(&from, "from", "", "`SOURCE`: a folder or an http(s) URL (default "+osv.DefaultSource+")")
	cmd.Flags().StringSliceVar(&ecosystems, "ecosystem", nil, "`NAME,...` to take (default: all of a folder; of a URL "+fmt.Sprint(defaultEcosystems)+")")
	return cmd
}

func (a *app) dbUpdate(cmd *cobra.Command, from string, ecosystems []string) error {
	a.steadyCollector()
	ctx, cancel, _, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	dir := a.snapshotDir()
	if dir == "" {
		return usagef("tallyman db update --cache-dir DIR", "there is no cache directory to keep a snapshot in")
	}
	remote := isURL(cmp.Or(from, osv.DefaultSource))
	if remote && a.flags.offline {
		return usagef("tallyman db update --from FOLDER", "--offline, and the source is a network's")
	}
	if remote && len(ecosystems) == 0 {
		ecosystems = defaultEcosystems
	}
	if !remote {
		from = a.path(from)
	}
	p := a.progress()
	defer p.done()
	result, err := a.fetch(ctx, dir, from, ecosystems, p)
	if err != nil {
		return fmt.Errorf("updating advisories: %w", err)
	}
	p.done()
	if a.flags.quiet {
		return nil
	}
	return a.printUpdate(result)
}

func (a *app) printUpdate(result *osv.Result) error {
	db, err := osv.Open(result.Path)
	if err != nil {
		return err
	}
	defer db.Close()
	verb := "wrote"
	if result.Unchanged {
		verb = "kept"
	}
	fmt.Fprintf(a.env.Stdout, "%s %s (%s) from %s\n", verb, a.shown(result.Path), size(result.Bytes), report.Escape(result.Source))
	if result.Downloaded > 0 {
		fmt.Fprintf(a.env.Stdout, "downloaded %s\n", size(result.Downloaded))
	}
	status, err := a.dbState(db)
	if err != nil {
		return err
	}
	return status.write(a.env.Stdout, a.flags.verbose)
}

func (a *app) dbStatusCommand() *cobra.Command {
	var format string
	var quality bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say which advisories there are, and of when",
		Long: `Say which advisories there are, and of when. --quality reads all of them, and
says which cannot be judged, which are withdrawn, rejected, disputed or of the
future, where records of one vulnerability differ, and what became of tallyman's
corrections and own advisories.`,
		Example: `  tallyman db status
  tallyman db status --format json
  tallyman db status --quality --verbose`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if quality {
				return a.dbQuality(cmd, format)
			}
			return a.dbStatus(cmd, format)
		},
	}
	a.askFlags(cmd, &format)
	cmd.Flags().BoolVar(&quality, "quality", false, "what is to be known of the records themselves")
	return cmd
}

func (a *app) dbStatus(cmd *cobra.Command, format string) error {
	if format != "text" && format != "json" {
		return usagef("tallyman db status --help", "unknown format %q: there are text, json", format)
	}
	a.flags.format = "text"
	ctx, cancel, _, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	db, err := a.openToAsk(ctx)
	if errors.Is(err, osv.ErrNoSnapshot) {
		return hinted(err, "try: tallyman db update")
	}
	if err != nil {
		return err
	}
	defer db.Close()
	state, err := a.dbState(db)
	if err != nil {
		return err
	}
	if format == "json" {
		enc := json.NewEncoder(a.env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(state)
	}
	fmt.Fprintf(a.env.Stdout, "%s (%s) from %s\n", state.Digest, size(state.Bytes), report.Escape(state.Source))
	return state.write(a.env.Stdout, a.flags.verbose)
}

// dbState is what `db status` says.
type dbState struct {
	Digest     string                `json:"digest"`
	Bytes      int64                 `json:"bytes"`
	Source     string                `json:"source"`
	Ecosystems []osv.EcosystemStatus `json:"ecosystems"`
	Refused    []osv.Refusal         `json:"refused"`
}

func (a *app) dbState(db *osv.DB) (*dbState, error) {
	out := &dbState{Digest: db.Digest(), Bytes: db.Bytes(), Source: db.Source()}
	var err error
	if out.Ecosystems, err = db.Status(a.env.Now()); err != nil {
		return nil, err
	}
	out.Refused, err = db.Refused()
	return out, err
}

// refusedShown is how many refused records text names without --verbose.
const refusedShown = 10

func (s *dbState) write(w io.Writer, verbose bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ECOSYSTEM\tRECORDS\tWITHDRAWN\tREFUSED\tNEWEST")
	for _, e := range s.Ecosystems {
		date := "-"
		if !e.Date.IsZero() {
			date = e.Date.UTC().Format(time.DateOnly)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\n", report.Escape(e.Name), e.Records, e.Withdrawn, e.Refused, date)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	shown := slices.Clone(s.Refused)
	if !verbose && len(shown) > refusedShown {
		shown = shown[:refusedShown]
	}
	for _, r := range shown {
		fmt.Fprintf(w, "refused %s: %s\n", report.Escape(r.Source+"/"+r.Record), report.Escape(r.Reason))
	}
	if more := len(s.Refused) - len(shown); more > 0 {
		fmt.Fprintf(w, "and %d more (--verbose)\n", more)
	}
	return nil
}
