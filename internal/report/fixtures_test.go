package report_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

var update = flag.Bool("update", false, "rewrite the goldens in testdata")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

func write(t *testing.T, format string, r *audit.Report, opts report.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, format, r, opts); err != nil {
		t.Fatalf("Write(%s): %v", format, err)
	}
	return b.Bytes()
}

const (
	baseLayer = "sha256:1f0c2f7b1e3d7a7c4a1b6b1e8a0c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c"
	appLayer  = "sha256:9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a1f0c"
	imageHash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

func day(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

// denied is a report as a Gradio application that nobody looked after gives it.
func denied() *audit.Report {
	r := &audit.Report{
		Version: audit.ReportVersion,
		Tool:    audit.Tool{Name: "tallyman", Version: "1.0.0"},
		AsOf:    day(2026, 11, 22),
		Command: "audit",
		Target: policy.Target{
			Name: "testdata/apps/chatbot", Image: "testdata/images/chatbot", ImageDigest: imageHash,
		},
		Image: &policy.Image{
			Digest: imageHash, OS: "linux", Architecture: "amd64", Distribution: "Debian:12", User: "",
			ExposedPorts: []string{"7860/tcp"}, Entrypoint: []string{}, Cmd: []string{"python", "app.py"}, WorkingDir: "/app",
			EnvNames: []string{"GRADIO_SERVER_NAME"}, SecretEnvNames: []string{}, GradioEnv: map[string]string{"GRADIO_SERVER_NAME": "0.0.0.0"},
			Labels: map[string]string{}, SizeBytes: 51_204_812, Layers: []string{baseLayer, appLayer},
		},
		Components: components(),
		Findings:   findings(),
		Lint:       lintFindings(),
		Rules:      rules(),
		Signatures: []policy.Signature{{Status: policy.SignatureUnchecked, Kind: "signature", Reason: "no key and no identity was given (--key, --certificate-identity)"}},
		Gaps: []sbom.Gap{
			sbom.NewGap(sbom.GapUnversioned, "requirements.txt", 14, "a VCS reference has no version that advisories could be matched with"),
			sbom.NewGap(sbom.GapUnversioned, "requirements.txt", 15, "another one"),
			sbom.NewGap(sbom.GapRange, "requirements.txt", 6, `the range ">=0.100" has no verdict yet`),
			sbom.NewGap(sbom.GapIgnoredConfig, "tallyman.yaml", 0, "the configuration of a scanned folder is listed and not honoured"),
		},
		Snapshot: audit.Snapshot{
			Digest: "sha256:5e5d6c0f5e5d6c0f5e5d6c0f5e5d6c0f5e5d6c0f5e5d6c0f5e5d6c0f5e5d6c0f", Source: "testdata/osv",
			Ecosystems: []policy.AdvisoryStatus{
				{Ecosystem: "Debian:12", Present: true, Records: 6, Date: day(2025, 3, 2), Stale: true},
				{Ecosystem: "PyPI", Present: true, Records: 34, Refused: 1, Date: day(2026, 6, 15), Stale: true},
				{Ecosystem: "npm"},
			},
		},
		Notes: []string{"the advisories were compiled in memory: the cache is not writable"},
	}
	r.Decision = policy.Decision{
		Outcome: policy.Denied, AsOf: r.AsOf, Reasons: reasons(r),
		Exceptions: []policy.Exception{
			{ID: "CVE-2023-51449", Package: "gradio", Reason: "no file of ours is served", Expires: day(2027, 1, 31), Origin: "tallyman.yaml:4", Used: 1},
		},
		Digests: map[string]string{"sbom": imageHash, "tool": imageHash},
	}
	return r
}

func at(file string, line int) []sbom.Location { return []sbom.Location{{File: file, Line: line}} }

func inLayer(file, layer string) []sbom.Location { return []sbom.Location{{File: file, Layer: layer}} }

func components() []sbom.Component {
	return []sbom.Component{
		{Name: "gradio", Version: "4.19.1", Specifier: "==4.19.1", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.1", Evidence: sbom.Declared, Locations: at("requirements.txt", 3), Extras: []string{"oauth"}},
		{Name: "Pillow", Version: "9.5.0", Specifier: "==9.5.0", Ecosystem: "PyPI", PURL: "pkg:pypi/pillow@9.5.0", Evidence: sbom.Declared, Locations: at("requirements.txt", 4), Hashes: []string{"sha256:" + imageHash[7:]}},
		{Name: "gradio-themes-pro", Version: "1.0.2", Specifier: "==1.0.2", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio-themes-pro@1.0.2", Evidence: sbom.Declared, Locations: at("requirements.txt", 9)},
		{Name: "fastapi", Specifier: ">=0.100", Ecosystem: "PyPI", PURL: "pkg:pypi/fastapi", Evidence: sbom.Declared, Locations: at("requirements.txt", 6), Marker: `python_version >= "3.9"`},
		{Name: "our-models", Ecosystem: "PyPI", PURL: "pkg:pypi/our-models", Evidence: sbom.Declared, URL: "git+https://example.org/models.git@main", Locations: at("requirements.txt", 14)},
		{Name: "starlette", Version: "0.36.1", Ecosystem: "PyPI", PURL: "pkg:pypi/starlette@0.36.1", Evidence: sbom.Installed, Locations: inLayer("/usr/local/lib/python3.11/site-packages/starlette-0.36.1.dist-info/METADATA", appLayer)},
		{Name: "libssl3", Version: "3.0.11-1~deb12u1", Ecosystem: "Debian:12", PURL: "pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl", Evidence: sbom.Installed, Source: "openssl", Locations: inLayer("/var/lib/dpkg/status", baseLayer)},
	}
}

func findings() []vuln.Finding {
	find := func(pkg, eco, purl, version string, locs []sbom.Location) func(sev vuln.Severity, fixed, summary string, ids ...string) vuln.Finding {
		return func(sev vuln.Severity, fixed, summary string, ids ...string) vuln.Finding {
			return vuln.Finding{
				IDs: ids, Records: ids[len(ids)-1:], Package: pkg, Ecosystem: eco, PURL: purl, Version: version, Evidence: sbom.Declared, Verdict: vuln.AffectedVersion,
				Basis: "events", BasisDate: day(2025, 1, 2), Severity: sev, SeveritySource: ids[0] + " CVSS:3.1", Fixed: fixed, Gates: true, Summary: summary, Locations: locs,
			}
		}
	}
	gradio := find("gradio", "PyPI", "pkg:pypi/gradio@4.19.1", "4.19.1", at("requirements.txt", 3))
	out := []vuln.Finding{
		gradio(vuln.SeverityCritical, "4.44.1", "Several components let a request read any file that the server can read", "CVE-2024-47867", "PYSEC-2024-219"),
		gradio(vuln.SeverityHigh, "4.19.2", "A crafted path reads any file of the server", "CVE-2024-1561", "PYSEC-2024-47"),
		gradio(vuln.SeverityMedium, "4.31.4", "Requests made by the server can be aimed at its own network", "CVE-2024-1183"),
		gradio(vuln.SeverityHigh, "4.11.0", "An accepted one", "CVE-2023-51449"),
		gradio(vuln.SeverityUnknown, "", "Nobody rated it and nobody fixed it", "PYSEC-2025-9"),
	}
	for i := range 36 {
		out = append(out, gradio(vuln.SeverityMedium, fmt.Sprintf("4.4%d.0", i%5), "One of many", fmt.Sprintf("CVE-2024-9%03d", i)))
	}
	malware := find("gradio-themes-pro", "PyPI", "pkg:pypi/gradio-themes-pro@1.0.2", "1.0.2", at("requirements.txt", 9))(vuln.SeverityUnknown, "", "Malicious code in gradio-themes-pro (PyPI)", "MAL-2025-1234")
	malware.Malicious = true
	starlette := find("starlette", "PyPI", "pkg:pypi/starlette@0.36.1", "0.36.1", inLayer("/usr/local/lib/python3.11/site-packages/starlette-0.36.1.dist-info/METADATA", appLayer))(vuln.SeverityHigh, "0.40.0", "A form field of any size is read into memory", "CVE-2024-47874")
	starlette.Evidence = sbom.Installed
	ssl := find("libssl3", "Debian:12", "pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl", "3.0.11-1~deb12u1", inLayer("/var/lib/dpkg/status", baseLayer))(vuln.SeverityLow, "", "A very long check of a key", "CVE-2023-5678", "DEBIAN-CVE-2023-5678")
	ssl.Evidence, ssl.SourcePackage = sbom.Installed, "openssl"
	pillow := find("Pillow", "PyPI", "pkg:pypi/pillow@9.5.0", "9.5.0", at("requirements.txt", 4))(vuln.SeverityHigh, "10.0.1", "libwebp: a heap buffer overflow in BuildHuffmanTable", "CVE-2023-4863")
	installed := find("pillow", "PyPI", "pkg:pypi/pillow@9.5.0", "9.5.0", inLayer("/usr/local/lib/python3.11/site-packages/pillow-9.5.0.dist-info/METADATA", appLayer))(vuln.SeverityHigh, "10.0.1", "libwebp: a heap buffer overflow in BuildHuffmanTable", "CVE-2023-4863")
	installed.Evidence = sbom.Installed
	fastapi := find("fastapi", "PyPI", "pkg:pypi/fastapi", "", at("requirements.txt", 6))(vuln.SeverityHigh, "0.109.1", "A form header takes exponential time", "PYSEC-2024-38")
	fastapi.Specifier, fastapi.Verdict, fastapi.Gates = ">=0.100", vuln.Latent, false
	fastapi.Floor, fastapi.Environments = "0.110.0", []string{"Python 3.8"}
	return append(out, malware, starlette, ssl, pillow, installed, fastapi)
}

func rules() []lint.Rule {
	return []lint.Rule{
		{ID: "DL3002", Aliases: []string{"DS-0002", "GR-IMG-01"}, Severity: lint.Warning, Risk: lint.RiskHigh, Default: true, Title: "The last user is not root", Why: "A break-out of the application is root at once.", Remedy: "Add `USER 1000` after the last installation.", Bad: "FROM python\nCMD python app.py", Good: "FROM python\nUSER 1000\nCMD python app.py", Source: "https://docs.docker.com/build/building/best-practices/#user"},
		{ID: "DL3008", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskLow, Default: true, Title: "apt-get installs pinned versions", Why: "The same Dockerfile gives another image tomorrow.", Remedy: "Write `apt-get install package=version`.", Bad: "RUN apt-get install curl", Good: "RUN apt-get install curl=7.*", Source: "https://docs.docker.com/build/building/best-practices/#apt-get"},
		{ID: "TM-PIPE-01", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true, Title: "No remote code is piped into a shell", Why: "Whoever holds the host, or the way to it, runs code in the image.", Remedy: "Download, compare with a known digest, then run.", Bad: "RUN curl https://example.org/i.sh | sh", Good: "", Source: "https://docs.docker.com/build/building/best-practices/#run"},
	}
}

func lintFindings() []lint.Finding {
	all := rules()
	root := all[0].New("Dockerfile", 19, 1, "0", "the image runs as root: no USER follows FROM python:3.11")
	pins := []lint.Finding{all[1].New("Dockerfile", 4, 5, "0", "apt-get installs ffmpeg without a version"), all[1].New("Dockerfile", 7, 5, "0", "apt-get installs git without a version")}
	pipe := all[2].New("Dockerfile", 11, 5, "0", "the output of curl https://get.example.org/install.sh is run by bash")
	off := all[1].New("Dockerfile", 15, 5, "0", "apt-get installs curl without a version")
	off.Suppressed, off.SuppressedBy = true, "Dockerfile:14"
	return append(pins, root, pipe, off)
}

func reasons(r *audit.Report) []policy.Reason {
	out := []policy.Reason{
		{Effect: policy.Deny, Rule: "malicious", Package: "gradio-themes-pro", Message: "gradio-themes-pro 1.0.2 is malware", Evidence: []string{"MAL-2025-1234"}, Remedy: "Remove it, and treat the machines that ran it as taken."},
		{Effect: policy.Deny, Rule: "lint", Message: "DL3002: the image runs as root", Remedy: "Add `USER 1000` after the last installation.", Evidence: []string{"DL3002 Dockerfile:19"}, File: "Dockerfile", Line: 19},
		{Effect: policy.Deny, Rule: "lint", Message: "TM-PIPE-01: curl is run by bash", Remedy: "Download, compare with a known digest, then run.", Evidence: []string{"TM-PIPE-01 Dockerfile:11"}, File: "Dockerfile", Line: 11},
		{Effect: policy.Deny, Rule: "user/no-latest", Message: "our images carry a team label", Evidence: []string{}, Remedy: "Add LABEL team=..."},
		{Effect: policy.Undecide, Rule: "advisories-stale", Message: "the advisories for PyPI are older than allowed", Evidence: []string{"PyPI 2026-06-15"}, Remedy: "tallyman db update"},
		{Effect: policy.Undecide, Rule: "gap", Message: "2 places had no version to match advisories with (unversioned)", File: "requirements.txt", Line: 14, Evidence: []string{"requirements.txt:14: a VCS reference has no version that advisories could be matched with"}, Remedy: "pin an exact release"},
		{Effect: policy.Warn, Rule: "signature", Message: "signatures were not checked", Evidence: []string{}},
		{Effect: policy.Warn, Rule: "user/label", Message: "our images carry a team label", Evidence: []string{}, Remedy: "add one"},
		{Effect: policy.Warn, Rule: "unfixed", Message: "Debian:12 has no fix yet for 1 vulnerability in 1 package", Evidence: []string{"libssl3 CVE-2023-5678"}},
		{Effect: policy.Warn, Rule: "latent", Package: "fastapi", Message: "fastapi may be affected", Evidence: []string{"PYSEC-2024-38"}},
	}
	seen := map[string]bool{}
	for _, f := range r.Findings {
		if f.Gates && f.Severity.Rank() >= 3 && !f.Malicious && !seen[f.Package] {
			seen[f.Package] = true
			out = append(out, policy.Reason{Effect: policy.Deny, Rule: "vulnerability", Package: f.Package, Message: f.Package + " is vulnerable", Evidence: f.IDs})
		}
	}
	return out
}

// allowed is a report with nothing to say.
func allowed() *audit.Report {
	return &audit.Report{
		Version: audit.ReportVersion, Tool: audit.Tool{Name: "tallyman", Version: "1.0.0"}, AsOf: day(2026, 11, 22), Command: "audit",
		Target:     policy.Target{Name: "testdata/apps/clean", Image: "ghcr.io/example/clean:1.2", ImageDigest: imageHash},
		Components: []sbom.Component{{Name: "gradio", Version: "5.49.1", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@5.49.1", Evidence: sbom.Locked, Locations: at("uv.lock", 12)}},
		Signatures: []policy.Signature{{Status: policy.SignatureVerified, Kind: "signature", Format: "bundle", Signer: "release@example.org", Issuer: "https://accounts.example.org", Logged: true, Subject: imageHash}},
		Snapshot:   audit.Snapshot{Digest: imageHash, Source: "https://osv-vulnerabilities.storage.googleapis.com", Ecosystems: []policy.AdvisoryStatus{{Ecosystem: "PyPI", Present: true, Records: 18012, Date: day(2026, 11, 21)}}},
		Decision:   policy.Decision{Outcome: policy.Allowed, AsOf: day(2026, 11, 22)},
	}
}

// hostile is a report about a tree whose author wants to take over the
// terminal of the person who reads it.
func hostile() *audit.Report {
	r := allowed()
	evil := "\x1b[2J\x1b[1;1Hgood\r\n::error::x\n##[add-path]/tmp \u202egnp.exe\u2066 \u200b\u3164\x9b31m\xff"
	r.Target = policy.Target{Name: "::add-mask::" + evil}
	r.Components = []sbom.Component{{Name: evil, Version: evil, Ecosystem: "PyPI", PURL: "pkg:pypi/evil", Evidence: sbom.Declared, Locations: at(evil, 3)}}
	r.Findings = []vuln.Finding{{
		IDs: []string{"CVE-2024-1" + evil}, Package: "::set-output name=a::" + evil, Ecosystem: evil, Version: evil, Specifier: evil, Evidence: sbom.Declared,
		Verdict: vuln.Verdict(evil), Severity: vuln.Severity(evil), Fixed: evil, Gates: true, Summary: evil, Locations: at(evil, 3),
	}}
	r.Lint = []lint.Finding{
		{Rule: evil, Risk: lint.Risk(evil), Severity: lint.Severity(evil), File: evil, Line: 1, Message: evil, Remedy: evil},
		{Rule: evil, File: evil, Line: 2, Message: evil, Suppressed: true, SuppressedBy: evil},
	}
	r.Signatures = []policy.Signature{{Status: policy.SignatureStatus(evil), Kind: evil, Format: evil, PredicateType: evil, Signer: evil, Issuer: evil, Reason: evil}}
	r.Gaps = []sbom.Gap{{Kind: sbom.GapKind(evil), File: evil, Line: 1, Reason: evil, Hides: true}, {Kind: sbom.GapUnread, Layer: evil, Reason: "::error::" + evil}}
	r.Snapshot = audit.Snapshot{Digest: evil, Source: evil, Ecosystems: []policy.AdvisoryStatus{{Ecosystem: evil}, {Ecosystem: evil + "x", Present: true, Date: day(2026, 1, 1)}}}
	r.Compared = &audit.Comparison{Source: evil, OnlyOurs: []string{"::" + evil}, OnlyTheirs: []string{evil}}
	r.Notes = []string{"::error::" + evil}
	r.Decision = policy.Decision{
		Outcome:    policy.Denied,
		Reasons:    []policy.Reason{{Effect: policy.Effect(evil), Rule: evil, Message: evil}, {Effect: policy.Deny, Rule: evil, Message: evil, File: evil, Line: 2, Remedy: evil}},
		Exceptions: []policy.Exception{{ID: evil, Package: evil, Reason: evil, Origin: evil, Used: 1}},
	}
	return r
}
