package dockerfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

const (
	// maxGaps bounds how many gaps one file may have before reading stops.
	maxGaps = 1000
	// maxInstructions bounds how many instructions of one file are read.
	maxInstructions = 10_000
)

// Parse reads a Dockerfile or a fragment of one. It never fails: what cannot
// be parsed is a Gap of the File, and reading goes on with the rest.
func Parse(name string, src []byte) *File {
	r := &reader{file: &File{Name: name, Escape: '\\'}}
	if len(src) > limit.DockerfileBytes {
		r.gap(sbom.GapTooLarge, 0, fmt.Sprintf("the Dockerfile is larger than %d bytes", limit.DockerfileBytes))
		return r.file
	}
	r.source = newSource(src)
	// It may stand behind "#!", and be written as "//syntax=" or as JSON.
	_, r.file.Syntax, _, _ = parser.DetectSyntax(src)
	r.file.Lines = len(r.source.lines)
	r.directives()
	r.dropLongLines()
	nodes := r.nodes()
	if len(nodes) > maxInstructions {
		r.gap(sbom.GapTooLarge, nodes[maxInstructions].StartLine, fmt.Sprintf("the Dockerfile has more than %d instructions", maxInstructions))
		nodes = nodes[:maxInstructions]
	}
	r.build(nodes)
	taken := make([]lineRange, len(nodes))
	for i, n := range nodes {
		taken[i] = lineRange{n.StartLine, n.EndLine}
	}
	r.file.Comments = r.source.comments(taken)
	slices.SortFunc(r.file.Gaps, sbom.CompareGaps)
	r.file.Gaps = slices.Compact(r.file.Gaps)
	return r.file
}

// reader holds the state of one Parse.
type reader struct {
	file    *File
	source  *source
	stopped bool // too many gaps
}

func (r *reader) gap(kind sbom.GapKind, line int, reason string) {
	if r.stopped {
		return
	}
	if len(r.file.Gaps) >= maxGaps {
		r.stopped = true
		kind, reason = sbom.GapTooLarge, fmt.Sprintf("the Dockerfile has more than %d places that cannot be read", maxGaps)
	}
	r.file.Gaps = append(r.file.Gaps, sbom.NewGap(kind, r.file.Name, line, reason))
}

// directives reads the parser directives at the top of the file.
// https://docs.docker.com/reference/dockerfile/#parser-directives
func (r *reader) directives() {
	var p parser.DirectiveParser
	for i, line := range r.source.lines {
		d, err := p.ParseLine(bytes.TrimLeftFunc(line, unicode.IsSpace))
		if err != nil {
			r.gap(sbom.GapUnparsed, i+1, sentence("parser directive", err))
			return
		}
		if d == nil {
			return
		}
		switch {
		case d.Name == "escape" && (d.Value == "\\" || d.Value == "`"):
			r.source.escape = d.Value[0]
			r.file.Escape = rune(d.Value[0])
		case d.Name == "escape":
			r.gap(sbom.GapUnparsed, i+1, "the escape directive names neither a backslash nor a backtick")
		}
	}
}

// dropLongLines blanks the lines that BuildKit's scanner refuses.
func (r *reader) dropLongLines() {
	for i, line := range r.source.lines {
		if len(line)+2 >= bufio.MaxScanTokenSize {
			r.gap(sbom.GapTooLarge, i+1, fmt.Sprintf("the line is longer than the %d bytes that Docker reads", bufio.MaxScanTokenSize-1))
			r.source.lines[i] = nil
		}
	}
}

// nodes lets BuildKit's parser read the file. At an instruction that it
// refuses there is a Gap, and reading starts anew behind it. Line numbers are
// those of the file.
func (r *reader) nodes() []*parser.Node {
	var out []*parser.Node
	for start := 0; start < len(r.source.lines) && !r.stopped; {
		nodes, bad, err := r.chunk(start, len(r.source.lines))
		out = append(out, nodes...)
		if err == nil {
			break
		}
		r.gap(sbom.GapUnparsed, bad.start, sentence("instruction", err))
		if bad.start-1 > start {
			before, _, err := r.chunk(start, bad.start-1)
			if err != nil {
				r.gap(sbom.GapUnparsed, start+1, sentence("instruction", err))
			}
			out = append(out, before...)
		}
		start = max(bad.end, start+1)
	}
	if len(out) == 0 && len(r.file.Gaps) == 0 {
		r.gap(sbom.GapUnparsed, 0, "the file has no instructions")
	}
	return out
}

// chunk parses the lines from (0-based) to, exclusive. The lines of the file
// never count as directives, because an empty comment goes before them. bad
// is the range of the refused instruction, 1-based and inclusive.
func (r *reader) chunk(from, to int) (nodes []*parser.Node, bad lineRange, err error) {
	const prefixLines = 2
	lines := r.source.lines[from:to]
	if !slices.ContainsFunc(lines, func(l []byte) bool { return len(bytes.TrimSpace(l)) > 0 && !isComment(l) }) {
		return nil, bad, nil
	}
	shift := from - prefixLines
	bad = lineRange{from + 1, to}
	defer func() {
		if p := recover(); p != nil {
			nodes, err = nil, errors.New("the parser gave up")
		}
	}()
	prefix := "# escape=" + string(r.file.Escape) + "\n#\n"
	result, err := parser.Parse(io.MultiReader(strings.NewReader(prefix), &lineReader{lines: lines}))
	if err != nil {
		var located *parser.LocationError
		if errors.As(err, &located) && len(located.Locations) > 0 && len(located.Locations[0]) > 0 {
			ranges := located.Locations[0]
			bad.start = max(ranges[0].Start.Line+shift, from+1)
			bad.end = min(ranges[len(ranges)-1].End.Line+shift, to)
		}
		return nil, bad, err
	}
	for _, n := range result.AST.Children {
		n.StartLine += shift
		n.EndLine += shift
	}
	return result.AST.Children, bad, nil
}

// lineReader reads lines as one stream, each with a newline.
type lineReader struct {
	lines [][]byte
	inEOL bool
	at    int
}

func (l *lineReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(l.lines) == 0 {
			return n, eofAt(n)
		}
		if l.inEOL {
			p[n] = '\n'
			n, l.inEOL, l.at, l.lines = n+1, false, 0, l.lines[1:]
			continue
		}
		c := copy(p[n:], l.lines[0][l.at:])
		n += c
		l.at += c
		l.inEOL = l.at == len(l.lines[0])
	}
	return n, nil
}

func eofAt(n int) error {
	if n == 0 {
		return io.EOF
	}
	return nil
}

// validate lets BuildKit check the arguments and flags of one instruction.
func validate(n *parser.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the parser gave up")
		}
	}()
	// A linter must be given: "# check=" comments are a nil dereference
	// without one.
	_, err = instructions.ParseInstructionWithLinter(n, linter.New(&linter.Config{}))
	return err
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'[^']*'`)

// sentence makes a reason of an error of BuildKit's. Quoted parts of the file
// are left out: they may be secrets.
func sentence(what string, err error) string {
	msg := quoted.ReplaceAllString(err.Error(), "(...)")
	msg, _, _ = strings.Cut(msg, "\n")
	if len(msg) > 160 {
		msg = strings.ToValidUTF8(msg[:160], "") + "..."
	}
	return fmt.Sprintf("Docker cannot parse this %s: %s", what, msg)
}

func itoa(n int) string { return strconv.Itoa(n) }
