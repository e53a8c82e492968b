package pylock

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/tallyman/tallyman/sbom"
)

// A lock is decoded in parts, one for each [[package]] with its sub-tables and
// one, the head, for everything else. So one broken package leaves the others
// readable, and each has its line. The parts are found by a scan that knows
// strings, comments and brackets; go-toml parses them. A part that was cut at
// the wrong place is not well-formed, and hence a gap, never another meaning.

// part is the text of one package; line is where it begins.
type part struct {
	line int
	text []byte
}

// parts are a divided text.
type parts struct {
	// head is the text without its packages, with as many lines.
	head     []byte
	packages []part
	// stray are the lines of tables of a package that stand away from it.
	stray []int
}

// divide cuts a text before each header of an array of tables that keys names.
// When lines is true every line counts as one on its own, also within a string
// or array: for a text whose strings or brackets do not end.
func divide(text []byte, keys []string, lines bool) parts {
	var out parts
	inHead, line, start := true, 1, 0
	flush := func(end int) {
		if inHead {
			out.head = append(out.head, text[start:end]...)
			return
		}
		last := &out.packages[len(out.packages)-1]
		last.text = text[start:end]
		out.head = append(out.head, bytes.Repeat([]byte("\n"), bytes.Count(last.text, []byte("\n")))...)
	}
	for at := 0; at < len(text); {
		end := lineEnd(text, at)
		h, isHeader := readHeader(text[at:end])
		ours := isHeader && slices.Contains(keys, h.key)
		switch {
		case ours && h.array && !h.sub:
			flush(at)
			inHead, start = false, at
			out.packages = append(out.packages, part{line: line})
		case ours && inHead && len(out.packages) > 0:
			out.stray = append(out.stray, line)
		case isHeader && !ours && !inHead:
			flush(at)
			inHead, start = true, at
		case !isHeader && !lines:
			end = logicalEnd(text, at)
		}
		line += bytes.Count(text[at:end], []byte("\n"))
		at = end
	}
	flush(len(text))
	return out
}

// header is a line like [a.b] or [[a]].
type header struct {
	key        string
	array, sub bool
}

// readHeader reads a table header. https://toml.io/en/v1.0.0#table
func readHeader(line []byte) (h header, ok bool) {
	line = bytes.TrimLeft(line, " \t")
	if len(line) == 0 || line[0] != '[' {
		return header{}, false
	}
	h.array = bytes.HasPrefix(line, []byte("[["))
	inner := bytes.TrimLeft(line, "[")
	end := bytes.IndexByte(inner, ']')
	if end < 0 {
		return header{}, false
	}
	inner = inner[:end]
	if bytes.ContainsAny(inner, `"'`) {
		return quotedHeader(line)
	}
	key, _, sub := bytes.Cut(inner, []byte("."))
	h.key, h.sub = string(bytes.TrimSpace(key)), sub
	return h, h.key != "" && !strings.ContainsAny(h.key, ",{}#= \t")
}

// quotedHeader reads a header with quoted keys, in which any letter may be an
// escape.
func quotedHeader(line []byte) (h header, ok bool) {
	var table map[string]any
	if err := toml.Unmarshal(line, &table); err != nil || len(table) != 1 {
		return header{}, false
	}
	for key, value := range table {
		h.key, h.array = key, bytes.HasPrefix(line, []byte("[["))
		inner, isTable := value.(map[string]any)
		h.sub = isTable && len(inner) > 0
	}
	return h, true
}

// lineEnd returns where the line of text[at] ends, behind its newline.
func lineEnd(text []byte, at int) int {
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// logicalEnd returns where the key and value that begin at text[at] end, behind
// their newline. It is the end of the text for a value that does not end.
func logicalEnd(text []byte, at int) int {
	depth := 0
	for at < len(text) {
		switch text[at] {
		case '\n':
			if at++; depth <= 0 {
				return at
			}
		case '#':
			// The newline itself is for the next round.
			if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
				at += i
			} else {
				at = len(text)
			}
		case '"', '\'':
			at = stringEnd(text, at)
		case '[', '{':
			depth++
			at++
		case ']', '}':
			depth--
			at++
		default:
			at++
		}
	}
	return at
}

