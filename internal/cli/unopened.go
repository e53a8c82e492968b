package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
)

// unopenedError is why the image that the user named could not be opened, in the
// words of the error that it wraps.
type unopenedError struct {
	// image is the reference, without credentials.
	image string
	err   error
}

func (e *unopenedError) Error() string { return e.err.Error() }
func (e *unopenedError) Unwrap() error { return e.err }

// unopened is the report of an image that could not be opened, beside why: a job
// that keeps the report has one to keep. It is nil when why is something else.
func (a *app) unopened(ctx context.Context, auditor *audit.Auditor, why error) (*audit.Report, error) {
	var image *unopenedError
	var wrong *usageError
	if !errors.As(why, &image) || errors.As(why, &wrong) || errors.Is(ctx.Err(), context.Canceled) {
		return nil, why
	}
	c := &company{app: a, auditor: auditor}
	r, err := c.refused(image.image, a.imagePlatform(), audit.ImagePlace{})(context.WithoutCancel(ctx), why)
	if err != nil {
		return nil, errors.Join(why, err)
	}
	return r, why
}

// finishUnopened writes the report of an image that could not be opened, nil for
// none, where one was asked for; a terminal is told why by the error alone. An
// inventory is not written: an empty one would look like one of nothing.
//
// What a policy denies stays denied, and nothing is allowed.
func (a *app) finishUnopened(r *audit.Report, why error) error {
	if r == nil || r.Decision.Outcome == policy.Allowed {
		return why
	}
	failed := why
	for _, o := range a.flags.outputs {
		if format, _, _ := strings.Cut(o, "="); a.holdsUnopened(format) {
			failed = joined(failed, a.writeOutput(o, r))
		}
	}
	if a.flags.format != report.FormatText && a.holdsUnopened(a.flags.format) {
		failed = joined(failed, report.Write(a.env.Stdout, a.flags.format, r, report.Options{}))
	}
	return joined(failed, decided(r.Decision.Outcome))
}

// holdsUnopened reports whether a format says that nothing was read, and says so
// of one that does not.
func (a *app) holdsUnopened(format string) bool {
	holds := report.HoldsParts(format)
	if !holds {
		fmt.Fprintf(a.env.Stderr, "tallyman: no %s is written: nothing was read\n", format)
	}
	return holds
}

// joined is err and, when there is any, more.
func joined(err, more error) error {
	if more == nil {
		return err
	}
	return errors.Join(err, more)
}
