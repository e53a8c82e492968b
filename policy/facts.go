package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// Document is what Rego sees as input: the Input with parameters made
// explicit, and Facts. docs/schema/input.schema.json describes its JSON.
type Document struct {
	Input
	// Components are Input.Components, each with whether the base brings it.
	Components []ComponentFacts `json:"components"`
	// Findings are Input.Findings, each with whether the base brings it.
	Findings []VulnerabilityFacts `json:"findings"`
	// Lint is Input.Lint, each with whether the base brings it.
	Lint []LintFinding `json:"lint"`
	// Facts are derived from the Input alone.
	Facts Facts `json:"facts"`
}

// Facts are what a rule would otherwise have to derive from an Input: findings
// grouped by package with their order of versions, lint and gaps grouped, and
// accepted risks applied. They carry no judgement: rules judge.
type Facts struct {
	// Components is how many components there are that could be judged: neither
	// claims nor interpreters. ImageComponents is how many of them were seen in an
	// image layer.
	Components      int `json:"components"`
	ImageComponents int `json:"image_components"`
	// ImageDigests are the digests that name the audited image, sorted.
	ImageDigests []string `json:"image_digests"`
	// Ecosystems are those that need advisories, sorted.
	Ecosystems []string `json:"ecosystems"`
	// Advisories is Input.Advisories with staleness judged again.
	Advisories []AdvisoryFacts `json:"advisories"`
	// Profiles are the distinct profiles of the findings, worst severity first.
	Profiles   []FindingProfile `json:"profiles"`
	Packages   []PackageFacts   `json:"packages"`
	Lint       []LintFacts      `json:"lint"`
	Gaps       []GapFacts       `json:"gaps"`
	Signatures []SignatureFacts `json:"signatures"`
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
	// Fixes are the versions that cure findings, their floors or else their
	// fixed versions, from the lowest to the highest in the order of the
	// ecosystem.
	Fixes    []string       `json:"fixes"`
	Findings []FindingFacts `json:"findings"`

	inLayer bool // File is inside an image layer
}

// FindingFacts are the findings of one package that have one profile.
type FindingFacts struct {
	// Profile is the place of their FindingProfile in Facts.Profiles.
	Profile int `json:"profile"`
	// IDs has the most useful id of each, sorted.
	IDs []string `json:"ids"`
	// Labels are the versions, or the specifiers of ranges, sorted.
	Labels []string `json:"labels"`
	// Fix is the place of the highest fixed version in the package's Fixes, -1
	// without one.
	Fix int `json:"fix"`
	// Exclude are the malicious versions to keep out of a range, sorted.
	Exclude []string `json:"exclude"`
}

// FindingProfile is what a finding's effect depends on. Many findings share a
// profile, so a rule judges a handful of profiles instead of every finding.
type FindingProfile struct {
	Severity  vuln.Severity `json:"severity"`
	Verdict   vuln.Verdict  `json:"verdict"`
	Evidence  sbom.Evidence `json:"evidence"`
	Gates     bool          `json:"gates"`
	Malicious bool          `json:"malicious"`
	// Distribution is PackageFacts.Distribution.
	Distribution bool `json:"distribution"`
	// Fixable is true when a fixed version is known.
	Fixable bool `json:"fixable"`
	// Excludable is true when keeping single versions out cures it.
	Excludable bool `json:"excludable"`
	// Base is true when all places of the findings are in layers of the base
	// image.
	Base bool `json:"base"`
	// Scopes are what the components are for, sorted, with "" for "runtime".
	Scopes []string `json:"scopes"`
	// Accepted says by whom and why the risk was accepted; left out when it
	// was not.
	Accepted string `json:"accepted,omitempty"`
}

// SignatureFacts is a Signature with no field left out: a rule that reads a
// field that is not there is undefined, and would be silent.
type SignatureFacts struct {
	Status SignatureStatus `json:"status"`
	Kind   string          `json:"kind"`
	// Name is Kind, "signature" when that is empty.
	Name string `json:"name"`
	// Speaks is true when the subject is a digest of the audited image.
	Speaks  bool   `json:"speaks"`
	Subject string `json:"subject"`
	Signer  string `json:"signer"`
	Digest  string `json:"digest"`
	Reason  string `json:"reason"`
}

