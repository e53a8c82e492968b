package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
)

// Target is one of the things that a command audits together: a folder, an
// image that the folder names, a platform of an index.
type Target struct {
	// Image has what is known of it beforehand: Reference, Platform, Role,
	// Places and ReportedOnly.
	Image
	// Audit audits it. An error leaves it undecided and ends nothing else.
	Audit func(ctx context.Context) (*audit.Report, error)
	// Refused makes the report of what Audit could not audit.
	Refused func(ctx context.Context, why error) (*audit.Report, error)
}

// Each audits every target and returns what came of them, in their order, with
// the whole reports. When the time of ctx is over, what is not audited by then
// is undecided; only being interrupted ends it with an error.
func (s *Sweep) Each(ctx context.Context, targets []Target) (*Result, error) {
	result := &Result{Version: Version, AsOf: s.AsOf.UTC().Truncate(time.Second), Source: s.Source, Skipped: []Skipped{},
		Images: make([]Image, len(targets)), Reports: make([]*audit.Report, len(targets))}
	var work errgroup.Group
	work.SetLimit(cmp.Or(s.Parallel, 2))
	for i, t := range targets {
		work.Go(func() error {
			if s.Progress != nil {
				s.Progress(i, len(targets), t.Reference)
			}
			r, err := t.run(ctx)
			if err != nil {
				return err
			}
			result.Images[i], result.Reports[i] = t.Image, r
			result.Images[i].count(r)
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("auditing %q: %w", s.Source, err)
	}
	result.Outcome = worst(result.Images)
	return result, nil
}

// count fills a row from the report of its target.
func (i *Image) count(r *audit.Report) {
	i.Tags, i.Findings, i.Reasons, i.Error, i.Lint, i.Signatures, i.Attestations = []string{}, map[string]int{}, []string{}, "", 0, 0, 0
	i.fill(r, nil)
	i.Platform = cmp.Or(r.Target.Platform, i.Platform, platformOf(r))
	i.ReportedOnly = i.ReportedOnly && i.Role.OnlyBuilds() && !malicious(r)
}

// Recount makes the rows, and the outcome of all, of the reports again. There
// are as many of one as of the other. It is an error when a row is not that of
// its report, when it has another role than the folder's report says, or when an
// image that the folder names has no row: then a row counts for less than it did.
func (r *Result) Recount() error {
	named := map[string][]audit.NamedImage{}
	for _, one := range r.Reports {
		for _, image := range one.Images {
			named[image.Reference] = append(named[image.Reference], image)
		}
	}
	audited := map[string]bool{}
	for i := range r.Images {
		row, one := &r.Images[i], r.Reports[i]
		audited[one.Target.Image] = true
		if row.Role == "" {
			row.ReportedOnly = false
		} else if row.Reference != one.Target.Image || !slices.ContainsFunc(named[row.Reference], func(n audit.NamedImage) bool { return n.Role == row.Role }) {
			return fmt.Errorf("%w: the target %q has the role %q, and the folder's report does not give it that", audit.ErrTampered, row.Reference, row.Role)
		}
		row.ReportedOnly = row.ReportedOnly && one.Parameters.GateScopes == policy.GateShipped
		row.count(one)
	}
	for _, reference := range slices.Sorted(maps.Keys(named)) {
		if !audited[reference] && slices.ContainsFunc(named[reference], func(n audit.NamedImage) bool { return n.Skipped == "" }) {
			return fmt.Errorf("%w: the folder names the image %q, and there is no report of it", audit.ErrTampered, reference)
		}
	}
	r.Outcome = worst(r.Images)
	return nil
}

// Add appends what became of more targets.
func (r *Result) Add(more *Result) {
	r.Images = append(r.Images, more.Images...)
	r.Reports = append(r.Reports, more.Reports...)
	r.Skipped = append(r.Skipped, more.Skipped...)
	r.Outcome = worst(r.Images)
}

func (t *Target) run(ctx context.Context) (*audit.Report, error) {
	r, err := (*audit.Report)(nil), ctx.Err()
	if err == nil {
		r, err = t.Audit(ctx)
	}
	if err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return r, err
	}
	return t.Refused(context.WithoutCancel(ctx), err)
}

// platformOf is the platform that an audited image says it is for, "" when it
// does not.
func platformOf(r *audit.Report) string {
	if r.Image == nil || r.Image.OS == "" || r.Image.Architecture == "" {
		return ""
	}
	return r.Image.OS + "/" + r.Image.Architecture
}

// malicious reports whether a report was denied for malware, which counts
// wherever it is.
func malicious(r *audit.Report) bool {
	return slices.ContainsFunc(r.Decision.Reasons, func(reason policy.Reason) bool {
		return reason.Effect == policy.Deny && reason.Rule == "malicious"
	})
}

// WriteTargets writes the result of Each for eyes: a line for each target and
// one for all. escape makes scanned content harmless on a terminal.
func (r *Result) WriteTargets(w io.Writer, escape func(string) string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	heads := "CRITICAL\tHIGH\tOTHER\tDENYING-LINT\tSIGNED\tGAPS"
	numbers := (*Image).numbers
	if r.inventories() {
		heads, numbers = "COMPONENTS\tGAPS", (*Image).listed
	}
	fmt.Fprintf(table, "OUTCOME\t%s\tTARGET\tPLATFORM\tNAMED BY\n", heads)
	for i := range r.Images {
		row := &r.Images[i]
		outcome := row.Outcome.String()
		if row.ReportedOnly {
			outcome = "(" + outcome + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", outcome, numbers(row), escape(row.Reference), escape(cmp.Or(row.Platform, "-")), escape(row.namedBy()))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if slices.ContainsFunc(r.Images, func(row Image) bool { return row.ReportedOnly }) {
		fmt.Fprintln(w, "\nWhat stands in parentheses is only there for a build, and decides nothing unless it is malicious (--gate-scopes all).")
	}
	return r.writeEnd(w, "target", escape)
}

// inventories reports whether the targets were only listed: then there are no
// findings to count, and none would look like none found.
func (r *Result) inventories() bool {
	return len(r.Reports) > 0 && r.Reports[0].Command == audit.StageSBOM
}

// listed are the columns of a row of an inventory.
func (i *Image) listed() string { return fmt.Sprintf("%d\t%d", i.Components, i.Gaps) }

// namedBy are the places that name an image, the first in words.
func (i *Image) namedBy() string {
	switch len(i.Places) {
	case 0:
		return "-"
	case 1:
		return i.Places[0].String()
	}
	return fmt.Sprintf("%s and %d more", i.Places[0], len(i.Places)-1)
}
