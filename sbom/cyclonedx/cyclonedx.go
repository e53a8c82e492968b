// Package cyclonedx writes an inventory as CycloneDX 1.6 JSON and reads
// CycloneDX JSON of the versions 1.2 to 1.7, ours and that of other tools.
//
// What CycloneDX has no field for is kept in properties whose names begin with
// "tallyman:", so that [Decode] of what [Encode] wrote gives the same Document:
// evidence, specifier, marker, extras, hashes demanded, gaps and so on.
// https://cyclonedx.org/docs/1.6/json/
package cyclonedx

import "time"

// Options say what an encoded document tells about its making. The zero value
// tells nothing, so that equal Documents give equal bytes.
type Options struct {
	// Timestamp is written when it is not zero.
	Timestamp time.Time
	// ToolVersion is the version of tallyman, "" to leave the tool out.
	ToolVersion string
	// ImageDigest is the digest of the image that the document is about, ""
	// when it is about a folder.
	ImageDigest string
}

// The properties that Encode writes and Decode reads. Document properties:
// propFormat (always formatVersion), and as JSON one propGap for each gap, one
// propTogether for each set of files, one propFiles for each package whose files
// are not those of its list, one propLayer for each layer of the image, from the
// base up, and one propDepends for each Dependency that names a package URL of no
// component.
// Component properties, each left out when empty; those of lists repeat:
const (
	prefix        = "tallyman:"
	propFormat    = prefix + "format"
	propGap       = prefix + "gap"
	propDepends   = prefix + "dependency"
	propTogether  = prefix + "together"
	propFiles     = prefix + "files"
	propLayer     = prefix + "layer"
	propEvidence  = prefix + "evidence"
	propEcosystem = prefix + "ecosystem"
	propSpecifier = prefix + "specifier"
	propMarker    = prefix + "marker"
	propSource    = prefix + "source"
	propSourceVer = prefix + "source-version"
	propOwner     = prefix + "owner"
	propExtra     = prefix + "extra"
	propURL       = prefix + "url"
	propHash      = prefix + "hash"
	propEditable  = prefix + "editable"
	propInstaller = prefix + "installer"
	propRequested = prefix + "requested"
	propConstr    = prefix + "constraint"
	propScope     = prefix + "scope"
)

// formatVersion is the version of our properties. A document of another one is
// refused: read in part it would look better than it is.
const formatVersion = "1"

// nowhere stands for the file of a Location that has none: an occurrence must
// have a location.
const nowhere = prefix + "nowhere"
