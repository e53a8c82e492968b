// Package catalog reads what syft's catalogers read well: the locks of npm,
// yarn and pnpm, and installed Python distributions. [Folder] is for a folder,
// [Python] for the files of an image layer.
//
// The catalogers are called directly, each on one file that is in memory, so
// that they reach no network, follow no link and scan no licence. What they
// refuse becomes a gap, and so does what they leave out without a word.
package catalog

import (
	"errors"
	"io/fs"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// errNotRegular is what readFile ends with for a pipe, device or directory.
var errNotRegular = errors.New("not a regular file")

// readFile reads a regular file of at most max bytes.
func readFile(fsys fs.FS, name string, max int64) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	data, err := limit.ReadAll(f, max)
	return data, reason(err)
}

// reason strips the path from an error: a gap names the file already.
func reason(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

func gapOf(err error) sbom.GapKind {
	if errors.Is(err, limit.ErrTooLarge) {
		return sbom.GapTooLarge
	}
	return sbom.GapUnread
}
