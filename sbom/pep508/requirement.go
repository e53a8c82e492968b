// Package pep508 reads dependency specifiers ("requests[socks]>=2,<3;
// python_version < '3.12'"): [Parse] gives a [Requirement], whose [Marker] is
// evaluated for an [Environment] that may be known in part only. It also has
// the rules for project names and for the file names of distributions.
//
// The rules are those of the dependency specifiers specification,
// https://packaging.python.org/en/latest/specifications/dependency-specifiers/
// (PEP 508). Where it leaves room, the package agrees with pypa/packaging
// 26.4; the tests compare.
package pep508

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// Requirement is one dependency specifier.
type Requirement struct {
	// Name is the project as it is written; NormalizeName makes it comparable.
	Name string
	// Extras are the extras asked for, normalised, sorted, none twice; nil for
	// none.
	Extras []string
	// Specifiers say which versions will do. They are empty beside a URL.
	Specifiers pep440.Specifiers
	// URL is the direct reference ("name @ URL"), "" for none. It is as it was
	// written and may hold credentials: remove them before it is shown.
	URL string
	// Marker says in which environments the requirement counts; nil is in all.
	Marker *Marker
}

// SyntaxError says where a requirement, a marker or a file name is wrong. It
// never quotes the text around that place, because a URL in it may hold
// credentials.
type SyntaxError struct {
	// Column counts bytes from 1.
	Column int
	// Reason says what was expected.
	Reason string
}

// Error returns column and reason.
func (e *SyntaxError) Error() string {
	return "column " + strconv.Itoa(e.Column) + ": " + e.Reason
}

// Parse reads one requirement. The error is a *SyntaxError.
func Parse(s string) (Requirement, error) {
	p := parser{text: s}
	r, err := p.requirement()
	if err != nil {
		return Requirement{}, err
	}
	return r, nil
}

// String returns the requirement as pypa/packaging prints it: extras and
// clauses sorted, the marker in canonical form, and the name as written.
// Parsing it gives the same requirement. It shows the URL with any credentials.
func (r Requirement) String() string {
	var b strings.Builder
	b.WriteString(r.Name)
	if len(r.Extras) > 0 {
		b.WriteString("[" + strings.Join(r.Extras, ",") + "]")
	}
	b.WriteString(r.Specifiers.String())
	if r.URL != "" {
		b.WriteString(" @ " + r.URL)
		if r.Marker != nil {
			b.WriteByte(' ')
		}
	}
	if r.Marker != nil {
		b.WriteString("; " + r.Marker.String())
	}
	return b.String()
}

// parser reads text from at on. A requirement is one line: only blanks and
// tabs are white space, but line ends and the like may trail.
type parser struct {
	text  string
	at    int
	depth int // of open parentheses in a marker
}

func (p *parser) fail(at int, reason string) error {
	return &SyntaxError{Column: at + 1, Reason: reason}
}

func (p *parser) rest() string { return p.text[p.at:] }

// skipSpace skips white space and tells whether there was any.
func (p *parser) skipSpace() bool {
	from := p.at
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t') {
		p.at++
	}
	return p.at > from
}

