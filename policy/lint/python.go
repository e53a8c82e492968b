package lint

import (
	"regexp"
	"strconv"
	"time"
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

// series reads the series of a version: what pyenv and uv write into
// .python-version may carry the implementation and a suffix.
var series = regexp.MustCompile(`^(?:c?python-?)?([23])\.([0-9]{1,3})(?:[.+-].*|(?:a|b|rc|t|d)[0-9]*)?$`)

// PythonEnded reports whether the series of a Python version ("3.12", "3.12.4",
// "cpython-3.12") is past its end of life as of a time, and its last day. It is
// false for what is not a version, and for a series whose end is not known.
func PythonEnded(asOf time.Time, version string) (day string, over bool) {
	day, ok := endOf(version)
	return day, ok && past(asOf, day)
}

// OldestPython is the minor number of the oldest series of Python 3 that still
// gets security fixes as of a time, by what is known of ends.
func OldestPython(asOf time.Time) int {
	first := 0
	for first < len(endOfLife) && past(asOf, endOfLife[first]) {
		first++
	}
	return first
}

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
