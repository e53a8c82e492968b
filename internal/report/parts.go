package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
)

// Part is the report of one of several targets that a command audited.
type Part struct {
	// Name tells the target from the others: a folder, or an image and its
	// platform.
	Name   string
	Report *audit.Report
	// OnlyBuilds is true for an image that is only there for a build, and decides
	// nothing.
	OnlyBuilds bool
}

// PartsFormats returns the formats that hold several reports, sorted. Every
// other format is about one target.
func PartsFormats() []string { return []string{FormatJSON, FormatSARIF, FormatText} }

// WriteParts writes the reports of several targets as text (a headline for
// each; the whole of each if Options are verbose) or as SARIF (a run for each).
// JSON has what is known of all beside the reports, see [WriteJSON].
func WriteParts(w io.Writer, format string, parts []Part, opts Options) error {
	switch format {
	case FormatText:
		return writeBlocks(w, parts, opts)
	case FormatSARIF:
		runs := []sarifRun{}
		for _, p := range parts {
			run := runOf(normalised(p.Report))
			// Code scanning takes a file with several runs when each has a
			// category of its own.
			// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning#runautomationdetails-object
			run.Automation = &sarifAutomation{
				Description: &sarifMessage{Text: "The audit of " + Escape(p.Name)},
				ID:          "tallyman/" + Escape(strings.ReplaceAll(p.Name, " ", "/")) + "/",
			}
			runs = append(runs, run)
		}
		return writeRuns(w, runs)
	}
	return fmt.Errorf("the format %q is about one target: the formats for several are %s", format, strings.Join(PartsFormats(), ", "))
}

// writeBlocks writes a block for each target, and one for all images that could
// not be had for one reason, which say nothing else.
func writeBlocks(w io.Writer, parts []Part, opts Options) error {
	var groups []*unhad
	if !opts.Verbose {
		parts, groups = apartUnhad(parts)
	}
	for i, p := range parts {
		if err := writePart(w, i, p, opts); err != nil {
			return fmt.Errorf("writing the report of %q as text: %w", p.Name, err)
		}
	}
	for i, g := range groups {
		t := newText(normalised(g.parts[0].Report), opts)
		if i+len(parts) > 0 {
			t.WriteByte('\n')
		}
		t.unhad(g)
		if _, err := w.Write(t.Bytes()); err != nil {
			return fmt.Errorf("writing the images that could not be had as text: %w", err)
		}
	}
	return nil
}

// writePart writes what a person reads first about one target.
func writePart(w io.Writer, i int, p Part, opts Options) error {
	if i > 0 {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	opts.onlyBuilds = p.OnlyBuilds
	if opts.Verbose || p.Report.Command == audit.StageSBOM { // whose list is what it is about
		return Write(w, FormatText, p.Report, opts)
	}
	t := newText(normalised(p.Report), opts)
	t.headline()
	_, err := w.Write(t.Bytes())
	return err
}

// WriteJSON writes v as [Write] writes a report: indented, with one newline at
// the end, and nothing in it can move a terminal's cursor.
func WriteJSON(w io.Writer, v any) error { return encodeJSON(w, v) }

// Normalised returns the report as the json format has it: sorted, with empty
// lists for missing ones.
func Normalised(r *audit.Report) *audit.Report { return normalised(r) }

// HoldsParts reports whether a format can hold several reports.
func HoldsParts(format string) bool { return slices.Contains(PartsFormats(), format) }

// IsSeveral reports whether JSON is that of an audit of several targets.
func IsSeveral(data []byte) bool {
	var head struct {
		Reports []json.RawMessage `json:"reports"`
	}
	return json.Unmarshal(data, &head) == nil && head.Reports != nil
}
