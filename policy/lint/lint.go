// Package lint holds what every lint rule of tallyman shares: the [Finding]
// that a rule makes and the [Rule] that documents it. Rules about Dockerfiles,
// deployment, requirement files and Gradio live in the sibling packages.
package lint

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Severity is what users of the rule's identifier know. The zero value is not
// valid.
type Severity string

// The severities, as hadolint names them.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
	Style   Severity = "style"
)

// Risk is our own judgement of what a finding can cost, independent of the
// severity that users know. The zero value "" is treated as high.
type Risk string

// The risks.
const (
	RiskHigh   Risk = "high"
	RiskMedium Risk = "medium"
	RiskLow    Risk = "low"
)

// Rule is the documentation of one rule.
type Rule struct {
	// ID is the identifier that findings carry: hadolint's where hadolint has
	// the rule ("DL3008"), else ours ("GR-IMG-01", "TM-...").
	ID string `json:"id"`
	// Aliases are identifiers of other tools for the same thing ("DS-0001",
	// "GR-IMG-01", "JSONArgsRecommended"), sorted.
	Aliases  []string `json:"aliases"`
	Severity Severity `json:"severity"`
	Risk     Risk     `json:"risk"`
	// Default is true when the rule runs without --enable.
	Default bool `json:"default"`
	// Title is one short sentence that says what is asserted.
	Title string `json:"title"`
	// Why says in a sentence or two what goes wrong otherwise.
	Why string `json:"why"`
	// Remedy says what to change.
	Remedy string `json:"remedy"`
	// Bad and Good are the smallest examples; Good differs only by the remedy.
	Bad  string `json:"bad"`
	Good string `json:"good"`
	// Source is a URL (and section) of what the rule rests on.
	Source string `json:"source"`
}

// Named reports whether id is the rule's identifier or an alias, whatever the
// case, or "all", which names every rule.
func (r *Rule) Named(id string) bool {
	return strings.EqualFold(id, "all") || strings.EqualFold(id, r.ID) ||
		slices.ContainsFunc(r.Aliases, func(a string) bool { return strings.EqualFold(a, id) })
}

// Enabled reports whether the rule runs: by default, or because enable names it.
func (r *Rule) Enabled(enable []string) bool {
	return r.Default || slices.ContainsFunc(enable, r.Named)
}

// Finding is one place where a rule does not hold.
type Finding struct {
	// Rule is the Rule's ID; Aliases, Severity and Risk are copied from it.
	Rule     string   `json:"rule"`
	Aliases  []string `json:"aliases"`
	Severity Severity `json:"severity"`
	Risk     Risk     `json:"risk"`
	// File is slash-separated below the target's root, or below the image's.
	File string `json:"file"`
	// Line and Column count from 1; 0 when not known.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Layer is the digest of the image layer that the finding is about; "" for
	// one of a file outside images, and for one of the image as a whole.
	Layer string `json:"layer,omitempty"`
	// Deleted is true when a later layer removes the file from sight, which
	// whoever pulls the image can read still.
	Deleted bool `json:"deleted,omitempty"`
	// Stage is the build stage's name or number, "" outside Dockerfiles.
	Stage string `json:"stage"`
	// Suppressed is true when a pragma or the configuration of the user's own
	// repository switches the finding off; it stays in the report.
	Suppressed bool `json:"suppressed"`
	// SuppressedBy names the pragma or file that did it ("Dockerfile:3").
	SuppressedBy string `json:"suppressed_by,omitempty"`
	// Message is one sentence about this place; it may quote scanned content.
	Message string `json:"message"`
	// Remedy says what to change here.
	Remedy string `json:"remedy,omitempty"`
}

// New returns a finding of the rule at a place.
func (r *Rule) New(file string, line, column int, stage, message string) Finding {
	return Finding{
		Rule: r.ID, Aliases: append([]string{}, r.Aliases...), Severity: r.Severity, Risk: r.Risk,
		File: file, Line: line, Column: column, Stage: stage, Message: message, Remedy: r.Remedy,
	}
}

// Place is where the finding is: "file:line", the file alone when it has no
// line, and the layer behind it.
func (f *Finding) Place() string {
	out := f.File
	if f.Line > 0 {
		out += ":" + strconv.Itoa(f.Line)
	}
	if f.Layer != "" {
		out += " (layer " + f.Layer + ")"
	}
	return out
}

// Compare orders findings by file, line, column, rule, message and layer.
func Compare(a, b Finding) int {
	return cmp.Or(
		strings.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		strings.Compare(a.Rule, b.Rule),
		strings.Compare(a.Stage, b.Stage),
		strings.Compare(a.Message, b.Message),
		strings.Compare(a.Layer, b.Layer),
	)
}

// Sort sorts findings with Compare and drops exact repetitions.
func Sort(in []Finding) []Finding {
	slices.SortFunc(in, Compare)
	return slices.CompactFunc(in, func(a, b Finding) bool { return Compare(a, b) == 0 })
}
