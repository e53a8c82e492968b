package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// signatures says who vouches for the image, or that nobody was asked.
func (t *text) signatures() {
	if len(t.r.Signatures) == 0 {
		if t.r.Target.Image != "" || t.r.Image != nil {
			t.section("Signatures", "not checked")
		}
		return
	}
	t.section("Signatures", "")
	shown := t.limit(maxLines, len(t.r.Signatures))
	for _, s := range t.r.Signatures[:shown] {
		t.signature(s)
	}
	if n := len(t.r.Signatures) - shown; n > 0 {
		t.line("  ", fmt.Sprintf("and %d more (--verbose shows them)", n))
	}
}

func (t *text) signature(s policy.Signature) {
	status := s.Status
	if status == "" {
		status = policy.SignatureUnchecked
	}
	c := map[policy.SignatureStatus]colour{
		policy.SignatureVerified: green, policy.SignatureFailed: boldRed, policy.SignatureError: yellow, policy.SignatureMissing: yellow,
	}[status]
	var parts []string
	for _, p := range []string{s.Kind, s.PredicateType, s.Signer} {
		if p != "" {
			parts = append(parts, t.clean(p))
		}
	}
	if s.Issuer != "" {
		parts = append(parts, "issued by "+t.clean(s.Issuer))
	}
	if s.Format != "" {
		parts = append(parts, "("+t.clean(s.Format)+")")
	}
	if status == policy.SignatureVerified && !s.Logged {
		parts = append(parts, "(no log entry checked)")
	}
	if s.Reason != "" {
		parts = append(parts, t.clean(s.Reason))
	}
	t.wrapped("  "+t.paint(c, pad(shorten(t.clean(string(status)), 10), 10))+" ", strings.Join(parts, " "))
}

// gaps lists what could not be read, by kind, first the kinds that hide. The
// short form leaves out the kinds whose places the headline names.
func (t *text) gaps() {
	var kinds []sbom.GapKind
	byKind := map[sbom.GapKind][]sbom.Gap{}
	hiding, covered, all := 0, 0, 0
	for _, g := range t.r.Gaps {
		accepted := acceptedGap(t.r, g)
		if (t.opened[g.Kind] && !accepted || t.absence(g)) && !t.opts.Verbose {
			continue
		}
		if len(byKind[g.Kind]) == 0 {
			kinds = append(kinds, g.Kind)
		}
		byKind[g.Kind] = append(byKind[g.Kind], g)
		all++
		if accepted {
			covered++
		} else if g.Kind.Hides() {
			hiding++
		}
	}
	if all == 0 {
		return
	}
	slices.SortFunc(kinds, func(a, b sbom.GapKind) int {
		if c := compareBool(b.Hides(), a.Hides()); c != 0 {
			return c
		}
		return strings.Compare(string(a), string(b))
	})
	var about []string
	if hiding > 0 {
		about = append(about, count(hiding, "gap that may hide something", "gaps that may hide something"))
	}
	if covered > 0 {
		about = append(about, count(covered, "accepted gap", "accepted gaps"))
	}
	if rest := all - hiding - covered; rest > 0 {
		about = append(about, count(rest, "gap that hides nothing", "gaps that hide nothing"))
	}
	t.section("Not read or not judged", strings.Join(about, ", "))
	for _, k := range kinds {
		t.gapKind(k, byKind[k])
	}
}

func (t *text) gapKind(kind sbom.GapKind, gaps []sbom.Gap) {
	c := yellow
	if !kind.Hides() {
		c = dim
	}
	head := "  " + t.paint(c, pad(t.gapName(kind), 14)) + " "
	shown := t.limit(maxPerKind, len(gaps))
	for _, g := range gaps[:shown] {
		t.wrapped(head, t.gap(g))
		head = strings.Repeat(" ", 17)
	}
	if n := len(gaps) - shown; n > 0 {
		t.line(head, fmt.Sprintf("and %d more (--verbose shows them)", n))
	}
}

func (t *text) gapName(kind sbom.GapKind) string {
	return shorten(t.clean(cmp.Or(string(kind), "other")), 14)
}

// gap is one gap: its place and its reason.
func (t *text) gap(g sbom.Gap) string {
	where := ""
	if g.File != "" && g.Layer != "" {
		where = t.clean(place(g.File, g.Line)) + " (layer " + t.layer(g.Layer) + "): "
	} else if g.File != "" {
		where = t.clean(place(g.File, g.Line)) + ": "
	} else if g.Layer != "" {
		where = "layer " + t.layer(g.Layer) + ": "
	}
	if acceptedGap(t.r, g) {
		where = "[accepted] " + where
	}
	return where + t.clean(g.Reason)
}

