package report_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
)

func TestText(t *testing.T) {
	empty := &audit.Report{Command: "audit", Target: policy.Target{Name: "empty"}}
	empty.Decision.Reasons = []policy.Reason{{Effect: policy.Undecide, Rule: "nothing-found", Message: "no manifest was found", Remedy: "Name a folder that holds one."}}
	for _, c := range []struct {
		name   string
		report *audit.Report
		opts   report.Options
	}{
		{"denied.txt", denied(), report.Options{}},
		{"denied-verbose.txt", denied(), report.Options{Verbose: true}},
		{"denied-narrow.txt", denied(), report.Options{Width: 60}},
		{"denied-colour.txt", denied(), report.Options{Color: true}},
		{"allowed.txt", allowed(), report.Options{}},
		{"empty.txt", empty, report.Options{}},
		{"hostile.txt", hostile(), report.Options{}},
		{"hostile-workflow.txt", hostile(), report.Options{Workflow: true, Verbose: true}},
	} {
		t.Run(c.name, func(t *testing.T) { golden(t, c.name, write(t, report.FormatText, c.report, c.opts)) })
	}
}

// The short form of the worst report still fits on two screens of 50 lines.
func TestTextIsShort(t *testing.T) {
	out := string(write(t, report.FormatText, denied(), report.Options{}))
	if n := strings.Count(out, "\n"); n > 100 {
		t.Errorf("the text has %d lines", n)
	}
}

func TestTextEscapesEverythingScanned(t *testing.T) {
	for _, opts := range []report.Options{{}, {Verbose: true}, {Workflow: true}, {Workflow: true, Verbose: true, Width: 60}} {
		for i, line := range strings.Split(string(write(t, report.FormatText, hostile(), opts)), "\n") {
			if at := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); at >= 0 {
				t.Errorf("%+v: line %d holds an unprintable character: %q", opts, i+1, line)
			}
			if opts.Workflow && (strings.Contains(line, "::") || strings.Contains(line, "##")) {
				t.Errorf("%+v: line %d could be a workflow command: %q", opts, i+1, line)
			}
		}
	}
}

// A clock that went on between two runs leaves no trace in the text.
func TestTextHoldsNoClock(t *testing.T) {
	early, late := denied(), denied()
	late.AsOf = late.AsOf.AddDate(12, 0, 0)
	late.Decision.AsOf = late.AsOf
	a, b := write(t, report.FormatText, early, report.Options{Verbose: true}), write(t, report.FormatText, late, report.Options{Verbose: true})
	if string(a) != string(b) {
		t.Error("the text differs between two clocks")
	}
}
