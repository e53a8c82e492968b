package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/internal/sweep"
)

// makeReport is what to type to have a report.
const makeReport = "tallyman audit . --format json > report.json"

func (a *app) renderCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render REPORT",
		Short: "Turn a JSON report into any other format",
		Long: `Turn a report that 'tallyman audit --format json' wrote into any other format.
REPORT is a file, or - for standard input. The decision is made again from the
evidence in the report, and one that is not the report's own is an error: the
exit code is that of the decision. A report that was decided with --policy needs
the same --policy again. Of an audit of several targets the outcome of all is
counted again too.`,
		Example: `  tallyman audit . --format json > report.json
  tallyman render report.json --format sarif
  tallyman audit . --format json | tallyman render -`,
		Args: exactly(1, "one REPORT"),
		RunE: a.render,
	}
	a.common(cmd)
	unsaid(cmd, "base", "only-added", "include", "exclude", "root", "fail-on", "max-age", "unfixed", "unresolved", "pack", "offline", "cache-dir", "mirror", "insecure-registry")
	return cmd
}

func (a *app) render(cmd *cobra.Command, args []string) error {
	ctx, cancel, _, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	data, err := a.readInput(args[0], limit.SBOMBytes, makeReport)
	if err != nil {
		return err
	}
	if report.IsSeveral(data) {
		return a.renderSeveral(ctx, cmd, args[0], data)
	}
	r, err := a.rechecked(ctx, args[0], data)
	if err != nil {
		return err
	}
	return a.finish(r)
}

// renderSeveral renders the JSON of an audit of several targets. Each decision
// is made again, and with them which of them count.
func (a *app) renderSeveral(ctx context.Context, cmd *cobra.Command, name string, data []byte) error {
	if err := a.checkHeld(cmd); err != nil {
		return err
	}
	var read struct {
		sweep.Result
		Reports []json.RawMessage `json:"reports"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return fmt.Errorf("reading report %q: %w", name, err)
	}
	if read.Version != sweep.Version || len(read.Reports) != len(read.Images) {
		return fmt.Errorf("reading report %q: version %d with %d targets and %d reports is not one that this program wrote", name, read.Version, len(read.Images), len(read.Reports))
	}
	for _, raw := range read.Reports {
		r, err := a.rechecked(ctx, name, raw)
		if err != nil {
			return err
		}
		read.Result.Reports = append(read.Result.Reports, r)
	}
	if err := read.Result.Recount(); err != nil {
		return fmt.Errorf("reading report %q: %w", name, err)
	}
	return a.finishSeveral(&read.Result)
}

// readReport reads a report and decides again: nothing that this program does
// rests on what a file says about itself.
func (a *app) readReport(ctx context.Context, name string) (*audit.Report, error) {
	data, err := a.readInput(name, limit.SBOMBytes, makeReport)
	if err != nil {
		return nil, err
	}
	return a.rechecked(ctx, name, data)
}

// rechecked is the report that data is, decided again.
func (a *app) rechecked(ctx context.Context, name string, data []byte) (*audit.Report, error) {
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
