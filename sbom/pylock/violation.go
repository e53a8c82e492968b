package pylock

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// ViolationKind says in which way a lock does not satisfy a requirement.
type ViolationKind string

// The kinds of violations. There is no zero kind.
const (
	// Missing: the lock has no package of the name.
	Missing ViolationKind = "missing"
	// OtherVersion: it has the package at versions that the requirement does
	// not admit, and at none that it does.
	OtherVersion ViolationKind = "version"
	// OtherSource: the requirement names a URL, and the lock takes the package
	// from an index.
	OtherSource ViolationKind = "source"
)

// Violation is one requirement that a lock does not satisfy.
type Violation struct {
	// Kind says in which way.
	Kind ViolationKind
	// Requirement is what is declared.
	Requirement pep508.Requirement
	// Applies is True when the requirement counts for sure in one of the
	// environments, and Undecided when its marker could not be decided in any.
	Applies pep508.Truth
	// Locked are the packages of the name that the lock has for the
	// environment; none when Kind is Missing.
	Locked []Package
}

// String returns a sentence with both sides.
func (v Violation) String() string {
	declared := v.Requirement.Name + v.Requirement.Specifiers.String()
	if v.Requirement.URL != "" {
		declared = v.Requirement.Name + " @ " + safeURL(v.Requirement.URL)
	}
	var have []string
	for _, p := range v.Locked {
		have = append(have, p.Version)
	}
	switch v.Kind {
	case Missing:
		return fmt.Sprintf("%s is declared, and the lock does not have it", declared)
	case OtherSource:
		return fmt.Sprintf("%s is declared, and the lock has %s from an index", declared, strings.Join(have, ", "))
	}
	return fmt.Sprintf("%s is declared, and the lock has %s", declared, strings.Join(have, ", "))
}

// Violations returns the requirements that the lock does not satisfy in one of
// the environments, in the order of reqs. Without environments it takes every
// Python that RequiresPython admits, on a platform that is not known.
//
// A requirement counts unless its marker is false. It is satisfied when the
// lock has, for the environment, one version that its specifiers admit: a lock
// may hold others for other environments that cannot be told apart. A locked
// pre-release is admitted like any version that an index offers alone, as PEP
// 440 has it ("Handling of pre-releases"), and so is a locked local version by
// the public one. A package of unknown version, or that is a folder of source
// code, satisfies every specifier: what is unknown about it is a gap, not a
// violation.
func (f *File) Violations(reqs []pep508.Requirement, envs ...pep508.Environment) []Violation {
	if len(envs) == 0 {
		envs = f.pythons()
	}
	g := newGraph(f.Packages)
	var out []Violation
	for _, q := range reqs {
		var worst Violation
		named := g.byName[pep508.NormalizeName(q.Name)]
		for n, env := range envs {
			if n > 0 && q.Marker == nil && !f.marked(named) {
				// No environment differs from the first.
				break
			}
			applies := q.Marker.Evaluate(env)
			if applies == pep508.False || worst.Applies == pep508.True {
				continue
			}
			if v := f.violation(q, named, env); v.Kind != "" && (worst.Kind == "" || applies == pep508.True) {
				v.Applies = applies
				worst = v
			}
		}
		if worst.Kind != "" {
			out = append(out, worst)
		}
	}
	return out
}

// marked reports whether one of the packages does not count everywhere.
func (f *File) marked(named []int) bool {
	return slices.ContainsFunc(named, func(i int) bool { return f.Packages[i].Marker != nil })
}

// violation judges one requirement in one environment; the Kind is "" when it
// is satisfied.
func (f *File) violation(q pep508.Requirement, named []int, env pep508.Environment) Violation {
	env = lockEnvironment(env)
	v := Violation{Requirement: q}
	for _, i := range named {
		p := f.Packages[i]
		if p.Marker.Evaluate(env) == pep508.False {
			continue
		}
		fromIndex := p.Source.Kind == Index
		if p.Own || q.URL != "" && !fromIndex || q.URL == "" && (p.Version == "" || q.Specifiers.ContainsText(p.Version, pep440.PrereleasesDefault)) {
			return Violation{}
		}
		v.Locked = append(v.Locked, p)
	}
	switch {
	case len(v.Locked) == 0:
		v.Kind = Missing
	case q.URL != "":
		v.Kind = OtherSource
	default:
		v.Kind = OtherVersion
	}
	return v
}

// lockEnvironment forgets which extras and groups are asked for: the markers of
// a lock's packages tell by them what to install, not what is locked.
func lockEnvironment(env pep508.Environment) pep508.Environment {
	values := maps.Clone(env.Values)
	delete(values, pep508.Extra)
	return pep508.Environment{Values: values}
}

// newestMinor is the Python 3 up to which RequiresPython is asked. That it lies
// in the future does no harm.
const newestMinor = 20

// pythons returns an environment for each Python that the lock is made for, one
// that knows nothing if it does not tell.
func (f *File) pythons() []pep508.Environment {
	specifiers, err := pep440.ParseSpecifiers(f.RequiresPython)
	if err != nil || specifiers.IsEmpty() {
		return []pep508.Environment{{}}
	}
	admitted := specifiers.Set()
	var out []pep508.Environment
	for _, python := range pythonVersions() {
		series, err := pep440.ParseSpecifiers("==" + python + ".*")
		if err == nil && !admitted.Intersect(series.Set()).IsEmpty() {
			out = append(out, pep508.Environment{}.With(pep508.PythonVersion, python))
		}
	}
	if len(out) == 0 {
		return []pep508.Environment{{}}
	}
	return out
}

func pythonVersions() []string {
	out := []string{"2.7"}
	for minor := range newestMinor + 1 {
		out = append(out, "3."+strconv.Itoa(minor))
	}
	return out
}
