package pep508

import "strings"

// NormalizeName returns the normal form of a project name or extra: lower
// case, with every run of '-', '_' and '.' as one '-'.
// https://packaging.python.org/en/latest/specifications/name-normalization/
func NormalizeName(name string) string {
	if isNormal(name) {
		return name
	}
	var b strings.Builder
	b.Grow(len(name))
	run := false
	for _, r := range strings.ToLower(name) {
		if r == '-' || r == '_' || r == '.' {
			run = true
			continue
		}
		if run {
			b.WriteByte('-')
			run = false
		}
		b.WriteRune(r)
	}
	if run {
		b.WriteByte('-')
	}
	return b.String()
}

// isNormal tells, without an allocation, of most names that are in normal form
// that they are.
func isNormal(name string) bool {
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		case c == '-' && (i == 0 || name[i-1] != '-'):
		default:
			return false
		}
	}
	return true
}

// ValidName tells whether name is a project name or extra: ASCII letters,
// digits, '.', '_' and '-', with a letter or digit at either end. The empty
// name is not valid.
// https://packaging.python.org/en/latest/specifications/name-normalization/#name-format
func ValidName(name string) bool {
	n := identifier(name)
	return n > 0 && n == len(name)
}

// identifier returns the length of the longest name that s begins with, 0 if
// there is none.
func identifier(s string) int {
	n := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9':
			n = i + 1
		case n > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return n
		}
	}
	return n
}
