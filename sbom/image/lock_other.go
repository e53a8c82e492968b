//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package image

import "os"

// tryLock never waits here: readers that start at once read a layer each.
func tryLock(*os.File) bool { return true }
