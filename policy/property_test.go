package policy

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// anyInput is a random audit, mostly of trouble.
func anyInput(r *rand.Rand) Input {
	in := clean()
	for range r.IntN(4) {
		f := gradioFinding()
		f.IDs = []string{pick(r, "CVE-2024-0001", "CVE-2024-0002", "MAL-2024-1"), pick(r, "PYSEC-2024-1", "PYSEC-2024-2")}
		f.Package = pick(r, "gradio", "Gradio", "openssl")
		f.Ecosystem = pick(r, "PyPI", "Debian:12")
		f.Severity = pick(r, vuln.SeverityLow, vuln.SeverityHigh, vuln.SeverityUnknown, "")
		f.Verdict = pick(r, vuln.Unknown, vuln.AffectedVersion, vuln.Latent, "")
		f.Evidence = pick(r, sbom.Declared, sbom.Installed, sbom.Claimed, "")
		f.Gates, f.Fixed = r.IntN(2) == 0, pick(r, "", "4.9", "4.44")
		f.Scopes = pick(r, nil, []string{"dev"}, []string{"dev", "runtime"}, []string{"extra:ui"})
		if r.IntN(4) == 0 {
			f.Exclude = []string{"4.9"}
		}
		in.Findings = append(in.Findings, f)
	}
	for range r.IntN(3) {
		f := rootFinding()
		f.Risk, f.Suppressed, f.Line = pick(r, lint.RiskHigh, lint.RiskMedium, lint.RiskLow, ""), r.IntN(4) == 0, r.IntN(9)
		in.Lint = append(in.Lint, f)
	}
	for range r.IntN(3) {
		e := acceptGap(pick(r, sbom.GapUnread, sbom.GapRange, sbom.GapLink), pick(r, "a", "a:1", "*", ""), pick(r, "", "gradio"))
		e.Expired = r.IntN(4) == 0
		in.Exceptions = append(in.Exceptions, e)
	}
	for range r.IntN(3) {
		e := accept(pick(r, "CVE-2024-0001", "PYSEC-2024-2", "MAL-2024-1", "DL3002", "GR-IMG-01"))
		e.Package, e.Expired = pick(r, "", "gradio"), r.IntN(4) == 0
		in.Exceptions = append(in.Exceptions, e)
	}
	for range r.IntN(3) {
		g := sbom.NewGap(pick(r, sbom.GapLink, sbom.GapUnread, sbom.GapUnread, sbom.GapOther), "a", r.IntN(3), "why")
		if r.IntN(2) == 0 {
			g.Kind, g.Package, g.Advisory = pick(r, sbom.GapAdvisory, sbom.GapUnread), "gradio", pick(r, "CVE-2024-0001", "PYSEC-2024-2")
		}
		in.Gaps = append(in.Gaps, g)
	}
	in.Signatures[0].Status = pick(r, SignatureVerified, SignatureVerified, SignatureMissing, SignatureFailed, SignatureUnchecked)
	in.Parameters = Parameters{
		Pack: pick(r, "", PackRelease), GateScopes: pick(r, "", GateAll, GateShipped),
		FailOn: pick(r, "", vuln.SeverityLow, vuln.SeverityCritical), Unfixed: pick(r, "", "deny", "ignore"), Unresolved: pick(r, "", "undecided", "deny"), RequireSignature: r.IntN(2) == 0,
	}
	return in
}

// mildness orders outcomes: denied, undecided, allowed.
func mildness(o Outcome) int {
	return slices.Index([]Outcome{Denied, Undecided, Allowed}, o)
}

func denials(d Decision) []Reason {
	return slices.DeleteFunc(slices.Clone(d.Reasons), func(r Reason) bool { return r.Effect != Deny })
}

func sameReason(a, b Reason) bool { return cmp.Equal(a, b) }

func TestDecideProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[Outcome]int{}
	for i := range 50 {
		in := anyInput(r)
		d := decide(t, in)
		seen[d.Outcome]++
		never := func(what string, changed Input) {
			t.Helper()
			if got := decide(t, changed); mildness(got.Outcome) > mildness(d.Outcome) {
				t.Errorf("input %d: %s made %s of %s", i, what, got.Outcome, d.Outcome)
			}
		}
		more := in
		more.Gaps = append(slices.Clone(in.Gaps), sbom.NewGap(pick(r, sbom.GapLink, sbom.GapRange, sbom.GapOther), "b", 1, "why"))
		never("a gap", more)
		if len(in.Exceptions) > 0 {
			fewer := in
			fewer.Exceptions = in.Exceptions[1:]
			never("a removed exception", fewer)
		}
		forgiven := in
		forgiven.Exceptions = append(slices.Clone(in.Exceptions), acceptGap(pick(r, sbom.GapUnread, sbom.GapAdvisory, sbom.GapRange), "**", ""))
		if got := decide(t, forgiven); !slices.EqualFunc(denials(d), denials(got), sameReason) {
			t.Errorf("input %d: an accepted gap changed the denials from %+v to %+v", i, denials(d), denials(got))
		}
		strict := in
		strict.Parameters.GateScopes = GateAll
		never("gating of every scope", strict)
		tolerant := in
		tolerant.Parameters.Pack, tolerant.Parameters.GateScopes, tolerant.Parameters.Unresolved = PackDefault, "", ""
		release := tolerant
		release.Parameters.Pack = PackRelease
		if base, got := decide(t, tolerant).Outcome, decide(t, release).Outcome; mildness(got) > mildness(base) {
			t.Errorf("input %d: the pack release made %s of %s", i, got, base)
		}
		shipped := in
		shipped.Findings = slices.Clone(in.Findings)
		for j := range shipped.Findings {
			shipped.Findings[j].Scopes = nil
		}
		never("a scope that is lost", shipped)
		worse := in
		worse.Findings = append(slices.Clone(in.Findings), gradioFinding())
		never("a finding", worse)
		stale := in
		stale.Advisories = slices.Clone(in.Advisories)
		stale.Advisories[0].Stale = true
		never("staleness", stale)
	}
	for _, o := range []Outcome{Denied, Undecided, Allowed} {
		if seen[o] == 0 {
			t.Errorf("no input came out %s, so the properties say nothing about it: %v", o, seen)
		}
	}
}

// Order of the input is no input.
func TestDecideSameInputsSameBytes(t *testing.T) {
	in := crowded(20)
	in.Lint = []lint.Finding{rootFinding(), {Rule: "DL3008", Risk: lint.RiskMedium, File: "Dockerfile", Line: 2, Message: "pin"}}
	in.Gaps = []sbom.Gap{sbom.NewGap(sbom.GapUnread, "b", 0, "why"), sbom.NewGap(sbom.GapUnread, "a", 0, "why")}
	in.Exceptions = []Exception{accept("DL3008"), accept("CVE-2024-0003")}
	first := decide(t, in)
	shuffled := in
	for _, list := range []func(){
		func() { shuffled.Components = reversed(in.Components) }, func() { shuffled.Findings = reversed(in.Findings) },
		func() { shuffled.Lint = reversed(in.Lint) }, func() { shuffled.Gaps = reversed(in.Gaps) },
		func() { shuffled.Exceptions = reversed(in.Exceptions) }, func() { shuffled.Stages = reversed(in.Stages) },
		func() { shuffled.Advisories = reversed(in.Advisories) },
	} {
		list()
	}
	second := decide(t, shuffled)
	if diff := cmp.Diff(text(t, first), text(t, second)); diff != "" {
		t.Error(diff)
	}
	if first.Digest() != second.Digest() {
		t.Error("digests of equal decisions differ")
	}
}

func reversed[T any](in []T) []T {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
