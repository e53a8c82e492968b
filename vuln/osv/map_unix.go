//go:build unix

package osv

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the file read-only. The mapping outlives the file's closing
// and, on these systems, its removal.
func mapFile(f *os.File, size int64) (data []byte, unmap func() error, err error) {
	data, err = unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return data, func() error { return unix.Munmap(data) }, nil
}
