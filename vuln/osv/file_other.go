//go:build !unix

package osv

import "io/fs"

// syncDir does nothing: a folder cannot be synced here.
func syncDir(string) error { return nil }

// inode is 0: the system does not say.
func inode(fs.FileInfo) uint64 { return 0 }