// accept takes c if it is next.
func (p *parser) accept(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

// end tells whether nothing but white space is left.
func (p *parser) end() bool { return strings.Trim(p.rest(), " \t\r\n") == "" }

func (p *parser) requirement() (r Requirement, err error) {
	p.skipSpace()
	n := identifier(p.rest())
	if n == 0 {
		return r, p.fail(p.at, "expected a project name")
	}
	r.Name = strings.Clone(p.text[p.at : p.at+n])
	p.at += n
	p.skipSpace()
	if r.Extras, err = p.extras(); err != nil {
		return r, err
	}
	p.skipSpace()
	if p.accept('@') {
		err = p.url(&r)
	} else {
		r.Specifiers, err = p.specifiers()
	}
	if err != nil || p.end() {
		return r, err
	}
	if !p.accept(';') {
		return r, p.fail(p.at, "expected a version specifier, ';' or the end")
	}
	r.Marker, err = p.wholeMarker()
	return r, err
}

// extras reads "[a, b]", which may be absent or empty.
func (p *parser) extras() ([]string, error) {
	open := p.at
	if !p.accept('[') {
		return nil, nil
	}
	p.skipSpace()
	var extras []string
	for !p.accept(']') {
		if len(extras) > 0 {
			if !p.accept(',') {
				return nil, p.unclosed(open, "expected ',' or ']' after an extra")
			}
			p.skipSpace()
		}
		n := identifier(p.rest())
		if n == 0 {
			return nil, p.unclosed(open, "expected the name of an extra")
		}
		extras = append(extras, strings.Clone(NormalizeName(p.text[p.at:p.at+n])))
		p.at += n
		p.skipSpace()
	}
	slices.Sort(extras)
	return slices.Compact(extras), nil
}

// unclosed blames the bracket at open when the text ended, else this place.
func (p *parser) unclosed(open int, reason string) error {
	if p.end() {
		return p.fail(open, "the bracket is never closed")
	}
	return p.fail(p.at, reason)
}

// url reads what follows '@'. The specification has a blank end the URL, so
// that a ';' may be part of it.
func (p *parser) url(r *Requirement) error {
	p.skipSpace()
	from, text := p.at, p.rest()
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		text = text[:i]
	}
	p.at += len(text)
	text = strings.TrimRight(text, "\r\n")
	if text == "" {
		return p.fail(from, "expected a URL after '@'")
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return p.fail(from, "a URL must not have control characters")
	}
	r.URL = strings.Clone(text)
	p.skipSpace()
	return nil
}

// specifiers reads version clauses, with or without parentheses around them.
func (p *parser) specifiers() (pep440.Specifiers, error) {
	open := p.at
	parenthesised := p.accept('(')
	from := p.at
	n := strings.IndexAny(p.rest(), ";)")
	if n < 0 {
		n = len(p.rest())
	}
	text := p.text[from : from+n]
	if !parenthesised {
		text = strings.TrimRight(text, "\r\n \t")
	}
	specifiers, err := p.clauses(from, text)
	if err != nil {
		return specifiers, err
	}
	p.at = from + n
	if parenthesised && !p.accept(')') {
		return specifiers, p.fail(open, "the parenthesis is never closed")
	}
	p.skipSpace()
	return specifiers, nil
}

// clauses parses text, which begins at column from. One comma may trail, as
// pypa/packaging has it; no other clause may be empty.
func (p *parser) clauses(from int, text string) (pep440.Specifiers, error) {
	if strings.Trim(text, " \t") == "" {
		return pep440.Specifiers{}, nil
	}
	specifiers, bad := pep440.ParseSpecifiers(text)
	at := from
	for clause := range strings.SplitSeq(text, ",") {
		trimmed := strings.TrimLeft(clause, " \t")
		start := at + len(clause) - len(trimmed)
		at += len(clause) + 1
		switch {
		case trimmed == "" && at > from+len(text):
			// The comma before it was the last character.
		case trimmed == "":
			return pep440.Specifiers{}, p.fail(start, "expected a version clause before ','")
		case !strings.ContainsRune("=<>!~", rune(trimmed[0])):
			return pep440.Specifiers{}, p.fail(start, "expected a version specifier, ';' or the end")
		case strings.ContainsAny(trimmed, "\r\n\f\v"):
			return pep440.Specifiers{}, p.fail(start, "expected a version on the same line")
		case bad != nil:
			if _, err := pep440.ParseSpecifiers(trimmed); err != nil {
				return pep440.Specifiers{}, p.fail(start, clauseReason(trimmed, err))
			}
		}
	}
	return specifiers, nil
}

// clauseReason leaves the text of the clause out where it may be a URL.
func clauseReason(clause string, err error) string {
	if strings.ContainsAny(clause, "@/") {
		return "expected a version after the operator"
	}
	return err.Error()
}
