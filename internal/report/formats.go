package report

import (
	"slices"

	"github.com/tallyman/tallyman/internal/audit"
)

// FormatsOf returns the formats that can hold what a stage finds ("audit",
// "sbom", "vuln", "lint", "verify"), sorted. A format for findings made of an
// inventory, or one for an inventory made of findings, would be empty and look
// like a clean result. An unknown command has every format.
func FormatsOf(command string) []string {
	return slices.DeleteFunc(Formats(), func(format string) bool {
		switch command {
		case audit.StageSBOM:
			return format == FormatSARIF || format == FormatOSVScanner
		case audit.StageLint, audit.StageVerify:
			return format != FormatText && format != FormatJSON && format != FormatSARIF
		}
		return false
	})
}
