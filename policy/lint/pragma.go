package lint

import (
	"slices"
	"strings"
)

// Pragma is a comment that switches rules off.
//
// Two spellings are known: hadolint's
// (https://github.com/hadolint/hadolint#inline-ignores)
//
//	# hadolint ignore=DL3008,DL3009
//	# hadolint global ignore=DL3008
//
// and ours, whose reason is required:
//
//	# tallyman ignore=GR-IMG-01 the entrypoint drops privileges itself
type Pragma struct {
	// Line counts from 1.
	Line int
	// Tool is "hadolint" or "tallyman".
	Tool string
	// IDs are the identifiers or aliases of rules, in upper case; at least one.
	IDs []string
	// Global is true when the pragma speaks for the whole file.
	Global bool
	// Reason is what follows the identifiers.
	Reason string
}

// ParsePragma reads the text of a comment, without its "#". It returns false
// when the comment is no pragma.
func ParsePragma(line int, comment string) (Pragma, bool) {
	tool, rest, _ := strings.Cut(strings.TrimSpace(comment), " ")
	tool = strings.TrimSuffix(tool, ":")
	if tool != "hadolint" && tool != "tallyman" {
		return Pragma{}, false
	}
	p := Pragma{Line: line, Tool: tool}
	rest = strings.TrimSpace(rest)
	if after, ok := strings.CutPrefix(rest, "global"); ok {
		p.Global, rest = true, strings.TrimSpace(after)
	}
	rest, ok := strings.CutPrefix(rest, "ignore")
	if !ok {
		return Pragma{}, false
	}
	rest, ok = strings.CutPrefix(strings.TrimSpace(rest), "=")
	if !ok {
		return Pragma{}, false
	}
	p.IDs, p.Reason = identifiers(rest)
	return p, len(p.IDs) > 0
}

// identifiers reads a list with commas; blanks may stand around them.
func identifiers(s string) (ids []string, rest string) {
	for {
		s = strings.TrimLeft(s, " \t,")
		end := strings.IndexAny(s, " \t,")
		if end < 0 {
			end = len(s)
		}
		if end == 0 {
			return ids, ""
		}
		ids = append(ids, strings.ToUpper(s[:end]))
		s = s[end:]
		if trimmed := strings.TrimLeft(s, " \t"); !strings.HasPrefix(trimmed, ",") {
			return ids, strings.TrimSpace(strings.TrimPrefix(trimmed, "#"))
		}
	}
}

// Valid reports whether the pragma may be honoured: ours needs a reason.
func (p Pragma) Valid() bool { return p.Tool != "tallyman" || p.Reason != "" }

// Covers reports whether the pragma names the finding's rule, by its
// identifier or by an alias.
func (p Pragma) Covers(f *Finding) bool {
	if slices.Contains(p.IDs, strings.ToUpper(f.Rule)) {
		return true
	}
	return slices.ContainsFunc(f.Aliases, func(a string) bool { return slices.Contains(p.IDs, strings.ToUpper(a)) })
}
