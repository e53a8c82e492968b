package pyreq

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// parsedFile is one requirement file without those that it includes.
type parsedFile struct {
	lines []parsedLine
	// more is the number of the first line that was not parsed because the
	// file has too many, 0 for none.
	more int
	// opened is true when its bytes were read, all of them; bytes is how many.
	opened bool
	bytes  int64
	// err says why it could not be read or parsed.
	err error
}

// parsedLine is what one logical line says.
type parsedLine struct {
	number  int
	entry   *Entry // nil for none; its Constraint is not set
	options []Option
	gaps    []sbom.Gap
	include parsedOption // -r or -c; its spec is nil for none
}

// parse reads and parses one file.
func (r *reading) parse(name string) *parsedFile {
	p := &parsedFile{}
	var data []byte
	if data, p.err = sbom.ReadFile(r.fsys, name, limit.ManifestBytes); p.err != nil {
		return p
	}
	p.opened, p.bytes = true, int64(len(data))
	r.Reader.bytes += p.bytes
	text, err := decode(data)
	if err != nil {
		p.err = err
		return p
	}
	for l := range logicalLines(text) {
		if len(p.lines) == limit.ManifestLines {
			p.more = l.number
			break
		}
		parser := lineParser{lookup: r.opts.Lookup, out: parsedLine{number: l.number}}
		if len(l.text) > limit.LineBytes {
			parser.gap(sbom.GapTooLarge, place{name, l.number}, "the line has more than %d bytes", limit.LineBytes)
		} else {
			parser.line(place{name, l.number}, l.text)
		}
		p.lines = append(p.lines, parser.out)
	}
	return p
}

// lineParser parses one logical line.
type lineParser struct {
	lookup func(name string) (value string, ok bool)
	out    parsedLine
}

func (r *lineParser) gap(kind sbom.GapKind, at place, format string, args ...any) {
	r.out.gaps = append(r.out.gaps, sbom.NewGap(kind, at.file, at.line, fmt.Sprintf(format, args...)))
}

// place is where a logical line stands.
type place struct {
	file string
	line int
}

// line reads one logical line. What pip does with it is decided by what it
// begins with: a requirement wins, then -e, then -r, then -c.
func (r *lineParser) line(at place, text string) {
	if why := unreadable(text); why != "" {
		r.gap(sbom.GapUnparsed, at, "%s", why)
		return
	}
	text = expand(text, r.lookup)
	requirement, rest := splitOptions(text)
	args, err := words(rest)
	if err != nil {
		r.gap(sbom.GapUnparsed, at, "options: %v", err)
	}
	options, stray, problems := parseOptions(args)
	for _, p := range problems {
		r.gap(sbom.GapUnparsed, at, "%v", p)
	}
	if len(stray) > 0 {
		// They are not quoted: a password with a blank in it ends as one.
		r.gap(sbom.GapUnparsed, at, "%d of the words belong to no option (not shown), pip ignores them", len(stray))
	}
	if requirement == "" && err == nil && len(options)+len(stray)+len(problems) == 0 {
		r.gap(sbom.GapUnparsed, at, "%q is no option", shown(text))
	}
	switch {
	case requirement != "":
		r.requirement(at, requirement, options, false)
	case hasScope(options, editableOption):
		i := slices.IndexFunc(options, func(o parsedOption) bool { return o.spec.scope == editableOption })
		value := options[i].value
		r.requirement(at, value, slices.Delete(options, i, i+1), true)
	default:
		r.optionLine(at, options)
	}
}

// unreadable says why a line cannot be read at all, "" if it can.
func unreadable(text string) string {
	switch {
	case strings.ContainsRune(text, 0):
		return "the line has a NUL byte"
	case strings.ContainsRune(text, damaged):
		return "the line has bytes that the file's encoding does not define"
	}
	return ""
}

// maxShownRunes is how much of a text a gap quotes.
const maxShownRunes = 200

// shown returns what a gap may quote of a scanned text: no credentials, and
// not a megabyte.
func shown(text string) string {
	out := []rune(sbom.RedactText(text))
	if len(out) > maxShownRunes {
		return string(out[:maxShownRunes]) + "..."
	}
	return string(out)
}

func hasScope(options []parsedOption, s scope) bool {
	return slices.ContainsFunc(options, func(o parsedOption) bool { return o.spec.scope == s })
}

// optionLine keeps the options of a line without a requirement and follows its
// first include. pip follows only one.
func (r *lineParser) optionLine(at place, options []parsedOption) {
	included := firstInclude(options)
	for i, o := range options {
		switch {
		case i == included || o.spec.scope == perFile:
		case o.spec.scope == include:
			r.gap(sbom.GapInclude, at, "pip follows one include a line and ignores %s %q", o.name(), shown(o.value))
		default:
			r.gap(sbom.GapUnparsed, at, "%s belongs to no requirement, pip ignores it", o.name())
		}
		if o.spec.scope == perFile {
			r.out.options = append(r.out.options, option(at, o))
		}
	}
	if included >= 0 {
		r.out.include = options[included]
	}
}

// firstInclude returns the index of the include that pip follows: the first
// -r, else the first -c, else -1.
func firstInclude(options []parsedOption) int {
	for _, name := range []string{"--requirement", "--constraint"} {
		if i := slices.IndexFunc(options, func(o parsedOption) bool { return o.name() == name }); i >= 0 {
			return i
		}
	}
	return -1
}

// option returns what may be shown of an option.
func option(at place, o parsedOption) Option {
	value, credentials := sbom.RedactURL(o.value)
	if o.spec.scope == perRequirement {
		value, credentials = sbom.Redact(o.value)
	}
	return Option{Name: o.name(), Value: value, File: at.file, Line: at.line, Credentials: credentials}
}
