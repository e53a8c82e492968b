package fix

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// clauseSpan is one version clause and where it stands in a text.
type clauseSpan struct {
	pep440.Clause
	// from and to bound the clause without white space around it; versionFrom
	// is where its version begins.
	from, to, versionFrom int
	// prefix and upper are Poetry's: "^1.2" is ">=1.2" with upper "<2".
	prefix string
	upper  *pep440.Clause
}

// set is what the clause admits.
func (c clauseSpan) set() pep440.Set {
	if c.upper == nil {
		return c.Set()
	}
	return c.Set().Intersect(c.upper.Set())
}

// operator is how the clause begins.
func (s spans) operator(c clauseSpan) string {
	if op := string(c.Operator); strings.HasPrefix(s.text[c.from:c.to], op) {
		return op
	}
	return c.prefix
}

// space is the white space between operator and version.
func (s spans) space(c clauseSpan) string {
	return s.text[c.from+len(s.operator(c)) : c.versionFrom]
}

// spans is where the parts of a requirement stand in its text.
type spans struct {
	text string
	// nameEnd is where the name and its extras end, 0 when the text has
	// clauses only.
	nameEnd int
	clauses []clauseSpan
	// any is true for Poetry's "*", which a clause takes the place of.
	any bool
	// grammar reads such a text.
	grammar func(string) (spans, error)
}

// locate finds the clauses of a requirement by the grammar of PEP 508: name,
// extras in brackets, clauses with or without parentheses, marker.
// https://packaging.python.org/en/latest/specifications/dependency-specifiers/#grammar
func locate(text string) (spans, error) {
	r, err := pep508.Parse(text)
	if err != nil {
		return spans{}, err
	}
	if r.URL != "" {
		return spans{}, errURL
	}
	s := spans{text: text, grammar: locate, nameEnd: strings.Index(text, r.Name) + len(r.Name)}
	at := s.nameEnd
	if rest := strings.TrimLeft(text[at:], " \t"); strings.HasPrefix(rest, "[") {
		s.nameEnd = at + strings.IndexByte(text[at:], ']') + 1
		at = s.nameEnd
	}
	end := len(text)
	if n := strings.IndexAny(text[at:], ";"); n >= 0 {
		end = at + n
	}
	if open := strings.IndexByte(text[at:end], '('); open >= 0 {
		at += open + 1
		n := strings.IndexByte(text[at:end], ')')
		if n < 0 {
			return spans{}, errors.New("the parenthesis is never closed")
		}
		end = at + n
		s.nameEnd = at // What is added stands inside of them.
	}
	if s.clauses, err = locateClauses(text, at, end); err != nil {
		return spans{}, err
	}
	return s, nil
}

// errURL says that a requirement has no clauses because it has a URL.
var errURL = errors.New("it is a direct reference")

// locateClauses finds the clauses of a list that stands in text[at:end].
func locateClauses(text string, at, end int) ([]clauseSpan, error) {
	var out []clauseSpan
	for part := range strings.SplitSeq(text[at:end], ",") {
		trimmed := strings.TrimLeft(part, whiteSpace)
		c := clauseSpan{from: at + len(part) - len(trimmed)}
		at += len(part) + 1
		trimmed = strings.TrimRight(trimmed, whiteSpace)
		if trimmed == "" {
			continue
		}
		c.to = c.from + len(trimmed)
		parsed, err := pep440.ParseSpecifiers(trimmed)
		if err != nil {
			return nil, err
		}
		if len(parsed.Clauses()) != 1 {
			return nil, fmt.Errorf("%q is not one clause", trimmed)
		}
		c.Clause = parsed.Clauses()[0]
		version := strings.TrimLeft(trimmed[len(c.Operator):], whiteSpace)
		c.versionFrom = c.to - len(version)
		out = append(out, c)
	}
	return out, nil
}

const whiteSpace = " \t\r\n\v\f"

