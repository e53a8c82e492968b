// Package vuln says what is known to be wrong with an inventory. [Match] holds
// a [sbom.Document] against a [Source] of [Advisory]s and gives [Finding]s,
// each with a [Verdict].
//
// A record of malware that lists single versions says that these are malicious,
// and nothing of the others. Most such records are of a whole package that never
// had an honest version. So a range over it has the verdict [Unknown], never
// [Latent], as long as nobody has told of a version that is not malware: a
// policy then leaves the audit undecided.
package vuln

import (
	"context"
	"errors"
	"time"

	"github.com/tallyman/tallyman/sbom"
)

// Source is where Match takes advisories from.
type Source interface {
	// Advisories returns every advisory that names the package, withdrawn ones
	// included, sorted by ID. ecosystem is OSV's name with its release suffix
	// ("PyPI", "Debian:12"); name is in the ecosystem's normal form
	// (sbom.NormalName). No advisory is no error; an ecosystem that the source
	// does not have is an error that wraps ErrNoEcosystem.
	Advisories(ctx context.Context, ecosystem, name string) ([]Advisory, error)
}

// ErrNoEcosystem means that a Source does not have an ecosystem (or release),
// so that nothing it says vouches for a package of it.
var ErrNoEcosystem = errors.New("no advisories for this ecosystem")

// Advisory is an OSV record as far as matching and reporting need it.
// https://ossf.github.io/osv-schema/
type Advisory struct {
	// ID is the record's id ("PYSEC-2024-1", "MAL-2024-1", "DEBIAN-CVE-2024-1").
	ID string `json:"id"`
	// Aliases and Upstream are other records' ids, sorted, as the record says.
	Aliases  []string `json:"aliases,omitempty"`
	Upstream []string `json:"upstream,omitempty"`
	// Summary is one line, or the first line of the details.
	Summary string `json:"summary,omitempty"`
	// Published, Modified and Withdrawn are UTC; zero when the record has none.
	Published time.Time `json:"published,omitzero"`
	Modified  time.Time `json:"modified"`
	Withdrawn time.Time `json:"withdrawn,omitzero"`
	// Severity is the highest severity of this record and of every record of
	// the same source that aliases connect it with.
	Severity Severity `json:"severity"`
	// SeveritySource names where Severity is from: the id of the record and
	// the kind ("PYSEC-2024-1 CVSS:3.1 9.8", "DEBIAN-CVE-2024-1 urgency high").
	SeveritySource string `json:"severity_source,omitempty"`
	// Correction says why, and from where, the source added to Affected what
	// the record itself does not say; "" for a record as it is. A finding that
	// rests on nothing else has the basis "correction: " and this.
	Correction string `json:"correction,omitempty"`
	// Notes are what else the source knows of the record: that it is disputed,
	// that its CVE was rejected, that a bound of its range was moved, each with
	// the reason and a URL.
	Notes []string `json:"notes,omitempty"`
	// Affected has only the entries for the package that was asked for.
	Affected []Affected `json:"affected"`
}

// Malicious reports whether the record says that the package itself is
// malware (OSV's MAL- records).
func (a *Advisory) Malicious() bool { return len(a.ID) > 4 && a.ID[:4] == "MAL-" }

// Affected is one entry of a record's affected list.
type Affected struct {
	// Ecosystem as the record spells it, with release suffix.
	Ecosystem string `json:"ecosystem"`
	// Name as the record spells it.
	Name string `json:"name"`
	// Versions is the explicit list of affected versions.
	Versions []string `json:"versions,omitempty"`
	// Ranges are in the record's order.
	Ranges []Range `json:"ranges,omitempty"`
	// Urgency is the distribution's own word for this package
	// (ecosystem_specific.urgency), "" if none.
	Urgency string `json:"urgency,omitempty"`
}

// Range is one range of an affected entry. GIT ranges are kept out.
type Range struct {
	// Type is "ECOSYSTEM" or "SEMVER".
	Type string `json:"type"`
	// Events are in the record's order.
	Events []Event `json:"events"`
}

