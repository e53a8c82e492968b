package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// acceptedRisks applies exceptions to findings and counts their use.
type acceptedRisks struct {
	exceptions []Exception
}

func newAcceptedRisks(exceptions []Exception, asOf time.Time) *acceptedRisks {
	out := make([]Exception, len(exceptions))
	for i, e := range exceptions {
		e.Expired = e.Expired || expired(e, asOf)
		e.Used = 0
		out[i] = e
	}
	return &acceptedRisks{exceptions: out}
}

// expired reports whether the last day on which e counts, in UTC, is over.
func expired(e Exception, asOf time.Time) bool {
	if e.Expires.IsZero() {
		return false
	}
	y, m, d := e.Expires.UTC().Date()
	return !asOf.Before(time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC))
}

// valid reports whether e says what it accepts and why. Without either it
// counts for nothing.
func valid(e Exception) bool {
	return strings.TrimSpace(e.ID) != "" && strings.TrimSpace(e.Reason) != ""
}

// finding returns the words of the first exception that covers f, "" for none.
// Each exception that covers it counts as used. Malware is never excepted by
// an id alone: the package has to be named.
func (r *acceptedRisks) finding(f vuln.Finding) string {
	malicious := f.Malicious || isMalicious(f.IDs)
	name := sbom.NormalName(f.Ecosystem, f.Package)
	return r.cover(func(e Exception) bool {
		if e.Package == "" && malicious {
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
		return e.Package == "" && (e.ID == f.Rule || slices.Contains(f.Aliases, e.ID))
	})
}

func (r *acceptedRisks) cover(covers func(Exception) bool) string {
	words := ""
	for i := range r.exceptions {
		e := &r.exceptions[i]
		if e.Expired || !valid(*e) || !covers(*e) {
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

// idle lists the exceptions that did nothing.
func (r *acceptedRisks) idle() []ExceptionFacts {
	out := []ExceptionFacts{}
	for _, e := range r.exceptions {
		f := ExceptionFacts{Name: e.ID, Package: e.Package, Origin: e.Origin}
		switch {
		case !valid(e):
			f.State = "invalid"
		case e.Expired:
			f.State = "expired"
			if !e.Expires.IsZero() {
				f.Until = "on " + e.Expires.UTC().Format(time.DateOnly)
			}
		case e.Used == 0:
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
		strings.Compare(a.Package, b.Package),
		strings.Compare(a.Origin, b.Origin),
		strings.Compare(a.Reason, b.Reason),
		a.Expires.Compare(b.Expires),
	)
}
