package dockerfile

import (
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

// shown returns a piece of the file for a message: without credentials, and
// not too long.
func shown(s string) string {
	s = sbom.RedactText(s)
	if base, _, ok := strings.Cut(s, "?"); ok && strings.Contains(base, "://") {
		s = base // a query may hold a token
	}
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// programName matches what programs are called; a secret that stands where one
// is expected (sudo -S SECRET) seldom looks so.
var programName = regexp.MustCompile(`^[a-z][a-z0-9.+_-]{0,30}$`)

// program names a program for a message.
func program(name string) string {
	if !programName.MatchString(name) {
		return "a program"
	}
	return shown(name)
}

// listed names words for a message: three, and how many more there are.
func listed(words []string) string {
	for i, w := range words {
		words[i] = shown(w)
	}
	switch n := len(words); {
	case n == 1:
		return words[0]
	case n <= 3:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	default:
		return strings.Join(words[:3], ", ") + " and " + itoa(n-3) + " more"
	}
}

// texts returns the words that pass.
func texts(words []dockerfile.Word, pass func(dockerfile.Word) bool) []string {
	var out []string
	for _, w := range words {
		if pass(w) {
			out = append(out, w.Text)
		}
	}
	return out
}

// opaque reports whether a word says nothing of what it will be: it begins
// with a variable or substitution that is not known.
func opaque(w dockerfile.Word) bool { return !w.Known && strings.HasPrefix(w.Text, "$") }

// hadolintURL is where hadolint documents a rule.
func hadolintURL(id string) string { return "https://github.com/hadolint/hadolint/wiki/" + id }
