package python

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// endOfLife is the last day on which each series of CPython 3 got security
// fixes, by its minor number; where the release schedule names a month, that
// month's last day. It has the series that had ended when it was read, in
// November 2026: an end that is still to come is a plan, which has been moved
// before, and no fact that a finding could rest on.
// https://devguide.python.org/versions/
var endOfLife = []string{
	0: "2009-06-27", 1: "2012-04-09", 2: "2016-02-20", 3: "2017-09-29", 4: "2019-03-18",
	5: "2020-09-30", 6: "2021-12-23", 7: "2023-06-27", 8: "2024-10-07", 9: "2025-10-31",
	10: "2026-10-31",
}

// python2 is the last day of Python 2. https://www.python.org/doc/sunset-python-2/
const python2 = "2020-01-01"

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
		if day, over := endOf(p.Version); over && past(asOf, day) {
			return fmt.Sprintf("Python %s has had no security fixes since %s", p.Version, day)
		}
		return ""
	}
	asked, err := pep440.ParseSpecifiers(p.Specifier)
	if err != nil || asked.Set().IsEmpty() {
		return ""
	}
	first := 0
	for first < len(endOfLife) && past(asOf, endOfLife[first]) {
		first++
	}
	supported, err := pep440.ParseSpecifiers(fmt.Sprintf(">=3.%d.dev0", first))
	if err != nil || !asked.Set().Intersect(supported.Set()).IsEmpty() {
		return ""
	}
	return fmt.Sprintf("it asks for Python %s, and every one of those is past its end of life: 3.%d is the oldest that is not", p.Specifier, first)
}

// series reads the series of a version: what pyenv and uv write into
// .python-version may carry the implementation and a suffix.
var series = regexp.MustCompile(`^(?:c?python-?)?([23])\.([0-9]{1,3})(?:[.+-].*|(?:a|b|rc|t|d)[0-9]*)?$`)

// endOf returns the last day of a version's series; ok is false when it is not
// a version, or one whose end is not known.
func endOf(version string) (day string, ok bool) {
	m := series.FindStringSubmatch(version)
	if m == nil {
		return "", false
	}
	minor, err := strconv.Atoi(m[2])
	switch {
	case err != nil:
		return "", false
	case m[1] == "2":
		return python2, true
	case minor >= len(endOfLife):
		return "", false
	}
	return endOfLife[minor], true
}

// past reports whether a day is over, in UTC.
func past(asOf time.Time, day string) bool { return asOf.UTC().Format(time.DateOnly) > day }
