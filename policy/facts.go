package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// Document is what Rego sees as input: the Input with parameters made
// explicit, and Facts. docs/schema/input.schema.json describes its JSON.
type Document struct {
	Input
	// Facts are derived from the Input alone.
	Facts Facts `json:"facts"`
}

// Facts are what a rule would otherwise have to derive from an Input: findings
// grouped by package with their order of versions, lint and gaps grouped, and
// accepted risks applied. They carry no judgement: rules judge.
type Facts struct {
	// Components is how many components there are, ImageComponents how many of
	// them were seen in an image layer.
	Components      int `json:"components"`
	ImageComponents int `json:"image_components"`
	// ImageDigests are the digests that name the audited image, sorted.
	ImageDigests []string `json:"image_digests"`
	// Ecosystems are those that need advisories, sorted.
	Ecosystems []string `json:"ecosystems"`
	// Advisories is Input.Advisories with staleness judged again.
	Advisories []AdvisoryFacts `json:"advisories"`
	Packages   []PackageFacts  `json:"packages"`
	Lint       []LintFacts     `json:"lint"`
	Gaps       []GapFacts      `json:"gaps"`
	// Exceptions are those that do nothing, with the reason why.
	Exceptions []ExceptionFacts `json:"exceptions"`
}

// AdvisoryFacts is an AdvisoryStatus for rules.
type AdvisoryFacts struct {
	Ecosystem string `json:"ecosystem"`
	Present   bool   `json:"present"`
	Records   int    `json:"records"`
	Refused   int    `json:"refused"`
	// Date is the day of the newest record, "no date" when there is none.
	Date string `json:"date"`
	// Stale is true when the caller says so, when the date is further before
	// as_of than max_age_seconds, and when there is no date.
	Stale bool `json:"stale"`
}

// PackageFacts are the findings of one package, whichever of its versions and
// places they are about.
type PackageFacts struct {
	// Name as the first finding spells it.
	Name      string `json:"name"`
	Ecosystem string `json:"ecosystem"`
	// Distribution is true for the packages of an operating system.
	Distribution bool `json:"distribution"`
	// File and Line are the first place outside an image layer, else the first.
	File string `json:"file"`
	Line int    `json:"line"`
	// Fixes are the fixed versions of all findings from the lowest to the
	// highest, in the order of the ecosystem.
	Fixes    []string       `json:"fixes"`
	Findings []FindingFacts `json:"findings"`
}

// FindingFacts is one finding.
type FindingFacts struct {
	// ID is the most useful of the finding's ids.
	ID string `json:"id"`
	// Label is the version, or the specifier of a range.
	Label     string        `json:"label"`
	Severity  vuln.Severity `json:"severity"`
	Verdict   vuln.Verdict  `json:"verdict"`
	Evidence  sbom.Evidence `json:"evidence"`
	Gates     bool          `json:"gates"`
	Malicious bool          `json:"malicious"`
	Fixed     string        `json:"fixed"`
	// Fix is the place of Fixed in the package's Fixes, -1 without one.
	Fix int `json:"fix"`
	// Accepted says by whom and why the risk was accepted; "" and left out
	// when it was not.
	Accepted string `json:"accepted,omitempty"`
}

