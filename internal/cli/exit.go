package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

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
// returns the exit code. It is the only place where codes come from. A denial
// outranks everything but wrong usage: what was found stays found, whether or
// not a file could be written.
func (a *app) exit(err error) int {
	if err == nil {
		return ExitAllowed
	}
	var outcome *outcomeError
	decided := errors.As(err, &outcome)
	if rest := withoutOutcome(err); rest != nil {
		a.explain(rest)
	}
	var wrong *usageError
	switch {
	case errors.As(err, &wrong):
		return ExitUsage
	case decided && outcome.outcome == policy.Denied:
		return ExitDenied
	}
	return ExitUndecided
}

// withoutOutcome is err without the decision that it may carry.
func withoutOutcome(err error) error {
	var outcome *outcomeError
	if !errors.As(err, &outcome) {
		return err // also one that is made of several: its own words name them
	}
	if _, ok := err.(*outcomeError); ok {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var rest []error
	for _, e := range joined.Unwrap() {
		rest = append(rest, withoutOutcome(e))
	}
	return errors.Join(rest...)
}

// explain prints an error and what to type next.
func (a *app) explain(err error) {
	hint := ""
	var wrong *usageError
	if errors.As(err, &wrong) && wrong.hint != "" {
		hint = "try: " + wrong.hint
	}
	var h hinter
	if hint == "" && errors.As(err, &h) {
		hint = h.Hint()
	}
	if hint == "" && wrong != nil && a.help != "" {
		hint = "try: " + a.help
	}
	fmt.Fprintf(a.env.Stderr, "tallyman: %s\n", discreet(strings.ReplaceAll(strings.TrimSpace(a.inWords(err)), "\n", "; ")))
	if hint != "" {
		fmt.Fprintf(a.env.Stderr, "%s\n", discreet(hint))
	}
}

// inWords is an error without the names that Go has for things.
func (a *app) inWords(err error) string {
	text := err.Error()
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		text = strings.ReplaceAll(text, mistyped.Error(), jsonMistake(mistyped))
	}
	text = strings.ReplaceAll(text, context.DeadlineExceeded.Error(), "it took longer than --timeout "+a.flags.timeout.String())
	return strings.ReplaceAll(text, context.Canceled.Error(), "interrupted")
}

// jsonMistake says which field of a JSON file holds what it should not.
func jsonMistake(e *json.UnmarshalTypeError) string {
	where := "the top of the JSON"
	if e.Field != "" {
		where = fmt.Sprintf("the JSON field %q", e.Field)
	}
	want := "something else"
	switch e.Type.Kind() {
	case reflect.String:
		want = "a string"
	case reflect.Bool:
		want = "true or false"
	case reflect.Slice, reflect.Array:
		want = "a list"
	case reflect.Map, reflect.Struct:
		want = "an object"
	case reflect.Float32, reflect.Float64, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		want = "a number of the right size"
	}
	kind, _, _ := strings.Cut(e.Value, " ") // "number 1.5"
	return fmt.Sprintf("%s is of the kind %s, and has to be %s", where, kind, want)
}

// hintError is an error with what to type next.
type hintError struct {
	error
	hint string
}

func (e *hintError) Hint() string  { return e.hint }
func (e *hintError) Unwrap() error { return e.error }

func hinted(err error, hint string) error { return &hintError{err, hint} }
