package report_test

import (
	"regexp"
	"strconv"
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

// A package that is both declared and installed, under two spellings, is one:
// one block, one count, and the counts of the headline add up to that of the
// list.
func TestTextCountsAPackageOnce(t *testing.T) {
	out := string(write(t, report.FormatText, denied(), report.Options{}))
	if n := strings.Count(out, "CVE-2023-4863"); n != 1 {
		t.Errorf("an advisory of one package is listed %d times:\n%s", n, out)
	}
	head, list, ok := strings.Cut(out, "\nVulnerable  ")
	if !ok {
		t.Fatalf("no list of packages:\n%s", out)
	}
	sum := 0
	for _, m := range regexp.MustCompile(`(\d+) (?:malicious package|vulnerable package|package that may)`).FindAllStringSubmatch(head, -1) {
		n, _ := strconv.Atoi(m[1])
		sum += n
	}
	if want := strconv.Itoa(sum) + " packages, 46 advisories"; !strings.HasPrefix(list, want) {
		t.Errorf("the headline counts %d packages, and the list begins %.40q", sum, list)
	}
	if !strings.Contains(list, "Pillow 9.5.0") || !strings.Contains(list, "requirements.txt:4, installed (layer 9b8c7d6e5f4a)") {
		t.Errorf("no block has both places:\n%s", list)
	}
}

// What each reason to deny is, and how to cure it, stands before any list.
func TestTextSaysFirstHowToCure(t *testing.T) {
	for _, opts := range []report.Options{{}, {Verbose: true}, {Width: 60}} {
		out := string(write(t, report.FormatText, denied(), opts))
		head, _, _ := strings.Cut(out, "\nUndecided for")
		head = strings.ToLower(strings.Join(strings.Fields(head), " "))
		for _, r := range denied().Decision.Reasons {
			if r.Effect != policy.Deny {
				continue
			}
			want := []string{r.Remedy, r.Package}
			if r.Rule == "vulnerability" {
				want = append(want, r.Package+" to ")
			}
			for _, w := range want {
				if !strings.Contains(head, strings.ToLower(w)) {
					t.Errorf("%+v: %q is not in the headline:\n%s", opts, w, head)
				}
			}
		}
	}
}

// Whatever the short form leaves out is in the verbose one.
func TestVerboseTextLosesNothing(t *testing.T) {
	r := denied()
	out := strings.Join(strings.Fields(string(write(t, report.FormatText, r, report.Options{Verbose: true}))), " ")
	var want []string
	for _, f := range r.Findings {
		want = append(append(want, f.IDs...), f.Summary, f.Locations[0].File)
	}
	for _, f := range r.Lint {
		if !f.Suppressed {
			want = append(want, f.Message, f.Remedy)
		}
	}
	for _, g := range r.Gaps {
		want = append(want, g.Reason)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("%q is not in the verbose text", w)
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