// Event is one event of a range; exactly one field is set.
type Event struct {
	Introduced   string `json:"introduced,omitempty"`
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"last_affected,omitempty"`
	Limit        string `json:"limit,omitempty"`
}

// Verdict says how sure it is that an installation is affected. The zero value
// is Unknown, which is not a clearance. Clear is not a verdict: it is no
// finding.
type Verdict string

// The verdicts.
const (
	// Unknown is the zero value: nobody can tell. Of a range, the newest known
	// version that an installer would take is affected, it admits versions
	// above that are not, and nobody has told whether one of them exists.
	Unknown Verdict = "unknown"
	// AffectedVersion: the exact version in use is affected.
	AffectedVersion Verdict = "affected"
	// Forced: every version that the range admits is affected, whatever
	// versions exist, or every one of those that an index says there are.
	Forced Verdict = "forced"
	// Current: what an installer takes from the range today is affected: the
	// newest known version is, and so is whatever the range admits above it,
	// or an index says that there is nothing above it.
	Current Verdict = "current"
	// Latent: the range admits an affected version, and none of the others
	// applies: an installer would not take it today. The edit is Floor.
	Latent Verdict = "latent"
)

// Gating reports whether the verdict by itself stops a release.
func (v Verdict) Gating() bool {
	return v == AffectedVersion || v == Forced || v == Current
}

// Severity is a qualitative severity. The zero value is not valid in output;
// SeverityUnknown stands for "no source says", and is never treated as low.
type Severity string

// The severities. https://www.first.org/cvss/v3.1/specification-document#Qualitative-Severity-Rating-Scale
const (
	SeverityUnknown  Severity = "unknown"
	SeverityNone     Severity = "none"
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Rank orders severities: none 0, low 1, medium 2, high 3, critical 4, and
// unknown (and anything else) 5, so that what nobody rated is never below a
// threshold.
func (s Severity) Rank() int {
	switch s {
	case SeverityNone:
		return 0
	case SeverityLow:
		return 1
	case SeverityMedium:
		return 2
	case SeverityHigh:
		return 3
	case SeverityCritical:
		return 4
	}
	return 5
}

// Finding is one vulnerability (or one piece of malware) of one package,
// however many records name it.
type Finding struct {
	// IDs are all ids that aliases connect within the package, of records and
	// those that records only mention (a CVE), sorted so that the most useful
	// comes first (see CompareIDs).
	IDs []string `json:"ids"`
	// Records are the ids of the records that affect what is in use, sorted
	// likewise; a subset of IDs.
	Records []string `json:"records"`
	// Package is the component's name as spelled.
	Package   string `json:"package"`
	Ecosystem string `json:"ecosystem"`
	PURL      string `json:"purl"`
	// Version is the exact version, "" for a range; Specifier the range.
	Version   string `json:"version"`
	Specifier string `json:"specifier"`
	// Evidence is the component's.
	Evidence sbom.Evidence `json:"evidence"`
	Verdict  Verdict       `json:"verdict"`
	// Through names what brings the package in when no line names it:
	// "gradio 6.25.0", or "gradio[mcp] 6.25.0" when it is an extra's.
	Through string `json:"through,omitempty"`
	// Scopes says what the components are for, sorted, with "runtime" for what
	// has no other scope; see sbom.Component. It is empty when all of them are
	// runtime.
	Scopes []string `json:"scopes,omitempty"`
	// Environments names those for which the verdict holds when it does not
	// hold for all; see Options.Environments.
	Environments []string `json:"environments,omitempty"`
	// Basis says what the verdict rests on: "events", "versions" (the record's
	// list), "lock" (the newest known version is one that only a lock names),
	// "index" (the known versions are all that there are).
	Basis string `json:"basis"`
	// BasisDate is the newest modified date of the records, RFC 3339.
	BasisDate time.Time `json:"basis_date,omitzero"`
	Severity  Severity  `json:"severity"`
	// SeveritySource names the record and the vector or word.
	SeveritySource string `json:"severity_source,omitempty"`
	// Fixed is the smallest fixed version above the one in use, "" if none. Of
	// a range it is the smallest known version above all that the range admits
	// and the vulnerability affects, preferably one that the range admits.
	Fixed string `json:"fixed"`
	// Floor is the edit that cures this finding and every other one of the
	// same line that an edit can cure: the version to raise the floor of a
	// range to, within its caps, or to move a pin to. It is known to exist.
	// "" when no edit of that kind is known; with Fixed set, a cap is in the
	// way.
	Floor string `json:"floor,omitempty"`
	// Caps names what keeps Fixed out that no line of the inventory says: what a
	// package asks for that is named there, "pydantic<=2.12.5 (gradio[mcp]
	// 6.25.0)"; sorted.
	Caps []string `json:"caps,omitempty"`
	// Exclude are the single malicious versions that a range admits, sorted:
	// the edit is a "!=" for each.
	Exclude []string `json:"exclude,omitempty"`
	// Gates is true when the finding by itself can stop a release: a gating
	// verdict on evidence other than a claim.
	Gates bool `json:"gates"`
	// Malicious is true for MAL- records.
	Malicious bool `json:"malicious,omitempty"`
	// Summary is one line; scanned content, to be escaped when printed.
	Summary string `json:"summary,omitempty"`
	// Notes say what was corrected in the records, and where records of this
	// one vulnerability differ in what they affect. Sorted.
	Notes []string `json:"notes,omitempty"`
	// SourcePackage is the source package that the advisory named, "" when it
	// named the component itself.
	SourcePackage string          `json:"source_package,omitempty"`
	Locations     []sbom.Location `json:"locations"`
}

// Result is what Match found and what it could not judge.
type Result struct {
	// Findings are sorted by ecosystem, package, version, specifier and ids.
	Findings []Finding `json:"findings"`
	// Gaps are sorted with sbom.CompareGaps.
	Gaps []sbom.Gap `json:"gaps"`
}
