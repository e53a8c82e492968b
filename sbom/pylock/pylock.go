// Package pylock reads the lock files of Python's package managers: uv.lock,
// poetry.lock, pdm.lock, Pipfile.lock, the standard's pylock.toml (PEP 751) and
// the locks that uv writes beside a script (PEP 723). Every package of a lock
// becomes a [Package] or a gap, so that nothing is lost without a word.
//
// A TOML lock is read package by package: one that breaks the grammar is a gap
// of its own, and the others are read. What a lock says of a package is taken
// as it stands; a package that does not come from PyPI, or one of whose files
// does not, says so in its Source, because a lock is what an installer follows.
//
// The project itself, the members of its workspace and other packages that are
// folders (uv's editable, virtual and directory sources, Poetry's directory,
// PDM's path, PEP 751's directory) are Own: they are source code, whose version
// says nothing to an advisory about a project of the same name on PyPI. They
// are no components, and what they need is in the same lock.
//
// Nothing that leaves this package holds the credentials of a URL.
package pylock

import (
	"io/fs"
	"path"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// Kind is the family of a lock file. The zero value is a file that no reader is
// for.
type Kind string

// The families.
const (
	// UV is uv.lock and the lock of a script (script.py.lock).
	// https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
	UV Kind = "uv"
	// Poetry is poetry.lock. https://python-poetry.org/docs/basic-usage/#installing-with-poetrylock
	Poetry Kind = "poetry"
	// PDM is pdm.lock and its variants (pdm.NAME.lock).
	// https://pdm-project.org/en/latest/usage/lockfile/
	PDM Kind = "pdm"
	// Pipenv is Pipfile.lock. https://pipenv.pypa.io/en/latest/pipfile.html
	Pipenv Kind = "pipenv"
	// Standard is pylock.toml and pylock.NAME.toml.
	// https://packaging.python.org/en/latest/specifications/pylock-toml/
	Standard Kind = "pylock"
)

// File is what was read of one lock file.
type File struct {
	// Name is the file's path below the root of the fs.FS.
	Name string
	// Kind tells the family by the file's name.
	Kind Kind
	// FormatVersion is the version of the format as the lock writes it, "" for
	// none.
	FormatVersion string
	// RequiresPython says for which Pythons the lock is made, as it writes it:
	// a PEP 440 specifier, in Poetry's locks Poetry's own notation; "" for
	// none.
	RequiresPython string
	// ContentHash is the digest of what was locked, "algorithm:hex", as Poetry,
	// PDM and Pipenv note it to see whether the manifest has changed; "" for
	// none.
	ContentHash string
	// Packages are in the order of the file.
	Packages []Package
	// Manifest is what was locked, where the lock repeats it (uv's does).
	Manifest []Requirement
	// Gaps are what could not be read or judged, in the order of reading.
	Gaps []sbom.Gap
}

// Package is one package of a lock at one version. A lock for several
// environments may have one name at several versions.
type Package struct {
	// Name is as the lock spells it; it is a valid project name.
	Name string
	// Version is as the lock spells it, "" for none. It need not be valid.
	Version string
	// Line is where the package begins, counted from 1; 0 if that is unknown.
	Line int
	// Own is true for a package that is a folder of source code.
	Own bool
	// Source is where the package comes from.
	Source Source
	// Hashes are the digests of its files, "algorithm:hex", sorted, each once.
	Hashes []string
	// Marker says in which environments the package counts; nil is in all.
	Marker *pep508.Marker
	// Extras are the extras that this entry of the lock stands for, normalised
	// and sorted. Only PDM and Pipenv note them.
	Extras []string
	// Scopes are "extra:NAME", "group:NAME" and "dev", sorted; it is nil for
	// what the application needs to run, or when the lock does not tell.
	Scopes []string
	// Dependencies are what the lock says that the package needs.
	Dependencies []Dependency
}

// Source is where a package comes from. The zero value is PyPI.
type Source struct {
	// Kind is how it is fetched.
	Kind SourceKind
	// URL is empty for PyPI. Else it is the index, the VCS reference
	// ("git+https://host/repo@commit"), the URL or path of the archive, the
	// folder; or, for a package that claims to come from PyPI, the first of its
	// files that lies elsewhere. It has no credentials.
	URL string
}

// SourceKind is how a package is fetched. The zero value is Index.
type SourceKind string

// The kinds of sources.
const (
	Index   SourceKind = ""
	VCS     SourceKind = "vcs"
	Archive SourceKind = "archive"
	Folder  SourceKind = "folder"
)

// Dependency is one need of a package.
type Dependency struct {
	// Name is the project needed, normalised.
	Name string
	// Version is the version that the lock chose for it, "" when it does not
	// say; then Specifiers may tell the locked versions apart.
	Version string
	// Specifiers are what is asked for, the zero value for any version.
	Specifiers pep440.Specifiers
	// Extras are the extras asked for, normalised.
	Extras []string
	// For is "" for what is always needed, else the "extra:NAME" or
	// "group:NAME" of the package that needs it.
	For string
}

// Requirement is one line of the manifest that a lock was made from.
type Requirement struct {
	// Package is the member of the workspace that has it, normalised, "" for a
	// script or the whole workspace.
	Package string
	// Scope is "" or "group:NAME"; what belongs to an extra has it in its
	// marker.
	Scope string
	// Requirement is what is asked for. Its URL has no credentials.
	Requirement pep508.Requirement
}

// KindOf returns the family of a lock file by its name without a folder, ""
// for a file that is none.
func KindOf(base string) Kind {
	switch {
	case base == "uv.lock" || strings.HasSuffix(base, ".py.lock") && base != ".py.lock":
		return UV
	case base == "poetry.lock":
		return Poetry
	case base == "pdm.lock" || strings.HasPrefix(base, "pdm.") && strings.HasSuffix(base, ".lock") && len(base) > len("pdm..lock"):
		return PDM
	case base == "Pipfile.lock":
		return Pipenv
	case base == "pylock.toml":
		return Standard
	}
	// The standard's own expression: ^pylock\.([^.]+)\.toml$, section "File Name".
	name, ok := strings.CutPrefix(base, "pylock.")
	name, suffix := strings.CutSuffix(name, ".toml")
	if ok && suffix && name != "" && !strings.Contains(name, ".") {
		return Standard
	}
	return ""
}

// ManifestName returns the path of the file that a lock file locks by custom,
// beside it: pyproject.toml, Pipfile, or the script; "" for a file that is no
// lock.
func ManifestName(name string) string {
	dir, base := path.Split(name)
	switch script, isScript := strings.CutSuffix(base, ".lock"); KindOf(base) {
	case "":
		return ""
	case Pipenv:
		return dir + "Pipfile"
	case UV:
		if isScript && base != "uv.lock" {
			return dir + script
		}
	}
	return dir + "pyproject.toml"
}

// Reads reports whether a file of this name, without a folder, is a lock that
// Read knows.
func Reads(base string) bool { return KindOf(base) != "" }

// Read reads the lock file name of fsys. It never fails: a problem is a gap,
// and reading goes on behind it. fsys is the boundary, and whoever passes it
// sees to it that no symbolic link leads out of it (os.Root).
func Read(fsys fs.FS, name string) *File {
	r := &reader{
		file:    &File{Name: name, Kind: KindOf(path.Base(name))},
		markers: map[string]*pep508.Marker{}, versions: map[string]int{},
	}
	text, err := load(fsys, name)
	switch {
	case err != nil:
		r.gap(sbom.UnreadKind(err), 0, "", "%v", err)
	case r.file.Kind == UV:
		r.uv(text)
	case r.file.Kind == Poetry:
		r.poetry(text)
	case r.file.Kind == PDM:
		r.pdm(text)
	case r.file.Kind == Pipenv:
		r.pipenv(text)
	case r.file.Kind == Standard:
		r.standard(text)
	default:
		r.gap(sbom.GapUnsupported, 0, "", "no lock file has this name")
	}
	return r.file
}
