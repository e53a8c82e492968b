package sbom

// Gap is something that could not be read or judged. Gaps are data: they stay
// in the report, and while one that hides is open nothing is ever allowed.
type Gap struct {
	// Kind is one word of a closed list, see the Gap constants.
	Kind GapKind `json:"kind"`
	// File is where, "" if it is not about a file.
	File string `json:"file"`
	// Line counts from 1; 0 for the whole file.
	Line int `json:"line"`
	// Reason is one sentence for a person. It may quote scanned content, so
	// who prints it must escape it.
	Reason string `json:"reason"`
	// Hides says that something dangerous may be behind the gap. It is set
	// from Kind by NewGap and by Normalize, never by a reader.
	Hides bool `json:"hides"`
	// Package is the normalised package name that it concerns, "" for none.
	Package string `json:"package,omitempty"`
	// Advisory is the id of the record that could not be evaluated, "" for
	// every kind but GapAdvisory.
	Advisory string `json:"advisory,omitempty"`
	// Layer is the digest of the image layer that it concerns, "" for none.
	Layer string `json:"layer,omitempty"`
}

// GapKind names a kind of gap.
type GapKind string

// The kinds. Every kind hides unless doesNotHide names it.
const (
	// GapUnparsed: a line or a file that breaks its own grammar.
	GapUnparsed GapKind = "unparsed"
	// GapUnread: a file that is there and could not be read (permission, I/O,
	// a link out of the tree).
	GapUnread GapKind = "unread"
	// GapTooLarge: a bound of internal/limit was exceeded.
	GapTooLarge GapKind = "too-large"
	// GapUnsupported: a manifest or package database that is seen and for
	// which there is no reader.
	GapUnsupported GapKind = "unsupported"
	// GapInclude: an include that is missing, cyclic or outside the root.
	GapInclude GapKind = "include"
	// GapUnversioned: a component without a version that advisories could be
	// matched with (a VCS reference, a direct URL, a local path).
	GapUnversioned GapKind = "unversioned"
	// GapRange: a range of versions for which there is no verdict.
	GapRange GapKind = "range"
	// GapConflict: lines that exclude each other, so that no version is left.
	GapConflict GapKind = "conflict"
	// GapEcosystem: an ecosystem or release that the snapshot does not have.
	GapEcosystem GapKind = "ecosystem"
	// GapVersion: a version that its ecosystem's order cannot read.
	GapVersion GapKind = "version"
	// GapAdvisory: an advisory that names the package and that cannot be
	// evaluated.
	GapAdvisory GapKind = "advisory"
	// GapImage: a part of the image that could not be read.
	GapImage GapKind = "image"
	// GapSignature: signatures could not be looked for.
	GapSignature GapKind = "signature"
	// GapDynamic: metadata that only running code would tell (setup.py).
	GapDynamic GapKind = "dynamic"
	// GapLink: a symbolic link to a folder inside the tree, which is not
	// followed because the folder itself is walked.
	GapLink GapKind = "link"
	// GapIgnoredConfig: configuration, pragma or exception found in scanned
	// content, listed and not honoured.
	GapIgnoredConfig GapKind = "ignored-config"
	// GapCatalogue: components listed without any advisory source existing
	// for their kind.
	GapCatalogue GapKind = "no-advisories"
	// GapNothing: nothing was found that the stage could look at.
	GapNothing GapKind = "nothing-found"
	// GapClosure: a requirement that brings in packages which nothing names, so
	// that they are not audited.
	GapClosure GapKind = "closure"
	// GapPlatform: what the platform adds to every application, and what no
	// advisory source exists for.
	GapPlatform GapKind = "platform"
	// GapUnpulled: an image that a file or the user names and that could not be
	// had, or whose name is not known.
	GapUnpulled GapKind = "unpulled"
	// GapReconstructed: the advisories of an earlier day were made up from
	// what later records say of themselves.
	GapReconstructed GapKind = "reconstructed"
	// GapClaim: what an SBOM found inside the image says, and what could not be
	// read or judged of it.
	GapClaim GapKind = "claim"
	// GapUnverified: an installed package whose list of files is there and could
	// not be held against them.
	GapUnverified GapKind = "unverified"
	// GapRuntime: an interpreter (CPython, Node) that no package brought, of whose
	// versions no source of advisories tells.
	GapRuntime GapKind = "runtime"
	// GapUnchosen: an image of the same index, for another platform, that was not
	// audited.
	GapUnchosen GapKind = "unchosen"
	// GapOther is the zero value; it hides.
	GapOther GapKind = ""
)

// doesNotHide is the closed list of kinds that hide nothing, each with its
// reason.
var doesNotHide = map[GapKind]string{
	GapClosure:       "what any package brings along stands in a lock or in the image, and not in what declares it; this kind says so for Gradio, of which we know some of it",
	GapLink:          "the folder that the link names is walked itself",
	GapIgnoredConfig: "what was not honoured could only have made the result milder",
	GapClaim:         "what an SBOM inside says is not what is there: it never gates, and what is installed is found without it",
	GapUnverified:    "the package is listed and judged; that its files are those that were published is not known, as it is not for any package without such a list",
	GapRuntime:       "the interpreter is listed with its version, which a rule can judge; no advisory source tells of such versions, so that nothing that could have been asked was left out",
	GapPlatform:      "the platform adds it to every application, and no edit of the application changes it",
}

// GapKinds returns every kind but GapOther, in no order that means anything.
func GapKinds() []GapKind {
	return []GapKind{
		GapUnparsed, GapUnread, GapTooLarge, GapUnsupported, GapInclude, GapUnversioned, GapRange, GapConflict,
		GapEcosystem, GapVersion, GapAdvisory, GapImage, GapSignature, GapDynamic, GapLink, GapIgnoredConfig,
		GapCatalogue, GapNothing, GapClosure, GapPlatform, GapReconstructed, GapUnpulled, GapClaim, GapUnverified, GapRuntime, GapUnchosen,
	}
}

// Hides reports whether something dangerous may be behind a gap of this kind.
func (k GapKind) Hides() bool {
	_, named := doesNotHide[k]
	return !named
}

// NewGap returns a Gap with Hides set from its kind.
func NewGap(kind GapKind, file string, line int, reason string) Gap {
	return Gap{Kind: kind, File: file, Line: line, Reason: reason, Hides: kind.Hides()}
}
