package dockerfile

import (
	"maps"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Bounds of expansion: a file can make a value of a value of a value.
const (
	// maxValueBytes bounds the value of one variable; a longer one counts as
	// unknown.
	maxValueBytes = 4 << 10
	// maxExpandBytes bounds a word that has variables expanded; a longer one
	// stays as it is.
	maxExpandBytes = 8 << 10
)

// variable is what an ARG or ENV gives.
type variable struct {
	value string
	known bool
	env   bool // from ENV, which an ARG never overrides
}

// scope is the variables in force. It is copied on write by its owner.
type scope map[string]variable

func (s scope) clone() scope { return maps.Clone(s) }

func (s scope) set(name, value string, known, env bool) {
	if old, ok := s[name]; ok && old.env && !env {
		return
	}
	if len(value) > maxValueBytes {
		value, known = "", false
	}
	s[name] = variable{value: value, known: known, env: env}
}

// Get and Keys make a scope a shell.EnvGetter.
func (s scope) Get(name string) (string, bool) {
	v, ok := s[name]
	return v.value, ok && v.known
}

// Keys lists the names with known values.
func (s scope) Keys() []string {
	var out []string
	for name, v := range s {
		if v.known {
			out = append(out, name)
		}
	}
	return out
}

// expand puts the values of variables into a word, as Docker does, and
// removes quotes. Known is false when a variable without a known value is
// left; it then stays in the text as written.
func (s scope) expand(word string, escape rune) (text string, known bool) {
	if !strings.ContainsAny(word, "$'\"") && !strings.ContainsRune(word, escape) {
		return word, true
	}
	if len(word) > maxExpandBytes {
		return word, !strings.Contains(word, "$")
	}
	lex := shell.NewLex(escape)
	result, err := lex.ProcessWordWithMatches(word, s)
	if err != nil {
		return word, false
	}
	if missing(word, result.Unmatched) {
		lex.SkipUnsetEnv = true
		if kept, err := lex.ProcessWordWithMatches(word, s); err == nil {
			return kept.Result, false
		}
		return word, false
	}
	return result.Result, true
}

// missing reports whether a variable without value leaves the word unknown:
// one that is used without a default.
func missing(word string, unmatched map[string]struct{}) bool {
	for name := range unmatched {
		for _, modifier := range []string{":-", "-", ":+", "+"} {
			word = strings.ReplaceAll(word, "${"+name+modifier, "")
		}
		if strings.Contains(word, "$"+name) || strings.Contains(word, "${"+name) {
			return true
		}
	}
	return false
}
