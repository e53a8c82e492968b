package policy

import (
	"testing"
	"time"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/vuln"
)

func accept(id string) Exception {
	return Exception{ID: id, Reason: "not reachable", Expires: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Origin: "tallyman.yaml:7"}
}

func TestExceptions(t *testing.T) {
	const words = "accepted: not reachable (until 2026-12-01, tallyman.yaml:7)"
	tests := []struct {
		name    string
		edit    func(in *Input, e *Exception)
		outcome Outcome
		effect  Effect
		rule    string
		words   string
		used    int
	}{
		{"ByID", func(*Input, *Exception) {}, Allowed, Warn, "accepted", words, 1},
		{"ByAlias", func(_ *Input, e *Exception) { e.ID = "PYSEC-2024-1" }, Allowed, Warn, "accepted", words, 1},
		{"ByPackageInAnotherSpelling", func(_ *Input, e *Exception) { e.Package = "Gradio" }, Allowed, Warn, "accepted", words, 1},
		{"OfAnotherPackage", func(_ *Input, e *Exception) { e.Package = "numpy" }, Denied, Warn, "exception-unused", "covers nothing", 0},
		{"OfAnotherID", func(_ *Input, e *Exception) { e.ID = "CVE-2024-000" }, Denied, Warn, "exception-unused", "covers nothing", 0},
		{"OnItsLastDay", func(in *Input, e *Exception) {
			e.Expires = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
			in.AsOf = time.Date(2026, 11, 22, 23, 59, 59, 0, time.UTC)
		}, Allowed, Warn, "accepted", "until 2026-11-22", 1},
		{"ADayTooLate", func(in *Input, e *Exception) {
			e.Expires = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
			in.AsOf = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		}, Denied, Warn, "exception-expired", "has expired on 2026-11-22 (tallyman.yaml:7)", 0},
		{"ExpiredByTheCallersWord", func(_ *Input, e *Exception) { e.Expired = true }, Denied, Warn, "exception-expired", "has expired", 0},
		{"WithoutReason", func(_ *Input, e *Exception) { e.Reason = " " }, Denied, Warn, "exception-invalid", "needs an id and a reason", 0},
		{"WithoutID", func(in *Input, e *Exception) {
			in.Findings[0].IDs = []string{""}
			e.ID = ""
		}, Denied, Warn, "exception-invalid", "needs an id", 0},
		{"MalwareByIDAlone", func(in *Input, _ *Exception) { in.Findings[0].Malicious = true }, Denied, Deny, "malicious", "gradio", 0},
		{"MalwareByIDAndPackage", func(in *Input, e *Exception) {
			in.Findings[0].Malicious = true
			e.Package = "gradio"
		}, Allowed, Warn, "accepted", words, 1},
		{"LintRule", func(in *Input, e *Exception) {
			in.Findings, in.Lint, e.ID = nil, []lint.Finding{rootFinding()}, "DL3002"
		}, Allowed, Warn, "accepted", "DL3002: " + words, 1},
		{"LintAlias", func(in *Input, e *Exception) {
			in.Findings, in.Lint, e.ID = nil, []lint.Finding{rootFinding()}, "GR-IMG-01"
		}, Allowed, Warn, "accepted", "DL3002: " + words, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := clean()
			in.Findings = []vuln.Finding{gradioFinding()}
			e := accept("CVE-2024-0001")
			test.edit(&in, &e)
			in.Exceptions = []Exception{e}
			d := decide(t, in)
			wantReason(t, d, test.outcome, test.effect, test.rule, test.words)
			if len(d.Exceptions) != 1 || d.Exceptions[0].Used != test.used {
				t.Errorf("exceptions are %+v, want %d used", d.Exceptions, test.used)
			}
		})
	}
}

func TestExceptionCoversOneFindingOfAPackageOnly(t *testing.T) {
	in := clean()
	second := gradioFinding()
	second.IDs = []string{"CVE-2024-0002"}
	in.Findings = []vuln.Finding{gradioFinding(), second}
	in.Exceptions = []Exception{accept("CVE-2024-0001")}
	d := decide(t, in)
	wantReason(t, d, Denied, Deny, "vulnerability", "gradio 4.19.1 has 1 vulnerability (1 critical); fixed in 4.44.1")
	wantReason(t, d, Denied, Warn, "accepted", "gradio 4.19.1: accepted: not reachable")
}

func TestExceptionsNeverCoverGaps(t *testing.T) {
	in := clean()
	in.SnapshotDigest = ""
	in.Exceptions = []Exception{accept("no-advisories")}
	wantReason(t, decide(t, in), Undecided, Undecide, "no-advisories", "no advisory snapshot")
}