// change is one replacement in a text.
type change struct {
	from, to int
	with     string
}

func (c change) apply(text string) string { return text[:c.from] + c.with + text[c.to:] }

// capError says which clauses keep a version out.
type capError struct{ clauses []string }

func (e *capError) Error() string { return e.list() + " prevents it" }

func (e *capError) list() string { return strings.Join(e.clauses, " and ") }

// set is what the clauses admit.
func (s spans) set() pep440.Set {
	sets := make([]pep440.Set, 0, len(s.clauses))
	for _, c := range s.clauses {
		sets = append(sets, c.set())
	}
	return pep440.IntersectionOf(sets...)
}

// pin returns the clause that names one version.
func (s spans) pin() (clauseSpan, bool) {
	for _, c := range s.clauses {
		if exact(c.Clause) {
			return c, true
		}
	}
	return clauseSpan{}, false
}

// prereleases reports whether a clause names a pre-release, so that installers
// take them like any other version. A clause that only excludes one does not.
// https://packaging.python.org/en/latest/specifications/version-specifiers/#handling-of-pre-releases
func (s spans) prereleases() bool {
	return slices.ContainsFunc(s.clauses, func(c clauseSpan) bool {
		return c.Operator != pep440.Excluding && c.Version.IsValid() && c.Version.IsPrerelease()
	})
}

// exact reports whether a clause admits one version only.
func exact(c pep440.Clause) bool {
	return c.Operator == pep440.Arbitrary || c.Operator == pep440.Matching && !c.Wildcard
}

// from reports whether nothing below a version is admitted.
func (s spans) from(floor pep440.Version) bool {
	return s.set().Intersect(atLeast(floor)).Equal(s.set())
}

// atLeast is what the clause ">=v" admits.
func atLeast(v pep440.Version) pep440.Set {
	return pep440.Clause{Operator: pep440.GreaterOrEqual, Text: v.String(), Version: v}.Set()
}

// raise returns the change after which the clauses admit what they did, from
// floor on; a pin is moved to floor. ok is false when nothing has to change.
// The error is a *capError when no version would be left.
func (s spans) raise(floor pep440.Version) (c change, ok bool, err error) {
	if pin, is := s.pin(); is {
		return s.move(pin, floor)
	}
	want := s.set().Intersect(atLeast(floor))
	switch {
	case want.IsEmpty():
		return c, false, s.capped(floor)
	case want.Equal(s.set()):
		return c, false, nil
	}
	for _, candidate := range s.candidates(floor) {
		if after, err := s.grammar(candidate.apply(s.text)); err == nil && after.set().Equal(want) {
			return candidate, true, nil
		}
	}
	return c, false, fmt.Errorf("no clause was found that raises it to %s", floor)
}

// move changes the version of a pin. What stands beside it must admit it.
func (s spans) move(pin clauseSpan, to pep440.Version) (c change, ok bool, err error) {
	if pin.Version.IsValid() && pin.Version.Compare(to) >= 0 && pin.Clause.Contains(pin.Version) {
		return c, false, nil
	}
	var against []string
	for _, other := range s.clauses {
		if other.from != pin.from && !other.set().Contains(to) {
			against = append(against, s.text[other.from:other.to])
		}
	}
	if len(against) > 0 {
		return c, false, &capError{against}
	}
	return change{pin.versionFrom, pin.to, to.String()}, true, nil
}

// capped names the clauses that admit nothing from floor on, or all of them if
// none does it alone.
func (s spans) capped(floor pep440.Version) error {
	var alone, all []string
	for _, c := range s.clauses {
		text := s.text[c.from:c.to]
		all = append(all, text)
		if c.set().Intersect(atLeast(floor)).IsEmpty() {
			alone = append(alone, text)
		}
	}
	if len(alone) == 0 {
		alone = all
	}
	return &capError{alone}
}

