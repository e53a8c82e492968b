package audit

import (
	"io/fs"

	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/sbom"
)

// Target is what one audit looks at: a folder, an image, both, or an SBOM.
type Target struct {
	// Name is the folder, file or SBOM as the user named it, "" for an image
	// alone.
	Name string
	// Folder is the source, nil without one.
	Folder *Folder
	// Image is the opened image, nil without one.
	Image *oci.Image
	// Platform is the one that Image was chosen for among several, "" when the
	// reference names one image, or an index of which Image has the default.
	Platform string
	// Base is true for an image that nobody runs as it is, because others are
	// built on it: how it runs is not judged.
	Base bool
	// SBOM is an inventory that somebody else made, nil without one.
	SBOM *sbom.Document
}

// Folder is a source tree, or one file of it.
type Folder struct {
	// FS is the tree below the boundary that no include may leave. It must
	// refuse links that lead out (os.Root's FS does).
	FS fs.FS
	// Dir is the audited folder below FS, "." for FS itself.
	Dir string
	// File is the one file to read, below FS; "" for all of Dir.
	File string
	// Include and Exclude are globs over paths below Dir
	// (https://pkg.go.dev/github.com/bmatcuk/doublestar/v4#Match).
	Include, Exclude []string
	// Own is true when the user stands in the repository that the folder is
	// part of, so that its pragmas count.
	Own bool
	// Honoured are settings files below FS that are in force, so that they
	// are not listed as ignored.
	Honoured []string
}