// acceptedGap reports whether an accepted risk covers the gap.
func acceptedGap(r *audit.Report, g sbom.Gap) bool {
	return slices.ContainsFunc(r.Decision.Exceptions, func(e policy.Exception) bool { return e.CoversGap(g) })
}

// advisories says what the findings rest on. It names dates, never ages: an
// age would change with the clock.
func (t *text) advisories() {
	s := t.r.Snapshot
	if s.Digest == "" && s.Source == "" && len(s.Ecosystems) == 0 {
		return
	}
	about := t.word(shortDigest(s.Digest))
	if s.Source != "" {
		about = strings.TrimSpace(about + " from " + t.clean(s.Source))
	}
	t.section("Advisories", about)
	list := s.Ecosystems
	if told := t.absentEcosystems(); len(told) > 0 && !t.opts.Verbose {
		list = slices.DeleteFunc(slices.Clone(list), func(e policy.AdvisoryStatus) bool { return !e.Present && slices.Contains(told, e.Ecosystem) })
	}
	shown := t.limit(maxLines, len(list))
	for _, e := range list[:shown] {
		t.ecosystem(e)
	}
	if n := len(list) - shown; n > 0 {
		t.line("  ", fmt.Sprintf("and %d more ecosystems (--verbose shows them)", n))
	}
}

func (t *text) ecosystem(e policy.AdvisoryStatus) {
	head := "  " + pad(t.word(e.Ecosystem), 14) + " "
	if !e.Present {
		t.line(head, t.paint(yellow, "absent: nothing vouches for its packages"))
		return
	}
	parts := []string{count(e.Records, "record", "records")}
	if e.Refused > 0 {
		parts = append(parts, t.paint(yellow, fmt.Sprintf("%d refused", e.Refused)))
	}
	if e.Date.IsZero() {
		parts = append(parts, t.paint(yellow, "no date"))
	} else {
		date, newest := e.Date.UTC().Format(time.DateOnly), e.Newest.UTC().Format(time.DateOnly)
		if e.Newest.IsZero() {
			newest = date
		}
		parts = append(parts, "newest of "+newest)
		if newest != date {
			parts = append(parts, "fetched on "+date)
		}
	}
	if e.Stale {
		parts = append(parts, t.paint(yellow, "stale"))
	}
	t.line(head, strings.Join(parts, ", "))
}

// comparison lists what only one of two scanners found.
func (t *text) comparison() {
	c := t.r.Compared
	if c == nil {
		return
	}
	t.section("Compared with "+t.clean(c.Source), count(c.Both, "finding in both", "findings in both"))
	t.only("only here", c.OnlyOurs)
	t.only("only there", c.OnlyTheirs)
}

func (t *text) only(side string, list []string) {
	shown := t.limit(maxLines, len(list))
	for _, s := range list[:shown] {
		t.line("  ", pad(side, 10), t.clean(s))
	}
	if n := len(list) - shown; n > 0 {
		t.line("  ", pad(side, 10), fmt.Sprintf("and %d more (--format json has all)", n))
	}
}

// exceptions lists the accepted risks that covered something or that expired.
func (t *text) exceptions() {
	var lines []string
	for _, e := range t.r.Decision.Exceptions {
		if e.Used == 0 && !e.Expired && !t.opts.Verbose {
			continue
		}
		what := t.word(e.Subject())
		if e.Package != "" {
			what += " in " + t.word(e.Package)
		}
		use := "covers " + count(e.Used, "finding", "findings")
		if e.Gap != "" {
			use = "covers " + count(e.Used, "gap", "gaps")
		}
		if !e.Expires.IsZero() {
			use += ", until " + e.Expires.UTC().Format("2006-01-02")
		}
		if e.Expired {
			use = t.paint(yellow, "expired on "+e.Expires.UTC().Format("2006-01-02"))
		}
		lines = append(lines, what+" ("+t.word(e.Origin)+"): "+use+": "+t.clean(e.Reason))
	}
	if len(lines) == 0 {
		return
	}
	t.section("Accepted risks", "")
	shown := t.limit(maxLines, len(lines))
	for _, l := range lines[:shown] {
		t.wrapped("  ", l)
	}
	if n := len(lines) - shown; n > 0 {
		t.line("  ", fmt.Sprintf("and %d more (--verbose shows them)", n))
	}
}

func (t *text) notes() {
	if len(t.r.Notes) == 0 {
		return
	}
	t.section("Notes", "")
	for _, n := range t.r.Notes {
		t.wrapped("  ", t.clean(n))
	}
}
