package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// wantReason fails unless d has the outcome and a reason with the effect, the
// rule and the words.
func wantReason(t *testing.T, d Decision, outcome Outcome, effect Effect, rule, words string) {
	t.Helper()
	if d.Outcome != outcome {
		t.Errorf("outcome is %s, want %s; reasons: %+v", d.Outcome, outcome, d.Reasons)
	}
	if !slices.ContainsFunc(d.Reasons, func(r Reason) bool {
		return r.Effect == effect && r.Rule == rule && strings.Contains(r.Message, words)
	}) {
		t.Errorf("no reason to %s by rule %s with %q in %+v", effect, rule, words, d.Reasons)
	}
}

func TestZeroDecisionIsUndecided(t *testing.T) {
	if got := (Decision{}).Outcome; got != Undecided {
		t.Errorf("the zero Decision is %s", got)
	}
}

// Each case is a clean audit from which an attacker, or a fault, took away
// what would have shown the danger.
func TestDecideUndecidedWhenAttackerRemoves(t *testing.T) {
	tests := []struct {
		removed     string
		edit        func(*Input)
		rule, words string
	}{
		{"Stages", func(in *Input) { in.Stages = nil }, "nothing-ran", "no stage"},
		{"StagesForWordsNobodyKnows", func(in *Input) { in.Stages = []string{"nothing"} }, "nothing-ran", "no stage"},
		{"Components", func(in *Input) { in.Components, in.Image = nil, nil }, "nothing-found", "no components were found"},
		{"EverythingButTheInterpreter", func(in *Input) {
			in.Components = append(in.Components[:1], sbom.Component{Name: "python", Version: "3.11.7", PURL: "pkg:generic/python@3.11.7", Evidence: sbom.Installed, Locations: in.Components[1].Locations})
		}, "nothing-found", "in the image"},
		{"PackageDatabaseOfImage", func(in *Input) { in.Components = in.Components[:1] }, "nothing-found", "in the image"},
		{"Snapshot", func(in *Input) { in.SnapshotDigest = "" }, "no-advisories", "no advisory snapshot"},
		{"AdvisoriesOfOneEcosystem", func(in *Input) { in.Advisories[1].Present = false }, "advisories-absent", "PyPI"},
		{"RecordsOfOneEcosystem", func(in *Input) { in.Advisories[0].Records = 0 }, "advisories-absent", "Debian:12"},
		{"StatusOfOneEcosystem", func(in *Input) { in.Advisories = in.Advisories[:1] }, "advisories-absent", "PyPI"},
		{"UpdatesOfAdvisories", func(in *Input) { in.Advisories[1].Date = asOf.AddDate(0, 0, -8) }, "advisories-stale", "PyPI are of 2026-11-14"},
		{"UpdatesOfAdvisoriesByTheCallersWord", func(in *Input) { in.Advisories[1].Stale = true }, "advisories-stale", "PyPI"},
		{"DateOfAdvisories", func(in *Input) { in.Advisories[1].Date = time.Time{} }, "advisories-stale", "no date"},
		{"Signatures", func(in *Input) { in.Signatures = nil }, "signature", "none was checked"},
		{"RegistryThatHoldsSignatures", func(in *Input) { in.Signatures[0].Status = SignatureError }, "signature", "could not be checked"},
		{"SubjectOfSignature", func(in *Input) { in.Signatures[0].Subject = "" }, "signature", "not the digest audited"},
		{"RightSubjectOfSignature", func(in *Input) { in.Signatures[0].Subject = "sha256:9999" }, "signature", "sha256:9999"},
		{"KnownStatusOfSignature", func(in *Input) { in.Signatures[0].Status = "fine" }, "signature", `"fine" is not known`},
		{"StatusOfSignature", func(in *Input) { in.Signatures[0].Status = "" }, "signature", `"" is not known`},
		{"ReadabilityOfAFile", func(in *Input) {
			in.Gaps = []sbom.Gap{sbom.NewGap(sbom.GapUnread, "requirements.txt", 0, "permission denied")}
		}, "gap", "1 place could not be read"},
		{"HidesOfAGap", func(in *Input) { in.Gaps = []sbom.Gap{{Kind: sbom.GapUnread}} }, "gap", "could not be read"},
		{"KindOfAGap", func(in *Input) { in.Gaps = []sbom.Gap{{}} }, "gap", "could not be judged (other)"},
		{"VerdictOnInstalledVersion", func(in *Input) {
			f := gradioFinding()
			f.Verdict, f.Gates, f.Evidence = vuln.Unknown, false, sbom.Installed
			in.Findings = []vuln.Finding{f}
		}, "verdict", "could not be judged"},
		{"WordOfVerdict", func(in *Input) {
			f := gradioFinding()
			f.Verdict, f.Gates, f.Evidence = "", false, sbom.Locked
			in.Findings = []vuln.Finding{f}
		}, "verdict", "CVE-2024-0001"},
		{"EvidenceOfUnknownVerdict", func(in *Input) {
			f := gradioFinding()
			f.Verdict, f.Gates, f.Evidence = vuln.Unknown, false, sbom.EvidenceUnknown
			in.Findings = []vuln.Finding{f}
		}, "verdict", "CVE-2024-0001"},
		{"VerdictOnDeclaredRangeWhenAsked", func(in *Input) {
			f := gradioFinding()
			f.Verdict, f.Gates, in.Parameters.Unresolved = vuln.Unknown, false, "undecided"
			in.Findings = []vuln.Finding{f}
		}, "verdict", "could not be judged"},
		{"VerdictOnDeclaredMalware", func(in *Input) {
			f := gradioFinding()
			f.Verdict, f.Gates, f.Malicious = vuln.Unknown, false, true
			in.Findings = []vuln.Finding{f}
		}, "verdict", "CVE-2024-0001"},
	}
	for _, test := range tests {
		t.Run(test.removed, func(t *testing.T) {
			in := clean()
			test.edit(&in)
			wantReason(t, decide(t, in), Undecided, Undecide, test.rule, test.words)
		})
	}
}

