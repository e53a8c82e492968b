package pyreq

import (
	"context"
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

// Reader reads the requirement files of one folder. It reads and parses each
// file once, however many others include it, and bounds what all of them cost
// together (limit.RequirementLines and its kin): files that include one another
// would cost the square of their number otherwise, and more.
//
// It is not for concurrent use. The Files that it returns share what was
// parsed: change none of their parts.
type Reader struct {
	fsys   fs.FS
	opts   Options
	parsed map[string]*parsedFile
	// lines, includes and bytes count against their bounds over all files.
	lines, includes int
	bytes           int64
	full            bool
}

// NewReader returns a Reader of the files of fsys, which is the boundary as for
// [Read].
func NewReader(fsys fs.FS, opts Options) *Reader {
	return &Reader{fsys: fsys, opts: opts, parsed: map[string]*parsedFile{}}
}

// Read reads the requirement file name and what it includes. The error is that
// of ctx; any other problem is a gap of the File.
func (r *Reader) Read(ctx context.Context, name string) (*File, error) {
	f := &reading{Reader: r, ctx: ctx, file: &File{Name: name}}
	f.top(name)
	if f.err != nil {
		return nil, f.err
	}
	return f.file, nil
}

// Full reports whether a bound over all files was exceeded. The File during
// whose reading it was has the gap, and so has every one that is asked for
// afterwards, of which nothing is read.
func (r *Reader) Full() bool { return r.full }

// reading is the state of one Read.
type reading struct {
	*Reader
	ctx  context.Context
	err  error
	file *File
	// open are the files that are being read, outermost first.
	open []string
	// reads, bytes and lines count against their bounds over this file and
	// those that it includes.
	reads int
	bytes int64
	lines int
	// full is true once a bound was exceeded.
	full bool
}

func (r *reading) gap(kind sbom.GapKind, file string, line int, format string, args ...any) {
	r.file.Gaps = append(r.file.Gaps, sbom.NewGap(kind, file, line, fmt.Sprintf(format, args...)))
}

// top reads the file that the caller named.
func (r *reading) top(name string) {
	p, err := r.load(name)
	if err != nil {
		r.gap(gapOf(err), name, 0, "%v", err)
		return
	}
	r.replay(name, p, r.opts.Constraint)
}

// The bounds over all files of one Read, and of one Reader.
var (
	errFull   = fmt.Errorf("this file and those it includes are together %w", limit.ErrTooLarge)
	errFolder = fmt.Errorf("the requirement files of the folder and their includes are together %w, what is left of them was not read", limit.ErrTooLarge)
)

// load returns a file that was read and parsed, now or before, and notes that
// it was read.
func (r *reading) load(name string) (*parsedFile, error) {
	if r.err = r.ctx.Err(); r.err != nil {
		r.full = true
		return nil, r.err
	}
	r.reads++
	r.includes++
	r.Reader.full = r.Reader.full || r.includes > limit.RequirementIncludes
	switch {
	case r.Reader.full:
		return nil, errFolder
	case r.reads > limit.IncludeFiles:
		return nil, errFull
	}
	p, known := r.parsed[name]
	if !known {
		p = r.parse(name)
		r.parsed[name] = p
	}
	switch r.bytes += p.bytes; {
	case r.Reader.bytes > limit.RequirementBytes:
		r.Reader.full = true
		return nil, errFolder
	case r.bytes > limit.IncludeBytes:
		return nil, errFull
	}
	if p.opened && !slices.Contains(r.file.Files, name) {
		r.file.Files = append(r.file.Files, name)
	}
	return p, p.err
}

// gapOf returns the kind of gap for a file that the caller named.
func gapOf(err error) sbom.GapKind {
	if errors.Is(err, errEncoding) {
		return sbom.GapUnparsed
	}
	return sbom.UnreadKind(err)
}

// replay adds what the lines of one file say, and follows its includes in
// place.
func (r *reading) replay(name string, p *parsedFile, constraint bool) {
	r.open = append(r.open, name)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	for i := range p.lines {
		if !r.count(name, p.lines[i].number) {
			return
		}
		r.add(name, &p.lines[i], constraint)
	}
	if p.more > 0 {
		r.count(name, p.more)
	}
}

// count counts one line against the bounds, and reports whether it is to be
// read.
func (r *reading) count(name string, line int) bool {
	if r.full {
		return false
	}
	r.lines++
	r.Reader.lines++
	switch {
	case r.lines > limit.ManifestLines:
		r.gap(sbom.GapTooLarge, name, line, "more than %d lines, the rest was not read", limit.ManifestLines)
	case r.Reader.lines > limit.RequirementLines:
		r.Reader.full = true
		r.gap(sbom.GapTooLarge, name, line, "%v", errFolder)
	default:
		return true
	}
	r.full = true
	return false
}

// add adds what one line says.
func (r *reading) add(name string, l *parsedLine, constraint bool) {
	r.file.Gaps = append(r.file.Gaps, l.gaps...)
	r.file.Options = append(r.file.Options, l.options...)
	if l.entry != nil {
		e := *l.entry
		e.Constraint = constraint
		r.file.Entries = append(r.file.Entries, e)
	}
	if l.include.spec != nil {
		r.include(place{name, l.number}, l.include)
	}
}

// otherScheme matches an include that is no path: a URL, or a Windows drive.
var otherScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// include reads the file that -r or -c names, in place.
// https://pip.pypa.io/en/stable/cli/pip_install/#cmdoption-r
func (r *reading) include(at place, o parsedOption) {
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
	p, err := r.load(name)
	if err != nil {
		r.full = r.full || errors.Is(err, errFull) || errors.Is(err, errFolder)
		if errors.Is(err, limit.ErrTooLarge) {
			r.gap(sbom.GapTooLarge, name, 0, "%v", err)
		}
		refuse(err.Error())
		return
	}
	r.replay(name, p, o.name() == "--constraint")
}
