// Package report writes an [audit.Report] for people and for other programs:
// text for eyes, the report's own JSON, SARIF for code scanning, the SBOM
// formats, and osv-scanner's result. [Write] is the one way in; [Read] reads
// back what the json format wrote.
//
// Same report, same bytes: nothing here reads a clock, the environment or a
// terminal, and lists are sorted before they are written. Everything that
// comes from scanned content is escaped, see [Escape].
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
)

// The formats that Write knows.
const (
	// FormatText is for eyes.
	FormatText = "text"
	// FormatJSON is the whole report, or the contract of one stage.
	FormatJSON = "json"
	// FormatSARIF is SARIF 2.1.0.
	FormatSARIF = "sarif"
	// FormatCycloneDX is CycloneDX 1.6 JSON.
	FormatCycloneDX = "cyclonedx"
	// FormatSPDX is SPDX 2.3 JSON.
	FormatSPDX = "spdx"
	// FormatSyftJSON is the least of syft's JSON that tools read.
	FormatSyftJSON = "syft-json"
	// FormatOSVScanner is the JSON result of osv-scanner v2.
	FormatOSVScanner = "osv-scanner"
)

// Options are what a user can choose about a format. The zero value is plain
// text, 100 columns wide, in its short form.
type Options struct {
	// Color asks for ANSI colours in text.
	Color bool
	// Width is the number of columns of text; 0 means 100, and less than 60
	// counts as 60.
	Width int
	// Verbose lifts the bounds on how much of each part text shows.
	Verbose bool
	// Workflow says that the output goes to the log of a build service, in
	// which scanned content must not be able to give a workflow command.
	Workflow bool
	// onlyBuilds is true for the report of an image that decides nothing.
	onlyBuilds bool
}

type writer func(w io.Writer, r *audit.Report, opts Options) error

// formats is a function, not a variable: nothing can add to it at run time.
func formats() map[string]writer {
	return map[string]writer{
		FormatText:       writeText,
		FormatJSON:       writeJSON,
		FormatCycloneDX:  writeCycloneDX,
		FormatSPDX:       writeSPDX,
		FormatSyftJSON:   writeSyftJSON,
		FormatSARIF:      writeSARIF,
		FormatOSVScanner: writeOSVScanner,
	}
}

// Formats returns the names of the formats, sorted.
func Formats() []string {
	var names []string
	for name := range formats() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Write writes r in a format. A format that is not in Formats is an error that
// names those that are. r is not changed.
func Write(w io.Writer, format string, r *audit.Report, opts Options) error {
	write, ok := formats()[format]
	if !ok {
		return fmt.Errorf("unknown format %q: the formats are %s", format, strings.Join(Formats(), ", "))
	}
	if err := write(w, normalised(r), opts); err != nil {
		return fmt.Errorf("writing the report as %s: %w", format, err)
	}
	return nil
}