func TestDecideUndecidedWhenAttackerRemovesImageThatMustBeSigned(t *testing.T) {
	in := clean()
	in.Parameters.RequireSignature = true
	in.Image, in.Signatures, in.Target.Image, in.Target.ImageDigest = nil, nil, "", ""
	in.Stages = []string{"lint", "sbom", "vuln"}
	wantReason(t, decide(t, in), Undecided, Undecide, "signature", "required")
}

func TestDecideUndecidedWhenAttackerOffersAttestationAsSignature(t *testing.T) {
	in := clean()
	in.Parameters.RequireSignature = true
	in.Signatures[0].Kind = "attestation"
	wantReason(t, decide(t, in), Undecided, Undecide, "signature", "required")
}

func TestDecideUndecidedWhenAttackerPreventsCheckOfRequiredSignature(t *testing.T) {
	in := clean()
	in.Parameters.RequireSignature = true
	in.Signatures[0].Status = SignatureUnchecked
	wantReason(t, decide(t, in), Undecided, Undecide, "signature", "required")
}

func TestDecideDenies(t *testing.T) {
	finding := func(edit func(*vuln.Finding)) func(*Input) {
		return func(in *Input) {
			f := gradioFinding()
			edit(&f)
			in.Findings = []vuln.Finding{f}
		}
	}
	tests := []struct {
		name        string
		edit        func(*Input)
		rule, words string
	}{
		{"HighSeverity", finding(func(f *vuln.Finding) { f.Severity = vuln.SeverityHigh }), "vulnerability", "1 high"},
		{"UnknownSeverity", finding(func(f *vuln.Finding) { f.Severity = vuln.SeverityUnknown }), "vulnerability", "1 unknown"},
		{"SeverityRemoved", finding(func(f *vuln.Finding) { f.Severity = "" }), "vulnerability", "1 vulnerability"},
		{"MalwareOfLowSeverity", finding(func(f *vuln.Finding) { f.Severity, f.Malicious = vuln.SeverityLow, true }), "malicious", "gradio 4.19.1 is malicious"},
		{"MalwareByIDAlone", finding(func(f *vuln.Finding) { f.Severity, f.IDs = vuln.SeverityLow, []string{"MAL-2024-1"} }), "malicious", "gradio"},
		{"UnfixedOutsideDistributions", finding(func(f *vuln.Finding) { f.Fixed = "" }), "vulnerability", "no fixed version is known"},
		{"UnfixedWhenAsked", func(in *Input) {
			finding(func(f *vuln.Finding) { f.Ecosystem, f.Fixed = "Debian:12", "" })(in)
			in.Parameters.Unfixed = "deny"
		}, "vulnerability", "no fixed version is known"},
		{"UnresolvedWhenAsked", func(in *Input) {
			finding(func(f *vuln.Finding) { f.Verdict, f.Gates = vuln.Unknown, false })(in)
			in.Parameters.Unresolved = "deny"
		}, "verdict", "cannot be told from the declared range"},
		{"LowWhenAsked", func(in *Input) {
			finding(func(f *vuln.Finding) { f.Severity = vuln.SeverityLow })(in)
			in.Parameters.FailOn = vuln.SeverityLow
		}, "vulnerability", "1 low"},
		{"LintOfHighRisk", func(in *Input) { in.Lint = []lint.Finding{rootFinding()} }, "lint", "DL3002: the last user is root"},
		{"LintWithoutRisk", func(in *Input) {
			in.Lint = []lint.Finding{rootFinding()}
			in.Lint[0].Risk = ""
		}, "lint", "DL3002"},
		{"FailedSignature", func(in *Input) { in.Signatures[0].Status = SignatureFailed }, "signature", "does not verify"},
		{"FailedSignatureBesideAGoodOne", func(in *Input) {
			bad := in.Signatures[0]
			bad.Status = SignatureFailed
			in.Signatures = append(in.Signatures, bad)
		}, "signature", "does not verify"},
		{"MissingSignatureWhenRequired", func(in *Input) {
			in.Signatures[0].Status = SignatureMissing
			in.Parameters.RequireSignature = true
		}, "signature-missing", "has no signature"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := clean()
			test.edit(&in)
			d := decide(t, in)
			wantReason(t, d, Denied, Deny, test.rule, test.words)
			// What hides never removes a reason to deny.
			in.Gaps = append(in.Gaps, sbom.NewGap(sbom.GapUnread, "x", 1, "why"))
			in.SnapshotDigest, in.Advisories = "", nil
			d = decide(t, in)
			wantReason(t, d, Denied, Deny, test.rule, test.words)
			wantReason(t, d, Denied, Undecide, "gap", "could not be read")
		})
	}
}

