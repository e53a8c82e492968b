// Package pep440 reads, orders and selects Python versions: [Version] is one
// version, [Specifiers] is a clause list such as ">=3,<5", and [Set] is the set
// of versions that a clause list admits, closed under union, intersection and
// complement.
//
// The rules are those of the version specifiers specification,
// https://packaging.python.org/en/latest/specifications/version-specifiers/
// (PEP 440). Where it leaves room, the package agrees with pypa/packaging
// 26.4; the tests compare. Nothing here is lenient: text that is not a PEP 440
// version is an error, and what to do about it is the caller's decision.
package pep440

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid is what every parse error of this package wraps.
var ErrInvalid = errors.New("not valid by PEP 440")

// Version is one version. The zero value is no version: it is invalid, prints
// as "", and sorts before every valid one.
//
// Two Versions are == exactly when their normal forms are the same text;
// [Version.Equal] is the equality of PEP 440, by which 1.0 equals 1.0.0.
// Numbers may be of any length: nothing wraps or is refused.
type Version struct {
	text string // the normal form
	key  string // orders as the version does, see key.go
}

// Parse reads a version in any of the spellings that PEP 440 admits (Appendix
// B and the normalisations), with white space around it. The error wraps
// ErrInvalid.
func Parse(s string) (Version, error) {
	p, ok := scan(trimSpace(s))
	if !ok {
		return Version{}, fmt.Errorf("version %q: %w", s, ErrInvalid)
	}
	return p.version(), nil
}

// MustParse is Parse for versions in the source of a program; it panics on an
// error.
func MustParse(s string) Version {
	v, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return v
}

// version makes the Version of p. One allocation holds both strings.
func (p *parts) version() Version {
	var buf [128]byte
	b := p.appendText(buf[:0])
	n := len(b)
	b = p.appendKey(b)
	s := string(b)
	return Version{text: s[:n], key: s[n:]}
}

// parts are the parts of v; v must be valid.
func (v Version) parts() parts {
	p, _ := scan(v.text)
	return p
}

// IsValid tells whether v came from Parse, as opposed to the zero value.
func (v Version) IsValid() bool { return v.text != "" }

// String returns the normal form, "" for the zero value.
func (v Version) String() string { return v.text }

// Compare returns -1, 0 or +1 as v sorts before, with or after w in the total
// order of PEP 440 ("Summary of permitted suffixes and relative ordering").
// Trailing zeros of the release do not count; local versions do.
func (v Version) Compare(w Version) int { return strings.Compare(v.key, w.key) }

// Equal tells whether Compare gives 0.
func (v Version) Equal(w Version) bool { return v.key == w.key }

// IsPrerelease tells whether v is an alpha, beta, candidate or developmental
// release.
func (v Version) IsPrerelease() bool {
	// In the normal form these letters are in "a", "b", "rc" and "dev", and not
	// in "post".
	for i := range len(v.text) {
		switch v.text[i] {
		case 'a', 'b', 'c', 'd':
			return true
		case '+':
			return false
		}
	}
	return false
}

// IsPostrelease tells whether v has a post-release part.
func (v Version) IsPostrelease() bool {
	p := v.parts()
	return p.hasPost
}

// IsDevrelease tells whether v has a developmental part.
func (v Version) IsDevrelease() bool {
	p := v.parts()
	return p.hasDev
}

// HasLocal tells whether v has a local part ("+cu118").
func (v Version) HasLocal() bool { return strings.IndexByte(v.text, '+') >= 0 }

// Public returns v without its local part.
func (v Version) Public() Version {
	i := strings.IndexByte(v.text, '+')
	if i < 0 {
		return v
	}
	p, _ := scan(v.text[:i])
	return p.version()
}

// Base returns epoch and release alone: no pre, post, dev or local part.
func (v Version) Base() Version {
	if !v.IsValid() {
		return v
	}
	p := v.parts()
	p = parts{epoch: p.epoch, release: p.release}
	return p.version()
}

// Parts is a version taken apart. Numbers are decimal texts without leading
// zeros, because they may be of any length; "" says that the part is absent.
type Parts struct {
	Epoch     string   // "0" when none is written
	Release   []string // as written, trailing zeros kept
	Pre       string   // "a", "b", "rc" or ""
	PreNumber string
	Post      string
	Dev       string
	Local     string // in normal form
}

// Parts takes v apart. For the zero value everything is empty.
func (v Version) Parts() Parts {
	if !v.IsValid() {
		return Parts{}
	}
	p := v.parts()
	return Parts{
		Epoch:     p.epochNumber(),
		Release:   strings.Split(p.release, "."),
		Pre:       preNames[p.pre],
		PreNumber: p.preN,
		Post:      p.postN,
		Dev:       p.devN,
		Local:     p.local,
	}
}

// MarshalText returns the normal form.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.text), nil }

// UnmarshalText is Parse; empty text gives the zero value.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	w, err := Parse(string(text))
	if err != nil {
		return err
	}
	*v = w
	return nil
}
