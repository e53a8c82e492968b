//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package image

import (
	"os"
	"syscall"
)

// tryLock takes the lock of a file that is open, and reports whether it was
// free. It is free again when the file is closed, also by the end of the
// process.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
