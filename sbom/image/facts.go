package image

import "github.com/tallyman/tallyman/sbom"

// layerFacts is everything that squash needs to know about one layer. It is
// plain data: a function of the layer's bytes alone, whatever lies below or
// above it, so that it can be kept by layer digest.
type layerFacts struct {
	// Layer is the digest of the stored layer.
	Layer string `json:"layer"`
	// Gone are the paths that whiteouts remove from the layers below, and the
	// directories of which nothing below shows through.
	Gone entryList `json:"gone"`
	// Entries are the entries that can matter, in the order of the archive:
	// when a path comes twice the later one wins.
	Entries entryList `json:"entries"`
	// Left are the files that should not be in any image, in the order of the
	// archive.
	Left []leftFact `json:"left,omitempty"`
	// Proofs are the lists of files that packages brought, and Loose the files
	// that none of them vouches for.
	Proofs []proof `json:"proofs,omitempty"`
	Loose  sumList `json:"loose"`
	// Unsummed is true when there were more files than are digested, so that
	// one that is in neither may be there all the same.
	Unsummed bool `json:"unsummed,omitempty"`
	// Gaps are about the layer itself; those of a file are in the file, because
	// they go when an upper layer removes it.
	Gaps []sbom.Gap `json:"gaps,omitempty"`
}

// entryType says what an entry is for squash.
type entryType byte

const (
	// entryDir is a directory: it replaces a link or a file.
	entryDir entryType = 'd'
	// entryLink is a symbolic link to Target, as written.
	entryLink entryType = 'l'
	// entryHard is a second name for Target, an absolute path.
	entryHard entryType = 'h'
	// entryOther is anything else that is not kept: it replaces a directory.
	entryOther entryType = 'o'
	// entryFile is a file that was read.
	entryFile entryType = 'f'
	// entryRemoved and entryOpaque are a whiteout and that of what is in a
	// directory.
	entryRemoved entryType = 'r'
	entryOpaque  entryType = 'q'
)

// entry is one entry of a layer. Path is absolute and clean.
type entry struct {
	Path string    `json:"path"`
	Type entryType `json:"type"`
	// Mode has the bits that modeOf keeps.
	Mode   uint16 `json:"mode,omitempty"`
	Target string `json:"target,omitempty"`
	File   *file  `json:"file,omitempty"`
}

// file is what was read from one file. Of the pointers and lists, those that
// belong to Kind are set.
type file struct {
	Kind kind `json:"kind"`
	// MD5 is the hex digest of the content, which dpkg's md5sums name.
	MD5 string `json:"md5,omitempty"`
	// SHA1 is the like, which apk's database names, and SHA256, which rpm's does.
	SHA1   string `json:"sha1,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// Package is a Python distribution or npm package, nil when Gaps say why
	// there is none.
	Package *packageFact `json:"package,omitempty"`
	// Debs are the installed packages of a dpkg status file.
	Debs []debPackage `json:"debs,omitempty"`
	// APKs are the packages of apk's database.
	APKs []apkPackage `json:"apks,omitempty"`
	// RPMs are the packages of rpm's database.
	RPMs []rpmPackage `json:"rpms,omitempty"`
	// Owned are the paths of a dpkg file list that kindOf knows.
	Owned []ownedPath `json:"owned,omitempty"`
	// Modules are the modules that a RECORD or top_level.txt names.
	Modules []string `json:"modules,omitempty"`
	// Release are the variables of an os-release file.
	Release map[string]string `json:"release,omitempty"`
	// Conda is what conda says of Package.
	Conda *condaFact `json:"conda,omitempty"`
	// Target is the folder that an .egg-link names.
	Target string `json:"target,omitempty"`
	// Adds are the folders that a .pth file adds to those that Python looks into,
	// as written.
	Adds []string `json:"adds,omitempty"`
	// Claims are the packages of an SBOM or a list of vendored packages, and
	// Unusable how many more entries it has.
	Claims   []claimedPackage `json:"claims,omitempty"`
	Unusable int              `json:"unusable,omitempty"`
	// Installer is the content of an INSTALLER.
	Installer string `json:"installer,omitempty"`
	// Direct is the content of a direct_url.json.
	Direct *directURL `json:"direct,omitempty"`
	// Program is what was compiled into the file, whatever its kind is.
	Program *programFact `json:"program,omitempty"`
	// Gaps are what could not be read of the file. Their File and Layer are
	// set by squash.
	Gaps []sbom.Gap `json:"gaps,omitempty"`
}

// packageFact is the name and version that a language package gives itself.
type packageFact struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// ownedPath is one line of a dpkg file list, or a file of apk's or rpm's
// database. The digests are "" when it has none.
type ownedPath struct {
	Path string `json:"path"`
	MD5  string `json:"md5,omitempty"`
	SHA1 string `json:"sha1,omitempty"`
	// SHA256 is what rpm notes.
	SHA256 string `json:"sha256,omitempty"`
}
