package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/vuln/osv"
)

// defaultEcosystems are what `db update` takes from a bucket that cannot be
// listed, when the user names none: what a Gradio application is made of.
var defaultEcosystems = []string{"PyPI", "npm", "Go", "crates.io", "Debian", "Ubuntu", "Alpine"}

func (a *app) dbCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "db",
		Short: "Keep the advisory snapshot",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.dbUpdateCommand(), a.dbStatusCommand(), a.dbGetCommand(), a.dbSearchCommand(),
		a.dbExportCommand(), a.dbImportCommand(), a.dbKeepCommand(), a.dbListCommand(), a.dbPruneCommand())
	return cmd
}

func (a *app) dbUpdateCommand() *cobra.Command {
	var o updateFlags
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Bring the advisory snapshot up to date",
		Long: `Bring the advisory snapshot up to date from OSV's public bucket, a mirror of it, a
local folder in the same layout (ECOSYSTEM/all.zip, or JSON files), or several of
them: of a record that several have, the one that was modified last counts.
Whatever fails, the old snapshot stays.

From a server only what changed is fetched, as ECOSYSTEM/modified_id.csv lists it,
and everything once a month, since records also change without a new date;
--full does so now. Where there is no such list, all.zip is fetched when it has
changed. What several sources have of one ecosystem is fetched whole. Ecosystems
that are not named are kept as they are.

--header is sent to the mirror alone, also when it redirects to another server,
and is never shown. To keep a secret out of the list of processes, give it as
@FILE or as lines in the variable ` + headerVariable + `.`,
		Example: `  tallyman db update
  tallyman db update --from ./osv --ecosystem PyPI,Debian
  tallyman db update --from https://osv.example.com --header @token.txt
  tallyman db update --from ` + osv.DefaultSource + ` --from ./ours --ecosystem PyPI`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dbUpdate(cmd, o) },
	}
	a.world(cmd)
	cmd.Flags().Lookup("timeout").DefValue = "30m"
	must(cmd.Flags().Lookup("timeout").Value.Set("30m"))
	cmd.Flags().StringArrayVar(&o.from, "from", nil, "`SOURCE`: a folder or an http(s) URL; repeatable (default "+osv.DefaultSource+")")
	cmd.Flags().StringArrayVar(&o.headers, "header", nil, "`'NAME: VALUE'` for the mirror, or @FILE with such lines; repeatable")
	cmd.Flags().BoolVar(&o.full, "full", false, "fetch everything, also what seems not to have changed")
	cmd.Flags().StringSliceVar(&o.ecosystems, "ecosystem", nil, "`NAME,...` to take (default: all of a folder; of a URL "+fmt.Sprint(defaultEcosystems)+")")
	return cmd
}

// updateFlags are the flags of `db update`.
type updateFlags struct {
	from, headers, ecosystems []string
	full                      bool
}

func (a *app) dbUpdate(cmd *cobra.Command, o updateFlags) error {
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
	sources, err := a.sources(o.from, o.headers)
	if err != nil {
		return err
	}
	remote := slices.ContainsFunc(sources, func(s osv.Source) bool { return isURL(s.From) })
	if remote && a.flags.offline {
		return usagef("tallyman db update --from FOLDER", "--offline, and the source is a network's")
	}
	if remote && len(o.ecosystems) == 0 {
		o.ecosystems = defaultEcosystems
	}
	p := a.progress()
	defer p.done()
	result, err := osv.Update(ctx, osv.Options{
		Dir: dir, Sources: sources, Ecosystems: o.ecosystems, Full: o.full, Client: a.httpClient(), Progress: p.advisories,
	})
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
	db, err := osv.OpenCurrent(filepath.Dir(result.Path))
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
	if a.flags.advisories == "" && a.snapshotDir() != "" {
		if state.Kept, err = osv.ListKept(a.snapshotDir()); err != nil {
			return err
		}
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
	Origins    []osv.Origin          `json:"origins"`
	Kept       []osv.Kept            `json:"kept"`
	Refused    []osv.Refusal         `json:"refused"`
	now        time.Time
}

func (a *app) dbState(db *osv.DB) (*dbState, error) {
	out := &dbState{Digest: db.Digest(), Bytes: db.Bytes(), Source: db.Source(), Origins: db.Origins(), Kept: []osv.Kept{}, now: a.env.Now()}
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
	fmt.Fprintln(table, "ECOSYSTEM\tRECORDS\tWITHDRAWN\tREFUSED\tNEWEST\tAGE")
	for _, e := range s.Ecosystems {
		date, old := "-", "-"
		if !e.Newest.IsZero() {
			date = e.Newest.UTC().Format(time.DateOnly)
		}
		if !e.Date.IsZero() {
			old = sinceText(s.now.Sub(e.Date))
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%s\n", report.Escape(e.Name), e.Records, e.Withdrawn, e.Refused, date, old)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	s.writeOrigins(w)
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

// writeOrigins says how each source was brought up to date, and what is kept.
func (s *dbState) writeOrigins(w io.Writer) {
	for _, o := range s.Origins {
		if o.Asked.IsZero() {
			continue // a folder or a file: the first line says which
		}
		fmt.Fprintf(w, "%s: %s, asked %s ago; fetched whole %s from %s\n", report.Escape(o.Source), report.Escape(string(o.How)), sinceText(s.now.Sub(o.Asked)),
			o.Full.Format(time.DateOnly), report.Escape(o.From))
	}
	for _, k := range s.Kept {
		fmt.Fprintf(w, "kept %s, of %s: %s\n", report.Escape(k.Name), k.Day.Format(time.DateOnly), k.Digest)
	}
}

// sinceText is a duration for eyes.
func sinceText(d time.Duration) string {
	switch {
	case d < 0:
		return "0 minutes"
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}
