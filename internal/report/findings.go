package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// block is what was found about one package in one version or range.
type block struct {
	findings  []vuln.Finding
	locations []sbom.Location
	malicious bool
	gates     bool
	worst     int
}

// findings lists packages, worst first, each as one block.
func (t *text) findings() {
	blocks := t.blocks()
	if len(blocks) == 0 {
		return
	}
	tally := map[vuln.Severity]int{}
	names := map[string]bool{}
	for _, f := range t.r.Findings {
		tally[f.Severity]++
		names[f.Ecosystem+"\x00"+f.Package] = true
	}
	t.section("Advisories against "+count(len(names), "package", "packages"),
		count(len(t.r.Findings), "finding", "findings")+": "+strings.Join(severityCounts(tally), ", "))
	shown := t.limit(maxPackages, len(blocks))
	for _, b := range blocks[:shown] {
		t.block(b)
	}
	if rest := blocks[shown:]; len(rest) > 0 {
		tally := map[vuln.Severity]int{}
		for _, b := range rest {
			for _, f := range b.findings {
				tally[f.Severity]++
			}
		}
		t.wrapped("  ", fmt.Sprintf("and %d more: %s (--format json has all)", len(rest), strings.Join(severityCounts(tally), ", ")))
	}
}

// blocks groups the findings by package and version, worst first.
func (t *text) blocks() []*block {
	at := map[string]*block{}
	var out []*block
	for _, f := range t.r.Findings {
		key := strings.Join([]string{f.Ecosystem, sbom.NormalName(f.Ecosystem, f.Package), f.Version, f.Specifier}, "\x00")
		b := at[key]
		if b == nil {
			b = &block{}
			at[key] = b
			out = append(out, b)
		}
		b.findings = append(b.findings, f)
		b.locations = append(b.locations, f.Locations...)
		counts := accepted(t.r, &f) == nil
		b.malicious = b.malicious || f.Malicious && counts
		b.gates = b.gates || f.Gates && counts
		b.worst = max(b.worst, t.weight(&f))
	}
	for _, b := range out {
		slices.SortStableFunc(b.findings, func(x, y vuln.Finding) int { return cmp.Compare(t.weight(&y), t.weight(&x)) })
		slices.SortFunc(b.locations, sbom.CompareLocations)
		b.locations = slices.Compact(b.locations)
	}
	slices.SortStableFunc(out, func(x, y *block) int {
		return cmp.Or(
			-compareBool(x.malicious, y.malicious),
			-compareBool(x.gates, y.gates),
			cmp.Compare(y.worst, x.worst),
			cmp.Compare(len(y.findings), len(x.findings)),
		)
	})
	return out
}

// weight orders findings for an eye: malware, then what gates and nobody
// accepted, then severity, an unknown one between high and medium.
func (t *text) weight(f *vuln.Finding) int {
	order := bySeverity()
	w := slices.Index(order, f.Severity)
	if w < 0 {
		w = slices.Index(order, vuln.SeverityUnknown)
	}
	w = len(order) - w
	if f.Gates && accepted(t.r, f) == nil {
		w += 10
	}
	if f.Malicious {
		w += 100
	}
	return w
}

// bySeverity is the order in which an eye reads severities.
func bySeverity() []vuln.Severity {
	return []vuln.Severity{
		vuln.SeverityCritical, vuln.SeverityHigh, vuln.SeverityUnknown,
		vuln.SeverityMedium, vuln.SeverityLow, vuln.SeverityNone,
	}
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

// block writes one package: its name with the cure and its place, then its
// worst findings.
func (t *text) block(b *block) {
	f := &b.findings[0]
	name := t.paint(bold, t.word(f.Package)) + " " + t.word(cmp.Or(f.Version, f.Specifier, "(any version)"))
	if eco := f.Ecosystem; eco != "PyPI" && eco != "" {
		name += t.paint(dim, " ["+t.word(eco)+"]")
	}
	name += t.cure(b)
	where := t.places(b.locations)
	if gap := t.width - 2 - cells(name) - cells(where); where != "" && gap >= 2 {
		t.line("  ", name+strings.Repeat(" ", gap)+where)
	} else {
		t.line("  ", name)
		if where != "" {
			t.line("      ", where)
		}
	}
	shown := t.limit(maxPerPackage, len(b.findings))
	for i := range b.findings[:shown] {
		t.finding(&b.findings[i])
	}
	if rest := b.findings[shown:]; len(rest) > 0 {
		tally := map[vuln.Severity]int{}
		for _, f := range rest {
			tally[f.Severity]++
		}
		t.line("    ", fmt.Sprintf("and %d more: %s (--format json has all)", len(rest), strings.Join(severityCounts(tally), ", ")))
	}
}

// cure says which version cures the whole block.
func (t *text) cure(b *block) string {
	if b.malicious {
		return t.paint(boldRed, " -> remove it")
	}
	var fixed string
	unfixed := 0
	for _, f := range b.findings {
		if f.Fixed == "" {
			unfixed++
		} else if fixed == "" || compareVersions(f.Ecosystem, f.Fixed, fixed) > 0 {
			fixed = f.Fixed
		}
	}
	switch {
	case fixed == "":
		return t.paint(yellow, " no fix known")
	case unfixed > 0:
		return " -> " + t.paint(green, t.word(fixed)) + fmt.Sprintf(" (%d without a fix)", unfixed)
	}
	return " -> " + t.paint(green, t.word(fixed))
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
	parts := []string{pad(id, 19)}
	if note := t.standing(f); note != "" {
		parts = append(parts, "["+note+"]")
	}
	parts = append(parts, t.clean(f.Summary))
	text := strings.TrimRight(strings.Join(parts, " "), " ")
	if t.opts.Verbose {
		t.wrapped(head, text)
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
	if f.Evidence == sbom.Claimed {
		notes = append(notes, "claimed")
	}
	if accepted(t.r, f) != nil {
		notes = append(notes, "accepted")
	}
	return strings.Join(notes, ", ")
}

// places names the first place of a component and counts the others. Of a path
// that is too long the end is kept.
func (t *text) places(locations []sbom.Location) string {
	if len(locations) == 0 {
		return ""
	}
	tail := ""
	if locations[0].Layer != "" {
		tail = " in layer " + t.word(shortDigest(locations[0].Layer))
	}
	if n := len(locations) - 1; n > 0 {
		tail += fmt.Sprintf(" and %d more", n)
	}
	first := []rune(t.clean(place(locations[0].File, locations[0].Line)))
	if room := max(t.width-6-cells(tail), 20); len(first) > room {
		first = append([]rune("..."), first[len(first)-room+3:]...)
	}
	return string(first) + tail
}

// place is "file:line", or the file alone.
func place(file string, line int) string {
	if line > 0 {
		return fmt.Sprintf("%s:%d", file, line)
	}
	return file
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
