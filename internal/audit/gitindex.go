package audit

import (
	"bytes"
	"crypto/sha1" // git's own checksum of its index
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/tallyman/tallyman/internal/limit"
)

// gitIndex is what git tracks: the paths of the files, and of all folders above
// one, below the root of the repository.
type gitIndex struct {
	files, folders map[string]bool
	// sparse are folders that are tracked as a whole and not checked out.
	sparse map[string]bool
}

// tracks reports whether git tracks a file, or any file below a folder.
func (x *gitIndex) tracks(name string, folder bool) bool {
	if x.files[name] || folder && (x.folders[name] || x.sparse[name]) {
		return true
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if x.sparse[dir] || x.files[dir] { // a submodule is an entry of its own
			return true
		}
	}
	return false
}

// errIndex is what everything wrong with an index ends with.
var errIndex = errors.New("it is no index that can be read")

// readGitIndex reads .git/index at the root of fsys.
// https://git-scm.com/docs/index-format
func readGitIndex(fsys fs.FS) (*gitIndex, error) {
	const name = ".git/index"
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := limit.ReadAll(f, limit.GitIndexBytes)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	x, err := parseGitIndex(data)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return x, nil
}

// parseGitIndex reads an index of version 2, 3 or 4. One of which a part lies
// in another file (a split index), or whose checksum is wrong, is an error.
func parseGitIndex(data []byte) (*gitIndex, error) {
	if len(data) < 12 || string(data[:4]) != "DIRC" {
		return nil, errIndex
	}
	hash := indexHash(data)
	version := binary.BigEndian.Uint32(data[4:])
	if hash == 0 || version < 2 || version > 4 {
		return nil, errIndex
	}
	r := &indexReader{left: data[12 : len(data)-hash], hash: hash, version: version}
	x := &gitIndex{files: map[string]bool{}, folders: map[string]bool{}, sparse: map[string]bool{}}
	for range binary.BigEndian.Uint32(data[8:]) {
		name, mode, err := r.entry()
		if err != nil {
			return nil, err
		}
		x.add(name, mode)
	}
	return x, r.extensions()
}

// indexHash is how long the digests of an index are: 20 bytes, or 32 in a
// repository of SHA-256; 0 when the checksum at its end fits neither.
func indexHash(data []byte) int {
	if n := len(data) - sha1.Size; n >= 12 {
		if sum := sha1.Sum(data[:n]); bytes.Equal(sum[:], data[n:]) {
			return sha1.Size
		}
	}
	if n := len(data) - sha256.Size; n >= 12 {
		if sum := sha256.Sum256(data[:n]); bytes.Equal(sum[:], data[n:]) {
			return sha256.Size
		}
	}
	return 0
}

func (x *gitIndex) add(name string, mode uint32) {
	if mode&0o170000 == 0o040000 {
		x.sparse[path.Clean(name)] = true
	} else {
		x.files[name] = true
	}
	for dir := path.Dir(path.Clean(name)); dir != "." && dir != "/" && !x.folders[dir]; dir = path.Dir(dir) {
		x.folders[dir] = true
	}
}

// indexReader reads entry after entry.
type indexReader struct {
	left    []byte
	hash    int
	version uint32
	before  string
}

// entry reads one entry: ten numbers of four bytes, of which the mode is the
// seventh, the digest, the flags and the name.
func (r *indexReader) entry() (name string, mode uint32, err error) {
	size := 40 + r.hash + 2
	if len(r.left) < size {
		return "", 0, errIndex
	}
	mode = binary.BigEndian.Uint32(r.left[24:])
	if flags := binary.BigEndian.Uint16(r.left[size-2:]); flags&0x4000 != 0 {
		if size += 2; r.version < 3 || len(r.left) < size {
			return "", 0, errIndex
		}
	}
	rest := r.left[size:]
	if r.version == 4 {
		keep, n := offset(rest)
		if n == 0 || keep > len(r.before) {
			return "", 0, errIndex
		}
		rest, name, size = rest[n:], r.before[:len(r.before)-keep], size+n
	}
	end := bytes.IndexByte(rest, 0)
	if end < 0 {
		return "", 0, errIndex
	}
	name, size = name+string(rest[:end]), size+end+1
	if r.version < 4 {
		size = (size + 7) / 8 * 8
	}
	if size > len(r.left) || name == "" {
		return "", 0, errIndex
	}
	r.left, r.before = r.left[size:], name
	return name, mode, nil
}

// offset reads a number of variable length, as packs have them, and returns how
// many bytes it takes, 0 when it is cut or too large.
// https://git-scm.com/docs/pack-format (offset encoding)
func offset(data []byte) (value, n int) {
	for n < len(data) && n < 5 {
		b := data[n]
		n++
		value |= int(b & 0x7f)
		if b&0x80 == 0 {
			return value, n
		}
		value = (value + 1) << 7
	}
	return 0, 0
}

// extensions reads what follows the entries. One whose name begins with a
// capital letter can be passed by; "sdir" says that there are sparse folders.
func (r *indexReader) extensions() error {
	for len(r.left) > 0 {
		if len(r.left) < 8 {
			return errIndex
		}
		name, size := string(r.left[:4]), binary.BigEndian.Uint32(r.left[4:])
		if (name[0] < 'A' || name[0] > 'Z') && name != "sdir" || uint64(size) > uint64(len(r.left)-8) {
			return errIndex
		}
		r.left = r.left[8+size:]
	}
	return nil
}
