package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/vuln/osv"
)

func (a *app) dbExportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write the current snapshot to a file, for where there is no network",
		Long: `Write the current snapshot to a file, or with - to the standard output, after
checking all of it. 'tallyman db import' on the other machine needs that file and
nothing else. Its digest stands for every byte: compare it there.`,
		Example: `  tallyman db export advisories.tms
  tallyman db export - | ssh inside tallyman db import -`,
		Args: oneArg("a file, or - for the standard output"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.dbExport(cmd, args[0]) },
	}
	a.world(cmd)
	return cmd
}

func (a *app) dbExport(cmd *cobra.Command, name string) error {
	ctx, dir, done, err := a.snapshots(cmd)
	if err != nil {
		return err
	}
	defer done()
	digest, err := a.exportTo(ctx, dir, name)
	if errors.Is(err, osv.ErrNoSnapshot) {
		return hinted(err, "try: tallyman db update")
	}
	if err != nil {
		return fmt.Errorf("exporting the advisory snapshot: %w", err)
	}
	if !a.flags.quiet && name != "-" {
		fmt.Fprintf(a.env.Stdout, "wrote %s (%s)\n", report.Escape(name), digest)
	}
	return nil
}

// exportTo writes a file whole or not at all.
func (a *app) exportTo(ctx context.Context, dir, name string) (digest string, err error) {
	if name == "-" {
		return osv.Export(ctx, dir, a.env.Stdout)
	}
	path := a.path(name)
	f, err := os.CreateTemp(filepath.Dir(path), ".tallyman-export-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name())
	if digest, err = osv.Export(ctx, dir, f); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err != nil {
		return "", err
	}
	return digest, os.Rename(f.Name(), path)
}

func (a *app) dbImportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Make an exported snapshot the current one",
		Long: `Make a snapshot that 'tallyman db export' wrote the current one, in place of all
that was current. Every block of it is checked first; whatever is wrong, the old
one stays. When a server was last asked is not in the file: an imported snapshot
is as old as its newest record.`,
		Example: `  tallyman db import advisories.tms`,
		Args:    oneArg("a file, or - for the standard input"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.dbImport(cmd, args[0]) },
	}
	a.world(cmd)
	return cmd
}

func (a *app) dbImport(cmd *cobra.Command, name string) error {
	ctx, dir, done, err := a.snapshots(cmd)
	if err != nil {
		return err
	}
	defer done()
	in, from := io.Reader(cmd.InOrStdin()), "the standard input"
	if name != "-" {
		f, err := os.Open(a.path(name))
		if errors.Is(err, os.ErrNotExist) {
			return usage(err, "tallyman db import FILE")
		}
		if err != nil {
			return err
		}
		defer f.Close()
		in, from = f, filepath.ToSlash(name)
	}
	before, _ := osv.OpenCurrent(dir) // without one there is nothing to lose
	if before != nil {
		defer before.Close()
	}
	result, err := osv.Import(ctx, dir, in, from)
	if err != nil {
		return fmt.Errorf("importing %q: %w", from, err)
	}
	if a.flags.quiet {
		return nil
	}
	if err := a.noteOlder(before, result.Path); err != nil {
		return err
	}
	return a.printUpdate(result)
}

// noteOlder says of which ecosystems the snapshot in a file has older records
// than the one that it replaces, or none. Records are compared, not the dates
// at which servers were asked, which an imported snapshot does not have.
func (a *app) noteOlder(before *osv.DB, path string) error {
	if before == nil {
		return nil
	}
	old, err := osv.Open(filepath.Join(filepath.Dir(path), strings.TrimPrefix(before.Digest(), "sha256:")+filepath.Ext(path)))
	if err != nil {
		return nil // gone already
	}
	defer old.Close()
	next, err := osv.Open(path)
	if err != nil {
		return err
	}
	defer next.Close()
	list, err := old.Status(a.env.Now())
	if err != nil {
		return nil // it was damaged, and is replaced
	}
	var lost []string
	for _, e := range list {
		s, err := next.StatusOf(e.Name, a.env.Now())
		if err != nil {
			return err
		}
		if e.Records > 0 && (s == nil || s.Date.Before(e.Date)) {
			lost = append(lost, e.Name+" "+e.Date.Format(time.DateOnly))
		}
	}
	if len(lost) > 0 {
		fmt.Fprintf(a.env.Stderr, "tallyman: the snapshot that was replaced had newer advisories, or the only ones: %s\n", report.Escape(strings.Join(lost, ", ")))
	}
	return nil
}
