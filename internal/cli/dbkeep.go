package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/vuln/osv"
)

func (a *app) dbKeepCommand() *cobra.Command {
	var day, name string
	var force bool
	cmd := &cobra.Command{
		Use:   "keep",
		Short: "Keep the current snapshot for a later --as-of",
		Long: `Keep the current snapshot, which 'tallyman db prune' then never removes.
'--as-of DATE' decides with the snapshot that was kept for that day: of those
whose data is of that day or before, the one of the latest day.

The day of a snapshot is that of its newest data, in UTC: when a server was last
asked for one of its ecosystems or, of a folder or a file, the newest record.
--as-of says a later day, up to which nothing changed; an earlier one is refused,
since the snapshot knows more than anybody did then. Keeping the same day again
replaces what was kept, and says what that was; a --name that is taken is kept
as it is without --force.`,
		Example: `  tallyman db update && tallyman db keep
  tallyman db keep --name release-4.2
  tallyman audit . --as-of 2026-01-31`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dbKeep(cmd, day, name, force) },
	}
	a.world(cmd)
	cmd.Flags().StringVar(&day, "as-of", "", "keep it for this `DATE` instead of the day of its data")
	cmd.Flags().StringVar(&name, "name", "", "`NAME` to keep it under (default: the date)")
	cmd.Flags().BoolVar(&force, "force", false, "with --name: replace what is kept under it")
	return cmd
}

func (a *app) dbKeep(cmd *cobra.Command, day, name string, force bool) error {
	ctx, dir, done, err := a.snapshots(cmd)
	if err != nil {
		return err
	}
	defer done()
	var at time.Time
	if day != "" {
		if at, err = time.Parse(time.DateOnly, day); err != nil {
			return usagef("tallyman db keep --help", "--as-of %q is not a date such as 2026-01-31", day)
		}
	}
	kept, err := osv.KeepCurrent(ctx, dir, name, at, a.env.Now(), force || name == "")
	if errors.Is(err, osv.ErrNoSnapshot) {
		return hinted(err, "try: tallyman db update")
	}
	if errors.Is(err, osv.ErrNameKept) {
		return usage(err, fmt.Sprintf("tallyman db keep --name %s --force, or another name", name))
	}
	if errors.Is(err, osv.ErrNotKeepable) {
		return usage(err, "tallyman db keep --help")
	}
	if err != nil || a.flags.quiet {
		return err
	}
	fmt.Fprintf(a.env.Stdout, "kept %s as %s, of %s\n", kept.Digest, report.Escape(kept.Name), kept.Day.Format(time.DateOnly))
	if kept.Replaced != "" {
		fmt.Fprintf(a.env.Stdout, "in place of %s\n", kept.Replaced)
	}
	return nil
}

// snapshots begins a command on the folder of snapshots, which can do nothing
// without one. done ends the command.
func (a *app) snapshots(cmd *cobra.Command) (ctx context.Context, dir string, done context.CancelFunc, err error) {
	ctx, done, _, err = a.prepare(cmd)
	if err != nil {
		return nil, "", nil, err
	}
	if dir = a.snapshotDir(); dir == "" {
		done()
		return nil, "", nil, usagef(cmd.CommandPath()+" --cache-dir DIR", "there is no cache directory to keep a snapshot in")
	}
	return ctx, dir, done, nil
}

func (a *app) dbListCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the kept snapshots",
		Example: `  tallyman db list
  tallyman db list --format json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dbList(cmd, format) },
	}
	a.world(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func (a *app) dbList(cmd *cobra.Command, format string) error {
	if format != "text" && format != "json" {
		return usagef("tallyman db list --help", "unknown format %q: there are text, json", format)
	}
	a.flags.format = "text"
	_, dir, done, err := a.snapshots(cmd)
	if err != nil {
		return err
	}
	defer done()
	kept, err := osv.ListKept(dir)
	if err != nil {
		return err
	}
	if format == "json" {
		enc := json.NewEncoder(a.env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(kept)
	}
	if len(kept) == 0 {
		fmt.Fprintln(a.env.Stdout, "no snapshot is kept")
		return nil
	}
	table := tabwriter.NewWriter(a.env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tDAY\tDIGEST\tSOURCE")
	for _, k := range kept {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", report.Escape(k.Name), k.Day.Format(time.DateOnly), k.Digest, report.Escape(k.Source))
	}
	return table.Flush()
}

func (a *app) dbPruneCommand() *cobra.Command {
	var grace time.Duration
	var names []string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove snapshots that nobody needs",
		Long: `Remove the snapshots that are neither current nor kept, and what runs that died
left behind. 'tallyman db update' does so too. The snapshot before the current
one stays, in case the current one is damaged, and so does what was current
less than --older-than ago: a process may be about to open it. One that has a
snapshot open loses nothing when it is removed.`,
		Example: `  tallyman db prune
  tallyman db prune --drop 2026-01-31`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dbPrune(cmd, grace, names) },
	}
	a.world(cmd)
	cmd.Flags().DurationVar(&grace, "older-than", osv.DefaultGrace, "remove what has not been current for this long")
	cmd.Flags().StringSliceVar(&names, "drop", nil, "`NAME,...` of kept snapshots to keep no longer")
	return cmd
}

func (a *app) dbPrune(cmd *cobra.Command, grace time.Duration, names []string) error {
	ctx, dir, done, err := a.snapshots(cmd)
	if err != nil {
		return err
	}
	defer done()
	for _, name := range names {
		if err := osv.DropKept(ctx, dir, name); err != nil {
			return usage(err, "tallyman db list")
		}
	}
	pruned, err := osv.Prune(ctx, dir, grace)
	if err != nil || a.flags.quiet {
		return err
	}
	fmt.Fprintf(a.env.Stdout, "removed %d files (%s)\n", len(pruned.Files), size(pruned.Bytes))
	return nil
}
