package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// told are the rules of the default pack whose evidence another part of the
// text lists already; the reasons of every other rule are written out.
func told(rule string) bool {
	return slices.Contains([]string{
		"vulnerability", "malicious", "unfixed", "latent", "verdict", "accepted", "suppressed", "lint", "gap", "signature",
	}, rule)
}

// reasons writes the reasons that no other part shows, such as those of the
// user's own policy.
func (t *text) reasons() {
	var rest []policy.Reason
	for _, reason := range t.r.Decision.Reasons {
		if !told(reason.Rule) {
			rest = append(rest, reason)
		}
	}
	if len(rest) == 0 {
		return
	}
	t.section("Further reasons", "")
	shown := t.limit(maxLines, len(rest))
	for _, reason := range rest[:shown] {
		t.reason(reason)
	}
	if n := len(rest) - shown; n > 0 {
		t.line("  ", fmt.Sprintf("and %d more (--verbose shows them)", n))
	}
}

func (t *text) reason(r policy.Reason) {
	c := map[policy.Effect]colour{policy.Deny: red, policy.Undecide: yellow, policy.Warn: dim}[r.Effect]
	head := "  " + t.paint(c, pad(shorten(t.clean(string(r.Effect)), 10), 10)) + " "
	message := t.clean(r.Message)
	if r.File != "" {
		message = t.clean(place(r.File, r.Line)) + ": " + message
	}
	t.wrapped(head, message+" ("+t.word(r.Rule)+")")
	if r.Remedy != "" {
		t.wrapped(strings.Repeat(" ", 13)+t.paint(green, "fix: "), t.clean(r.Remedy))
	}
}

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

// gaps lists what could not be read, by kind, first the kinds that hide.
func (t *text) gaps() {
	if len(t.r.Gaps) == 0 {
		return
	}
	var kinds []sbom.GapKind
	byKind := map[sbom.GapKind][]sbom.Gap{}
	hiding := 0
	for _, g := range t.r.Gaps {
		if len(byKind[g.Kind]) == 0 {
			kinds = append(kinds, g.Kind)
		}
		byKind[g.Kind] = append(byKind[g.Kind], g)
		if g.Kind.Hides() {
			hiding++
		}
	}
	slices.SortFunc(kinds, func(a, b sbom.GapKind) int {
		if c := compareBool(b.Hides(), a.Hides()); c != 0 {
			return c
		}
		return strings.Compare(string(a), string(b))
	})
	about := count(hiding, "gap that may hide something", "gaps that may hide something")
	if rest := len(t.r.Gaps) - hiding; rest > 0 {
		about += fmt.Sprintf(", %d that cannot", rest)
	}
	t.section("Not read or not judged", about)
	for _, k := range kinds {
		t.gapKind(k, byKind[k])
	}
}

func (t *text) gapKind(kind sbom.GapKind, gaps []sbom.Gap) {
	name, c := string(kind), yellow
	if name == "" {
		name = "other"
	}
	if !kind.Hides() {
		c = dim
	}
	head := "  " + t.paint(c, pad(shorten(t.clean(name), 14), 14)) + " "
	shown := t.limit(maxPerKind, len(gaps))
	for _, g := range gaps[:shown] {
		where := ""
		if g.File != "" {
			where = t.clean(place(g.File, g.Line)) + ": "
		} else if g.Layer != "" {
			where = "layer " + t.word(shortDigest(g.Layer)) + ": "
		}
		t.wrapped(head, where+t.clean(g.Reason))
		head = strings.Repeat(" ", 17)
	}
	if n := len(gaps) - shown; n > 0 {
		t.line(head, fmt.Sprintf("and %d more (--verbose shows them)", n))
	}
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
	shown := t.limit(maxLines, len(s.Ecosystems))
	for _, e := range s.Ecosystems[:shown] {
		t.ecosystem(e)
	}
	if n := len(s.Ecosystems) - shown; n > 0 {
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
		parts = append(parts, "newest of "+e.Date.UTC().Format("2006-01-02"))
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
		what := t.word(e.ID)
		if e.Package != "" {
			what += " in " + t.word(e.Package)
		}
		use := "covers " + count(e.Used, "finding", "findings")
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
