package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// sarifRoot is the uriBaseId that locations are relative to: the folder that
// was audited. imageRoot is the same inside the image.
const (
	sarifRoot = "TARGET"
	imageRoot = "IMAGE"
)

// fingerprintName names our way of making partial fingerprints and its version.
const fingerprintName = "tallyman/v1"

// sarifWriter makes one run.
type sarifWriter struct {
	r       *audit.Report
	rules   map[string]sarifRule
	results []sarifResult
	seen    map[string]int
}

// writeSARIF writes one run: a rule for each lint rule and each advisory, a
// result for each finding, and gaps as notifications.
func writeSARIF(w io.Writer, r *audit.Report, _ Options) error {
	return writeRuns(w, []sarifRun{runOf(r)})
}

func writeRuns(w io.Writer, runs []sarifRun) error {
	return encodeJSON(w, sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: runs,
	})
}

func runOf(r *audit.Report) sarifRun {
	s := &sarifWriter{r: r, rules: map[string]sarifRule{}, results: []sarifResult{}, seen: map[string]int{}}
	for _, rule := range r.Rules {
		s.rules[rule.ID] = lintRule(rule)
	}
	for i := range r.Lint {
		s.lint(&r.Lint[i])
	}
	for i := range r.Findings {
		s.finding(&r.Findings[i])
	}
	for i := range r.Signatures {
		s.signature(&r.Signatures[i])
	}
	run := sarifRun{
		Tool:        sarifTool{Driver: sarifDriver{Name: cmp.Or(r.Tool.Name, "tallyman"), Version: r.Tool.Version}},
		Invocations: []sarifInvocation{s.invocation()},
		Bases: map[string]sarifArtifact{
			sarifRoot: {Description: &sarifMessage{Text: "The folder that was audited: " + Escape(r.Target.Name)}},
			imageRoot: {Description: &sarifMessage{Text: "The root of the image: " + Escape(strings.TrimSpace(imageName(r)+" "+r.Target.Platform))}},
		},
		ColumnKind: "unicodeCodePoints",
	}
	run.Tool.Driver.Rules, run.Results = s.indexed()
	return run
}

// indexed sorts the rules and points each result at its rule.
func (s *sarifWriter) indexed() ([]sarifRule, []sarifResult) {
	rules := []sarifRule{}
	for _, rule := range s.rules {
		rules = append(rules, rule)
	}
	slices.SortFunc(rules, func(a, b sarifRule) int { return strings.Compare(a.ID, b.ID) })
	at := map[string]int{}
	for i, rule := range rules {
		at[rule.ID] = i
	}
	for i := range s.results {
		s.results[i].RuleIndex = at[s.results[i].RuleID]
	}
	return rules, s.results
}

// invocation says how the audit ended and lists what could not be read.
func (s *sarifWriter) invocation() sarifInvocation {
	o := s.r.Decision.Outcome
	out := sarifInvocation{Successful: o != policy.Undecided, ExitCode: exit(o), Notifications: []sarifNotification{}}
	for _, g := range s.r.Gaps {
		n := sarifNotification{
			Level: "note", Message: sarifMessage{Text: Escape(cmp.Or(g.Reason, "not read"))},
			Descriptor: sarifDescriptor{ID: "gap/" + Escape(cmp.Or(string(g.Kind), "other"))},
		}
		if g.Kind.Hides() {
			n.Level = "warning"
		}
		if g.File != "" || g.Layer != "" {
			n.Locations, _ = s.made(sbom.Location{File: g.File, Line: g.Line, Layer: g.Layer}, 0)
		}
		out.Notifications = append(out.Notifications, n)
	}
	return out
}

// add appends a result whose fingerprint is made of what stays the same when
// lines move. Results that are alike are told apart by their order.
func (s *sarifWriter) add(result sarifResult, identity ...string) {
	key := strings.Join(append([]string{result.RuleID}, identity...), "\x00")
	n := s.seen[key]
	s.seen[key]++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, n))
	result.Fingerprints = map[string]string{fingerprintName: hex.EncodeToString(sum[:16])}
	s.results = append(s.results, result)
}

func (s *sarifWriter) lint(f *lint.Finding) {
	id := cmp.Or(f.Rule, "lint")
	if _, ok := s.rules[id]; !ok {
		s.rules[id] = lintRule(lint.Rule{ID: id, Aliases: f.Aliases, Severity: f.Severity, Risk: f.Risk, Title: id, Remedy: f.Remedy})
	}
	result := sarifResult{RuleID: id, Level: lintLevel(f), Message: sarifMessage{Text: Escape(sentences(cmp.Or(f.Message, id), f.Remedy))}}
	at := sbom.Location{File: f.File, Line: f.Line}
	if s.r.Image != nil && audit.InImage(f) {
		at.Layer = cmp.Or(f.Layer, "image")
	}
	result.Locations, result.Related = s.made(at, f.Column)
	if f.Suppressed {
		result.Suppressions = []sarifSuppression{{Kind: "inSource", Justification: Escape(f.SuppressedBy)}}
	}
	s.add(result, f.File, f.Stage, f.Message)
}

// lintLevel follows the risk: what denies is an error, whatever word other
// tools have for it.
func lintLevel(f *lint.Finding) string {
	switch f.Risk {
	case lint.RiskLow:
		return "note"
	case lint.RiskMedium:
		return "warning"
	}
	return "error"
}