func TestDecideWarns(t *testing.T) {
	finding := func(edit func(*vuln.Finding)) func(*Input) {
		return func(in *Input) {
			f := gradioFinding()
			edit(&f)
			in.Findings = []vuln.Finding{f}
		}
	}
	tests := []struct {
		name        string
		edit        func(*Input)
		rule, words string
	}{
		{"BelowThreshold", finding(func(f *vuln.Finding) { f.Severity = vuln.SeverityMedium }), "vulnerability", "below the threshold of high"},
		{"Claimed", finding(func(f *vuln.Finding) { f.Evidence, f.Gates = sbom.Claimed, false }), "claimed", "only claimed to be there"},
		{"Latent", finding(func(f *vuln.Finding) { f.Verdict, f.Gates = vuln.Latent, false }), "latent", "may be affected"},
		{"UnknownOnDeclaredRange", finding(func(f *vuln.Finding) { f.Verdict, f.Gates = vuln.Unknown, false }), "verdict", "declared range"},
		{"UnfixedInDistribution", finding(func(f *vuln.Finding) { f.Ecosystem, f.Fixed = "Debian:12", "" }), "unfixed", "no fix yet for 1 vulnerability in 1 package"},
		{"LintOfMediumRisk", func(in *Input) {
			in.Lint = []lint.Finding{rootFinding()}
			in.Lint[0].Risk = lint.RiskMedium
		}, "lint", "DL3002"},
		{"SuppressedLint", func(in *Input) {
			in.Lint = []lint.Finding{rootFinding()}
			in.Lint[0].Suppressed, in.Lint[0].SuppressedBy = true, "Dockerfile:8"
		}, "suppressed", "suppressed by Dockerfile:8"},
		{"MissingSignature", func(in *Input) { in.Signatures[0].Status = SignatureMissing }, "signature", "has no signature"},
		{"UncheckedSignature", func(in *Input) { in.Signatures[0].Status = SignatureUnchecked }, "signature", "not checked"},
		{"RefusedRecords", func(in *Input) { in.Advisories[0].Refused = 3 }, "advisories-refused", "3 of the records for Debian:12"},
		{"GapThatDoesNotHide", func(in *Input) { in.Gaps = []sbom.Gap{sbom.NewGap(sbom.GapLink, "a", 0, "a link")} }, "gap", "(link)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := clean()
			test.edit(&in)
			wantReason(t, decide(t, in), Allowed, Warn, test.rule, test.words)
		})
	}
}