// LintFacts are the findings of one lint rule in one file with one fate.
type LintFacts struct {
	Rule string `json:"rule"`
	Risk string `json:"risk"`
	File string `json:"file"`
	// Line and Message are the first finding's.
	Line    int    `json:"line"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
	// Places are "RULE FILE:LINE", in order.
	Places []string `json:"places"`
	// Suppressed names what suppressed them, Accepted the accepted risk; ""
	// and left out otherwise.
	Suppressed string `json:"suppressed,omitempty"`
	Accepted   string `json:"accepted,omitempty"`
}

// GapFacts are the gaps of one kind.
type GapFacts struct {
	Kind  sbom.GapKind `json:"kind"`
	Hides bool         `json:"hides"`
	Count int          `json:"count"`
	// File and Line are the first gap's.
	File string `json:"file"`
	Line int    `json:"line"`
	// Places are the first few as "FILE:LINE: reason".
	Places []string `json:"places"`
}

// ExceptionFacts is an exception that does nothing.
type ExceptionFacts struct {
	Name    string `json:"name"`
	Package string `json:"package"`
	Origin  string `json:"origin"`
	// State is "expired", "unused" or "invalid".
	State string `json:"state"`
	// Until is "on DATE" of an expired one, else "".
	Until string `json:"until"`
}

// gapPlaces is how many places of one kind of gap a reason names.
const gapPlaces = 5

// NewDocument derives the Document of an Input. The Input is put in canonical
// form (sorted, defaults filled in); the argument is not changed. The second
// result are the exceptions with Expired and Used filled in.
func NewDocument(in Input) (Document, []Exception, error) {
	in, err := canonical(in)
	if err != nil {
		return Document{}, nil, err
	}
	risks := newAcceptedRisks(in.Exceptions, in.AsOf)
	facts := Facts{
		Components:   len(in.Components),
		ImageDigests: imageDigests(in),
		Ecosystems:   ecosystems(in),
		Advisories:   advisoryFacts(in),
		Packages:     packageFacts(in.Findings, risks),
		Lint:         lintFacts(in.Lint, risks),
		Gaps:         gapFacts(in.Gaps),
	}
	for _, c := range in.Components {
		if slices.ContainsFunc(c.Locations, func(l sbom.Location) bool { return l.Layer != "" }) {
			facts.ImageComponents++
		}
	}
	facts.Exceptions = risks.idle()
	in.Exceptions = risks.exceptions
	return Document{Input: in, Facts: facts}, risks.exceptions, nil
}

func imageDigests(in Input) []string {
	digests := []string{}
	if in.Target.ImageDigest != "" {
		digests = append(digests, in.Target.ImageDigest)
	}
	if in.Image != nil && in.Image.Digest != "" {
		digests = append(digests, in.Image.Digest)
	}
	slices.Sort(digests)
	return slices.Compact(digests)
}

// ecosystems are those of every component whose advisories are looked for, and
// every one that the caller names. What a distribution owns is matched in the
// distribution's data.
func ecosystems(in Input) []string {
	names := []string{}
	for _, c := range in.Components {
		if c.Ecosystem != "" && c.Evidence != sbom.OSOwned {
			names = append(names, c.Ecosystem)
		}
	}
	for _, a := range in.Advisories {
		names = append(names, a.Ecosystem)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func advisoryFacts(in Input) []AdvisoryFacts {
	facts := make([]AdvisoryFacts, 0, len(in.Advisories))
	maxAge := time.Duration(in.Parameters.MaxAgeSeconds) * time.Second
	for _, a := range in.Advisories {
		f := AdvisoryFacts{Ecosystem: a.Ecosystem, Present: a.Present, Records: a.Records, Refused: a.Refused}
		f.Date = "no date"
		if !a.Date.IsZero() {
			f.Date = a.Date.UTC().Format(time.DateOnly)
		}
		f.Stale = a.Stale || a.Date.IsZero() || in.AsOf.Sub(a.Date) > maxAge
		facts = append(facts, f)
	}
	return facts
}

func packageFacts(findings []vuln.Finding, risks *acceptedRisks) []PackageFacts {
	out := []PackageFacts{}
	at := map[[2]string]int{}
	for _, f := range findings {
		key := [2]string{f.Ecosystem, sbom.NormalName(f.Ecosystem, f.Package)}
		i, seen := at[key]
		if !seen {
			i = len(out)
			at[key] = i
			out = append(out, PackageFacts{
				Name: f.Package, Ecosystem: f.Ecosystem, Distribution: isDistribution(f.Ecosystem),
			})
		}
		p := &out[i]
		p.place(f.Locations)
		p.Fixes = append(p.Fixes, f.Fixed)
		p.Findings = append(p.Findings, FindingFacts{
			ID: bestID(f.IDs), Label: cmp.Or(f.Version, f.Specifier, "(any version)"),
			Severity: f.Severity, Verdict: f.Verdict, Evidence: f.Evidence,
			Gates: f.Gates, Malicious: f.Malicious || isMalicious(f.IDs), Fixed: f.Fixed, Accepted: risks.finding(f),
		})
	}
	for i := range out {
		out[i].orderFixes()
	}
	return out
}

// place keeps the first location outside images, which a reader can edit.
func (p *PackageFacts) place(locations []sbom.Location) {
	for _, l := range locations {
		if p.File == "" || (l.Layer == "" && strings.HasPrefix(p.File, "/")) {
			p.File, p.Line = l.File, l.Line
		}
	}
}

func (p *PackageFacts) orderFixes() {
	p.Fixes = slices.DeleteFunc(p.Fixes, func(v string) bool { return v == "" })
	slices.SortFunc(p.Fixes, func(a, b string) int { return compareVersions(p.Ecosystem, a, b) })
	p.Fixes = slices.Compact(p.Fixes)
	for i := range p.Findings {
		p.Findings[i].Fix = slices.Index(p.Fixes, p.Findings[i].Fixed)
	}
	slices.SortStableFunc(p.Findings, func(a, b FindingFacts) int { return cmp.Compare(b.Severity.Rank(), a.Severity.Rank()) })
}

func bestID(ids []string) string {
	if len(ids) == 0 {
		return "(no id)"
	}
	return ids[0]
}

func isMalicious(ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "MAL-") })
}
