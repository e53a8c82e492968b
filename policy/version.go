package policy

import (
	"cmp"
	"strings"
)

// compareVersions orders fixed versions for the remedy that a reason names.
// It decides nothing: a finding says itself what is affected.
func compareVersions(_, a, b string) int {
	return cmp.Or(naturally(a, b), strings.Compare(a, b))
}

// naturally compares an epoch ("1:") first, then runs of digits by value and
// everything else by bytes. A version that goes on with letters or a tilde
// ("1.0rc1", "1.0~beta") is before the one that ends or goes on otherwise.
func naturally(a, b string) int {
	a, b = epoch(a), epoch(b)
	for a != "" && b != "" {
		ra, rb := run(a), run(b)
		if digit(ra[0]) && digit(rb[0]) {
			na, nb := strings.TrimLeft(ra, "0"), strings.TrimLeft(rb, "0")
			if c := cmp.Or(cmp.Compare(len(na), len(nb)), strings.Compare(na, nb)); c != 0 {
				return c
			}
		} else if ra != rb {
			return cmp.Or(ending(a)-ending(b), strings.Compare(ra, rb))
		}
		a, b = a[len(ra):], b[len(rb):]
	}
	return ending(a) - ending(b)
}

// epoch makes an absent epoch explicit.
func epoch(v string) string {
	if strings.ContainsAny(v, ":!") {
		return v
	}
	return "0:" + v
}

func run(s string) string {
	i := 1
	for i < len(s) && digit(s[i]) == digit(s[0]) {
		i++
	}
	return s[:i]
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func ending(rest string) int {
	switch {
	case rest == "":
		return 0
	case rest[0] == '~' || 'a' <= rest[0] && rest[0] <= 'z':
		return -1
	}
	return 1
}