func TestDecideIgnoresUnfixedOfDistributionsWhenAsked(t *testing.T) {
	in := clean()
	f := gradioFinding()
	f.Ecosystem, f.Fixed = "Alpine:v3.20", ""
	in.Findings, in.Parameters.Unfixed = []vuln.Finding{f}, "ignore"
	if d := decide(t, in); d.Outcome != Allowed || len(d.Reasons) != 0 {
		t.Errorf("got %s with %+v, want allowed without reasons", d.Outcome, d.Reasons)
	}
}

func TestDecideGroupsGapsByKind(t *testing.T) {
	in := clean()
	for i := range 300 {
		in.Gaps = append(in.Gaps, sbom.NewGap(sbom.GapUnparsed, "requirements.txt", i+1, fmt.Sprintf("fault %d", i+1)))
	}
	d := decide(t, in)
	wantReason(t, d, Undecided, Undecide, "gap", "300 places could not be parsed")
	if len(d.Reasons) != 1 || len(d.Reasons[0].Evidence) != gapPlaces || d.Reasons[0].Evidence[0] != "requirements.txt:1: fault 1" {
		t.Errorf("got %+v", d.Reasons)
	}
}

func TestDecideSaysTheSameOfStaleAdvisoriesAtAnyLaterClock(t *testing.T) {
	in := clean()
	in.Findings = []vuln.Finding{gradioFinding()}
	in.AsOf = asOf.AddDate(1, 0, 0)
	first := decide(t, in)
	in.AsOf = asOf.AddDate(12, 3, 0)
	second := decide(t, in)
	wantReason(t, first, Denied, Undecide, "advisories-stale", "PyPI are of 2026-11-20")
	if a, b := fmt.Sprintf("%+v", first.Reasons), fmt.Sprintf("%+v", second.Reasons); a != b {
		t.Errorf("reasons depend on the clock:\n%s\n%s", a, b)
	}
}

func TestDecideRefusesWhatItCannotUse(t *testing.T) {
	tests := []struct {
		name  string
		edit  func(*Input)
		words string
	}{
		{"Threshold", func(in *Input) { in.Parameters.FailOn = "hihg" }, `fail_on "hihg"`},
		{"ThresholdThatOnlyUnknownReaches", func(in *Input) { in.Parameters.FailOn = vuln.SeverityUnknown }, `fail_on "unknown"`},
		{"Unfixed", func(in *Input) { in.Parameters.Unfixed = "skip" }, `unfixed "skip"`},
		{"Unresolved", func(in *Input) { in.Parameters.Unresolved = "allow" }, `unresolved "allow"`},
		{"NegativeAge", func(in *Input) { in.Parameters.MaxAgeSeconds = -1 }, "max_age_seconds"},
		{"OverflowingAge", func(in *Input) { in.Parameters.MaxAgeSeconds = 1 << 62 }, "max_age_seconds"},
		{"NoTime", func(in *Input) { in.AsOf = time.Time{} }, "as-of"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := clean()
			test.edit(&in)
			d, err := Decide(t.Context(), in, Options{})
			wantUsage(t, d, err, test.words)
		})
	}
}

func TestBuiltinResultUndecidedWhenAttackerRemovesRules(t *testing.T) {
	for name, value := range map[string]any{
		"everything": nil,
		"deny":       map[string]any{"undecided": []any{}, "warn": []any{}},
		"undecided":  map[string]any{"deny": []any{}, "warn": []any{}},
	} {
		if got := outcome(builtinResult(value, value != nil)); got != Undecided {
			t.Errorf("without %s: %s", name, got)
		}
	}
	if got := outcome([]Reason{{Effect: "typo"}}); got != Undecided {
		t.Errorf("an unknown effect: %s", got)
	}
}
