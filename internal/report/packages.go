package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// block is what was found about one package in one version, or in one range,
// however many ways the package is known in: declared, locked, installed.
type block struct {
	// name is spelled as where a person can edit it, else as first found.
	name, ecosystem string
	// version is the version, or the range.
	version  string
	findings []vuln.Finding
	fates    []fate
	places   []seen
	// siblings are further packages of which all this holds, such as those that
	// a distribution builds from one source.
	siblings []string
}

// seen is a place, and how the package is known there.
type seen struct {
	evidence sbom.Evidence
	location sbom.Location
	// compiled is true when the location is a program that the package was
	// compiled into, and not the package's own metadata.
	compiled bool
	// graded is true where how it is known is told too.
	graded bool
}

// compiled reports whether a package of an image is there only as a part of the
// program at l.
func compiled(ecosystem string, l sbom.Location) bool {
	return l.Layer != "" && (ecosystem == "Go" || ecosystem == "crates.io")
}

// blocks groups the findings by package and version, worst first: what stops
// the release, malware before everything, then by severity and number.
func (t *text) blocks() []*block {
	at := map[string]*block{}
	var out []*block
	for i := range t.r.Findings {
		f := &t.r.Findings[i]
		key := strings.Join([]string{f.Ecosystem, sbom.NormalName(f.Ecosystem, f.Package), f.Version}, "\x00")
		if f.Version == "" {
			key += "\x00" + f.Specifier
		}
		b := at[key]
		if b == nil {
			b = &block{name: f.Package, ecosystem: f.Ecosystem, version: cmp.Or(f.Version, f.Specifier, "(any version)")}
			at[key] = b
			out = append(out, b)
		}
		t.add(b, f, t.fates.of(i))
	}
	for _, b := range out {
		t.finish(b)
	}
	slices.SortStableFunc(out, func(x, y *block) int {
		return cmp.Or(
			-compareBool(x.malicious(), y.malicious()),
			cmp.Compare(x.fate().rank(), y.fate().rank()),
			cmp.Compare(t.weight(&y.findings[0]), t.weight(&x.findings[0])),
			cmp.Compare(len(y.findings), len(x.findings)),
			strings.Compare(x.ecosystem, y.ecosystem),
			strings.Compare(x.name, y.name),
		)
	})
	return out
}

// add takes one finding in. One that the block has already adds its places and
// stands for the graver of the two.
func (t *text) add(b *block, f *vuln.Finding, what fate) {
	if f.Evidence == sbom.Declared {
		b.name = f.Package
	}
	for _, l := range f.Locations {
		b.places = append(b.places, seen{evidence: f.Evidence, location: l, compiled: compiled(f.Ecosystem, l)})
	}
	i := b.index(f.IDs)
	if i < 0 {
		b.findings, b.fates = append(b.findings, *f), append(b.fates, what)
		return
	}
	if t.weight(f) > t.weight(&b.findings[i]) {
		b.findings[i] = *f
	}
	if what.rank() < b.fates[i].rank() {
		b.fates[i] = what
	}
}

// index is the place of the finding with those ids, -1 without one. A finding
// is large: none is copied to look at it.
func (b *block) index(ids []string) int {
	if len(ids) > 0 {
		for i := range b.findings {
			if slices.Equal(b.findings[i].IDs, ids) {
				return i
			}
		}
	}
	return -1
}

func (t *text) finish(b *block) {
	slices.SortStableFunc(b.findings, func(x, y vuln.Finding) int { return cmp.Compare(t.weight(&y), t.weight(&x)) })
	slices.SortFunc(b.fates, func(x, y fate) int { return cmp.Compare(x.rank(), y.rank()) })
	slices.SortFunc(b.places, func(x, y seen) int {
		return cmp.Or(sbom.CompareLocations(x.location, y.location), strings.Compare(string(x.evidence), string(y.evidence)))
	})
	b.places = slices.Compact(b.places)
}

// joined makes one block of those that differ in nothing but the name, as far
// as it is shown.
func (t *text) joined(blocks []*block) []*block {
	var out []*block
	at := map[string]int{}
	for _, b := range blocks {
		key := []string{b.ecosystem, b.version, fmt.Sprint(b.fates)}
		for _, s := range b.places {
			key = append(key, t.placed(s))
		}
		for _, f := range b.findings {
			key = append(key, advisory(&f), f.Fixed, string(f.Severity), string(f.Verdict), f.SourcePackage)
		}
		k := strings.Join(key, "\x00")
		i, known := at[k]
		if !known || b.ecosystem == "PyPI" {
			at[k] = len(out)
			out = append(out, b)
			continue
		}
		copied := *out[i]
		copied.siblings = append(slices.Clone(copied.siblings), b.name)
		out[i] = &copied
	}
	return out
}

// malicious reports whether the package itself is malware. Fates and findings
// are sorted, so the first of each is the gravest.
func (b *block) malicious() bool { return b.findings[0].Malicious }

func (b *block) fate() fate { return b.fates[0] }

// fixed returns the version that cures what can be cured, "" if nothing can,
// and how many findings it leaves. A floor cures a whole line, so it goes
// before the fixed version of one finding.
func (b *block) fixed() (version string, unfixed int) { return cureOf(b.findings) }

// remedy is fixed for what the block's gravest fate is about: a version that
// cures only what is latent is no remedy of a denial.
func (b *block) remedy() (version string, unfixed int) {
	if b.fate().rule == "vulnerability" {
		gating := slices.DeleteFunc(slices.Clone(b.findings), func(f vuln.Finding) bool { return !f.Gates })
		if len(gating) > 0 {
			return cureOf(gating)
		}
	}
	return b.fixed()
}

// cureOf is fixed for some findings of a block.
func cureOf(findings []vuln.Finding) (version string, unfixed int) {
	for _, f := range findings {
		cure := cmp.Or(f.Floor, f.Fixed)
		if cure == "" {
			unfixed++
			continue
		}
		// Of two that the ecosystem cannot order the first stays.
		c, err := vuln.CompareVersions(f.Ecosystem, cure, version)
		if version == "" || err == nil && c > 0 {
			version = cure
		}
	}
	return version, unfixed
}

// weight orders findings for an eye: malware, then what gates and nobody
// accepted, then severity, an unknown one between high and medium.
func (t *text) weight(f *vuln.Finding) int {
	w := len(bySeverity()) - severityRank(f.Severity)
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

// severityRank is a severity's place in bySeverity, 0 for the gravest; a word
// that is no severity counts as unknown.
func severityRank(s vuln.Severity) int {
	if i := slices.Index(bySeverity(), s); i >= 0 {
		return i
	}
	return slices.Index(bySeverity(), vuln.SeverityUnknown)
}
