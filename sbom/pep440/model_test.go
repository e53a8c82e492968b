package pep440_test

import (
	"cmp"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// compareModel orders versions by the text of PEP 440 over their parts, slowly
// and without the keys that the package compares by.
func compareModel(v, w pep440.Parts) int {
	return cmp.Or(
		compareNumbers(v.Epoch, w.Epoch),
		compareReleases(v.Release, w.Release),
		compareSuffix(rankPre(v), rankPre(w), v.PreNumber, w.PreNumber),
		compareSuffix(present(v.Post), present(w.Post), v.Post, w.Post),
		compareSuffix(-present(v.Dev), -present(w.Dev), v.Dev, w.Dev),
		compareLocals(v.Local, w.Local),
	)
}

func compareNumbers(a, b string) int {
	x, _ := new(big.Int).SetString(cmp.Or(a, "0"), 10)
	y, _ := new(big.Int).SetString(cmp.Or(b, "0"), 10)
	return x.Cmp(y)
}

// compareReleases pads the shorter release with zeros.
func compareReleases(a, b []string) int {
	for i := range max(len(a), len(b)) {
		x, y := "0", "0"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if c := compareNumbers(x, y); c != 0 {
			return c
		}
	}
	return 0
}

func compareSuffix(kindA, kindB int, a, b string) int {
	return cmp.Or(cmp.Compare(kindA, kindB), compareNumbers(a, b))
}

func present(number string) int {
	if number == "" {
		return 0
	}
	return 1
}

// rankPre has ".devN, aN, bN, rcN, <no suffix>, .postN".
func rankPre(p pep440.Parts) int {
	switch {
	case p.Pre != "":
		return map[string]int{"a": 1, "b": 2, "rc": 3}[p.Pre]
	case p.Dev != "" && p.Post == "":
		return 0
	}
	return 4
}

// compareLocals: "when comparing a numeric and lexicographic segment, the
// numeric section always compares as greater", and a longer label is greater.
func compareLocals(a, b string) int {
	if a == "" || b == "" {
		return cmp.Compare(len(a), len(b))
	}
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		if c := compareSegments(x[i], y[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

func compareSegments(a, b string) int {
	isNumber := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	switch {
	case isNumber(a) && isNumber(b):
		return compareNumbers(a, b)
	case isNumber(a):
		return 1
	case isNumber(b):
		return -1
	}
	return cmp.Compare(a, b)
}

// randomVersion draws from few numbers, so that versions are often near one
// another: that is where the operators differ.
func randomVersion(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(12) == 0 {
		b.WriteString("1!")
	}
	writeRelease(&b, r, 1)
	if r.IntN(3) == 0 {
		b.WriteString([]string{"a", "b", "rc"}[r.IntN(3)] + small(r))
	}
	if r.IntN(3) == 0 {
		b.WriteString(".post" + small(r))
	}
	if r.IntN(3) == 0 {
		b.WriteString(".dev" + small(r))
	}
	if r.IntN(4) == 0 {
		b.WriteString("+" + []string{"a", "0", "1", "a.0", "a.a", "0a", "cu118"}[r.IntN(7)])
	}
	return b.String()
}

func writeRelease(b *strings.Builder, r *rand.Rand, least int) {
	for i := range least + r.IntN(4-least) {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(small(r))
	}
}

func small(r *rand.Rand) string {
	if r.IntN(40) == 0 {
		return "99999999999999999999"
	}
	return strconv.Itoa(r.IntN(3))
}

// randomClause draws any clause that parses.
func randomClause(r *rand.Rand) string {
	op := []string{"==", "!=", "<", "<=", ">", ">=", "~=", "==*", "!=*", "==="}[r.IntN(10)]
	switch op {
	case "==*", "!=*":
		var b strings.Builder
		writeRelease(&b, r, 1)
		return op[:2] + b.String() + ".*"
	case "==", "!=", "===":
		return op + randomVersion(r)
	case "~=":
		var b strings.Builder
		writeRelease(&b, r, 2)
		return op + b.String() + []string{"", "a1", ".post1", ".dev0"}[r.IntN(4)]
	}
	public, _, _ := strings.Cut(randomVersion(r), "+")
	return op + public
}

func randomSpecifiers(r *rand.Rand, most int) pep440.Specifiers {
	var clauses []string
	for range r.IntN(most + 1) {
		clauses = append(clauses, randomClause(r))
	}
	s, err := pep440.ParseSpecifiers(strings.Join(clauses, ","))
	if err != nil {
		panic(err)
	}
	return s
}
