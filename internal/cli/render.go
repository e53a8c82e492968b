package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/internal/report"
)

func (a *app) renderCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render REPORT",
		Short: "Turn a JSON report into any other format",
		Long: `Turn a report that 'tallyman audit --format json' wrote into any other format.
It decides nothing anew: the exit code is that of the report's decision.`,
		Example: `  tallyman audit . --format json > report.json
  tallyman render report.json --format sarif`,
		Args: exactly(1, "one REPORT"),
		RunE: a.render,
	}
	a.common(cmd)
	return cmd
}

func (a *app) render(cmd *cobra.Command, args []string) error {
	_, cancel, _, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	f, err := os.Open(a.path(args[0]))
	if err != nil {
		return usage(err, "tallyman audit . --format json > report.json")
	}
	defer f.Close()
	r, err := report.Read(limit.Reader(f, limit.SBOMBytes))
	if err != nil {
		return fmt.Errorf("reading report %q: %w", args[0], err)
	}
	return a.finish(r)
}
