package pep508

import (
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// Truth is the answer of a marker. The zero value is Undecided.
type Truth int

// The answers.
const (
	Undecided Truth = iota
	False
	True
)

// String returns "undecided", "false" or "true".
func (t Truth) String() string {
	switch t {
	case False:
		return "false"
	case True:
		return "true"
	}
	return "undecided"
}

func truth(b bool) Truth {
	if b {
		return True
	}
	return False
}

// not swaps True and False.
func (t Truth) not() Truth {
	switch t {
	case False:
		return True
	case True:
		return False
	}
	return Undecided
}

// Evaluate tells whether the marker holds in env. A comparison is Undecided
// when a variable in it is unknown, or when the specification gives it no
// meaning (os_name ~= "posix"); "and" and "or" join the three values by
// Kleene's logic: false and anything is False, true or anything is True.
func (m *Marker) Evaluate(env Environment) Truth {
	switch {
	case m == nil:
		return True
	case m.join == "":
		return m.compare(env)
	}
	// What ends the search, and what stays if nothing does.
	decisive, answer := False, True
	if m.join == "or" {
		decisive, answer = True, False
	}
	for _, child := range m.children {
		switch child.Evaluate(env) {
		case decisive:
			return decisive
		case Undecided:
			answer = Undecided
		}
	}
	return answer
}

// compare is one comparison.
func (m *Marker) compare(env Environment) Truth {
	for _, o := range [...]operand{m.left, m.right} {
		if o.variable == Extras || o.variable == DependencyGroups {
			return m.compareSet(env)
		}
	}
	key := m.left.variable
	if key == "" {
		key = m.right.variable
	}
	left, okLeft := m.left.value(env)
	right, okRight := m.right.value(env)
	if okRight && m.left.variable == PythonFullVersion && !okLeft {
		return compareSeries(env, m.operator, right)
	}
	if !okLeft || !okRight {
		return Undecided
	}
	if key == Extra {
		left, right = NormalizeName(left), NormalizeName(right)
	}
	return compareValues(key, left, m.operator, right)
}

// value returns what the operand stands for, and whether it is known.
func (o operand) value(env Environment) (string, bool) {
	if o.variable == "" {
		return o.literal, true
	}
	value, ok := env.Values[o.variable]
	return value, ok
}

// isVersion tells whether the specification types the variable as a version.
// platform_release is typed "Version | String": a version where it is one.
func (v Variable) isVersion() bool {
	switch v {
	case PythonVersion, PythonFullVersion, ImplementationVersion, PlatformRelease:
		return true
	}
	return false
}

// compareValues compares by the rules of versions, "if both sides are valid
// version specifiers", else as texts. key is the variable of the comparison.
//
// Texts have no order: "<" and ">" are false and "<=" and ">=" are equality,
// as pypa/packaging has it; "~=" and "===" have no meaning for them.
func compareValues(key Variable, left, operator, right string) Truth {
	if operator != "in" && operator != "not in" && key.isVersion() {
		if s, ok := clause(operator, right); ok {
			return truth(s.ContainsText(left, pep440.PrereleasesAllowed))
		}
	}
	switch operator {
	case "==", "<=", ">=":
		return truth(left == right)
	case "!=":
		return truth(left != right)
	case "<", ">":
		return False
	case "in":
		return truth(strings.Contains(right, left))
	case "not in":
		return truth(!strings.Contains(right, left))
	}
	return Undecided
}

// clause reads a comparison as a version clause; it is not ok if it is none.
func clause(operator, version string) (pep440.Specifiers, bool) {
	if strings.Contains(version, ",") {
		return pep440.Specifiers{}, false
	}
	s, err := pep440.ParseSpecifiers(operator + version)
	return s, err == nil
}

// compareSeries compares a full Python version of which only the series
// (python_version, "3.12") is known: the answer is decided when it is the same
// for every version of the series.
func compareSeries(env Environment, operator, right string) Truth {
	python, ok := env.Values[PythonVersion]
	if !ok {
		return Undecided
	}
	series, err := pep440.ParseSpecifiers("==" + python + ".*")
	if err != nil {
		return Undecided
	}
	wanted, ok := clause(operator, right)
	if !ok {
		return Undecided
	}
	switch all, want := series.Set(), wanted.Set(); {
	case all.SubsetOf(want):
		return True
	case all.Intersect(want).IsEmpty():
		return False
	}
	return Undecided
}

// compareSet is '"name" in extras' and the like: "the in and not in operators
// are the only ones that may be used with set-valued variables", which stand on
// the right.
func (m *Marker) compareSet(env Environment) Truth {
	if m.left.variable != "" || m.right.variable == "" {
		return Undecided
	}
	names, known := env.set(m.right.variable)
	if !known {
		return Undecided
	}
	answer := truth(slices.Contains(names, NormalizeName(m.left.literal)))
	switch m.operator {
	case "in":
		return answer
	case "not in":
		return answer.not()
	}
	return Undecided
}
