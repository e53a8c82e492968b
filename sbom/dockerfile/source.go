package dockerfile

import (
	"bytes"
	"slices"
	"sort"
	"strings"
	"unicode"
)

// source is the text of the file by physical lines.
type source struct {
	lines  [][]byte // without line ends
	escape byte
}

func newSource(src []byte) *source {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	lines := bytes.Split(src, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	for i, l := range lines {
		lines[i] = bytes.TrimRight(l, "\r")
	}
	return &source{lines: lines, escape: '\\'}
}

// text is a piece of shell text with the place in the file of each byte.
type text struct {
	string
	pieces []piece // sorted by offset
}

// piece says where the bytes from offset on stand.
type piece struct{ offset, line, column int }

// at returns line and column of an offset.
func (t text) at(offset int) (line, column int) {
	i := sort.Search(len(t.pieces), func(i int) bool { return t.pieces[i].offset > offset }) - 1
	if i < 0 {
		return 0, 0
	}
	p := t.pieces[i]
	return p.line, p.column + offset - p.offset
}

// cut returns the text from an offset on.
func (t text) cut(offset int) text {
	out := text{string: t.string[offset:]}
	line, column := t.at(offset)
	out.pieces = append(out.pieces, piece{0, line, column})
	for _, p := range t.pieces {
		if p.offset > offset {
			out.pieces = append(out.pieces, piece{p.offset - offset, p.line, p.column})
		}
	}
	return out
}

// add appends one whole line that stands at the given line of the file.
func (t *text) add(line int, s string) {
	t.pieces = append(t.pieces, piece{len(t.string), line, 1})
	t.string += s
}

// logical joins the continuation lines from line start (1-based) on, as
// BuildKit's parser does: comments and empty lines inside are dropped, the
// escape character and the line end vanish. end is the last line that it took.
func (s *source) logical(start int) (t text, end int) {
	var b strings.Builder
	for n := start; n <= len(s.lines); n++ {
		line := s.lines[n-1]
		column := 1
		if n == start {
			trimmed := bytes.TrimLeftFunc(line, unicode.IsSpace)
			column += len(line) - len(trimmed)
			line = trimmed
		} else if isComment(line) || len(bytes.TrimSpace(line)) == 0 {
			end = n
			continue
		}
		body, more := s.continued(line)
		t.pieces = append(t.pieces, piece{b.Len(), n, column})
		b.Write(body)
		end = n
		if !more {
			break
		}
	}
	t.string = b.String()
	return t, end
}

// continued cuts a trailing escape character off a line, when it is one that
// continues the line: only blanks follow and no other escape precedes it.
func (s *source) continued(line []byte) ([]byte, bool) {
	trimmed := bytes.TrimRight(line, " \t")
	n := len(trimmed)
	if n == 0 || trimmed[n-1] != s.escape || n > 1 && trimmed[n-2] == s.escape {
		return line, false
	}
	return trimmed[:n-1], true
}

// comments lists the comment lines outside the given line ranges, which are
// the instructions.
func (s *source) comments(taken []lineRange) []Comment {
	var out []Comment
	for n := 1; n <= len(s.lines); n++ {
		i, inside := slices.BinarySearchFunc(taken, n, func(r lineRange, n int) int {
			switch {
			case r.end < n:
				return -1
			case r.start > n:
				return 1
			}
			return 0
		})
		if inside {
			n = taken[i].end
			continue
		}
		if line := bytes.TrimSpace(s.lines[n-1]); isComment(line) {
			out = append(out, Comment{Line: n, Text: strings.TrimSpace(string(line[1:]))})
		}
	}
	return out
}

type lineRange struct{ start, end int }

func isComment(line []byte) bool {
	line = bytes.TrimLeftFunc(line, unicode.IsSpace)
	return len(line) > 0 && line[0] == '#'
}
