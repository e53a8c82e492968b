package pep440

import (
	"fmt"
	"strings"
)

// Operator is the comparison of one clause, as PEP 440 writes it.
type Operator string

// The operators, each the section of the specification that defines it.
const (
	Compatible     Operator = "~="
	Matching       Operator = "=="
	Excluding      Operator = "!="
	LessOrEqual    Operator = "<="
	GreaterOrEqual Operator = ">="
	Less           Operator = "<"
	Greater        Operator = ">"
	Arbitrary      Operator = "==="
)

// operators in the order in which they are tried: "===" before "==".
var operators = [...]Operator{
	Arbitrary, Compatible, Matching, Excluding, LessOrEqual, GreaterOrEqual, Less, Greater,
}

// Clause is one comparison of a specifier, as "<2" or "==1.4.*".
type Clause struct {
	// Operator is never empty in a clause that ParseSpecifiers made.
	Operator Operator
	// Text is the version as it is written, without the wildcard and without
	// white space around it.
	Text string
	// Version is Text parsed. It is the zero value for an arbitrary equality
	// ("===") with a text that is no version.
	Version Version
	// Wildcard is true for "==1.4.*" and "!=1.4.*".
	Wildcard bool
}

// String returns the clause without white space, its version as written.
func (c Clause) String() string {
	if c.Wildcard {
		return string(c.Operator) + c.Text + ".*"
	}
	return string(c.Operator) + c.Text
}

// parseClause reads one clause with no white space around it.
func parseClause(s string) (Clause, error) {
	var c Clause
	for _, op := range operators {
		if strings.HasPrefix(s, string(op)) {
			c.Operator = op
			break
		}
	}
	if c.Operator == "" {
		return c, fmt.Errorf("clause %q has no operator: %w", s, ErrInvalid)
	}
	c.Text = trimSpace(s[len(c.Operator):])
	if c.Operator == Arbitrary {
		return c.parseArbitrary(s)
	}
	if c.Operator == Matching || c.Operator == Excluding {
		c.Text, c.Wildcard = strings.CutSuffix(c.Text, ".*")
	}
	p, ok := scan(c.Text)
	if !ok {
		return c, fmt.Errorf("clause %q: version %q: %w", s, c.Text, ErrInvalid)
	}
	if why := c.refuses(&p); why != "" {
		return c, fmt.Errorf("clause %q: %s: %w", s, why, ErrInvalid)
	}
	c.Version = p.version()
	return c, nil
}

// parseArbitrary reads what stands behind "===": any text without white space,
// ';' and ')', which requirements need for themselves.
func (c Clause) parseArbitrary(s string) (Clause, error) {
	if strings.ContainsAny(c.Text, " \t\n\r\f\v;)") {
		return c, fmt.Errorf("clause %q: version %q: %w", s, c.Text, ErrInvalid)
	}
	if p, ok := scan(c.Text); ok {
		c.Version = p.version()
	}
	return c, nil
}

// refuses says why the operator does not admit the version p, "" if it does.
func (c Clause) refuses(p *parts) string {
	switch {
	case c.Wildcard && (p.pre != 0 || p.hasPost || p.hasDev || p.local != ""):
		// "Version matching": a prefix match is on the release segment alone,
		// by the grammar that pypa/packaging publishes with it.
		return "only a release may end in .*"
	case c.Operator == Matching || c.Operator == Excluding:
		return ""
	case p.local != "":
		// "Local version identifiers are NOT permitted in this version
		// specifier" (of ~=, <=, >=, < and >).
		return "a local version needs == or !="
	case c.Operator == Compatible && !strings.Contains(p.release, "."):
		// "This operator MUST NOT be used with a single segment version
		// number such as ~=1."
		return "~= needs a release of at least two numbers"
	}
	return ""
}

// Contains tells whether v satisfies the clause. Pre-releases count like any
// other version; Specifiers.Contains has the rule about them.
func (c Clause) Contains(v Version) bool {
	switch c.Operator {
	case Arbitrary:
		return c.containsText(v.text)
	case Matching:
		return c.matches(v)
	case Excluding:
		return !c.matches(v)
	case GreaterOrEqual:
		return v.Compare(c.Version) >= 0
	case LessOrEqual:
		// "Local version identifiers are NOT permitted in this version
		// specifier", and those of candidates do not count.
		return v.Compare(c.Version) <= 0 || c.Version.isPublicOf(v)
	case Compatible:
		return v.Compare(c.Version) >= 0 && hasPrefix(v, c.compatiblePrefix())
	case Greater:
		return c.isBelow(v)
	case Less:
		return c.isAbove(v)
	}
	return false
}

// containsText is arbitrary equality: "simple string equality operations which
// do not take into account any of the semantic information such as zero
// padding or local versions". Like pypa/packaging it ignores case.
func (c Clause) containsText(s string) bool {
	return strings.EqualFold(s, c.Text)
}

// matches is "==": "If the specified version identifier is a public version
// identifier (no local version label), then the local version label of any
// candidate versions MUST be ignored when matching versions."
func (c Clause) matches(v Version) bool {
	switch {
	case c.Wildcard:
		return hasPrefix(v, c.Version.parts())
	case c.Version.HasLocal():
		return v.Equal(c.Version)
	}
	return c.Version.isPublicOf(v)
}

// isPublicOf tells whether v equals w without the local part of w. v itself
// has none, so its key ends with the byte that says so.
func (v Version) isPublicOf(w Version) bool {
	return v.IsValid() && strings.HasPrefix(w.key, v.key[:len(v.key)-1])
}

// isBelow is ">V": it "MUST NOT allow a post-release of the given version unless
// V itself is a post release" and "MUST NOT match a local version of the
// specified version".
func (c Clause) isBelow(v Version) bool {
	if v.Compare(c.Version) <= 0 || c.Version.isPublicOf(v) {
		return false
	}
	q := v.parts()
	if !q.hasPost {
		return true
	}
	// Without its post part a post-release of V is V.
	q.hasPost, q.postN, q.hasDev, q.devN, q.local = false, "", false, "", ""
	return !q.version().Equal(c.Version)
}

// isAbove is "<V": it "MUST NOT allow a pre-release of the specified version
// unless the specified version is itself a pre-release".
func (c Clause) isAbove(v Version) bool {
	if v.Compare(c.Version) >= 0 {
		return false
	}
	if c.Version.IsPrerelease() || !v.IsPrerelease() {
		return true
	}
	if !c.Version.IsPostrelease() {
		return !v.Base().Equal(c.Version)
	}
	q := v.parts()
	q.hasDev, q.devN, q.local = false, "", ""
	return !q.version().Equal(c.Version)
}

// compatiblePrefix is V.N of "~=V.N.M": "the compatible release clause is
// approximately equivalent to the pair of comparison clauses >= V.N, == V.*".
func (c Clause) compatiblePrefix() parts {
	p := c.Version.parts()
	return parts{epoch: p.epoch, release: p.release[:strings.LastIndexByte(p.release, '.')]}
}

// hasPrefix tells whether v begins with the epoch and release of prefix, after
// "zero padding" of v's release.
func hasPrefix(v Version, prefix parts) bool {
	p := v.parts()
	if p.epochNumber() != prefix.epochNumber() {
		return false
	}
	have, want := p.release, prefix.release
	for want != "" {
		var h, w string
		h, have, _ = strings.Cut(have, ".")
		w, want, _ = strings.Cut(want, ".")
		if trimZeros(h) != trimZeros(w) {
			return false
		}
	}
	return true
}
