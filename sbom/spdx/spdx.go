// Package spdx writes an inventory as SPDX 2.3 JSON and reads SPDX JSON of the
// versions 2.2 and 2.3, ours and that of other tools.
//
// What SPDX has no field for is kept in annotations by "Tool: tallyman": of the
// document its name, its gaps, the sets of files that are installed together and
// what the relationships leave of the dependency graph, of each package the
// whole Component.
// https://spdx.github.io/spdx-spec/v2.3/
package spdx

import "time"

// Options say what an encoded document tells about its making. The zero value
// gives equal bytes for equal Documents.
type Options struct {
	// Timestamp is when the document was made. SPDX wants one: the zero value
	// writes the start of 1970.
	Timestamp time.Time
	// ToolVersion is the version of tallyman, "" to leave it out.
	ToolVersion string
}

// The comments of our annotations begin with one of these, followed by JSON.
const (
	documentMark  = "tallyman:document "
	componentMark = "tallyman:component "
	gapMark       = "tallyman:gap "
	dependsMark   = "tallyman:dependency "
	togetherMark  = "tallyman:together "
	filesMark     = "tallyman:files "
	layerMark     = "tallyman:layer "
)

// formatVersion is the version of our annotations.
const formatVersion = 1

// The part of an SPDX document that we write and read.
type document struct {
	Version       string         `json:"spdxVersion"`
	DataLicense   string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	CreationInfo  creationInfo   `json:"creationInfo"`
	Describes     []string       `json:"documentDescribes,omitempty"`
	Packages      []pkg          `json:"packages"`
	Relationships []relationship `json:"relationships"`
	Annotations   []annotation   `json:"annotations,omitempty"`
}

type creationInfo struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type pkg struct {
	ID            string        `json:"SPDXID"`
	Name          string        `json:"name"`
	Version       string        `json:"versionInfo,omitempty"`
	Download      string        `json:"downloadLocation"`
	FilesAnalyzed bool          `json:"filesAnalyzed"`
	Purpose       string        `json:"primaryPackagePurpose,omitempty"`
	Checksums     []checksum    `json:"checksums,omitempty"`
	References    []externalRef `json:"externalRefs,omitempty"`
	Annotations   []annotation  `json:"annotations,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type externalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type annotation struct {
	Date      string `json:"annotationDate"`
	Type      string `json:"annotationType"`
	Annotator string `json:"annotator"`
	Comment   string `json:"comment"`
}

type relationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

// origin is what our annotation of the document says.
type origin struct {
	Format int    `json:"format"`
	Name   string `json:"name"`
}
