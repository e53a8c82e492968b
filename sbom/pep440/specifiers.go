package pep440

import (
	"cmp"
	"slices"
	"strings"
)

// Specifiers are clauses that a version must all satisfy. The zero value has
// no clause and admits every version.
type Specifiers struct {
	clauses []Clause // sorted by String, no two the same
}

// ParseSpecifiers reads clauses separated by commas, as ">= 3, < 5". "" is the
// zero value, and so is a list of nothing but commas and white space. The
// error wraps ErrInvalid.
func ParseSpecifiers(s string) (Specifiers, error) {
	var clauses []Clause
	for text := range strings.SplitSeq(s, ",") {
		text = trimSpace(text)
		if text == "" {
			continue
		}
		c, err := parseClause(text)
		if err != nil {
			return Specifiers{}, err
		}
		clauses = append(clauses, c)
	}
	return Specifiers{clauses: normalise(clauses)}, nil
}

// normalise sorts clauses by their text, as pypa/packaging prints them, and
// keeps one of those that are spelled the same.
func normalise(clauses []Clause) []Clause {
	slices.SortFunc(clauses, compareSpelling)
	return slices.Compact(clauses)
}

// compareSpelling compares what String returns, without making it where the
// order is plain.
func compareSpelling(a, b Clause) int {
	switch {
	case a.Operator == b.Operator && !a.Wildcard && !b.Wildcard:
		return cmp.Compare(a.Text, b.Text)
	case a.Operator[0] != b.Operator[0]:
		return cmp.Compare(a.Operator[0], b.Operator[0])
	}
	return cmp.Compare(a.String(), b.String())
}

// IsEmpty tells whether there is no clause, so that any version will do.
func (s Specifiers) IsEmpty() bool { return len(s.clauses) == 0 }

// Clauses returns the clauses in canonical order.
func (s Specifiers) Clauses() []Clause { return slices.Clone(s.clauses) }

// String returns the clauses joined by commas, without white space, sorted by
// their text; each version as it was written. Parsing it gives s again.
func (s Specifiers) String() string {
	if len(s.clauses) == 0 {
		return ""
	}
	if len(s.clauses) == 1 {
		return s.clauses[0].String()
	}
	var b strings.Builder
	for i, c := range s.clauses {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(c.String())
	}
	return b.String()
}

// Equal tells whether s and t have the same clauses, spelled the same. Two
// specifiers that are spelled differently may still admit the same versions;
// compare their Sets for that.
func (s Specifiers) Equal(t Specifiers) bool { return slices.Equal(s.clauses, t.clauses) }

// And returns the clauses of both.
func (s Specifiers) And(t Specifiers) Specifiers {
	return Specifiers{clauses: normalise(slices.Concat(s.clauses, t.clauses))}
}

// Pin returns the version that s fixes, and whether it does: it is a single
// "==" without wildcard, or a single "===" with a text that is a version. Local
// versions of the pin also satisfy "==".
func (s Specifiers) Pin() (Version, bool) {
	if len(s.clauses) != 1 {
		return Version{}, false
	}
	c := s.clauses[0]
	if c.Operator != Arbitrary && (c.Operator != Matching || c.Wildcard) {
		return Version{}, false
	}
	return c.Version, c.Version.IsValid()
}

// Prereleases says what becomes of pre-releases and developmental releases.
type Prereleases int

// The rules for pre-releases.
const (
	// PrereleasesDefault is the rule of PEP 440, "Handling of pre-releases":
	// they are left out unless a clause names one, or nothing else satisfies
	// the specifiers. So Contains, which sees one version alone, admits them;
	// only Filter can leave them out. It is what pypa/packaging does with
	// prereleases=None.
	PrereleasesDefault Prereleases = iota
	// PrereleasesAllowed lets them in like any other version.
	PrereleasesAllowed
	// PrereleasesExcluded keeps them out, even when a clause names one.
	PrereleasesExcluded
)

// Contains tells whether v satisfies all clauses. The zero Version never does.
func (s Specifiers) Contains(v Version, pre Prereleases) bool {
	if !v.IsValid() || pre == PrereleasesExcluded && v.IsPrerelease() {
		return false
	}
	for _, c := range s.clauses {
		if !c.Contains(v) {
			return false
		}
	}
	return true
}

// ContainsText is Contains for text that may be no version: such text satisfies
// arbitrary equality only, and no clause at all.
func (s Specifiers) ContainsText(text string, pre Prereleases) bool {
	if v, err := Parse(text); err == nil {
		return s.Contains(v, pre)
	}
	for _, c := range s.clauses {
		if c.Operator != Arbitrary || !c.containsText(text) {
			return false
		}
	}
	return true
}

// Filter returns those of versions that satisfy s, in the order given.
func (s Specifiers) Filter(versions []Version, pre Prereleases) []Version {
	var final, all []Version
	for _, v := range versions {
		if !s.Contains(v, pre) {
			continue
		}
		all = append(all, v)
		if !v.IsPrerelease() {
			final = append(final, v)
		}
	}
	if pre == PrereleasesDefault && len(final) > 0 && !s.NamesPrerelease() {
		return final
	}
	return all
}

// NamesPrerelease tells whether a clause other than "!=" names a pre-release,
// which makes pre-releases eligible.
func (s Specifiers) NamesPrerelease() bool {
	return slices.ContainsFunc(s.clauses, func(c Clause) bool {
		return c.Operator != Excluding && c.Version.IsValid() && c.Version.IsPrerelease()
	})
}

// MarshalText returns the canonical form.
func (s Specifiers) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSpecifiers.
func (s *Specifiers) UnmarshalText(text []byte) error {
	t, err := ParseSpecifiers(string(text))
	if err != nil {
		return err
	}
	*s = t
	return nil
}
