//go:build unix && !solaris && !aix

package osv

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes an advisory lock that ends with the process.
// https://man7.org/linux/man-pages/man2/flock.2.html
func tryLock(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return func() { _ = f.Close() }, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, errLocked
	}
	return func() {}, nil // a file system without locks
}
