package pyproject

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// constraint is a Poetry constraint in the terms of PEP 440.
type constraint struct {
	// specifiers admit what the constraint does, and more unless exact.
	specifiers pep440.Specifiers
	// set is exactly what the constraint admits.
	set   pep440.Set
	exact bool
}

// orBar is what stands between alternatives.
var orBar = regexp.MustCompile(`\s*\|\|?\s*`)

// maxAlternatives bounds how many alternatives one constraint may have,
// maxClauses how many clauses one of those, and maxConstraintBytes how long the
// text is. What they allow takes about a millisecond.
const (
	maxAlternatives    = 10
	maxClauses         = 20
	maxConstraintBytes = 1000
)

// poetryConstraint reads a constraint as Poetry and Pipenv write it: clauses
// of PEP 440, "^1.2", "~1.2", "1.2.*", "1.2" and "*", joined by commas or
// blanks, with alternatives between "||". "" and "*" admit everything.
// https://python-poetry.org/docs/dependency-specification/#version-constraints
func poetryConstraint(s string) (constraint, error) {
	if len(s) > maxConstraintBytes {
		return constraint{}, fmt.Errorf("it is longer than %d bytes", maxConstraintBytes)
	}
	alternatives := orBar.Split(strings.TrimSpace(s), maxAlternatives+1)
	if len(alternatives) > maxAlternatives {
		return constraint{}, fmt.Errorf("more than %d alternatives", maxAlternatives)
	}
	var parts []pep440.Specifiers
	var sets []pep440.Set
	for _, a := range alternatives {
		if a == "" && len(alternatives) > 1 {
			return constraint{}, errors.New("an alternative is empty")
		}
		specifiers, err := conjunction(a)
		if err != nil {
			return constraint{}, err
		}
		parts, sets = append(parts, specifiers), append(sets, specifiers.Set())
	}
	out := constraint{specifiers: parts[0], set: pep440.UnionOf(sets...)}
	if len(parts) > 1 {
		out.specifiers = hull(parts, out.set)
	}
	out.exact = out.specifiers.Set().Equal(out.set)
	return out, nil
}

// hull returns clauses that admit at least what set does: those of one of the
// alternatives if it has the others in it, else a lower clause of one with the
// upper clause of another, as tight as any two of them are.
func hull(parts []pep440.Specifiers, set pep440.Set) pep440.Specifiers {
	var best pep440.Specifiers
	admitted := best.Set()
	better := func(candidate pep440.Specifiers) {
		if s := candidate.Set(); set.SubsetOf(s) && s.SubsetOf(admitted) && !admitted.SubsetOf(s) {
			best, admitted = candidate, s
		}
	}
	for _, p := range parts {
		better(p)
		for _, c := range p.Clauses() {
			if bounds := single(c); !bounds.IsEmpty() {
				better(best.And(bounds))
			}
		}
	}
	return best
}

// single returns the clauses that bound a range as a clause does, without its
// upper or its lower end.
func single(c pep440.Clause) pep440.Specifiers {
	text := c.String()
	switch {
	case c.Operator == pep440.Matching && c.Wildcard:
		// A wildcard has the pre-releases of its first version too.
		text = ">=" + c.Text + ".dev0"
	case c.Operator == pep440.Matching, c.Operator == pep440.Compatible:
		text = ">=" + c.Version.Public().String()
	}
	specifiers, err := pep440.ParseSpecifiers(text)
	if err != nil {
		return pep440.Specifiers{}
	}
	return specifiers
}

// separators are what stands between clauses: commas or blanks, but not the
// blank between an operator and its version.
var separators = regexp.MustCompile(`\s*,\s*|\s+`)

// operatorBlank is an operator with blanks behind it.
var operatorBlank = regexp.MustCompile(`([~^<>=!]+)\s+`)

// conjunction reads clauses that must all hold.
func conjunction(s string) (pep440.Specifiers, error) {
	s = operatorBlank.ReplaceAllString(strings.TrimSpace(s), "$1")
	var clauses []string
	parts := separators.Split(strings.Trim(s, ", "), maxClauses+1)
	if len(parts) > maxClauses {
		return pep440.Specifiers{}, fmt.Errorf("more than %d clauses", maxClauses)
	}
	for _, one := range parts {
		clause, err := poetryClause(one)
		if err != nil {
			return pep440.Specifiers{}, err
		}
		if clause != "" {
			clauses = append(clauses, clause)
		}
	}
	return pep440.ParseSpecifiers(strings.Join(clauses, ","))
}

// xRange is a version with a wildcard for its end.
var xRange = regexp.MustCompile(`^(!=|==?)?v?(\d+(?:\.\d+)*)(?:\.[xX*])+$`)

// poetryClause returns one clause as PEP 440 clauses, "" for anything.
func poetryClause(s string) (string, error) {
	switch {
	case s == "" || s == "*" || s == "x" || s == "X" || s == "==*":
		return "", nil
	case xRange.MatchString(s):
		m := xRange.FindStringSubmatch(s)
		operator := "=="
		if m[1] == "!=" {
			operator = "!="
		}
		return operator + m[2] + ".*", nil
	case strings.HasPrefix(s, "^"):
		return between(s[1:], caret)
	case strings.HasPrefix(s, "~="):
		return s, nil
	case strings.HasPrefix(s, "~"):
		return between(s[1:], tilde)
	case s[0] == 'v' || s[0] >= '0' && s[0] <= '9':
		return "==" + s, nil
	case s[0] == '=' && !strings.HasPrefix(s, "=="):
		return "=" + s, nil
	}
	return s, nil
}

// between returns ">=version,<end", where last gives the place in the release
// whose number is raised for the end.
func between(version string, last func(release []string) int) (string, error) {
	v, err := pep440.Parse(version)
	if err != nil {
		return "", err
	}
	if v.HasLocal() {
		v = v.Public()
	}
	parts := v.Parts()
	release := append([]string{}, parts.Release...)
	at := last(release)
	n, err := strconv.ParseUint(release[at], 10, 62)
	if err != nil {
		return "", fmt.Errorf("the number %.20q... is too large", release[at])
	}
	release = release[:at+1]
	release[at] = strconv.FormatUint(n+1, 10)
	end := strings.Join(release, ".")
	if parts.Epoch != "0" {
		end = parts.Epoch + "!" + end
	}
	return ">=" + v.String() + ",<" + end, nil
}

// caret raises the first number that is not zero, or the last one written.
// https://python-poetry.org/docs/dependency-specification/#caret-requirements
func caret(release []string) int {
	for i, n := range release {
		if n != "0" || i == len(release)-1 || i == 2 {
			return i
		}
	}
	return 0
}

// tilde raises the second number, or the only one.
// https://python-poetry.org/docs/dependency-specification/#tilde-requirements
func tilde(release []string) int { return min(1, len(release)-1) }