// LintFacts are the findings of one lint rule in one file with one fate, those
// of the base image's layers apart.
type LintFacts struct {
	Rule string `json:"rule"`
	Risk string `json:"risk"`
	File string `json:"file"`
	// Line and Message are the first finding's.
	Line    int    `json:"line"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
	// Base is true when they are about files in layers of the base image.
	Base bool `json:"base"`
	// Places are "RULE FILE:LINE", those in an image "RULE FILE (layer DIGEST)",
	// in order.
	Places []string `json:"places"`
	// Suppressed names what suppressed them, Accepted the accepted risk; ""
	// and left out otherwise.
	Suppressed string `json:"suppressed,omitempty"`
	Accepted   string `json:"accepted,omitempty"`
}

// GapFacts are the gaps of one kind with one fate.
type GapFacts struct {
	Kind  sbom.GapKind `json:"kind"`
	Hides bool         `json:"hides"`
	Count int          `json:"count"`
	// File and Line are the first gap's.
	File string `json:"file"`
	Line int    `json:"line"`
	// Places are the first few as "FILE:LINE: reason".
	Places []string `json:"places"`
	// Accepted says by whom and why they were accepted; left out when they
	// were not.
	Accepted string `json:"accepted,omitempty"`
}

// ExceptionFacts is an exception that does nothing.
type ExceptionFacts struct {
	// Name is what it is about: an id, or the kind of a gap and its file.
	Name    string `json:"name"`
	Package string `json:"package"`
	Origin  string `json:"origin"`
	// State is "expired", "unused" or "invalid".
	State string `json:"state"`
	// Until is "on DATE" of an expired one, why an invalid one counts for
	// nothing, else "".
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
		ImageDigests: imageDigests(in),
		Ecosystems:   ecosystems(in),
		Advisories:   advisoryFacts(in),
		Gaps:         gapFacts(in.Gaps, risks),
	}
	facts.Signatures = signatureFacts(in.Signatures, facts.ImageDigests)
	base := newBaseLayers(in.Image)
	facts.Lint = lintFacts(in.Lint, risks, base)
	facts.Profiles, facts.Packages = packageFacts(in.Findings, risks, base)
	for _, c := range in.Components {
		if c.Evidence == sbom.Claimed || sbom.RuntimeOf(&c) != "" {
			continue // an image of which only an SBOM is left, or what nobody can judge, is empty
		}
		facts.Components++
		if slices.ContainsFunc(c.Locations, func(l sbom.Location) bool { return l.Layer != "" }) {
			facts.ImageComponents++
		}
	}
	facts.Exceptions = risks.idle()
	in.Exceptions = risks.exceptions
	return Document{
		Input: in, Components: base.components(in.Components), Findings: base.findings(in.Findings), Lint: base.lint(in.Lint), Facts: facts,
	}, risks.exceptions, nil
}

func imageDigests(in Input) []string {
	digests := []string{}
	if in.Target.IndexDigest != "" {
		digests = append(digests, in.Target.IndexDigest)
	}
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
// distribution's data, and a claim does not gate whether there are advisories or not.
func ecosystems(in Input) []string {
	names := []string{}
	for _, c := range in.Components {
		if c.Ecosystem != "" && c.Evidence != sbom.OSOwned && c.Evidence != sbom.Claimed {
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

func signatureFacts(signatures []Signature, digests []string) []SignatureFacts {
	out := make([]SignatureFacts, len(signatures))
	for i, s := range signatures {
		out[i] = SignatureFacts{
			Status: s.Status, Kind: s.Kind, Name: cmp.Or(s.Kind, "signature"), Speaks: slices.Contains(digests, s.Subject),
			Subject: cmp.Or(s.Subject, "no digest"), Signer: s.Signer, Digest: s.Digest,
			Reason: cmp.Or(s.Reason, "no reason was given"),
		}
	}
	return out
}
