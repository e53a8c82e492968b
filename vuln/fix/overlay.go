package fix

import (
	"bytes"
	"io/fs"
	"path"
	"time"
)

// Overlay returns the tree as it would be with the edits in it, so that it can
// be audited before anything is written.
func (p *Plan) Overlay(fsys fs.FS) fs.FS {
	files := map[string]oneFile{}
	for name, f := range p.files {
		files[name] = oneFile{name, f.apply()}
	}
	return &overlay{fsys, files}
}

type overlay struct {
	below fs.FS
	files map[string]oneFile
}

var _ fs.ReadLinkFS = (*overlay)(nil)
var _ fs.StatFS = (*overlay)(nil)
var _ fs.ReadDirFS = (*overlay)(nil)

// Open opens an edited file, or one of the tree.
func (o *overlay) Open(name string) (fs.File, error) {
	if f, edited := o.files[name]; edited {
		return f.Open(name)
	}
	return o.below.Open(name)
}

// Stat is asked before a file is opened, which must not wait on a pipe.
func (o *overlay) Stat(name string) (fs.FileInfo, error) {
	if f, edited := o.files[name]; edited {
		return fileInfo{name, int64(len(f.data))}, nil
	}
	return fs.Stat(o.below, name)
}

// Lstat is Stat for a link itself; no edited file is one.
func (o *overlay) Lstat(name string) (fs.FileInfo, error) {
	if _, edited := o.files[name]; edited {
		return o.Stat(name)
	}
	return fs.Lstat(o.below, name)
}

// ReadLink returns where a link leads.
func (o *overlay) ReadLink(name string) (string, error) { return fs.ReadLink(o.below, name) }

// ReadDir lists a folder; the edits add no file and take none away.
func (o *overlay) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(o.below, name) }

// oneFile is a file system with one file in it.
type oneFile struct {
	name string
	data []byte
}

// Open opens the file.
func (o oneFile) Open(name string) (fs.File, error) {
	if name != o.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &openFile{bytes.NewReader(o.data), fileInfo{name, int64(len(o.data))}}, nil
}

type openFile struct {
	*bytes.Reader
	info fileInfo
}

// Stat and Close make it a file.
func (o *openFile) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openFile) Close() error               { return nil }

type fileInfo struct {
	name string
	size int64
}

func (i fileInfo) Name() string     { return path.Base(i.name) }
func (i fileInfo) Size() int64      { return i.size }
func (fileInfo) Mode() fs.FileMode  { return 0o444 }
func (fileInfo) ModTime() time.Time { return time.Time{} }
func (fileInfo) IsDir() bool        { return false }
func (fileInfo) Sys() any           { return nil }
