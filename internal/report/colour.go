package report

import (
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/vuln"
)

// colour is the parameter of an ANSI SGR sequence (ECMA-48, section 8.3.117).
type colour string

const (
	plain   colour = ""
	bold    colour = "1"
	dim     colour = "2"
	red     colour = "31"
	green   colour = "32"
	yellow  colour = "33"
	magenta colour = "35"
	boldRed colour = "1;31"
)

func (t *text) paint(c colour, s string) string {
	if !t.opts.Color || c == plain || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

func outcomeColour(o policy.Outcome) colour {
	switch o {
	case policy.Allowed:
		return "1;32"
	case policy.Denied:
		return boldRed
	}
	return "1;33"
}

func severityColour(s vuln.Severity) colour {
	switch s {
	case vuln.SeverityCritical:
		return boldRed
	case vuln.SeverityHigh:
		return red
	case vuln.SeverityMedium:
		return yellow
	case vuln.SeverityLow, vuln.SeverityNone:
		return dim
	}
	return magenta
}

func riskColour(r lint.Risk) colour {
	switch r {
	case lint.RiskMedium:
		return yellow
	case lint.RiskLow:
		return dim
	}
	return red
}
