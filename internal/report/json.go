package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// stageHead is what the JSON of every single stage begins with.
type stageHead struct {
	Version int           `json:"version"`
	Tool    audit.Tool    `json:"tool"`
	Command string        `json:"command"`
	Target  policy.Target `json:"target"`
}

// stageTail is what it ends with.
type stageTail struct {
	Gaps     []sbom.Gap      `json:"gaps"`
	Decision policy.Decision `json:"decision"`
	Notes    []string        `json:"notes"`
}

type sbomJSON struct {
	stageHead
	Components []sbom.Component `json:"components"`
	Image      *policy.Image    `json:"image,omitempty"`
	stageTail
}

type vulnJSON struct {
	stageHead
	Findings []vuln.Finding    `json:"findings"`
	Snapshot audit.Snapshot    `json:"snapshot"`
	Compared *audit.Comparison `json:"compared,omitempty"`
	stageTail
}

type lintJSON struct {
	stageHead
	Findings []lint.Finding `json:"findings"`
	Rules    []lint.Rule    `json:"rules"`
	stageTail
}

type verifyJSON struct {
	stageHead
	Signatures []policy.Signature `json:"signatures"`
	stageTail
}

// writeJSON writes the whole report for "audit", and for a single stage the
// part that the stage is about.
func writeJSON(w io.Writer, r *audit.Report, _ Options) error {
	head := stageHead{Version: r.Version, Tool: r.Tool, Command: r.Command, Target: r.Target}
	tail := stageTail{Gaps: r.Gaps, Decision: r.Decision, Notes: r.Notes}
	switch r.Command {
	case "sbom":
		return encodeJSON(w, sbomJSON{head, r.Components, r.Image, tail})
	case "vuln":
		return encodeJSON(w, vulnJSON{head, r.Findings, r.Snapshot, r.Compared, tail})
	case "lint":
		return encodeJSON(w, lintJSON{head, r.Lint, r.Rules, tail})
	case "verify":
		return encodeJSON(w, verifyJSON{head, r.Signatures, tail})
	}
	return encodeJSON(w, r)
}

// encodeJSON writes v indented and with one newline at the end, in which
// nothing can move a terminal's cursor.
func encodeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(b.Bytes()))
	return err
}

// Read reads a whole report that the json format wrote. A version that this
// program does not know and the JSON of a single stage are errors: a report
// that is understood in part would look better than it is.
func Read(r io.Reader) (*audit.Report, error) {
	data, err := limit.ReadAll(r, limit.SBOMBytes)
	if err != nil {
		return nil, err
	}
	var head struct {
		Version *int   `json:"version"`
		Command string `json:"command"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("not the JSON of `tallyman audit --format json`: %w", err)
	}
	switch {
	case IsSeveral(data):
		return nil, fmt.Errorf("it has the reports of several targets, and one is wanted: audit the one that it is about by itself")
	case head.Version == nil:
		return nil, fmt.Errorf("it has no version: only what `tallyman audit --format json` wrote can be read")
	case *head.Version != audit.ReportVersion:
		return nil, fmt.Errorf("version %d is unknown, this program reads version %d", *head.Version, audit.ReportVersion)
	case head.Command != "audit":
		return nil, fmt.Errorf("it is of the command %q and holds only a part: only what `tallyman audit --format json` wrote can be read", head.Command)
	}
	var out audit.Report
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, err
	}
	return normalised(&out), nil
}
