// Package pyproject reads the project metadata that names Python dependencies:
// pyproject.toml (PEP 621, PEP 735, Poetry, PDM, Hatch, uv, Rye), setup.cfg,
// setup.py, Pipfile, conda's environment.yml and the metadata inside of scripts
// (PEP 723). [Read] reads one file of any of these kinds.
//
// Every requirement keeps the line of its own text. Nothing is run: of a
// setup.py only what is written as a literal is read, and whatever code would
// tell is a gap. Constraints of Poetry ("^1.2") become PEP 440 clauses that
// admit the same versions, or, where no clauses do, a gap beside the nearest
// ones that admit more.
//
// Nothing that leaves this package holds the credentials of a URL.
package pyproject

import (
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// File is what was read of one file of project metadata and of the requirement
// files that it names.
type File struct {
	// Name is the file's path below the root of the fs.FS.
	Name string
	// Project is the project's own name, "" if the file tells none.
	Project string
	// Requirements are in the order of reading: sections in a fixed order,
	// lines as they stand in them.
	Requirements []Requirement
	// Conda are packages that conda installs, which are not PyPI's.
	Conda []CondaPackage
	// RequiresPython is which versions of Python the project is for, "" for
	// any, and RequiresPythonLine the line that says it, 0 for none.
	RequiresPython     string
	RequiresPythonLine int
	// Indexes are the package indexes that the file names.
	Indexes []Index
	// Files are the paths of all files that were read, Name first, each once.
	Files []string
	// Gaps are what could not be read or judged, in the order of reading.
	Gaps []sbom.Gap
}

// Requirement is one dependency of a project.
type Requirement struct {
	// Entry is the requirement, with file and line, as pip would be given it.
	pyreq.Entry
	// Scope is "" for what the project always needs, "extra:NAME",
	// "group:NAME", "dev" or "build". An optional dependency that no extra
	// brings in has "extra:".
	Scope string
	// Index is the name of the index that alone may supply it, "" for the
	// default ones. It is among File.Indexes if the file defines it.
	Index string
	// Own is true for the project itself and for members of its workspace:
	// they are what is audited and not what it needs.
	Own bool
	// Override is true for uv's and PDM's overrides: wherever the package is
	// needed, this takes the place of what was asked for.
	Override bool
	// Alternatives is the set of versions when no list of PEP 440 clauses can
	// say it ("^1 || ^3"); then Requirement.Specifiers admits more than this.
	// nil means that the specifiers are exact.
	Alternatives *pep440.Set
}

// Index is a package index or a folder of links.
type Index struct {
	// Name is how requirements refer to it, "" for none.
	Name string
	// URL has no credentials. It may be a path.
	URL string
	// Line counts from 1.
	Line int
	// Default is true when it takes the place of PyPI.
	Default bool
	// Explicit is true when only requirements that name it ask it.
	Explicit bool
	// Links is true for pip's --find-links.
	Links bool
	// Insecure is true when its certificate is not verified.
	Insecure bool
	// Credentials is true when the file held credentials for it in clear.
	Credentials bool
}

// Read reads the file name of fsys. It never fails: a problem is a gap. fsys is
// the boundary: whoever passes it sees to it that no symbolic link leads out of
// it (os.Root). A file that Reads does not know gives a gap.
func Read(fsys fs.FS, name string) *File {
	r := &reader{fsys: fsys, file: &File{Name: name}}
	base := path.Base(name)
	read := r.format(base)
	if read == nil {
		r.gap(sbom.GapUnsupported, 0, "%q is no project metadata that is read here", base)
		return r.file
	}
	data, err := r.load(name)
	if err != nil {
		r.gap(sbom.UnreadKind(err), 0, "%v", err)
		return r.file
	}
	read(data)
	r.override()
	return r.file
}

// Reads reports whether Read knows a file by its base name. It does so for
// every *.py, which may have metadata in a comment (PEP 723).
func Reads(base string) bool { return (&reader{}).format(base) != nil }

// format returns what reads a file, nil if nothing does.
func (r *reader) format(base string) func([]byte) {
	switch {
	case base == "pyproject.toml":
		return r.pyproject
	case base == "setup.cfg":
		return r.setupCfg
	case base == "setup.py":
		return r.setupPy
	case base == "Pipfile":
		return r.pipfile
	case isCondaName(base):
		return r.conda
	case strings.HasSuffix(base, ".py"):
		return r.script
	}
	return nil
}

// isCondaName knows environment.yml and what is commonly named after it.
// https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
func isCondaName(base string) bool {
	stem, isYAML := strings.CutSuffix(base, ".yml")
	if !isYAML {
		stem, isYAML = strings.CutSuffix(base, ".yaml")
	}
	return isYAML && (stem == "environment" || stem == "conda" || strings.HasPrefix(stem, "environment-") || strings.HasPrefix(stem, "environment_"))
}

// Pip returns the file as the requirement file that would ask for the same, so
// that what judges those can judge it. With scopes it has the requirements of
// those alone ("" for what the project always needs).
func (f *File) Pip(scopes ...string) *pyreq.File {
	out := &pyreq.File{Name: f.Name, Files: slices.Clone(f.Files), Gaps: slices.Clone(f.Gaps)}
	for _, q := range f.Requirements {
		if !q.Own && (len(scopes) == 0 || slices.Contains(scopes, q.Scope)) {
			out.Entries = append(out.Entries, q.Entry)
		}
	}
	for _, x := range f.Indexes {
		name := "--extra-index-url"
		switch {
		case x.Links:
			name = "--find-links"
		case x.Default, x.Explicit:
			// One that only named packages are asked from confuses none.
			name = "--index-url"
		}
		out.Options = append(out.Options, pyreq.Option{Name: name, Value: x.URL, File: f.Name, Line: x.Line, Credentials: x.Credentials})
		if x.Insecure {
			out.Options = append(out.Options, pyreq.Option{Name: "--trusted-host", Value: hostOf(x.URL), File: f.Name, Line: x.Line})
		}
	}
	return out
}

// hostOf returns the host of an index with its port, as --trusted-host is given
// it; the whole address if it has none.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return address
}
