package cli

import (
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/sbom"
)

// discreet is a text as anybody may read it on a terminal or in the log of a
// build: what the user typed, and what a server answered, can hold a login.
func discreet(text string) string { return report.Escape(sbom.RedactMessage(text)) }
