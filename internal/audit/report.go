// Package audit is the pipeline of one target: read, match, lint, verify,
// decide. [Auditor.Run] gives a [Report], from which every output is made.
package audit

import (
	"time"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// ReportVersion is the version of the Report's JSON. Fields may be added under
// the same version, never renamed or removed.
const ReportVersion = 1

// Report is everything that one audit found and decided. Its JSON
// (docs/schema/report.schema.json) is what `render` reads.
type Report struct {
	// Version is ReportVersion.
	Version int `json:"version"`
	// Tool is what made the report.
	Tool Tool `json:"tool"`
	// AsOf is the time that the report was made for, UTC, to the second.
	AsOf time.Time `json:"as_of"`
	// Command is the stage that made it: "audit", "sbom", "vuln", "lint",
	// "verify".
	Command string `json:"command"`
	// Target is what was audited.
	Target policy.Target `json:"target"`
	// Components and Findings, Lint, Signatures and Gaps are sorted; empty
	// lists are [], never null.
	Components []sbom.Component   `json:"components"`
	Findings   []vuln.Finding     `json:"findings"`
	Lint       []lint.Finding     `json:"lint"`
	Signatures []policy.Signature `json:"signatures"`
	Gaps       []sbom.Gap         `json:"gaps"`
	// Image is nil without an image.
	Image *policy.Image `json:"image,omitempty"`
	// Images are the images that files of the folder name, sorted; none when
	// they were not asked for. They have reports of their own.
	Images []NamedImage `json:"images,omitempty"`
	// Base is what is known of the base of the image, nil for nothing. What was
	// decided by it is in Image.
	Base *Base `json:"base,omitempty"`
	// Rules documents every lint rule that has a finding in Lint, by ID.
	Rules []lint.Rule `json:"rules"`
	// Snapshot says which advisories the findings rest on.
	Snapshot Snapshot `json:"snapshot"`
	// Parameters and Stages are the parts of the decision's input that are not
	// evidence, in the form in which the decision was made: with them, the
	// report holds all that its decision rests on, see Recheck.
	Parameters policy.Parameters `json:"parameters"`
	Stages     []string          `json:"stages"`
	// Compared is how our findings differ from those of --findings, nil
	// without it.
	Compared *Comparison `json:"compared,omitempty"`
	// Decision is the answer.
	Decision policy.Decision `json:"decision"`
	// Notes are things that the user should know and that decide nothing
	// ("advisories were compiled in memory: the cache is not writable").
	Notes []string `json:"notes"`
}

// Tool names the program that made a report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Snapshot is the advisory snapshot that a report rests on.
type Snapshot struct {
	// Digest is "sha256:...", "" without a snapshot.
	Digest string `json:"digest"`
	// Source is where it is from, credentials removed.
	Source string `json:"source"`
	// Ecosystems are the ecosystems in use.
	Ecosystems []policy.AdvisoryStatus `json:"ecosystems"`
}

// Comparison lists what only one of the two sides found.
type Comparison struct {
	// Source is the file name of the other findings.
	Source string `json:"source"`
	// OnlyOurs and OnlyTheirs are sorted "ecosystem/package@version id".
	OnlyOurs   []string `json:"only_ours"`
	OnlyTheirs []string `json:"only_theirs"`
	// Both is how many pairs of package version and alias group agree.
	Both int `json:"both"`
}
