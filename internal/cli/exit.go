package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
)

// The exit codes. docs/ARCHITECTURE.md, "Exit codes".
const (
	ExitAllowed   = 0
	ExitDenied    = 1
	ExitUsage     = 2
	ExitUndecided = 3
)

// usageError is a wrong call: nothing ran.
type usageError struct {
	err error
	// hint is the command to type next, "" for none.
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(err error, hint string) error { return &usageError{err: err, hint: hint} }

func usagef(hint, format string, args ...any) error {
	return usage(fmt.Errorf(format, args...), hint)
}

// outcomeError carries a decision that was already printed.
type outcomeError struct{ outcome policy.Outcome }

func (e *outcomeError) Error() string { return e.outcome.String() }

// decided turns an outcome into what a command returns.
func decided(o policy.Outcome) error {
	if o == policy.Allowed {
		return nil
	}
	return &outcomeError{o}
}

// hinter is an error that knows what the user could type next.
type hinter interface{ Hint() string }

// exit prints err, unless it is a decision that was printed already, and
// returns the exit code. It is the only place where codes come from.
func (a *app) exit(err error) int {
	if err == nil {
		return ExitAllowed
	}
	var outcome *outcomeError
	if errors.As(err, &outcome) {
		if outcome.outcome == policy.Denied {
			return ExitDenied
		}
		return ExitUndecided
	}
	var wrong *usageError
	code, hint := ExitUndecided, ""
	if errors.As(err, &wrong) {
		code, hint = ExitUsage, "try: "+wrong.hint
		if wrong.hint == "" {
			hint = ""
		}
	}
	var h hinter
	if hint == "" && errors.As(err, &h) {
		hint = h.Hint()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		hint = "the run took longer than --timeout " + a.flags.timeout.String()
	}
	fmt.Fprintf(a.env.Stderr, "tallyman: %s\n", report.Escape(err.Error()))
	if hint != "" {
		fmt.Fprintf(a.env.Stderr, "%s\n", report.Escape(hint))
	}
	return code
}

// hintError is an error with what to type next.
type hintError struct {
	error
	hint string
}

func (e *hintError) Hint() string  { return e.hint }
func (e *hintError) Unwrap() error { return e.error }

func hinted(err error, hint string) error { return &hintError{err, hint} }
