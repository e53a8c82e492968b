package python_test

import (
	"testing"
	"time"

	"github.com/tallyman/tallyman/policy/python"
)

func TestEndOfLifeIsJudgedAtTheTimeOfTheReport(t *testing.T) {
	november := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name  string
		place python.Interpreter
		asOf  time.Time
		want  bool
	}{
		{"Ended", python.Interpreter{Version: "3.10"}, november, true},
		{"EndedWithPatch", python.Interpreter{Version: "3.9.18"}, november, true},
		{"ItsLastDay", python.Interpreter{Version: "3.10"}, time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC), false},
		{"TheDayAfter", python.Interpreter{Version: "3.10"}, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), true},
		{"BeforeItEnded", python.Interpreter{Version: "3.8"}, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{"Two", python.Interpreter{Version: "2.7.18"}, november, true},
		{"Supported", python.Interpreter{Version: "3.11"}, november, false},
		{"PlannedEndIsNoFact", python.Interpreter{Version: "3.12"}, time.Date(2038, 1, 20, 0, 0, 0, 0, time.UTC), false},
		{"NotYetInTheTable", python.Interpreter{Version: "3.40"}, november, false},
		{"AsPyenvWritesIt", python.Interpreter{Version: "cpython-3.8.10-linux-x86_64"}, november, true},
		{"FreeThreaded", python.Interpreter{Version: "3.13t"}, november, false},
		{"OtherImplementation", python.Interpreter{Version: "pypy3.9-7.3.9"}, november, false},
		{"NoVersion", python.Interpreter{Version: "3.9;rm"}, november, false},
		{"ThreePointOne", python.Interpreter{Version: "3.1"}, november, true},
		{"RangeThatAdmitsASupportedOne", python.Interpreter{Specifier: ">=3.8"}, november, false},
		{"RangeOfEndedOnes", python.Interpreter{Specifier: ">=3.8,<3.11"}, november, true},
		{"RangeUpToTheFirstSupported", python.Interpreter{Specifier: ">=3.8,<=3.11"}, november, false},
		{"Series", python.Interpreter{Specifier: "==3.9.*"}, november, true},
		{"ExactSupported", python.Interpreter{Specifier: "==3.12.4"}, november, false},
		{"NoRange", python.Interpreter{Specifier: "three"}, november, false},
		{"EmptyRange", python.Interpreter{Specifier: ">=3.12,<3"}, november, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := python.CheckInterpreters(test.asOf, []python.Interpreter{test.place})
			if got := len(found) == 1; got != test.want || len(found) > 1 {
				t.Errorf("%+v at %s: %+v, want a finding: %t", test.place, test.asOf, found, test.want)
			}
		})
	}
}
