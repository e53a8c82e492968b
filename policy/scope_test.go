package policy

import (
	"errors"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

func TestScopesThatGate(t *testing.T) {
	const aside = "and is only there for dev; fixed in 4.44.1"
	tests := []struct {
		name    string
		scopes  []string
		edit    func(*Input)
		outcome Outcome
		effect  Effect
		rule    string
		words   string
	}{
		{"Dev", []string{"dev"}, nil, Allowed, Warn, "vulnerability", aside},
		{"BuildAndDemo", []string{"build", "demo"}, nil, Allowed, Warn, "vulnerability", "only there for build and demo"},
		{"WhatThePlatformInstallsFirst", []string{"base"}, nil, Allowed, Warn, "vulnerability", "only there for base"},
		{"DevWithTheReleasePack", []string{"dev"}, func(in *Input) { in.Parameters.Pack = PackRelease }, Denied, Deny, "vulnerability", "gradio"},
		{"DevWhenAllGate", []string{"dev"}, func(in *Input) { in.Parameters.GateScopes = GateAll }, Denied, Deny, "vulnerability", "gradio"},
		{"DevAndRuntime", []string{"dev", "runtime"}, nil, Denied, Deny, "vulnerability", "gradio"},
		{"Extra", []string{"extra:dev"}, nil, Denied, Deny, "vulnerability", "gradio"},
		{"Group", []string{"group:docs"}, nil, Denied, Deny, "vulnerability", "gradio"},
		{"ScopeThatNobodyKnows", []string{"development"}, nil, Denied, Deny, "vulnerability", "gradio"},
		{"DevThatIsInstalled", []string{"dev"}, func(in *Input) { in.Findings[0].Evidence = sbom.Installed }, Denied, Deny, "vulnerability", "gradio"},
		{"DevOfUnknownEvidence", []string{"dev"}, func(in *Input) { in.Findings[0].Evidence = "" }, Denied, Deny, "vulnerability", "gradio"},
		{"MalwareInDev", []string{"dev"}, func(in *Input) { in.Findings[0].Malicious = true }, Denied, Deny, "malicious", "gradio"},
		{"LowInDev", []string{"dev"}, func(in *Input) { in.Findings[0].Severity = vuln.SeverityLow }, Allowed, Warn, "vulnerability", "below the threshold"},
		{"UnresolvedInDev", []string{"dev"}, func(in *Input) {
			in.Findings[0].Verdict, in.Findings[0].Gates, in.Parameters.Unresolved = vuln.Unknown, false, "deny"
		}, Allowed, Warn, "verdict", "cannot be told"},
		{"UnresolvedInLockedDev", []string{"dev"}, func(in *Input) {
			in.Findings[0].Verdict, in.Findings[0].Gates, in.Findings[0].Evidence = vuln.Unknown, false, sbom.Locked
		}, Undecided, Undecide, "verdict", "could not be judged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := clean()
			f := gradioFinding()
			f.Scopes = test.scopes
			in.Findings = []vuln.Finding{f}
			if test.edit != nil {
				test.edit(&in)
			}
			wantReason(t, decide(t, in), test.outcome, test.effect, test.rule, test.words)
		})
	}
}

func TestPacks(t *testing.T) {
	for _, test := range []struct {
		in, want Parameters
	}{
		{Parameters{}, Parameters{Pack: PackDefault, Unresolved: "warn", GateScopes: GateShipped}},
		{Parameters{Pack: PackRelease}, Parameters{Pack: PackRelease, Unresolved: "undecided", GateScopes: GateAll}},
		{Parameters{Pack: PackRelease, Unresolved: "warn"}, Parameters{Pack: PackRelease, Unresolved: "warn", GateScopes: GateAll}},
		{Parameters{GateScopes: GateAll}, Parameters{Pack: PackDefault, Unresolved: "warn", GateScopes: GateAll}},
	} {
		got, err := test.in.WithDefaults()
		if err != nil {
			t.Fatal(err)
		}
		again, err := got.WithDefaults()
		if err != nil || again != got {
			t.Errorf("defaults of %+v are not their own: %+v, %v", got, again, err)
		}
		if got.Pack != test.want.Pack || got.Unresolved != test.want.Unresolved || got.GateScopes != test.want.GateScopes || got.RequireSignature {
			t.Errorf("%+v became %+v, want %+v", test.in, got, test.want)
		}
	}
	for _, p := range []Parameters{{Pack: "relaese"}, {GateScopes: "none"}, {Unresolved: "ignore"}} {
		if _, err := p.WithDefaults(); !errors.Is(err, ErrUsage) {
			t.Errorf("%+v: %v, want a usage error", p, err)
		}
	}
}

// What is malicious in one version only is cured by keeping that version out.
func TestDecideKeepsMaliciousVersionsOut(t *testing.T) {
	in := clean()
	f := gradioFinding()
	f.IDs, f.Version, f.Specifier = []string{"MAL-2024-1"}, "", ">=4"
	f.Malicious, f.Verdict, f.Exclude, f.Fixed = true, vuln.Current, []string{"5.1", "5.2"}, ""
	in.Findings = []vuln.Finding{f}
	remedy := func(want string) {
		t.Helper()
		d := decide(t, in)
		if len(d.Reasons) != 1 || d.Reasons[0].Remedy != want {
			t.Errorf("got %+v, want the remedy %q", d.Reasons, want)
		}
	}
	remedy("exclude 5.1, 5.2: gradio!=5.1,!=5.2, and replace every secret that it could read")
	in.Findings[0].Exclude = nil
	remedy("remove gradio, and replace every secret that it could read")
	in.Findings[0].Exclude, in.Findings[0].Verdict, in.Findings[0].Gates = []string{"5.1"}, vuln.Latent, false
	remedy("exclude 5.1: gradio!=5.1")
	other := gradioFinding()
	other.Version, other.Specifier, other.Verdict, other.Gates = "", ">=4", vuln.Latent, false
	in.Findings = append(in.Findings, other)
	remedy("exclude 5.1: gradio!=5.1, and raise gradio to 4.44.1 or later")
}
