package fix

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// locatePoetry finds the clauses of a constraint as Poetry and Pipenv write it:
// those of PEP 440, "^1.2", "~1.2", "1.2.*", "1.2" and "*". It fails for what
// has alternatives.
// https://python-poetry.org/docs/dependency-specification/#version-constraints
func locatePoetry(text string) (spans, error) {
	s := spans{text: text, grammar: locatePoetry}
	if strings.Contains(text, "|") {
		return s, errors.New("the constraint has alternatives: edit it by hand")
	}
	at := 0
	for part := range strings.SplitSeq(text, ",") {
		trimmed := strings.TrimLeft(part, whiteSpace)
		from := at + len(part) - len(trimmed)
		at += len(part) + 1
		trimmed = strings.TrimRight(trimmed, whiteSpace)
		if trimmed == "" || trimmed == "*" {
			s.any = trimmed == "*" && strings.TrimSpace(text) == "*"
			continue
		}
		c, err := poetryClause(trimmed)
		if err != nil {
			return s, err
		}
		c.from, c.to, c.versionFrom = from, from+len(trimmed), from+c.versionFrom
		s.clauses = append(s.clauses, c)
	}
	return s, nil
}

// poetryClause reads one clause; versionFrom counts from its start.
func poetryClause(text string) (clauseSpan, error) {
	if strings.ContainsAny(text[:1], "<>!") || strings.HasPrefix(text, "~=") || strings.HasPrefix(text, "==") {
		list, err := locateClauses(text, 0, len(text))
		if err != nil || len(list) != 1 {
			return clauseSpan{}, fmt.Errorf("%q is not one clause", text)
		}
		return list[0], nil
	}
	prefix := ""
	if strings.ContainsAny(text[:1], "^~=") {
		prefix = text[:1]
	}
	version := strings.TrimLeft(text[len(prefix):], whiteSpace)
	c := clauseSpan{versionFrom: len(text) - len(version), prefix: prefix}
	lower := ">=" + version
	if prefix == "" || prefix == "=" {
		lower = "==" + version
	}
	parsed, err := pep440.ParseSpecifiers(lower)
	if err != nil || len(parsed.Clauses()) != 1 {
		return c, fmt.Errorf("%q is no constraint that is edited here", text)
	}
	c.Clause = parsed.Clauses()[0]
	if prefix == "^" || prefix == "~" {
		end, err := pep440.ParseSpecifiers("<" + poetryEnd(prefix, c.Version))
		if err != nil {
			return c, err
		}
		c.upper = &end.Clauses()[0]
	}
	return c, nil
}

// poetryEnd is the version before which "^v" or "~v" ends: the caret lets
// everything change right of the leftmost number that is not zero, the tilde
// right of the second.
func poetryEnd(prefix string, v pep440.Version) string {
	p := v.Parts()
	n := min(2, len(p.Release))
	if prefix == "^" {
		n = 1
		for n < len(p.Release) && strings.Trim(p.Release[n-1], "0") == "" {
			n++
		}
	}
	return epoch(p) + next(p.Release[:n])
}

// poetry are the ways to raise a caret or a tilde: with the new version where
// that ends where it did, else as a range.
func (s spans) poetry(c clauseSpan, floor pep440.Version) []change {
	return []change{
		{c.versionFrom, c.to, floor.String()},
		{c.from, c.to, string(pep440.GreaterOrEqual) + floor.String() + s.comma() + c.upper.String()},
	}
}