// stringEnd returns where the string that begins at text[at] ends, behind its
// quotes, or before the newline that a string of one line does not have.
// https://toml.io/en/v1.0.0#string
func stringEnd(text []byte, at int) int {
	quote := text[at]
	three := bytes.Repeat([]byte{quote}, 3)
	if !bytes.HasPrefix(text[at:], three) {
		for i := at + 1; i < len(text); i++ {
			switch {
			case text[i] == quote:
				return i + 1
			case text[i] == '\n':
				return i
			case text[i] == '\\' && quote == '"':
				i++
			}
		}
		return len(text)
	}
	for i := at + 3; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case bytes.HasPrefix(text[i:], three):
			// One or two quotes may stand before the three that end it.
			i += 3
			for n := 0; n < 2 && i < len(text) && text[i] == quote; n++ {
				i++
			}
			return i
		}
	}
	return len(text)
}

// entry is one decoded package and its line.
type entry[T any] struct {
	line  int
	value T
}

// decodePackages divides a lock and decodes its packages. A package that cannot
// be decoded is a gap; if its name and version are there it is kept with them.
func decodePackages[T any](r *reader, text []byte, keys ...string) (head []byte, entries []entry[T]) {
	divided := divide(text, keys, false)
	for _, line := range divided.stray {
		r.gap(sbom.GapUnparsed, line, "", "a table that belongs to a package stands away from it")
	}
	var one func(p part, again bool)
	one = func(p part, again bool) {
		var tables map[string][]T
		err := toml.Unmarshal(p.text, &tables)
		if err == nil {
			for _, key := range keys {
				for _, value := range tables[key] {
					entries = append(entries, entry[T]{p.line, value})
				}
			}
			return
		}
		if again {
			// A string or bracket that does not end swallowed what follows.
			for _, sub := range divide(p.text, keys, true).packages {
				one(part{p.line + sub.line - 1, sub.text}, false)
			}
			return
		}
		r.broken(p, keys, err)
	}
	for _, p := range divided.packages {
		one(p, true)
	}
	// A string or bracket of the head that does not end swallowed packages.
	if hidden := divide(divided.head, keys, true); len(hidden.packages) > 0 && toml.Unmarshal(divided.head, &map[string]any{}) != nil {
		divided.head = hidden.head
		for _, p := range hidden.packages {
			one(p, false)
		}
	}
	return divided.head, entries
}

// nameLine finds the name of a package in a text that does not parse.
var nameLine = regexp.MustCompile(`(?m)^name\s*=\s*["']([A-Za-z0-9._-]{1,200})["']`)

// broken makes a gap of a package that could not be decoded.
func (r *reader) broken(p part, keys []string, err error) {
	name := ""
	if m := nameLine.FindSubmatch(p.text); m != nil {
		name = string(m[1])
	}
	line, text := decodeError(err)
	if line > 0 {
		line--
	}
	r.gap(sbom.GapUnparsed, p.line+line, name, "a package of the lock cannot be read: %s", text)
	// A value of another type than expected leaves the rest readable.
	var tables map[string][]struct {
		Name    string `toml:"name"`
		Version string `toml:"version"`
	}
	if toml.Unmarshal(p.text, &tables) != nil {
		return
	}
	for _, key := range keys {
		for _, table := range tables[key] {
			r.add(Package{Name: table.Name, Version: table.Version, Line: p.line})
		}
	}
}

// head decodes what is not a package. What cannot be decoded is a gap.
func (r *reader) head(text []byte, into any) {
	if err := toml.Unmarshal(text, into); err != nil {
		line, reason := decodeError(err)
		r.gap(sbom.GapUnparsed, line, "", "the lock's own data cannot be read: %s", reason)
	}
}

// decodeError takes an error of go-toml apart; line is 0 when it is not known.
func decodeError(err error) (line int, text string) {
	text = strings.TrimPrefix(err.Error(), "toml: ")
	var decode *toml.DecodeError
	if !errors.As(err, &decode) {
		return 0, text
	}
	line, _ = decode.Position()
	// The names of our own types say nothing to who reads a gap.
	if before, _, ok := strings.Cut(text, " into "); ok {
		text = before + " as " + strings.Join(decode.Key(), ".")
	}
	return line, text
}