// candidates are the changes that may raise the floor, the best first: the
// version of a lower bound, its operator too, a new clause.
func (s spans) candidates(floor pep440.Version) []change {
	var out []change
	version := floor.String()
	for _, c := range s.clauses {
		if c.Operator == pep440.GreaterOrEqual && c.upper == nil {
			out = append(out, change{c.versionFrom, c.to, version})
		}
	}
	for _, c := range s.clauses {
		switch {
		case c.upper != nil:
			out = append(out, s.poetry(c, floor)...)
		case c.Operator == pep440.Greater:
			out = append(out, change{c.from, c.to, string(pep440.GreaterOrEqual) + s.space(c) + version})
		case c.Operator == pep440.Compatible:
			out = append(out, s.compatible(c, floor)...)
		}
	}
	return append(out, s.add(pep440.GreaterOrEqual, version))
}

// compatible are the ways to raise "~=1.4": as "~=1.6" where that says the
// same, else as a range with the end that it had.
// https://packaging.python.org/en/latest/specifications/version-specifiers/#compatible-release
func (s spans) compatible(c clauseSpan, floor pep440.Version) []change {
	space := s.space(c)
	out := []change{{c.versionFrom, c.to, floor.String()}}
	parts := c.Version.Parts()
	if short := floor.Parts().Release; len(short) > len(parts.Release) {
		// "~=1.6.0" would end before 1.7, "~=1.6" before 2.
		cut := strings.Join(short[:len(parts.Release)], ".")
		out = append(out, change{c.versionFrom, c.to, epoch(parts) + cut})
	}
	release := parts.Release[:len(parts.Release)-1]
	end := epoch(parts) + next(release)
	comma := s.comma()
	out = append(out, change{c.from, c.to,
		string(pep440.GreaterOrEqual) + space + floor.String() + comma + string(pep440.Less) + space + end})
	return out
}

func epoch(p pep440.Parts) string {
	if p.Epoch == "0" {
		return ""
	}
	return p.Epoch + "!"
}

// next returns the release that follows all that begin with release.
func next(release []string) string {
	last := []byte(release[len(release)-1])
	i := len(last) - 1
	for ; i >= 0 && last[i] == '9'; i-- {
		last[i] = '0'
	}
	if i < 0 {
		last = append([]byte{'1'}, last...)
	} else {
		last[i]++
	}
	return strings.Join(append(append([]string{}, release[:len(release)-1]...), string(last)), ".")
}

// add is a new clause: in front of the others when it is a lower bound, behind
// them otherwise, spaced as they are.
func (s spans) add(op pep440.Operator, version string) change {
	if s.any {
		return change{0, len(s.text), string(op) + version}
	}
	if len(s.clauses) == 0 {
		return change{s.nameEnd, s.nameEnd, string(op) + version}
	}
	first, last := s.clauses[0], s.clauses[len(s.clauses)-1]
	text := string(op) + s.space(first) + version
	if op == pep440.GreaterOrEqual {
		return change{first.from, first.from, text + s.comma()}
	}
	return change{last.to, last.to, s.comma() + text}
}

// comma is what stands between clauses.
func (s spans) comma() string {
	switch {
	case len(s.clauses) > 1:
		between := s.text[s.clauses[0].to:s.clauses[1].from]
		if !strings.ContainsAny(between, "\r\n") {
			return between
		}
	case len(s.clauses) == 1 && s.space(s.clauses[0]) != "":
		return ", "
	}
	return ","
}

// without excludes single versions.
func (s spans) without(versions []string) (c change, ok bool) {
	set := s.set()
	var text []string
	for _, v := range versions {
		parsed, err := pep440.Parse(v)
		if err != nil || !set.Contains(parsed) {
			continue
		}
		text = append(text, v)
	}
	if len(text) == 0 {
		return c, false
	}
	c = s.add(pep440.Excluding, text[0])
	for _, v := range text[1:] {
		c.with += "," + string(pep440.Excluding) + v
	}
	return c, true
}
