package python

import (
	"fmt"
	"time"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pep440"
)

var endOfLifeRule = lint.Rule{
	ID: "GR-DEP-11", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
	Title:  "The Python that runs the application still gets security fixes",
	Why:    "A flaw in the interpreter or its standard library is fixed in the supported series alone, and packages stop publishing their own fixes for a series that has ended.",
	Remedy: "Move to Python 3.12 or newer, wherever the version is named.",
	Bad:    "FROM python:3.10-slim",
	Good:   "FROM python:3.13-slim",
	Source: "https://devguide.python.org/versions/",
}

// FolderRules returns the documentation of the rules that take more than one
// file to judge: those of CheckInterpreters and CheckTogether.
func FolderRules() []lint.Rule { return []lint.Rule{endOfLifeRule, conflictRule} }

// Interpreter is a place that says which Python runs.
type Interpreter struct {
	// Version is what it names: "3.12", "3.12.4"; "" when it has a range.
	Version string
	// Specifier is the range of versions that it admits, as in
	// requires-python; "" when it names a version.
	Specifier string
	// File and Line are the place; Line counts from 1, 0 when not known.
	File string
	Line int
	// Stage is the build stage of a Dockerfile, "" elsewhere.
	Stage string
}

// CheckInterpreters returns a finding, sorted, for each place that names a
// Python that asOf finds past its end of life, and for each range that admits
// no other. A version or range that cannot be read is no finding: what names it
// is judged, or has a gap, where it is read.
func CheckInterpreters(asOf time.Time, places []Interpreter) []lint.Finding {
	found := []lint.Finding{}
	for _, p := range places {
		if message := ended(asOf, p); message != "" {
			found = append(found, endOfLifeRule.New(p.File, p.Line, 0, p.Stage, message))
		}
	}
	return lint.Sort(found)
}

// ended says how what a place names has ended, "" when it has not.
func ended(asOf time.Time, p Interpreter) string {
	if p.Specifier == "" {
		if day, over := lint.PythonEnded(asOf, p.Version); over {
			return fmt.Sprintf("Python %s has had no security fixes since %s", p.Version, day)
		}
		return ""
	}
	asked, err := pep440.ParseSpecifiers(p.Specifier)
	if err != nil || asked.Set().IsEmpty() {
		return ""
	}
	first := lint.OldestPython(asOf)
	supported, err := pep440.ParseSpecifiers(fmt.Sprintf(">=3.%d.dev0", first))
	if err != nil || !asked.Set().Intersect(supported.Set()).IsEmpty() {
		return ""
	}
	return fmt.Sprintf("it asks for Python %s, and every one of those is past its end of life: 3.%d is the oldest that is not", p.Specifier, first)
}
