package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

const imageDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"

var asOf = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

// clean is an audit of a folder and its image that found nothing wrong.
func clean() Input {
	layer := "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	return Input{
		Target: Target{Name: "chatbot", Image: "registry.example/chatbot:1", ImageDigest: imageDigest},
		AsOf:   asOf,
		Components: []sbom.Component{
			{Name: "gradio", Version: "4.19.1", Specifier: "==4.19.1", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.1",
				Evidence: sbom.Declared, Locations: []sbom.Location{{File: "requirements.txt", Line: 1}}},
			{Name: "openssl", Version: "3.0.11-1", Ecosystem: "Debian:12", PURL: "pkg:deb/debian/openssl@3.0.11-1",
				Evidence: sbom.Installed, Locations: []sbom.Location{{File: "/var/lib/dpkg/status", Line: 7, Layer: layer}}},
		},
		Image: &Image{Digest: imageDigest, OS: "linux", User: "1000", Layers: []string{layer}},
		Advisories: []AdvisoryStatus{
			{Ecosystem: "Debian:12", Present: true, Records: 40, Date: asOf.AddDate(0, 0, -1)},
			{Ecosystem: "PyPI", Present: true, Records: 7000, Date: asOf.AddDate(0, 0, -2)},
		},
		SnapshotDigest: "sha256:3333333333333333333333333333333333333333333333333333333333333333",
		Signatures: []Signature{{Status: SignatureVerified, Kind: "signature", Format: "cosign", Subject: imageDigest,
			Signer: "key sha256:4444", Digest: "sha256:5555"}},
		Stages: []string{"lint", "sbom", "verify", "vuln"},
	}
}

// gradioFinding is one critical vulnerability of the declared component.
func gradioFinding() vuln.Finding {
	return vuln.Finding{
		IDs: []string{"CVE-2024-0001", "PYSEC-2024-1"}, Package: "gradio", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.1",
		Version: "4.19.1", Specifier: "==4.19.1", Evidence: sbom.Declared, Verdict: vuln.AffectedVersion, Basis: "events",
		Severity: vuln.SeverityCritical, Fixed: "4.44.1", Gates: true,
		Locations: []sbom.Location{{File: "requirements.txt", Line: 1}},
	}
}

func rootFinding() lint.Finding {
	return lint.Finding{Rule: "DL3002", Aliases: []string{"GR-IMG-01"}, Severity: lint.Warning, Risk: lint.RiskHigh,
		File: "Dockerfile", Line: 9, Message: "the last user is root", Remedy: "add USER 1000"}
}

func decide(t *testing.T, in Input) Decision {
	t.Helper()
	d, err := Decide(t.Context(), in, Options{Tool: "tallyman test"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecideAllowsCleanAudit(t *testing.T) {
	d := decide(t, clean())
	if d.Outcome != Allowed || len(d.Reasons) != 0 {
		t.Errorf("got %s with %v, want allowed without reasons", d.Outcome, d.Reasons)
	}
}

func TestDecideGroupsVulnerabilitiesByPackage(t *testing.T) {
	in := clean()
	second, third := gradioFinding(), gradioFinding()
	second.IDs, second.Severity, second.Fixed = []string{"CVE-2024-0002"}, vuln.SeverityHigh, "4.9.0"
	third.IDs, third.Severity, third.Fixed, third.Package = []string{"CVE-2024-0003"}, vuln.SeverityLow, "", "Gradio"
	in.Findings = []vuln.Finding{gradioFinding(), second, third}
	want := []Reason{{
		Effect: Deny, Rule: "vulnerability", Package: "gradio", File: "requirements.txt", Line: 1,
		Message:  "gradio 4.19.1 has 3 vulnerabilities (1 critical, 1 high, 1 low); fixed in 4.44.1, 1 without a fix",
		Evidence: []string{"CVE-2024-0001", "CVE-2024-0002"},
		Remedy:   "raise gradio to 4.44.1 or later",
	}}
	d := decide(t, in)
	if diff := cmp.Diff(want, d.Reasons); diff != "" || d.Outcome != Denied {
		t.Errorf("outcome %s, reasons (-want +got):\n%s", d.Outcome, diff)
	}
}

// The remedy of one finding may be affected by another: a floor is not.
func TestDecideRaisesToTheFloor(t *testing.T) {
	in := clean()
	f := gradioFinding()
	f.Fixed, f.Floor = "5.0.0", "5.5.0"
	in.Findings = []vuln.Finding{f}
	d := decide(t, in)
	if len(d.Reasons) != 1 || !strings.Contains(d.Reasons[0].Remedy, "5.5.0") || strings.Contains(d.Reasons[0].Message+d.Reasons[0].Remedy, "5.0.0") {
		t.Errorf("got %+v, want a remedy that names 5.5.0", d.Reasons)
	}
}
