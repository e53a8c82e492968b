// Package limit holds every bound that tallyman puts on untrusted input, in
// one place, so that a reviewer sees them together. A bound that is exceeded
// is an error (or a Gap), never a silent truncation.
package limit

import (
	"errors"
	"fmt"
	"io"
)

// Bounds on what is read from the audited tree, its image and the advisory
// sources. Sizes are in bytes.
const (
	// ManifestBytes bounds one requirement file, lock, Dockerfile or other
	// manifest of an audited folder.
	ManifestBytes = 16 << 20
	// DockerfileBytes bounds one Dockerfile.
	DockerfileBytes = 1 << 20
	// PythonBytes bounds one file of Python source whose literals are read.
	PythonBytes = 1 << 20
	// IncludeDepth bounds how deep requirement files may include each other.
	IncludeDepth = 32
	// IncludeFiles bounds how many files one requirement file may pull in.
	IncludeFiles = 1024
	// IncludeBytes bounds what one requirement file and all that it includes
	// have together.
	IncludeBytes = 64 << 20
	// ManifestLines bounds how many logical lines one requirement file and all
	// that it includes have together.
	ManifestLines = 100_000
	// RequirementLines bounds how many logical lines the requirement files of
	// one folder have together, each line counted again wherever an include
	// repeats it.
	RequirementLines = 200_000
	// RequirementIncludes bounds how many times the requirement files of one
	// folder include another, or are read themselves.
	RequirementIncludes = 100_000
	// RequirementBytes bounds what the requirement files of one folder have
	// together, each counted once.
	RequirementBytes = 256 << 20
	// LineBytes bounds one logical line of a manifest.
	LineBytes = 1 << 20
	// LockPackages bounds how many packages one lock file may have.
	LockPackages = 200_000
	// LockVersions bounds how many entries of one name a lock may have.
	LockVersions = 256
	// LockSteps bounds how many steps are spent on what a lock's parts say of
	// one another: its graph, the files and markers that packages share.
	LockSteps = 4_000_000
	// MarkerDepth bounds how deep the parentheses of an environment marker may
	// nest.
	MarkerDepth = 100
	// TreeFiles bounds how many directory entries of a folder are looked at.
	TreeFiles = 1_000_000
	// ImageReferenceBytes bounds the name of an image in a deployment file; no
	// registry has longer ones.
	ImageReferenceBytes = 1 << 10
	// InterpolationDepth bounds how deep the defaults of a compose file's
	// variables may nest.
	InterpolationDepth = 16
	// DeploymentDepth bounds how deep a Kubernetes manifest may nest.
	DeploymentDepth = 128
	// DeploymentFiles bounds how many YAML files of a folder are searched for
	// the images that they name.
	DeploymentFiles = 10_000
	// DeploymentHeadBytes is how much of a JSON file that is larger than
	// ManifestBytes is searched for the two keys of a Kubernetes object.
	DeploymentHeadBytes = 64 << 10
	// KustomizeSteps bounds how many resources and images of kustomizations are
	// followed, each counted again wherever one is part of another.
	KustomizeSteps = 20_000
	// KustomizeOverrides bounds how many images one kustomization changes.
	KustomizeOverrides = 500
	// NamedImages bounds how many images of a folder are audited at once.
	NamedImages = 256
	// GitIndexBytes bounds the index of the user's own repository.
	GitIndexBytes = 256 << 20
	// TreeDepth bounds how deep folders may nest.
	TreeDepth = 128
	// RangeSteps bounds the work on the requirements of one Python package:
	// advisories held against each different specifier or version, and lines
	// looked at for each of the findings.
	RangeSteps = 1 << 18
	// ClosureLines bounds for how many lines that name gradio it is judged what
	// gradio brings in.
	ClosureLines = 2_000
	// AdvisoryBytes bounds one OSV record.
	AdvisoryBytes = 8 << 20
	// AdvisoryChunkBytes bounds what one compressed chunk of an advisory
	// snapshot may inflate to: the largest record and its length.
	AdvisoryChunkBytes = AdvisoryBytes + 64
	// AdvisoryZipBytes bounds one compressed all.zip.
	AdvisoryZipBytes = 2 << 30
	// AdvisoryTotalBytes bounds what one all.zip may inflate to.
	AdvisoryTotalBytes = 16 << 30
	// AdvisoryZipEntries bounds how many records one all.zip may have.
	AdvisoryZipEntries = 800_000
	// AdvisoryZipDirectoryBytes bounds the directory at the end of an all.zip.
	AdvisoryZipDirectoryBytes = 96 << 20
	// AdvisoryZipRatio bounds how many times its own size an all.zip may
	// inflate to (beyond the first 64 MiB). Real ones stay below 10.
	AdvisoryZipRatio = 100
	// AdvisoryRecords bounds how many records one ecosystem may have.
	AdvisoryRecords = 4_000_000
	// AdvisoryIndexBytes bounds one modified_id.csv.
	AdvisoryIndexBytes = 256 << 20
	// AdvisoryDeltaBytes bounds all records that one update fetches one by one.
	AdvisoryDeltaBytes = 1 << 30
	// AdvisorySnapshotBytes bounds a compiled snapshot that is imported.
	AdvisorySnapshotBytes = 16 << 30
	// LayerBytes bounds what one image layer may inflate to.
	LayerBytes = 64 << 30
	// LayerFiles bounds how many entries one image layer may have.
	LayerFiles = 4_000_000
	// LayerKeptEntries bounds how many entries of one layer (links, folders,
	// package files) are kept in memory.
	LayerKeptEntries = 1_500_000
	// LayerKeptFiles bounds how many of them are files and folders of packages.
	LayerKeptFiles = 65_000
	// LayerTextBytes bounds the names and targets of all of them.
	LayerTextBytes = 64 << 20
	// PathBytes bounds a path and the target of a link in an image, as Linux
	// does. https://man7.org/linux/man-pages/man3/pathconf.3.html (PATH_MAX)
	PathBytes = 4096
	// NameBytes bounds a name in a folder, likewise (NAME_MAX).
	NameBytes = 255
	// FilesLocated bounds of how many setuid files and writable paths of an image
	// it is told which layer made them so.
	FilesLocated = 10_000
	// SquashSteps bounds the work of laying the layers of an image over one
	// another and of finding what is in the result: path components resolved and
	// entries looked at.
	SquashSteps = 1_000_000_000
	// ImagePaths bounds how many paths of an image's layers, and folders above
	// them, are kept in memory together.
	ImagePaths = 4_000_000
	// ImageContents bounds of how many files the digests are kept in memory, each
	// counted again in every layer that has it.
	ImageContents = 8_000_000
	// LayerFileBytes bounds one file of a layer that is kept for reading
	// (package databases, METADATA, RECORD).
	LayerFileBytes = 64 << 20
	// LayerKeptBytes bounds all files of one layer that are kept for reading.
	LayerKeptBytes = 512 << 20
	// LayerHeadBytes bounds what is read of a file that may hold a secret, to see
	// whether it does.
	LayerHeadBytes = 64 << 10
	// LayerLeftFiles bounds how many such files of one layer are listed.
	LayerLeftFiles = 1000
	// InstallerBytes bounds the INSTALLER of an installed distribution, which
	// holds one word; a larger one is digested and not read.
	InstallerBytes = 1 << 10
	// RecordModules bounds how many modules one installed Python distribution may
	// have at its top.
	RecordModules = 10_000
	// CondaBytes bounds what conda notes of one installed package, most of which
	// is the list of its files, and CondaDistributions how many Python
	// distributions one may hold.
	CondaBytes         = 16 << 20
	CondaDistributions = 1000
	// EggBytes bounds a zipped Python egg, EggEntries the files in it and
	// EggMetadataBytes the metadata among them.
	EggBytes         = 16 << 20
	EggEntries       = 20_000
	EggMetadataBytes = 1 << 20
	// EggLinkBytes bounds the file of a development install, which holds two
	// paths.
	EggLinkBytes = 16 << 10
	// PathFileBytes bounds a .pth file, which holds a few lines, and PathFolders
	// how many folders it may name. LayerPathBytes bounds the names that all those
	// of one layer name, each with 16 bytes for its place, and ImagePathFolders
	// how many folders are looked into for those of an image, each counted again
	// for every link to the file.
	PathFileBytes    = 64 << 10
	PathFolders      = 1000
	LayerPathBytes   = 2 << 20
	ImagePathFolders = 500_000
	// ClaimBytes bounds an SBOM found inside an image, and ClaimedPackages what
	// it may list.
	ClaimBytes      = 8 << 20
	ClaimedPackages = 20_000
	// LayerClaims bounds what all SBOMs of one layer list.
	LayerClaims = 200_000
	// StoreFileBytes bounds a file of pnpm's store that is read to see whether it
	// is a package.json.
	StoreFileBytes = 256 << 10
	// LayerFactsBytes bounds what the layer cache has of one layer, before and
	// after it is inflated.
	LayerFactsBytes = 1 << 30
	// LayerLockTries bounds how often a reader looks whether another one is done
	// with a layer, twenty times a second.
	LayerLockTries = 20 * 60 * 20
	// LayerCacheBytes bounds what the layer cache has of all layers; the ones
	// not used for longest go first.
	LayerCacheBytes = 1 << 30
	// LayerSums bounds how many files of one layer are digested to be held
	// against the lists of their packages, and how many lines those lists have.
	LayerSums = 350_000
	// LayerSumPaths bounds how many files and folders those are together, and
	// LayerSumTextBytes what is new in each of their paths beside the one before
	// it; likewise of the lines, with their digests.
	LayerSumPaths     = 800_000
	LayerSumTextBytes = 128 << 20
	// RPMDatabaseBytes bounds one rpm database, RPMHeaderBytes one package's
	// record in it, RPMHeaderTexts a list in that (of files, of what it provides),
	// RPMPackages how many records there may be, and RPMWordBytes a name or a
	// version.
	RPMDatabaseBytes = 256 << 20
	RPMHeaderBytes   = 32 << 20
	RPMHeaderTexts   = 500_000
	RPMPackages      = 100_000
	RPMWordBytes     = 512
	// GoBuildInfoBytes bounds the list of modules that a Go program holds,
	// GoVersionBytes the version of its toolchain, and GoModules how many modules
	// there are. Those of the largest programs take 200 KiB.
	GoBuildInfoBytes = 1 << 20
	GoVersionBytes   = 1 << 10
	GoModules        = 10_000
	// CrateListBytes bounds the compressed list of crates that a Rust program
	// holds, CrateJSONBytes what it may inflate to, and Crates how many there are.
	CrateListBytes = 256 << 10
	CrateJSONBytes = 8 << 20
	Crates         = 10_000
	// LayerPrograms bounds how many programs of one layer are kept that tell
	// what was compiled into them, or ought to, and ImageCompiled how many
	// modules and crates the programs of one image have together.
	LayerPrograms = 20_000
	ImageCompiled = 300_000
	// LayerReplacing bounds how many files of one layer are noted only because
	// they may take the place of a program below.
	LayerReplacing = 100_000
	// ImageLayers bounds how many layers one image may have.
	ImageLayers = 512
	// ManifestListEntries bounds how many manifests one image index may have.
	ManifestListEntries = 4096
	// OCIManifestBytes bounds one OCI manifest, index or config.
	OCIManifestBytes = 16 << 20
	// Attestations bounds how many of BuildKit's attestations about an image are
	// looked into, PredicateTypeBytes the name of what one is about.
	Attestations       = 64
	PredicateTypeBytes = 512
	// ArchiveFiles bounds how many entries a docker-archive or a layout in a tar
	// may have.
	ArchiveFiles = 100_000
	// ArchiveImages bounds how many images a docker-archive lists.
	ArchiveImages = 1000
	// ArchiveBytes bounds an image archive that has to be kept in a temporary
	// file, inflated: one from standard input, from a daemon, or compressed.
	ArchiveBytes = 64 << 30
	// ArchiveRatio bounds how many times its own size such an archive may
	// inflate to, beyond the first ArchiveFreeBytes.
	ArchiveRatio     = 100
	ArchiveFreeBytes = 1 << 30
	// ZstdWindowBytes bounds the memory that a Zstandard frame may ask for: that
	// of the format's --ultra -22.
	ZstdWindowBytes = 128 << 20
	// DaemonAnswerBytes bounds one answer of a container engine about an image,
	// and RepoDigests how many names such an answer may have for it.
	DaemonAnswerBytes = 8 << 20
	RepoDigests       = 1000
	// DrainBytes bounds how much of an answer that nobody wants is read to use its
	// connection again.
	DrainBytes = 64 << 10
	// ResumeBytes is how much of a layer has to come before a connection that
	// breaks again counts as one that breaks for the first time.
	ResumeBytes = 1 << 20
	// RegistryNames bounds how many repositories of a registry, or tags of a
	// repository, are listed, and RegistryPages in how many answers.
	RegistryNames = 200_000
	RegistryPages = 20_000
	// WorkflowSteps bounds how many steps one workflow may have, each counted
	// again wherever an alias repeats it.
	WorkflowSteps = 20_000
	// JSONDepth bounds how deep the objects and lists of the Hub's settings may
	// nest.
	JSONDepth = 64
	// SBOMBytes bounds an SBOM, a report or a findings file given as input.
	SBOMBytes = 512 << 20
	// SeenImageBytes bounds what the layer cache remembers of one image.
	SeenImageBytes = 256 << 10
	// HistoryLineBytes bounds the line of an image's history that is shown with a
	// layer.
	HistoryLineBytes = 16 << 10
	// ConfigBytes bounds tallyman.yaml and every other file of settings.
	ConfigBytes = 1 << 20
	// PolicyBytes bounds all Rego modules of one policy directory.
	PolicyBytes = 16 << 20
	// BundleBytes bounds one signature, attestation or Sigstore bundle.
	BundleBytes = 64 << 20
	// BundlesBytes bounds all signatures and attestations of one image together.
	BundlesBytes = 256 << 20
	// Signatures bounds how many signatures and attestations of one image are
	// looked at.
	Signatures = 256
)

// ErrTooLarge is what a read that exceeds its bound ends with.
var ErrTooLarge = errors.New("larger than the bound")

// ReadAll reads r to its end and fails with an error that wraps ErrTooLarge
// when there are more than max bytes. max must be positive.
func ReadAll(r io.Reader, max int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("%w of %d bytes", ErrTooLarge, max)
	}
	return data, nil
}

// Reader returns a reader of r that fails with an error that wraps ErrTooLarge
// once more than max bytes were read. Unlike io.LimitReader it never pretends
// that a longer input ended.
func Reader(r io.Reader, max int64) io.Reader { return &reader{r: r, left: max, max: max} }

type reader struct {
	r         io.Reader
	left, max int64
}

func (l *reader) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if int64(n) > l.left {
		return int(l.left), fmt.Errorf("%w of %d bytes", ErrTooLarge, l.max)
	}
	l.left -= int64(n)
	return n, err
}
