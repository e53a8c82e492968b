package pep508

import "strings"

// NormalizeName returns the normal form of a project name: lower case, with
// every run of '-', '_' and '.' as one '-'.
// https://packaging.python.org/en/latest/specifications/name-normalization/
func NormalizeName(name string) string {
	var b strings.Builder
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
