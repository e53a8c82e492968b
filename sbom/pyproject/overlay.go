package pyproject

import (
	"io/fs"
	"path"
	"strings"
	"time"
)

// overlay is a file system in which one file has another content.
type overlay struct {
	fs.FS
	name, content string
}

func (o overlay) Open(name string) (fs.File, error) {
	if name != o.name {
		return o.FS.Open(name)
	}
	return &memory{strings.NewReader(o.content), o}, nil
}

// Stat hides a Stat of the file system below.
func (o overlay) Stat(name string) (fs.FileInfo, error) {
	if name != o.name {
		return fs.Stat(o.FS, name)
	}
	return info{o}, nil
}

// memory is the open file.
type memory struct {
	*strings.Reader
	of overlay
}

func (m *memory) Stat() (fs.FileInfo, error) { return info{m.of}, nil }
func (m *memory) Close() error               { return nil }

type info struct{ of overlay }

func (i info) Name() string     { return path.Base(i.of.name) }
func (i info) Size() int64      { return int64(len(i.of.content)) }
func (info) Mode() fs.FileMode  { return 0o444 }
func (info) ModTime() time.Time { return time.Time{} }
func (info) IsDir() bool        { return false }
func (info) Sys() any           { return nil }
