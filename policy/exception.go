package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// acceptedRisks applies exceptions to findings and counts their use.
type acceptedRisks struct {
	exceptions []Exception
	// counts[i] is true when exceptions[i] may cover something.
	counts []bool
}

func newAcceptedRisks(exceptions []Exception, asOf time.Time) *acceptedRisks {
	r := &acceptedRisks{exceptions: make([]Exception, len(exceptions)), counts: make([]bool, len(exceptions))}
	for i, e := range exceptions {
		e.Expired = e.Expired || expired(e, asOf)
		e.Used = 0
		r.exceptions[i], r.counts[i] = e, !e.Expired && e.Check() == nil
	}
	return r
}

// expired reports whether the last day on which e counts, in UTC, is over.
func expired(e Exception, asOf time.Time) bool {
	if e.Expires.IsZero() {
		return false
	}
	y, m, d := e.Expires.UTC().Date()
	return !asOf.Before(time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC))
}

// Check returns an error that says why e counts for nothing: it does not say
// what it accepts and why. nil for one that counts, used or not.
func (e Exception) Check() error {
	named := strings.TrimSpace(e.ID) != ""
	switch {
	case strings.TrimSpace(e.Reason) == "" || !named && e.Gap == "":
		return errors.New("an accepted risk needs an id or a gap, and a reason")
	case named && e.Gap != "":
		return errors.New("an accepted risk has an id or a gap, and not both")
	case e.Gap == "":
		if e.File != "" {
			return errors.New("an accepted risk has a file only with the kind of a gap")
		}
		return nil
	case !slices.Contains(sbom.GapKinds(), e.Gap):
		return fmt.Errorf("there is no kind of gap %q", e.Gap)
	case !e.Gap.Hides():
		return fmt.Errorf("gaps of kind %q hide nothing, so there is nothing to accept", e.Gap)
	case e.File == "" && e.Package == "":
		return fmt.Errorf("an accepted gap needs a file or a package: no project is without any %q for ever", e.Gap)
	case !doublestar.ValidatePattern(e.File):
		return fmt.Errorf("file %q is not a glob: see https://pkg.go.dev/github.com/bmatcuk/doublestar/v4#Match", e.File)
	}
	return nil
}

// finding returns the words of the first exception that covers f, "" for none.
// Each exception that covers it counts as used. Malware is never excepted by
// an id alone: the package has to be named.
func (r *acceptedRisks) finding(f vuln.Finding) string {
	malicious := f.Malicious || isMalicious(f.IDs)
	name := sbom.NormalName(f.Ecosystem, f.Package)
	return r.cover(func(e Exception) bool {
		if e.Gap != "" || e.Package == "" && malicious {
			return false
		}
		if e.Package != "" && sbom.NormalName(f.Ecosystem, e.Package) != name {
			return false
		}
		return slices.Contains(f.IDs, e.ID)
	})
}

// lint is finding for lint findings, which belong to no package.
func (r *acceptedRisks) lint(f lint.Finding) string {
	if f.Suppressed {
		return ""
	}
	return r.cover(func(e Exception) bool {
		return e.Gap == "" && e.Package == "" && (e.ID == f.Rule || slices.Contains(f.Aliases, e.ID))
	})
}

// gap is finding for gaps that hide.
func (r *acceptedRisks) gap(g sbom.Gap) string {
	return r.cover(func(e Exception) bool { return e.coversGap(g) })
}

// CoversGap reports whether e accepts the gap: it counts, has not expired, and
// names it. A gap that hides nothing needs no acceptance.
func (e Exception) CoversGap(g sbom.Gap) bool {
	return !e.Expired && e.Check() == nil && e.coversGap(g)
}

// coversGap is CoversGap for an exception that counts. One by an advisory's id
// needs its package: what nobody could judge is not known to be harmless
// elsewhere.
func (e Exception) coversGap(g sbom.Gap) bool {
	if !g.Hides || e.Package != "" && (g.Package == "" || !samePackage(e.Package, g.Package)) {
		return false
	}
	if e.Gap == "" {
		return g.Kind == sbom.GapAdvisory && e.Package != "" && e.ID == g.Advisory
	}
	return e.Gap == g.Kind && (e.File == "" || g.File != "" && isAt(e.File, g))
}

// samePackage compares a name as the user spells it with a normal one. A gap
// has no ecosystem, so that PyPI's spellings are tried besides the name itself.
func samePackage(name, normal string) bool {
	return name == normal || sbom.NormalName("PyPI", name) == normal
}

// isAt reports whether the pattern names the file of g, or its very line.
func isAt(pattern string, g sbom.Gap) bool {
	return doublestar.MatchUnvalidated(pattern, g.File) ||
		g.Line > 0 && doublestar.MatchUnvalidated(pattern, placeOf(g.File, g.Line))
}

func (r *acceptedRisks) cover(covers func(Exception) bool) string {
	words := ""
	for i := range r.exceptions {
		e := &r.exceptions[i]
		if !r.counts[i] || !covers(*e) {
			continue
		}
		e.Used++
		words = cmp.Or(words, acceptance(*e))
	}
	return words
}

func acceptance(e Exception) string {
	until := "no expiry date"
	if !e.Expires.IsZero() {
		until = "until " + e.Expires.UTC().Format(time.DateOnly)
	}
	return fmt.Sprintf("accepted: %s (%s, %s)", e.Reason, until, e.Origin)
}

// Subject is what e is about, in a few words: the id, or "gaps of kind KIND in
// FILE".
func (e Exception) Subject() string {
	if e.Gap == "" {
		return e.ID
	}
	if e.File == "" {
		return "gaps of kind " + string(e.Gap)
	}
	return fmt.Sprintf("gaps of kind %s in %s", e.Gap, e.File)
}

// idle lists the exceptions that did nothing.
func (r *acceptedRisks) idle() []ExceptionFacts {
	out := []ExceptionFacts{}
	for _, e := range r.exceptions {
		f := ExceptionFacts{Name: e.Subject(), Package: e.Package, Origin: e.Origin}
		switch err := e.Check(); {
		case err != nil:
			f.State, f.Until = "invalid", err.Error()
		case e.Expired:
			f.State = "expired"
			if !e.Expires.IsZero() {
				f.Until = "on " + e.Expires.UTC().Format(time.DateOnly)
			}
		case e.Used == 0 && !e.Elsewhere:
			f.State = "unused"
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

func compareExceptions(a, b Exception) int {
	return cmp.Or(
		strings.Compare(a.ID, b.ID),
		strings.Compare(string(a.Gap), string(b.Gap)),
		strings.Compare(a.File, b.File),
		strings.Compare(a.Package, b.Package),
		strings.Compare(a.Origin, b.Origin),
		strings.Compare(a.Reason, b.Reason),
		a.Expires.Compare(b.Expires),
	)
}