func (s *sarifWriter) finding(f *vuln.Finding) {
	id := "advisory"
	if len(f.IDs) > 0 {
		id = f.IDs[0]
	}
	if _, ok := s.rules[id]; !ok {
		s.rules[id] = advisoryRule(id, f)
	}
	what := cmp.Or(f.Version, f.Specifier, "(any version)")
	cure := "No fix is known."
	switch {
	case f.Malicious:
		cure = "Remove it."
	case f.Fixed != "":
		cure = "Fixed in " + f.Fixed + "."
	}
	result := sarifResult{
		RuleID: id, Level: severityLevel(f),
		Message:    sarifMessage{Text: Escape(sentences(fmt.Sprintf("%s %s: %s", f.Package, what, cmp.Or(f.Summary, id)), cure))},
		Properties: map[string]string{"purl": f.PURL, "verdict": string(f.Verdict), "evidence": string(f.Evidence), "fixed": f.Fixed, "ids": strings.Join(f.IDs, " ")},
	}
	if e := accepted(s.r, f); e != nil {
		result.Suppressions = []sarifSuppression{{Kind: "external", Justification: Escape(e.Reason + " (" + e.Origin + ")")}}
	}
	locations := f.Locations
	if len(locations) == 0 {
		locations = []sbom.Location{{}}
	}
	files := make([]string, 0, len(locations))
	for _, l := range locations {
		files = append(files, l.File)
	}
	// A result has to be somewhere that a viewer can show: the first place.
	result.Locations, result.Related = s.made(locations[0], 0)
	s.add(result, f.Ecosystem, sbom.NormalName(f.Ecosystem, f.Package), strings.Join(slices.Compact(files), "\x00"), string(f.Evidence))
}

func severityLevel(f *vuln.Finding) string {
	switch {
	case f.Malicious:
		return "error"
	case !f.Gates:
		return "note"
	case f.Severity == vuln.SeverityMedium:
		return "warning"
	case f.Severity == vuln.SeverityLow || f.Severity == vuln.SeverityNone:
		return "note"
	}
	return "error"
}

// signature makes a result of a signature that is bad; one that is missing or
// that nobody looked for is not a fault of a file.
func (s *sarifWriter) signature(sig *policy.Signature) {
	missing := sig.Status == policy.SignatureMissing && s.deniesMissing()
	if sig.Status != policy.SignatureFailed && !missing {
		return
	}
	const id = "signature"
	s.rules[id] = sarifRule{
		ID: id, Short: sarifMessage{Text: "Signatures of the image verify"},
		Help:    sarifMarkdown{Text: "Sign the image again, or find out who replaced it.", Markdown: "Sign the image again, or find out who replaced it."},
		Default: sarifLevel{Level: "error"}, Properties: sarifProperties{Tags: []string{"security", "supply-chain"}, SecuritySeverity: "9.0"},
	}
	s.add(sarifResult{
		RuleID: id, Level: "error", Message: sarifMessage{Text: Escape(cmp.Or(sig.Reason, "a signature does not verify"))},
		Locations: []sarifLocation{s.location(sbom.Location{Layer: "image"}, 0)},
	}, sig.Kind, sig.PredicateType, sig.Signer, sig.Reason)
}

// deniesMissing reports whether the decision denies an image without a
// signature; otherwise the absence of one is no finding.
func (s *sarifWriter) deniesMissing() bool {
	return slices.ContainsFunc(s.r.Decision.Reasons, func(reason policy.Reason) bool {
		return reason.Effect == policy.Deny && reason.Rule == "signature-missing"
	})
}

// made is a place; of one in a layer that an instruction of a Dockerfile made,
// that instruction, which is what a person can edit, and the place as related.
func (s *sarifWriter) made(l sbom.Location, column int) (at, related []sarifLocation) {
	at = []sarifLocation{s.location(l, column)}
	made, known := madeIn(s.r, l)
	if !known {
		return at, nil
	}
	in := s.location(made, 0)
	in.Logical = at[0].Logical
	return []sarifLocation{in}, at
}

// location is a place in the audited folder, or in the image, which is named by
// a logical location besides.
func (s *sarifWriter) location(l sbom.Location, column int) sarifLocation {
	base := sarifRoot
	var out sarifLocation
	if l.Layer != "" {
		base = imageRoot
		name := cmp.Or(imageName(s.r), "image")
		out.Logical = []sarifLogical{{Name: Escape(name), QualifiedName: Escape(name + "/" + l.Layer), Kind: "module"}}
	}
	out.Physical = &sarifPhysical{Artifact: sarifArtifact{URI: relativeURI(l.File), BaseID: base}}
	if l.Line > 0 {
		out.Physical.Region = &sarifRegion{StartLine: l.Line, StartColumn: max(column, 0)}
	}
	return out
}

// relativeURI makes a relative reference of a path that can leave neither the
// base nor the scheme: "..", "//host" and "x:y" in names are only names.
// https://www.rfc-editor.org/rfc/rfc3986#section-4.2
func relativeURI(file string) string {
	clean := strings.TrimPrefix(path.Clean("/"+file), "/")
	if clean == "" {
		return "."
	}
	u := url.URL{Path: clean}
	return u.String()
}

func imageName(r *audit.Report) string {
	name := r.Target.Image
	if d := r.Target.ImageDigest; d != "" && !strings.Contains(name, d) {
		name += "@" + d
	}
	return name
}
