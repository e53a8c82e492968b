package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

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
	if IsSeveral(data) {
		return nil, fmt.Errorf("it has the reports of several targets, and one is wanted: audit the one that it is about by itself")
	}
	if err := readable(data); err != nil {
		return nil, err
	}
	var out audit.Report
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, err
	}
	return normalised(&out), nil
}

// written is what can be read.
const written = "only what `tallyman audit --format json` wrote can be read"

// readable says what data is when it is not the JSON of a whole report.
func readable(data []byte) error {
	var head struct {
		Version   json.RawMessage  `json:"version"`
		Command   string           `json:"command"`
		CycloneDX *json.RawMessage `json:"bomFormat"`
		SPDX      *json.RawMessage `json:"spdxVersion"`
		Runs      *json.RawMessage `json:"runs"`
		Results   *json.RawMessage `json:"results"`
		Images    *json.RawMessage `json:"images"`
		Outcome   *json.RawMessage `json:"outcome"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("not the JSON of `tallyman audit --format json`: %w", err)
	}
	switch version := string(head.Version); {
	case head.CycloneDX != nil:
		return fmt.Errorf("it is a CycloneDX SBOM: %s (tallyman vuln takes an SBOM for its TARGET)", written)
	case head.SPDX != nil:
		return fmt.Errorf("it is an SPDX SBOM: %s (tallyman vuln takes an SBOM for its TARGET)", written)
	case head.Runs != nil && strings.HasPrefix(version, `"2.`):
		return fmt.Errorf("it is SARIF: %s", written)
	case head.Results != nil && version == "":
		return fmt.Errorf("it is an osv-scanner result: %s (tallyman audit compares one with --findings)", written)
	case head.Command == "" && head.Images != nil && head.Outcome != nil:
		return fmt.Errorf("it is the JSON of sweep, which has the decisions and not what they rest on: %s; "+
			"sweep --format text is what a person reads, and audit has the report of one image", written)
	case version == "", version == "null":
		return fmt.Errorf("it has no version: %s", written)
	case version != strconv.Itoa(audit.ReportVersion):
		n := 0
		if err := json.Unmarshal(head.Version, &n); err != nil {
			return json.Unmarshal(data, &struct {
				Version int `json:"version"`
			}{}) // which names the field
		}
		return fmt.Errorf("version %d is unknown, this program reads version %d", n, audit.ReportVersion)
	case head.Command == "":
		return fmt.Errorf("it does not say of which command it is: %s", written)
	case head.Command != "audit":
		return fmt.Errorf("it is the JSON of the command %q, which holds only a part: %s", head.Command, written)
	}
	return nil
}
