package cli

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/internal/report"
)

func (a *app) renderCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render REPORT",
		Short: "Turn a JSON report into any other format",
		Long: `Turn a report that 'tallyman audit --format json' wrote into any other format.
The decision is made again from the evidence in the report, and one that is not
the report's own is an error: the exit code is that of the decision. A report
that was decided with --policy needs the same --policy again.`,
		Example: `  tallyman audit . --format json > report.json
  tallyman render report.json --format sarif`,
		Args: exactly(1, "one REPORT"),
		RunE: a.render,
	}
	a.common(cmd)
	unsaid(cmd, "include", "exclude", "root", "fail-on", "max-age", "unfixed", "unresolved", "pack", "offline", "cache-dir", "mirror", "insecure-registry")
	return cmd
}

func (a *app) render(cmd *cobra.Command, args []string) error {
	ctx, cancel, _, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	r, err := a.readReport(ctx, args[0])
	if err != nil {
		return err
	}
	return a.finish(r)
}

// readReport reads a report and decides again: nothing that this program does
// rests on what a file says about itself.
func (a *app) readReport(ctx context.Context, name string) (*audit.Report, error) {
	data, err := readFile(a.path(name), limit.SBOMBytes)
	if err != nil {
		return nil, usage(err, "tallyman audit . --format json > report.json")
	}
	modules, done, err := a.modules()
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := report.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading report %q: %w", name, err)
	}
	if err := r.Recheck(ctx, modules); err != nil {
		return nil, hinted(fmt.Errorf("reading report %q: %w", name, err), "make it again: tallyman audit ... --format json")
	}
	return r, nil
}
