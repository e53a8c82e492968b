package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

func parts(t *testing.T, format string, opts report.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteParts(&b, format, []report.Part{
		{Name: "app", Report: denied()}, {Name: "r.example/app:1 linux/arm64", Report: allowed()}, {Name: "x\x1b", Report: hostile()},
	}, opts); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Code scanning refuses a file in which two runs have one category.
func TestSARIFOfSeveralHasARunEachWithItsOwnCategory(t *testing.T) {
	data := parts(t, report.FormatSARIF, report.Options{})
	var log struct {
		Runs []struct {
			Automation struct{ ID string } `json:"automationDetails"`
			Results    []any
		}
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, run := range log.Runs {
		if !strings.HasSuffix(run.Automation.ID, "/") || seen[run.Automation.ID] {
			t.Errorf("the category %q", run.Automation.ID)
		}
		seen[run.Automation.ID] = true
	}
	if len(log.Runs) != 3 || len(log.Runs[0].Results) == 0 {
		t.Errorf("%d runs", len(log.Runs))
	}
	validate(t, filepath.Join(shared(t), "schemas", "sarif", "sarif-schema-2.1.0.json"), data)
}

// The text of several targets is a headline each, and all of each if asked.
func TestTextOfSeveral(t *testing.T) {
	short, long := parts(t, report.FormatText, report.Options{}), parts(t, report.FormatText, report.Options{Verbose: true})
	for _, text := range [][]byte{short, long} {
		if bytes.Contains(text, []byte("\x1b")) {
			t.Error("an escape sequence gets to the terminal")
		}
		if !bytes.HasPrefix(text, []byte("DENIED")) || !bytes.Contains(text, []byte("\nALLOWED")) {
			t.Errorf("no headline each:\n%s", text)
		}
	}
	if len(long) < 2*len(short) {
		t.Errorf("%d bytes in short, %d in whole", len(short), len(long))
	}
}

func TestFormatsOfOneTarget(t *testing.T) {
	for _, format := range report.Formats() {
		err := report.WriteParts(&bytes.Buffer{}, format, nil, report.Options{})
		if holds := report.HoldsParts(format) && format != report.FormatJSON; holds != (err == nil) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// Two images that one registry refuses are one list; what is in brackets behind
// the reason is what to do only when it says so.
func TestOneListOfImagesThatCouldNotBeHad(t *testing.T) {
	for reason, fix := range map[string]string{
		"sends its clients to this one by plain HTTP (127.0.0.1:5000)": "fix: accept each in tallyman.yaml (ignore: [{gap: unpulled, file: a.yaml, reason: WHY}])",
		"not found (check name, tag and registry)":                     "fix: check name, tag and registry; or accept each in tallyman.yaml (ignore: [{gap: unpulled, file: a.yaml, reason: WHY}])",
	} {
		var all []report.Part
		for _, image := range []string{"r.example/a:1", "r.example/b:1"} {
			r := &audit.Report{Command: "audit", Target: policy.Target{Image: image}}
			r.Decision.Outcome = policy.Undecided
			r.Gaps = []sbom.Gap{sbom.NewGap(sbom.GapUnpulled, "a.yaml", 1, fmt.Sprintf("image %q: %s", image, reason))}
			r.Decision.Reasons = []policy.Reason{{Effect: policy.Undecide, Rule: "gap", Remedy: "do it, or accept it in tallyman.yaml (ignore: [{gap: unpulled, file: a.yaml, reason: WHY}])"}}
			all = append(all, report.Part{Name: image, Report: r})
		}
		var b bytes.Buffer
		if err := report.WriteParts(&b, report.FormatText, all, report.Options{Width: 200}); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); !strings.Contains(text, "2 images") || !strings.Contains(text, fix) {
			t.Errorf("%q is not in\n%s", fix, text)
		}
	}
}
