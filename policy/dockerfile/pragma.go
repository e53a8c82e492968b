package dockerfile

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

// Ignored lists, as gaps, the pragmas of the file that Check with the same
// options does not honour: all of them without Options.Pragmas, and those of
// ours that give no reason.
func Ignored(file *dockerfile.File, opts Options) []sbom.Gap {
	var out []sbom.Gap
	for _, p := range pragmas(file) {
		switch {
		case !opts.Pragmas:
			out = append(out, sbom.NewGap(sbom.GapIgnoredConfig, file.Name, p.Line,
				fmt.Sprintf("the comment that switches off %s is not honoured here", strings.Join(p.IDs, ", "))))
		case !p.Valid():
			out = append(out, sbom.NewGap(sbom.GapIgnoredConfig, file.Name, p.Line,
				fmt.Sprintf("the comment that switches off %s gives no reason, so it is not honoured", strings.Join(p.IDs, ", "))))
		}
	}
	return out
}

func pragmas(file *dockerfile.File) []lint.Pragma {
	var out []lint.Pragma
	for _, c := range file.Comments {
		if p, ok := lint.ParsePragma(c.Line, c.Text); ok {
			out = append(out, p)
		}
	}
	return out
}

// Suppress marks findings of another package about the file as Check marks its
// own with Options.Pragmas. Findings about other files are left alone.
func Suppress(file *dockerfile.File, found []lint.Finding) {
	for i := range found {
		if found[i].File == file.Name {
			suppress(file, found[i:i+1])
		}
	}
}

// suppress marks the findings that pragmas cover: those of the instruction
// that follows the comment, or of the whole file.
func suppress(file *dockerfile.File, found []lint.Finding) {
	for _, p := range pragmas(file) {
		if !p.Valid() {
			continue
		}
		from, to := 0, file.Lines
		if !p.Global {
			from, to = following(file, p.Line)
		}
		for i := range found {
			f := &found[i]
			if !f.Suppressed && f.Line >= from && f.Line <= to && p.Covers(f) {
				f.Suppressed = true
				f.SuppressedBy = fmt.Sprintf("%s:%d", file.Name, p.Line)
			}
		}
	}
}

// following returns the lines of the first instruction after a line.
func following(file *dockerfile.File, line int) (from, to int) {
	var next *dockerfile.Instruction
	consider := func(in *dockerfile.Instruction) {
		if in != nil && in.Line > line && (next == nil || in.Line < next.Line) {
			next = in
		}
	}
	for _, in := range file.Global {
		consider(in)
	}
	for _, s := range file.Stages {
		consider(s.From)
		for _, in := range s.Instructions {
			consider(in)
		}
	}
	if next == nil {
		return 1, 0
	}
	return next.Line, next.EndLine
}
