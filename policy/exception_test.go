package policy

import (
	"testing"
	"time"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
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
		}, Denied, Warn, "exception-expired", " expired on 2026-11-22 (tallyman.yaml:7)", 0},
		{"ExpiredByTheCallersWord", func(_ *Input, e *Exception) { e.Expired = true }, Denied, Warn, "exception-expired", " expired", 0},
		{"WithoutReason", func(_ *Input, e *Exception) { e.Reason = " " }, Denied, Warn, "exception-invalid", "and a reason", 0},
		{"WithoutID", func(in *Input, e *Exception) {
			in.Findings[0].IDs = []string{""}
			e.ID = ""
		}, Denied, Warn, "exception-invalid", "needs an id or a gap", 0},
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

func acceptGap(kind sbom.GapKind, file, name string) Exception {
	e := accept("")
	e.Gap, e.File, e.Package = kind, file, name
	return e
}

func TestExceptionsOfGaps(t *testing.T) {
	const words = "1 place had no version to match advisories with (unversioned): accepted: not reachable (until 2026-12-01, tallyman.yaml:7)"
	unversioned := sbom.NewGap(sbom.GapUnversioned, "app/requirements.txt", 3, "a VCS reference")
	unversioned.Package = "prompt-tools"
	doubt := sbom.NewGap(sbom.GapAdvisory, "requirements.txt", 1, "cannot be judged")
	doubt.Package, doubt.Advisory = "gradio", "PYSEC-2024-1"
	tests := []struct {
		name    string
		gap     sbom.Gap
		e       Exception
		outcome Outcome
		rule    string
		words   string
	}{
		{"ByPackage", unversioned, acceptGap(sbom.GapUnversioned, "", "prompt-tools"), Allowed, "accepted", words},
		{"ByPackageInAnotherSpelling", unversioned, acceptGap(sbom.GapUnversioned, "", "Prompt_Tools"), Allowed, "accepted", words},
		{"ByFile", unversioned, acceptGap(sbom.GapUnversioned, "app/requirements.txt", ""), Allowed, "accepted", words},
		{"ByGlob", unversioned, acceptGap(sbom.GapUnversioned, "app/**", ""), Allowed, "accepted", words},
		{"ByLine", unversioned, acceptGap(sbom.GapUnversioned, "app/requirements.txt:3", "prompt-tools"), Allowed, "accepted", words},
		{"OfAnotherLine", unversioned, acceptGap(sbom.GapUnversioned, "app/requirements.txt:30", ""), Undecided, "exception-unused", "gaps of kind unversioned in app/requirements.txt:30 covers nothing"},
		{"OfAnotherFile", unversioned, acceptGap(sbom.GapUnversioned, "requirements.txt", ""), Undecided, "exception-unused", "covers nothing"},
		{"OfAnotherPackage", unversioned, acceptGap(sbom.GapUnversioned, "**", "prompt"), Undecided, "exception-unused", "covers nothing"},
		{"OfAnotherKind", unversioned, acceptGap(sbom.GapUnread, "**", ""), Undecided, "exception-unused", "covers nothing"},
		{"OfAnyFileWhereThereIsNone", sbom.NewGap(sbom.GapEcosystem, "", 0, "why"), acceptGap(sbom.GapEcosystem, "**", ""), Undecided, "exception-unused", "covers nothing"},
		{"OfAPackageWhereThereIsNone", sbom.NewGap(sbom.GapUnread, "a", 1, "why"), acceptGap(sbom.GapUnread, "a", "gradio"), Undecided, "exception-unused", "covers nothing"},
		{"Anywhere", unversioned, acceptGap(sbom.GapUnversioned, "", ""), Undecided, "exception-invalid", "needs a file or a package"},
		{"OfNoKind", unversioned, acceptGap("unversoined", "**", ""), Undecided, "exception-invalid", `no kind of gap "unversoined"`},
		{"OfAKindThatHidesNothing", unversioned, acceptGap(sbom.GapLink, "**", ""), Undecided, "exception-invalid", "hide nothing"},
		{"ByABadGlob", unversioned, acceptGap(sbom.GapUnversioned, "app/[", ""), Undecided, "exception-invalid", "not a glob"},
		{"ByKindAndID", unversioned, Exception{ID: "PYSEC-2024-1", Gap: sbom.GapUnversioned, Package: "prompt-tools", Reason: "why"}, Undecided, "exception-invalid", "not both"},
		{"ByIDAndFile", doubt, Exception{ID: "PYSEC-2024-1", File: "**", Package: "gradio", Reason: "why"}, Undecided, "exception-invalid", "a file only with"},
		{"AdvisoryByIDAndPackage", doubt, Exception{ID: "PYSEC-2024-1", Package: "Gradio", Reason: "why"}, Allowed, "accepted", "advisory): accepted: why"},
		{"AdvisoryByIDAlone", doubt, Exception{ID: "PYSEC-2024-1", Reason: "why"}, Undecided, "exception-unused", "covers nothing"},
		{"AdvisoryByAnotherID", doubt, Exception{ID: "PYSEC-2024-12", Package: "gradio", Reason: "why"}, Undecided, "exception-unused", "covers nothing"},
		{"GapThatHidesNothing", sbom.NewGap(sbom.GapLink, "a", 1, "why"), acceptGap(sbom.GapUnread, "a", ""), Allowed, "exception-unused", "covers nothing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := clean()
			in.Gaps, in.Exceptions = []sbom.Gap{test.gap}, []Exception{test.e}
			d := decide(t, in)
			wantReason(t, d, test.outcome, Warn, test.rule, test.words)
			used := map[string]int{"accepted": 1}[test.rule]
			if d.Exceptions[0].Used != used {
				t.Errorf("used %d times, want %d", d.Exceptions[0].Used, used)
			}
		})
	}
}

// An exception speaks of the gaps that it names, and the others stay open.
func TestExceptionCoversItsGapsOnly(t *testing.T) {
	in := clean()
	in.Gaps = []sbom.Gap{sbom.NewGap(sbom.GapUnread, "a", 0, "why"), sbom.NewGap(sbom.GapUnread, "b", 0, "why")}
	in.Exceptions = []Exception{acceptGap(sbom.GapUnread, "a", "")}
	d := decide(t, in)
	wantReason(t, d, Undecided, Undecide, "gap", "1 place could not be read (unread)")
	wantReason(t, d, Undecided, Warn, "accepted", "1 place could not be read (unread): accepted")
	in.Exceptions[0].Expires = asOf.AddDate(0, 0, -2)
	d = decide(t, in)
	wantReason(t, d, Undecided, Undecide, "gap", "2 places could not be read (unread)")
	wantReason(t, d, Undecided, Warn, "exception-expired", "gaps of kind unread in a expired on 2026-11-20")
}

func TestExceptionsCoverNeitherMissingAdvisoriesNorAnEmptyAudit(t *testing.T) {
	in := clean()
	in.SnapshotDigest, in.Components = "", nil
	in.Exceptions = []Exception{accept("no-advisories"), acceptGap(sbom.GapCatalogue, "**", ""), acceptGap(sbom.GapNothing, "**", "")}
	d := decide(t, in)
	wantReason(t, d, Undecided, Undecide, "no-advisories", "no advisory snapshot")
	wantReason(t, d, Undecided, Undecide, "nothing-found", "no components")
}
