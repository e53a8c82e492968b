package pyreq

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// reader is the state of one Read.
type reader struct {
	fsys fs.FS
	opts Options
	file *File
	// open are the files that are being read, outermost first.
	open []string
	// reads, bytes and lines count against their bounds over all files.
	reads int
	bytes int64
	lines int
	// full is true once a bound over all files was exceeded.
	full bool
}

func (r *reader) gap(kind sbom.GapKind, file string, line int, format string, args ...any) {
	r.file.Gaps = append(r.file.Gaps, sbom.NewGap(kind, file, line, fmt.Sprintf(format, args...)))
}

// top reads the file that the caller named.
func (r *reader) top(name string) {
	text, err := r.load(name)
	if err != nil {
		r.gap(gapOf(err), name, 0, "%v", err)
		return
	}
	r.text(name, text, r.opts.Constraint)
}

// errFull says that a bound over all files of one Read was exceeded.
var errFull = fmt.Errorf("this file and those it includes are together %w", limit.ErrTooLarge)

// load returns the decoded text of a file and notes that it was read.
func (r *reader) load(name string) (string, error) {
	r.reads++
	if r.reads > limit.IncludeFiles {
		return "", errFull
	}
	info, err := fs.Stat(r.fsys, name)
	if err != nil {
		return "", reason(err)
	}
	if !info.Mode().IsRegular() {
		// Opening a named pipe would wait for whoever writes to it.
		return "", errors.New("not a regular file")
	}
	f, err := r.fsys.Open(name)
	if err != nil {
		return "", reason(err)
	}
	defer f.Close()
	data, err := limit.ReadAll(f, limit.ManifestBytes)
	if err != nil {
		return "", reason(err)
	}
	r.bytes += int64(len(data))
	if r.bytes > limit.IncludeBytes {
		return "", errFull
	}
	if !slices.Contains(r.file.Files, name) {
		r.file.Files = append(r.file.Files, name)
	}
	return decode(data)
}

// reason strips the path from an error: a gap names the file already, and on
// the way through an os.Root it could be one outside of the tree.
func reason(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// gapOf returns the kind of gap for a file that the caller named.
func gapOf(err error) sbom.GapKind {
	switch {
	case errors.Is(err, limit.ErrTooLarge):
		return sbom.GapTooLarge
	case errors.Is(err, errEncoding):
		return sbom.GapUnparsed
	}
	return sbom.GapUnread
}

// text reads the logical lines of one file.
func (r *reader) text(name, text string, constraint bool) {
	r.open = append(r.open, name)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	for l := range logicalLines(text) {
		if r.full {
			return
		}
		if r.lines++; r.lines > limit.ManifestLines {
			r.full = true
			r.gap(sbom.GapTooLarge, name, l.number, "more than %d lines, the rest was not read", limit.ManifestLines)
			return
		}
		if len(l.text) > limit.LineBytes {
			r.gap(sbom.GapTooLarge, name, l.number, "the line has more than %d bytes", limit.LineBytes)
			continue
		}
		r.line(place{name, l.number, constraint}, l.text)
	}
}

// place is where a logical line stands.
type place struct {
	file       string
	line       int
	constraint bool
}

// line reads one logical line. What pip does with it is decided by what it
// begins with: a requirement wins, then -e, then -r, then -c.
func (r *reader) line(at place, text string) {
	if why := unreadable(text); why != "" {
		r.gap(sbom.GapUnparsed, at.file, at.line, "%s", why)
		return
	}
	text = expand(text, r.opts.Lookup)
	requirement, rest := splitOptions(text)
	args, err := words(rest)
	if err != nil {
		r.gap(sbom.GapUnparsed, at.file, at.line, "options: %v", err)
	}
	options, stray, problems := parseOptions(args)
	for _, p := range problems {
		r.gap(sbom.GapUnparsed, at.file, at.line, "%v", p)
	}
	for _, word := range stray {
		r.gap(sbom.GapUnparsed, at.file, at.line, "%q belongs to no option, pip ignores it", shown(word))
	}
	if requirement == "" && err == nil && len(options)+len(stray)+len(problems) == 0 {
		r.gap(sbom.GapUnparsed, at.file, at.line, "%q is no option", shown(text))
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
func (r *reader) optionLine(at place, options []parsedOption) {
	included := r.firstInclude(options)
	for i, o := range options {
		switch {
		case i == included || o.spec.scope == perFile:
		case o.spec.scope == include:
			r.gap(sbom.GapInclude, at.file, at.line, "pip follows one include a line and ignores %s %q", o.name(), shown(o.value))
		default:
			r.gap(sbom.GapUnparsed, at.file, at.line, "%s belongs to no requirement, pip ignores it", o.name())
		}
		if o.spec.scope == perFile {
			r.file.Options = append(r.file.Options, r.option(at, o))
		}
	}
	if included >= 0 {
		r.include(at, options[included])
	}
}

// firstInclude returns the index of the include that pip follows: the first
// -r, else the first -c, else -1.
func (r *reader) firstInclude(options []parsedOption) int {
	for _, name := range []string{"--requirement", "--constraint"} {
		if i := slices.IndexFunc(options, func(o parsedOption) bool { return o.name() == name }); i >= 0 {
			return i
		}
	}
	return -1
}

// option returns what may be shown of an option.
func (r *reader) option(at place, o parsedOption) Option {
	value, credentials := sbom.RedactURL(o.value)
	if o.spec.scope == perRequirement {
		value, credentials = sbom.Redact(o.value)
	}
	return Option{Name: o.name(), Value: value, File: at.file, Line: at.line, Credentials: credentials}
}

// otherScheme matches an include that is no path: a URL, or a Windows drive.
var otherScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// include reads the file that -r or -c names, in place.
// https://pip.pypa.io/en/stable/cli/pip_install/#cmdoption-r
func (r *reader) include(at place, o parsedOption) {
	refuse := func(why string) {
		r.gap(sbom.GapInclude, at.file, at.line, "%s %q is not read: %s", o.name(), shown(o.value), why)
	}
	switch {
	case o.value == "":
		refuse("it names nothing")
		return
	case otherScheme.MatchString(o.value):
		refuse("only files below the root are")
		return
	case strings.HasPrefix(o.value, "/") || strings.HasPrefix(o.value, `\`):
		refuse("the path is absolute")
		return
	}
	name := path.Join(path.Dir(at.file), o.value)
	switch {
	case !fs.ValidPath(name):
		refuse("the path leaves the root")
		return
	case slices.Contains(r.open, name):
		refuse("the files include each other in a circle")
		return
	case len(r.open) >= limit.IncludeDepth:
		refuse("the includes are nested too deep")
		return
	}
	text, err := r.load(name)
	if err != nil {
		r.full = r.full || errors.Is(err, errFull)
		if errors.Is(err, limit.ErrTooLarge) {
			r.gap(sbom.GapTooLarge, name, 0, "%v", err)
		}
		refuse(err.Error())
		return
	}
	r.text(name, text, o.name() == "--constraint")
}
