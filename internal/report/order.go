package report

import (
	"cmp"
	"strings"
)

// compareVersions orders two fixed versions of one ecosystem well enough to
// name the higher one to a person; nothing is decided by it. Numbers compare as
// numbers and '~' sorts before the end, as in Debian; outside the
// distributions a pre-release word sorts before the end too.
// https://www.debian.org/doc/debian-policy/ch-controlfields.html#version
func compareVersions(ecosystem, a, b string) int {
	words := !strings.HasPrefix(ecosystem, "Debian") && !strings.HasPrefix(ecosystem, "Ubuntu") && !strings.HasPrefix(ecosystem, "Alpine")
	if c := compareEpochs(&a, &b); c != 0 {
		return c
	}
	for a != "" || b != "" {
		x, y := token(&a), token(&b)
		if c := compareTokens(x, y, words); c != 0 {
			return c
		}
	}
	return 0
}

// compareEpochs takes the epochs ("1:" or "1!") off both versions.
func compareEpochs(a, b *string) int {
	epoch := func(s *string) int {
		i := strings.IndexAny(*s, ":!")
		if i < 0 {
			return 0
		}
		n := number((*s)[:i])
		*s = (*s)[i+1:]
		return n
	}
	return cmp.Compare(epoch(a), epoch(b))
}

// token takes the next number, word or '~' off s; separators are dropped.
func token(s *string) string {
	rest := strings.TrimLeft(*s, ".-_+")
	class := func(c byte) int {
		switch {
		case '0' <= c && c <= '9':
			return 1
		case strings.IndexByte(".-_+", c) >= 0:
			return 2
		case c == '~':
			return 3
		}
		return 0
	}
	n := 0
	for n < len(rest) && class(rest[n]) == class(rest[0]) && (class(rest[0]) != 3 || n == 0) {
		n++
	}
	*s = rest[n:]
	return rest[:n]
}

func compareTokens(a, b string, preWords bool) int {
	return cmp.Or(
		cmp.Compare(tokenRank(a, preWords), tokenRank(b, preWords)),
		cmp.Compare(number(a), number(b)),
		strings.Compare(strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")),
	)
}

// tokenRank puts '~' before a pre-release word before the end before any other
// word before a number.
func tokenRank(s string, preWords bool) int {
	switch {
	case s == "~":
		return 0
	case s == "":
		return 2
	case '0' <= s[0] && s[0] <= '9':
		return 4
	case preWords && s != "post":
		return 1
	}
	return 3
}

// number is the value of a run of digits; one of more than fifteen counts as
// the largest.
func number(s string) int {
	s = strings.TrimLeft(s, "0")
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0
	}
	if len(s) > 15 {
		return 1e15
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}
