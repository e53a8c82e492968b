// Package policy decides whether the rules allow what was found. [Input] is
// everything that a decision may rest on, as one JSON document with a
// published schema; Decide evaluates Rego over it, in an engine without network,
// clock or environment, and gives a [Decision].
package policy

import (
	"time"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// Outcome is the answer. The zero value is Undecided: nothing is allowed that
// nobody allowed.
type Outcome int

// The outcomes. The exit codes of docs/ARCHITECTURE.md follow from them.
const (
	Undecided Outcome = iota
	Allowed
	Denied
)

// Input is what a policy sees, and nothing else. docs/schema/input.schema.json
// describes its JSON.
type Input struct {
	// Target is what was audited.
	Target Target `json:"target"`
	// AsOf is the time that the decision is made for, UTC, to the second.
	AsOf time.Time `json:"as_of"`
	// Components, Findings, Lint, Signatures and Gaps are sorted.
	Components []sbom.Component `json:"components"`
	Findings   []vuln.Finding   `json:"findings"`
	Lint       []lint.Finding   `json:"lint"`
	Signatures []Signature      `json:"signatures"`
	Gaps       []sbom.Gap       `json:"gaps"`
	// Image is nil when there is no image.
	Image *Image `json:"image,omitempty"`
	// Advisories says what the findings rest on, an entry for each ecosystem
	// in use, sorted by name.
	Advisories []AdvisoryStatus `json:"advisories"`
	// SnapshotDigest is the digest of the advisory snapshot, "" without one.
	SnapshotDigest string `json:"snapshot_digest"`
	// Exceptions are the accepted risks that the user's own configuration
	// holds, whether used or not.
	Exceptions []Exception `json:"exceptions"`
	// Parameters of the pack, as the user set them; see Parameters.
	Parameters Parameters `json:"parameters"`
	// Stages says which parts of the audit ran ("sbom", "vuln", "lint",
	// "verify"), sorted: a policy must not take "nothing found" for "looked".
	Stages []string `json:"stages"`
}

// Target names what was audited.
type Target struct {
	// Name is the folder or file as the user named it, "" for an image alone.
	Name string `json:"name"`
	// LeftOut are the manifests and folders that --include and --exclude keep
	// out of the audit, and those that git ignores and does not track, sorted.
	LeftOut []string `json:"left_out,omitempty"`
	// Image is the image reference as the user named it, "" without an image.
	Image string `json:"image,omitempty"`
	// ImageDigest is the digest that the reference was resolved to.
	ImageDigest string `json:"image_digest,omitempty"`
	// IndexDigest is the digest of the index that the reference led to first,
	// "" when it led to the image. A signature over the index speaks of the
	// image too: the index names it by digest.
	IndexDigest string `json:"index_digest,omitempty"`
	// Platform is "os/architecture[/variant]" of the image when the reference led
	// to several, or of an image that could not be opened when it was asked for;
	// "" otherwise.
	Platform string `json:"platform,omitempty"`
	// NamedImages are the images that files of the folder name and that have
	// reports of their own: "ROLE REFERENCE [PLATFORM]", those that are not
	// audited with a reason after a colon; none when they were not asked for.
	NamedImages []string `json:"named_images,omitempty"`
}

// Image is the part of an image's configuration that rules speak about.
type Image struct {
	Digest       string   `json:"digest"`
	OS           string   `json:"os"`
	Architecture string   `json:"architecture"`
	Distribution string   `json:"distribution"`
	User         string   `json:"user"`
	ExposedPorts []string `json:"exposed_ports"`
	Entrypoint   []string `json:"entrypoint"`
	Cmd          []string `json:"cmd"`
	WorkingDir   string   `json:"working_dir"`
	// EnvNames are the names of the environment variables, never the values.
	EnvNames []string `json:"env_names"`
	// SecretEnvNames are the names among them that look like secrets.
	SecretEnvNames []string `json:"secret_env_names"`
	// GradioEnv are the GRADIO_* settings with their values.
	GradioEnv   map[string]string `json:"gradio_env"`
	Labels      map[string]string `json:"labels"`
	Healthcheck bool              `json:"healthcheck"`
	// Created is the configured creation time, zero if none.
	Created time.Time `json:"created,omitzero"`
	// SizeBytes is the sum of the compressed layer sizes.
	SizeBytes int64 `json:"size_bytes"`
	// Layers are the layer digests from the base up.
	Layers []string `json:"layers"`
	// History says how each of Layers was made, in the same order; empty when
	// nothing is known.
	History []sbom.Layer `json:"history"`
	// BaseName and BaseDigest are what the image says that it is built from, by
	// the labels and annotations org.opencontainers.image.base.name and .digest;
	// "" when it does not say. Nobody has checked them.
	BaseName   string `json:"base_name,omitempty"`
	BaseDigest string `json:"base_digest,omitempty"`
	// Base is the base image, nil when it is not known.
	Base *Base `json:"base,omitempty"`
	// LeftFiles are keys, credentials and repositories in any layer, also in one
	// that a later layer covers.
	LeftFiles []LeftFile `json:"left_files,omitempty"`
	// SetuidFiles are the files that run as another user or group than who
	// starts them, sorted.
	SetuidFiles []string `json:"setuid_files,omitempty"`
	// WritablePaths are the folders and the code below the working directory
	// that everyone can write to, sorted.
	WritablePaths []string `json:"writable_paths,omitempty"`
	// FileLocations are the paths of SetuidFiles and WritablePaths, sorted, each
	// with the digest of the layer that made it what it is.
	FileLocations []sbom.Location `json:"file_locations,omitempty"`
}

// LeftFile is a file in a layer that should not be in an image.
type LeftFile struct {
	Path string `json:"path"`
	// What is "private-key", "credentials", "env-file" or "git-repository".
	What string `json:"what"`
	// Of says it more exactly ("a GitHub token", "an encrypted private key"), ""
	// when What says it all.
	Of string `json:"of,omitempty"`
	// Layer is the digest of the layer that holds it.
	Layer string `json:"layer"`
	// Deleted is true when a later layer removes it from sight; whoever pulls
	// the image can read it all the same.
	Deleted bool `json:"deleted"`
}

// AdvisoryStatus is what the snapshot has for one ecosystem in use.
type AdvisoryStatus struct {
	// Ecosystem is OSV's name with release suffix.
	Ecosystem string `json:"ecosystem"`
	// Present is false when the snapshot does not have it.
	Present bool `json:"present"`
	// Records is how many usable records there are.
	Records int `json:"records"`
	// Refused is how many records could not be read.
	Refused int `json:"refused"`
	// Date is the newest modified date not after AsOf, or the server's.
	Date time.Time `json:"date,omitzero"`
	// Newest is the newest modified date of a record not after AsOf; zero when
	// it is not known. It says how old the data is, and Date when it was looked
	// for.
	Newest time.Time `json:"newest,omitzero"`
	// Stale is true when Date is further before AsOf than the allowed age.
	Stale bool `json:"stale"`
}

// SignatureStatus says how a check of a signature ended. The zero value is
// SignatureUnchecked.
type SignatureStatus string

// The ways.
const (
	// SignatureUnchecked: nobody looked, for Reason.
	SignatureUnchecked SignatureStatus = "unchecked"
	// SignatureVerified: it is there and good.
	SignatureVerified SignatureStatus = "verified"
	// SignatureFailed: it is there and bad.
	SignatureFailed SignatureStatus = "failed"
	// SignatureMissing: the search succeeded and found none.
	SignatureMissing SignatureStatus = "missing"
	// SignatureError: the search or the check could not be done.
	SignatureError SignatureStatus = "error"
)

// Signature is one signature or attestation of the image and what came of
// checking it. attest fills it in.
type Signature struct {
	Status SignatureStatus `json:"status"`
	// Kind is "signature" or "attestation".
	Kind string `json:"kind"`
	// Format is "cosign" (tags) or "bundle" (referrer), "" when none was found.
	Format string `json:"format,omitempty"`
	// PredicateType is the in-toto predicate type of an attestation or bundle.
	PredicateType string `json:"predicate_type,omitempty"`
	// Subject is the digest that the signature speaks of.
	Subject string `json:"subject,omitempty"`
	// Signer is the key's SHA-256 fingerprint ("key sha256:...") or the
	// certificate's identity and issuer.
	Signer string `json:"signer,omitempty"`
	Issuer string `json:"issuer,omitempty"`
	// Logged is true when a transparency log entry was verified.
	Logged bool `json:"logged"`
	// Digest is the digest of the signature's own bytes.
	Digest string `json:"digest,omitempty"`
	// Reason is one sentence: why it failed, what was looked for and where.
	Reason string `json:"reason,omitempty"`
}

// Exception is a risk that the user accepted in the configuration of the
// repository that they stand in. It names what it is about with exactly one of
// ID and Gap.
type Exception struct {
	// ID is a record id, an alias, or a lint rule. With Package it also covers
	// the gaps of kind "advisory" about that record and that package.
	ID string `json:"id"`
	// Gap is the kind of the hiding gaps that it covers, at File and about
	// Package; it needs one of the two.
	Gap sbom.GapKind `json:"gap,omitempty"`
	// File limits an exception with Gap to the files that match this glob of
	// paths below the target ("legacy/**", "app/requirements.txt"), or to one
	// line of them ("requirements.txt:3"). "" is anywhere.
	File string `json:"file,omitempty"`
	// Package limits it to one package, "" for any.
	Package string `json:"package,omitempty"`
	// Reason is required.
	Reason string `json:"reason"`
	// Expires is the last day that it counts, zero for never.
	Expires time.Time `json:"expires,omitzero"`
	// Origin is the file and line that it is from.
	Origin string `json:"origin"`
	// Expired is true when AsOf is after Expires.
	Expired bool `json:"expired"`
	// Used is how many findings and gaps it covers.
	Used int `json:"used"`
	// Elsewhere is true when the report of another target of the same run says
	// whether it is used: that it covers nothing here is then no reason to warn.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// Pack is a set of parameters by name. What the user sets singly overrides it.
type Pack string

// The packs.
const (
	// PackDefault, also "", is for every day: Unresolved "warn", GateScopes
	// "shipped".
	PackDefault Pack = "default"
	// PackRelease is for what goes out: Unresolved "undecided", GateScopes
	// "all". It asks for no signature, because an image is signed after it is
	// allowed: RequireSignature does. What is latent warns in both.
	PackRelease Pack = "release"
)

// GateScopes says findings of which scopes of components deny.
type GateScopes string

// The scopes that gate.
const (
	// GateShipped: all but what is only there to develop, to build or to show
	// ("dev", "build", "demo"), and what a platform installs first for every
	// application ("base"), which warns. Malware there denies
	// all the same: it runs on the machines that build.
	GateShipped GateScopes = "shipped"
	// GateAll: every scope.
	GateAll GateScopes = "all"
)

// Parameters are what a user can set about the built-in policy. The zero value
// is the default pack.
type Parameters struct {
	// Pack gives those of Unresolved and GateScopes that are not set.
	Pack Pack `json:"pack"`
	// FailOn is the lowest severity that denies: "low", "medium", "high" (the
	// default, also when ""), "critical". A severity of unknown always denies.
	FailOn vuln.Severity `json:"fail_on"`
	// RequireSignature denies when no signature verifies.
	RequireSignature bool `json:"require_signature"`
	// Unfixed says what a distribution package's finding without a fix does:
	// "deny", "warn" (the default, also when "") or "ignore".
	Unfixed string `json:"unfixed"`
	// Unresolved says what a vulnerability does of which nobody can tell
	// whether an installer gets it from a declared range: "warn", "undecided"
	// or "deny"; "" is what the pack says. On anything locked or installed it
	// is always undecided.
	Unresolved string `json:"unresolved"`
	// GateScopes says which scopes gate; "" is what the pack says.
	GateScopes GateScopes `json:"gate_scopes"`
	// OnlyAdded makes a warning of what denies, or leaves it open, about a
	// component that the base image brings, malware apart. It has no effect while
	// the base is not known, see Image.Base.
	OnlyAdded bool `json:"only_added"`
	// MaxAgeSeconds is the age from which an ecosystem's advisories are stale;
	// 0 means 7 days.
	MaxAgeSeconds int64 `json:"max_age_seconds"`
}

// Effect is what a reason does to the outcome. The zero value is not valid.
type Effect string

// The effects, in the order in which reports list them.
const (
	Deny     Effect = "deny"
	Undecide Effect = "undecided"
	Warn     Effect = "warn"
)

// Reason is one reason of a decision.
type Reason struct {
	Effect Effect `json:"effect"`
	// Rule names the policy rule ("vulnerability", "malicious", "lint",
	// "signature", "gap", "stale", "nothing-found" ...).
	Rule string `json:"rule"`
	// Message is one sentence; it may quote scanned content.
	Message string `json:"message"`
	// Evidence names what it rests on: record ids, "rule file:line", a digest.
	Evidence []string `json:"evidence"`
	// Package and Location help reports to group; "" when they do not apply.
	Package string `json:"package,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	// Remedy says what to do.
	Remedy string `json:"remedy"`
}

// Decision is the answer with its reasons and with the digests of everything
// that it rests on. Same inputs, same bytes.
type Decision struct {
	Outcome Outcome `json:"outcome"`
	// AsOf is the time that it was made for.
	AsOf time.Time `json:"as_of"`
	// Reasons are sorted: deny, undecided, warn; then by rule, package,
	// message.
	Reasons []Reason `json:"reasons"`
	// Exceptions are the accepted risks with their use.
	Exceptions []Exception `json:"exceptions"`
	// Digests names the parts ("target", "image", "config", "sbom", "snapshot",
	// "advisories", "findings", "lint", "signatures", "gaps", "policy",
	// "exceptions", "parameters", "stages", "tool") and their "sha256:..."
	// digests, see DigestParts. "image", "config" and "snapshot" are left out
	// when there is none.
	Digests map[string]string `json:"digests"`
}
