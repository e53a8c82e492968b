package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// Bounds of the columns that packages and their fixes stand in.
const (
	maxNameColumn = 28
	maxFixColumn  = 22
)

// findings lists packages, worst first, each once: those that stop the release
// with their advisories, the others in a few lines.
func (t *text) findings() {
	if len(t.packages) == 0 {
		return
	}
	tally := tallied(t.r.Findings)
	n := 0
	for _, k := range tally {
		n += k
	}
	t.section("Vulnerable", count(len(t.fates.packages), "package", "packages")+", "+
		count(n, "advisory", "advisories")+": "+strings.Join(severityCounts(tally), ", "))
	blocks := t.joined(t.packages)
	full := t.inFull(blocks)
	t.columns(full)
	for _, b := range full {
		t.block(b)
	}
	t.inShort(blocks[len(full):])
}

// inFull are the packages that the short form of text shows with advisories:
// those that something follows from, or the first when nothing does.
func (t *text) inFull(blocks []*block) []*block {
	warned := func(b *block) bool { return b.fate().effect == policy.Warn }
	n := 0
	for n < t.limit(maxPackages, len(blocks)) && (t.opts.Verbose || !warned(blocks[n]) || warned(blocks[0])) {
		n++
	}
	return blocks[:n]
}

// inShort names packages with their fix and their severities.
func (t *text) inShort(rest []*block) {
	if len(rest) == 0 {
		return
	}
	shown := t.limit(maxNames, len(rest))
	var parts []string
	for _, b := range rest[:shown] {
		parts = append(parts, t.word(b.name)+" "+t.word(b.version)+" "+t.cure(b)+" ("+strings.Join(severityCounts(tallied(b.findings)), ", ")+")")
	}
	if n := len(rest) - shown; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more", n))
	}
	t.wrapped("  and ", strings.Join(parts, ", ")+" (--verbose shows all)")
}

func severityCounts(tally map[vuln.Severity]int) []string {
	var out []string
	known := 0
	for _, s := range bySeverity() {
		if n := tally[s]; n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, s))
			known += n
		}
	}
	all := 0
	for _, n := range tally {
		all += n
	}
	if all > known {
		out = append(out, fmt.Sprintf("%d of a severity that is none", all-known))
	}
	return out
}

// columns sets the widths that the names and the fixes of packages take.
func (t *text) columns(blocks []*block) {
	t.nameColumn, t.fixColumn = 0, 0
	for _, b := range blocks {
		if n := cells(t.named(b)); n <= maxNameColumn {
			t.nameColumn = max(t.nameColumn, n)
		}
		if n := cells(t.cure(b)); n <= maxFixColumn {
			t.fixColumn = max(t.fixColumn, n)
		}
	}
}

// named is a package with its version, after those that share everything.
func (t *text) named(b *block) string {
	names := []string{t.paint(bold, t.word(b.name))}
	for _, s := range b.siblings {
		names = append(names, t.paint(bold, t.word(s)))
	}
	if shown := t.limit(maxPerKind, len(names)); shown < len(names) {
		names = append(names[:shown:shown], fmt.Sprintf("%d more", len(names)-shown))
	}
	return strings.Join(names, ", ") + " " + t.word(b.version)
}

// block writes one package: its name with the cure and its place, then its
// worst findings.
func (t *text) block(b *block) {
	head := pad(t.named(b), t.nameColumn) + "  " + pad(t.cure(b), t.fixColumn)
	system := ""
	if b.ecosystem != "PyPI" && b.ecosystem != "" {
		system = t.word(b.ecosystem) + ", "
	}
	room := t.width - 2 - cells(head) - 2 - len(system)
	where, fits := t.places(b.places, room)
	switch {
	case where == "":
		t.line("  ", head, "", t.paint(dim, strings.TrimSuffix(system, ", ")))
	case fits:
		t.line("  ", head, "", t.paint(dim, system+where))
	default:
		t.line("  ", head)
		where, _ = t.places(b.places, t.width-6-len(system))
		t.wrapped("      ", system+where)
	}
	shown := t.limit(maxPerPackage, len(b.findings))
	if shown == len(b.findings)-1 {
		shown++ // Counting one takes as much room as showing it.
	}
	for i := range b.findings[:shown] {
		t.finding(&b.findings[i])
	}
	if rest := b.findings[shown:]; len(rest) > 0 {
		t.line("    ", fmt.Sprintf("and %d more: %s", len(rest), strings.Join(severityCounts(tallied(rest)), ", ")))
	}
}

// cure says which version cures the whole block.
func (t *text) cure(b *block) string {
	if b.malicious() {
		// Of a range it is enough to shut single versions out.
		if exclude := b.findings[0].Exclude; len(exclude) > 0 {
			return t.paint(boldRed, "-> exclude "+t.clean(strings.Join(exclude, ", ")))
		}
		return t.paint(boldRed, "-> remove it")
	}
	fixed, unfixed := b.fixed()
	switch {
	case fixed == "":
		return t.paint(yellow, "no fix known")
	case unfixed > 0:
		return "-> " + t.paint(green, t.word(fixed)) + fmt.Sprintf(" (%d unfixed)", unfixed)
	}
	return "-> " + t.paint(green, t.word(fixed))
}

// finding writes one finding on one line.
func (t *text) finding(f *vuln.Finding) {
	word := string(f.Severity)
	c := severityColour(f.Severity)
	if f.Malicious {
		word, c = "malware", boldRed
	}
	head := "    " + t.paint(c, pad(t.word(word), 8)) + "  "
	id := "(no id)"
	if len(f.IDs) > 0 {
		id = t.word(f.IDs[0])
	}
	if t.opts.Verbose && len(f.IDs) > 1 {
		id += " (" + t.clean(strings.Join(f.IDs[1:], ", ")) + ")"
	}
	parts := []string{pad(id, 16)}
	if note := t.standing(f); note != "" {
		parts = append(parts, "["+note+"]")
	}
	parts = append(parts, t.clean(f.Summary))
	text := strings.TrimRight(strings.Join(parts, " "), " ")
	if t.opts.Verbose {
		t.wrapped(head, text)
		for _, note := range f.Notes {
			t.wrapped(strings.Repeat(" ", cells(head)), t.clean(note))
		}
		return
	}
	t.line(head, shorten(text, max(t.width-cells(head), 20)))
}

// standing says why a finding may not stop a release.
func (t *text) standing(f *vuln.Finding) string {
	var notes []string
	if f.Verdict != vuln.AffectedVersion {
		notes = append(notes, t.word(string(f.Verdict)))
	}
	if len(f.Environments) > 0 {
		notes = append(notes, t.clean("on "+strings.Join(f.Environments, ", ")))
	}
	if len(f.Scopes) > 0 {
		notes = append(notes, t.clean("for "+strings.Join(f.Scopes, ", ")))
	}
	if f.Evidence == sbom.Claimed {
		notes = append(notes, "claimed")
	}
	if accepted(t.r, f) != nil {
		notes = append(notes, "accepted")
	}
	return strings.Join(notes, ", ")
}

// accepted returns the accepted risk that covers a finding, nil for none.
func accepted(r *audit.Report, f *vuln.Finding) *policy.Exception {
	for i := range r.Decision.Exceptions {
		e := &r.Decision.Exceptions[i]
		named := e.Package == "" || sbom.NormalName(f.Ecosystem, e.Package) == sbom.NormalName(f.Ecosystem, f.Package)
		if !e.Expired && named && slices.Contains(f.IDs, e.ID) {
			return e
		}
	}
	return nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
