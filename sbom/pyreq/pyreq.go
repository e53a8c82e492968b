// Package pyreq reads pip's requirement files: every line of one becomes an
// [Entry], an [Option] or a gap, so that nothing is lost without a word.
//
// The grammar is that of pip itself, as it behaves and as its documentation
// has it: https://pip.pypa.io/en/stable/reference/requirements-file-format/.
// Where pip refuses a file we make a gap of the line and read on.
//
// Nothing that leaves this package holds the credentials of a URL.
package pyreq

import (
	"context"
	"io/fs"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// Options are what a caller may set. The zero value is right for hostile
// files: no variable is expanded.
type Options struct {
	// Lookup gives the value of an environment variable that a file names as
	// ${NAME}. nil leaves every such reference as written.
	Lookup func(name string) (value string, ok bool)
	// Constraint says that the file is read as pip's -c reads it.
	Constraint bool
}

// File is what was read of one requirement file and of all that it includes.
type File struct {
	// Name is the file's path below the root of the fs.FS.
	Name string
	// Entries are in pip's order: those of an included file stand where the
	// file that includes it names it.
	Entries []Entry
	// Options are those that hold for the whole installation, in the order in
	// which they were read.
	Options []Option
	// Files are the paths of all files that were read, Name first, each once.
	Files []string
	// Gaps are what could not be read or judged, in the order of reading.
	Gaps []sbom.Gap
}

// Entry is one requirement.
type Entry struct {
	// File and Line are where it begins; Line counts from 1.
	File string
	Line int
	// Constraint is true when it only limits versions (pip's -c).
	Constraint bool
	// Editable is true for pip's -e.
	Editable bool
	// Raw is the requirement as written, without comment and options.
	Raw string
	// Requirement is what is asked for. Its Name is "" when neither the line
	// nor a wheel's file name tells the project.
	Requirement pep508.Requirement
	// Link is the URL or local path to install from, "" to ask an index. A
	// URL keeps its fragment and has no credentials.
	Link string
	// IsURL is true when Link is a URL, false when it is a path.
	IsURL bool
	// Credentials is true when the line held credentials in clear.
	Credentials bool
	// Hashes are the digests of --hash, "algorithm:hex", in the order given.
	Hashes []string
	// Options are the line's other options in the order given. pip ignores
	// those among them that hold for a whole file.
	Options []Option
}

// Read reads one requirement file of fsys and what it includes, as a [Reader]
// of its own does. It never fails: a problem is a gap. fsys is the boundary: no
// include leads out of it, and whoever passes it sees to it that no symbolic
// link does (os.Root). Who reads many files of a folder takes one Reader.
func Read(fsys fs.FS, name string, opts Options) *File {
	file, _ := NewReader(fsys, opts).Read(context.Background(), name) // only a context ends it
	return file
}
