package catalog

import (
	"bytes"
	"slices"
)

// pnpmUnread are the fields of an entry of "packages" that say nothing about
// which package it is, and are written in one line.
var pnpmUnread = []string{"cpu", "engines", "hasBin", "libc", "optional", "os", "requiresBuild"}

// pnpmUnreadBlocks are those that are written in several.
var pnpmUnreadBlocks = []string{
	"dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta", "transitivePeerDependencies",
}

// trimPnpmEntries removes what the entries of a pnpm-lock.yaml say beside which
// package they are: half of what is left to parse. It knows the lines that pnpm
// writes, each of which ends all that it begins (a quoted text, a bracket), so
// that a line can go without another meaning something else. A lock with any
// other line comes back whole.
func trimPnpmEntries(data []byte) []byte {
	t := pnpmTrimmer{out: make([]byte, 0, len(data))}
	for line := range bytes.Lines(data) {
		keep, ok := t.line(bytes.TrimRight(line, "\r\n"))
		if !ok {
			return data
		}
		if keep {
			t.out = append(t.out, line...)
		}
	}
	return t.out
}

// pnpmBlock is what the lines below a field are.
type pnpmBlock int

const (
	pnpmNothing pnpmBlock = iota
	pnpmDropped
	pnpmText
)

type pnpmTrimmer struct {
	out []byte
	// inside is true in the section "packages".
	inside bool
	block  pnpmBlock
	// open is true when the last line of a dropped block has lines below it.
	open bool
}

// line says whether a line stays, and ok false if it is not one that pnpm
// writes.
func (t *pnpmTrimmer) line(line []byte) (keep, ok bool) {
	text := bytes.TrimLeft(line, " ")
	indent := len(line) - len(text)
	switch {
	case len(text) == 0:
		return true, true
	case !plainASCII(text):
		return false, false
	case indent == 0:
		t.inside, t.block = string(line) == "packages:", pnpmNothing
		return true, string(line) == "---" || pnpmLine(text)
	case !t.inside:
		return true, pnpmLine(text)
	case t.block == pnpmText && indent > 5:
		return true, true
	case indent == 2:
		t.block = pnpmNothing
		_, value, ok := pnpmPair(text)
		return true, ok && len(value) == 0
	case indent == 4:
		return t.field(text)
	}
	return false, t.block == pnpmDropped && t.below(indent, text)
}

// field judges a field of an entry.
func (t *pnpmTrimmer) field(text []byte) (keep, ok bool) {
	t.block = pnpmNothing
	switch string(bytes.TrimPrefix(text, []byte("deprecated: "))) {
	case "|", "|-", "|+", ">", ">-", ">+":
		t.block = pnpmText
		return true, true
	}
	name, value, ok := pnpmPair(text)
	if ok && len(value) == 0 {
		t.block, t.open = pnpmDropped, false
		return false, slices.Contains(pnpmUnreadBlocks, string(name))
	}
	return !slices.Contains(pnpmUnread, string(name)), ok
}

// below reports whether a line below a dropped field is one that pnpm writes.
func (t *pnpmTrimmer) below(indent int, text []byte) bool {
	_, value, ok := pnpmPair(text)
	switch indent {
	case 6:
		t.open = ok && len(value) == 0
		return ok || pnpmLine(text)
	case 8:
		return ok && t.open && len(value) > 0
	}
	return false
}

// plainASCII reports whether the text has no control character, and none that
// some reader of YAML takes for the end of a line.
func plainASCII(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// pnpmLine reports whether the text is an item of a list or a pair.
func pnpmLine(text []byte) bool {
	if item, is := bytes.CutPrefix(text, []byte("- ")); is {
		return len(item) > 0 && pnpmValue(item)
	}
	_, _, ok := pnpmPair(text)
	return ok
}

// pnpmPair splits "key: value" and "key:", and is not ok if the line does not
// end what it begins.
func pnpmPair(text []byte) (key, value []byte, ok bool) {
	if text[0] == '\'' {
		end := bytes.IndexByte(text[1:], '\'') + 1
		key, value = text[1:max(end, 1)], text[end+1:]
	} else {
		end := bytes.Index(text, []byte(": "))
		if end < 0 {
			end = len(text) - 1
		}
		key, value = text[:end], text[end:]
		if end == 0 || bytes.ContainsAny(key, "'\"#{}[],&*!|>%`?") || key[0] == '-' || key[0] == '@' {
			return nil, nil, false
		}
	}
	if len(value) == 1 && value[0] == ':' {
		return key, nil, true
	}
	value, ok = bytes.CutPrefix(value, []byte(": "))
	return key, value, ok && len(value) > 0 && pnpmValue(value)
}

// pnpmValue reports whether a value ends what it begins, and has no comment, no
// anchor, no tag and no block of text.
// https://yaml.org/spec/1.2.2/#73-flow-scalar-styles
func pnpmValue(value []byte) bool {
	switch first := value[0]; first {
	case '\'', '"':
		end := bytes.IndexByte(value[1:], first) + 1
		return end == len(value)-1 && end > 0 && bytes.IndexByte(value, '\\') < 0
	case '{', '[':
		return pnpmFlow(value)
	case '&', '*', '!', '|', '>', '%', '@', '`', '?', '-', ',', ']', '}', '#', ':', ' ':
		return false
	}
	return !bytes.Contains(value, []byte(": ")) && !bytes.Contains(value, []byte(" #")) && value[len(value)-1] != ':'
}

// pnpmFlow reports whether a list or mapping in brackets ends with the line.
func pnpmFlow(value []byte) bool {
	var quote, before byte // before is the last byte that is no blank
	depth := 0
	for i, c := range value {
		starts := bytes.IndexByte([]byte("\x00{[,"), before) >= 0 || before == ':' && value[i-1] == ' '
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\\' || c == '#' || before == '\'' && bytes.IndexByte([]byte(" ,]}:"), c) < 0:
			return false
		case c == ' ':
			continue
		case starts && bytes.IndexByte([]byte("&*!|>%@`?-:"), c) >= 0:
			return false
		case c == '\'' && starts:
			quote = c
		case c == '\'' || c == '"':
			return false
		case (c == '{' || c == '[') && starts:
			depth++
		case c == '}' || c == ']':
			depth--
		case c == '{' || c == '[':
			return false
		}
		if before = c; depth == 0 {
			return i == len(value)-1
		}
	}
	return false
}
