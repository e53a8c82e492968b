package audit

import (
	"fmt"
	"regexp"
	"strings"
)

// compileGlob makes a regular expression of a pattern of .gitignore, over the
// bytes of a path as latin1 spells them. ok is false for a pattern that matches
// nothing: one that ends in a backslash or within brackets.
// https://git-scm.com/docs/gitignore#_pattern_format
func compileGlob(glob string) (_ *regexp.Regexp, ok bool) {
	var out strings.Builder
	out.WriteString(`^(?s:`)
	for i := 0; i < len(glob); {
		switch glob[i] {
		case '\\':
			if i+1 == len(glob) {
				return nil, false
			}
			literal(&out, glob[i+1])
			i += 2
		case '?':
			out.WriteString(`[^/]`)
			i++
		case '*':
			i = stars(&out, glob, i)
		case '[':
			set, next, ok := brackets(glob, i)
			if !ok {
				return nil, false
			}
			class(&out, set)
			i = next
		default:
			literal(&out, glob[i])
			i++
		}
	}
	out.WriteString(`)$`)
	re, err := regexp.Compile(out.String())
	return re, err == nil
}

// stars writes what the asterisks at i match, and returns where they end: two
// that are a whole part of the path match any number of parts.
func stars(out *strings.Builder, glob string, i int) int {
	end := i
	for end < len(glob) && glob[end] == '*' {
		end++
	}
	whole := end-i > 1 && (i == 0 || glob[i-1] == '/')
	switch {
	case whole && end == len(glob):
		out.WriteString(`.*`)
	case whole && glob[end] == '/':
		out.WriteString(`(?:.*/)?`)
		end++
	default:
		out.WriteString(`[^/]*`)
	}
	return end
}

// literal writes a byte that stands for itself.
func literal(out *strings.Builder, b byte) { fmt.Fprintf(out, `\x{%02x}`, b) }

// class writes a set of bytes; a slash is never in one.
func class(out *strings.Builder, set *[256]bool) {
	out.WriteByte('[')
	empty := true
	for b, in := range set {
		if in && b != '/' {
			fmt.Fprintf(out, `\x{%02x}`, b)
			empty = false
		}
	}
	if empty {
		out.WriteString(`^\x{00}-\x{10ffff}`)
	}
	out.WriteByte(']')
}

// brackets reads the bracket expression at i and returns where it ends.
func brackets(glob string, i int) (set *[256]bool, next int, ok bool) {
	set = &[256]bool{}
	i++
	negated := i < len(glob) && (glob[i] == '!' || glob[i] == '^')
	if negated {
		i++
	}
	for first := true; ; first = false {
		if i >= len(glob) {
			return nil, 0, false
		}
		if glob[i] == ']' && !first {
			break
		}
		if strings.HasPrefix(glob[i:], "[:") {
			name, _, closed := strings.Cut(glob[i+2:], ":]")
			member := posix[name]
			if !closed || member == nil {
				return nil, 0, false
			}
			for b := range set {
				set[b] = set[b] || b < 128 && member(byte(b))
			}
			i += len(name) + 4
			continue
		}
		from, after, ok := member(glob, i)
		if !ok {
			return nil, 0, false
		}
		to := from
		if after+1 < len(glob) && glob[after] == '-' && glob[after+1] != ']' {
			if to, after, ok = member(glob, after+1); !ok {
				return nil, 0, false
			}
		}
		set[from] = true // of a range that goes down, git takes the first
		for b := int(from); b <= int(to); b++ {
			set[b] = true
		}
		i = after
	}
	for b := range set {
		set[b] = set[b] != negated
	}
	return set, i + 1, true
}

// member reads one byte of a bracket expression, which may be escaped.
func member(glob string, i int) (b byte, next int, ok bool) {
	if glob[i] == '\\' {
		i++
	}
	if i >= len(glob) {
		return 0, 0, false
	}
	return glob[i], i + 1, true
}

func between(from, to byte) func(byte) bool { return func(b byte) bool { return b >= from && b <= to } }

func either(tests ...func(byte) bool) func(byte) bool {
	return func(b byte) bool {
		for _, test := range tests {
			if test(b) {
				return true
			}
		}
		return false
	}
}

var (
	digits  = between('0', '9')
	letters = either(between('a', 'z'), between('A', 'Z'))

	// posix are the classes of [[:name:]] in the C locale.
	posix = map[string]func(byte) bool{
		"alnum": either(digits, letters), "alpha": letters, "digit": digits,
		"lower": between('a', 'z'), "upper": between('A', 'Z'),
		"xdigit": either(digits, between('a', 'f'), between('A', 'F')),
		"blank":  either(between(' ', ' '), between('\t', '\t')),
		"space":  either(between(' ', ' '), between('\t', '\r')),
		"cntrl":  either(between(0, 31), between(127, 127)),
		"graph":  between('!', '~'), "print": between(' ', '~'),
		"punct": either(between('!', '/'), between(':', '@'), between('[', '`'), between('{', '~')),
	}
)

// latin1 spells each byte as one character.
func latin1(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= 128 }) < 0 {
		return s
	}
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}
