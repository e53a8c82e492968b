package sbom

import (
	"errors"
	"io/fs"

	"github.com/tallyman/tallyman/internal/limit"
)

// errNotRegular is what ReadFile ends with for a pipe, device or folder.
var errNotRegular = errors.New("not a regular file")

// ReadFile returns the content of a regular file of at most max bytes. Anything
// else that has the name is not opened: a named pipe would wait for whoever
// writes to it. The error, see UnreadKind, is one for a gap: [WithoutPath].
func ReadFile(fsys fs.FS, name string, max int64) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, WithoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, WithoutPath(err)
	}
	defer f.Close()
	data, err := limit.ReadAll(f, max)
	if err != nil {
		return nil, WithoutPath(err)
	}
	return data, nil
}

// WithoutPath is an I/O error without its path: a gap names the file already,
// and on the way through an os.Root it could be one outside of the tree. Any
// other error, and nil, stays as it is.
func WithoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// UnreadKind is the kind of gap for a file that could not be read: GapTooLarge
// when a bound of internal/limit was exceeded, else GapUnread.
func UnreadKind(err error) GapKind {
	if errors.Is(err, limit.ErrTooLarge) {
		return GapTooLarge
	}
	return GapUnread
}
