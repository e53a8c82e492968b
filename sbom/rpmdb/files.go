package rpmdb

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"

	"github.com/tallyman/tallyman/internal/limit"
)

// Algorithm is the number of a digest, as OpenPGP counts them.
// https://www.rfc-editor.org/rfc/rfc9580.html#name-hash-algorithms
type Algorithm uint32

// The algorithms that packages were built with.
const (
	MD5    Algorithm = 1
	SHA1   Algorithm = 2
	SHA256 Algorithm = 8
)

// File is a regular file of a package.
type File struct {
	// Path is absolute, as the package has it.
	Path string
	// Digest is the raw digest of its content.
	Digest []byte
	// Config is true for a file that is made to be edited.
	Config bool
}

// The tags of files. https://rpm.org/docs/4.20.x/manual/tags.html#file-tags
const (
	tagStates     = 1029
	tagModes      = 1030
	tagDigests    = 1035
	tagFlags      = 1037
	tagDirIndexes = 1116
	tagBasenames  = 1117
	tagDirnames   = 1118
	tagAlgorithm  = 5011
)

// Flags of a file. https://rpm.org/docs/4.20.x/manual/spec.html#virtual-file-attribute-s
const (
	flagConfig    = 1 << 0
	flagMissingOK = 1 << 3
	flagGhost     = 1 << 6
)

// States of a file. https://rpm.org/docs/4.20.x/manual/tags.html#file-tags
const (
	stateNormal  = 0
	stateColor   = 4    // of another architecture, the last of those that are not on disk
	stateMissing = 0xff // not told
)

// fileTags are the columns of a package's list of files, as raw bytes of the
// record. All have as many rows as there are names, or none at all.
type fileTags struct {
	names, folders, digests       [][]byte
	indexes, flags, modes, states []byte
	algorithm                     Algorithm
}

func (f *fileTags) count() int { return len(f.names) }

// parseFiles reads the list of files of a header.
func parseFiles(h *header) (f fileTags, err error) {
	var errs [8]error
	f.names, errs[0] = h.list(tagBasenames)
	f.folders, errs[1] = h.list(tagDirnames)
	f.digests, errs[2] = h.list(tagDigests)
	f.indexes, errs[3] = h.numbers(tagDirIndexes, 4, typeInt32)
	f.flags, errs[4] = h.numbers(tagFlags, 4, typeInt32)
	f.modes, errs[5] = h.numbers(tagModes, 2, typeInt16)
	f.states, errs[6] = h.numbers(tagStates, 1, typeChar, typeInt8)
	algorithm, told, err := h.number(tagAlgorithm)
	errs[7] = err
	if err := errors.Join(errs[:]...); err != nil {
		return fileTags{names: f.names}, err
	}
	f.algorithm = MD5 // what was meant before the tag was there
	if told {
		f.algorithm = Algorithm(algorithm)
	}
	n := len(f.names)
	odd := func(rows int) bool { return rows != 0 && rows != n }
	if len(f.indexes) != 4*n || odd(len(f.digests)) || odd(len(f.flags)/4) || odd(len(f.modes)/2) || odd(len(f.states)) {
		return fileTags{names: f.names}, errors.New("a list of files whose columns are not of one length")
	}
	for i := range n {
		if len(f.states) != 0 && f.states[i] > stateColor && f.states[i] != stateMissing {
			return fileTags{names: f.names}, errors.New("a file in a state that rpm does not know")
		}
		folder := binary.BigEndian.Uint32(f.indexes[4*i:])
		if folder >= uint32(len(f.folders)) {
			return fileTags{names: f.names}, errors.New("a file in a folder that is not listed")
		}
		// One folder may be that of many files, whose paths would be made of it.
		if len(f.folders[folder])+len(f.names[i]) > limit.PathBytes {
			return fileTags{names: f.names}, fmt.Errorf("a path: %w of %d bytes", limit.ErrTooLarge, limit.PathBytes)
		}
	}
	return f, nil
}

// Provides returns the names of what the package provides, as
// "python3dist(six)".
func (p *Package) Provides() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range p.provides {
			if !yield(string(name)) {
				return
			}
		}
	}
}

// Algorithm is that of the digests of the package's files.
func (p *Package) Algorithm() Algorithm { return p.files.algorithm }

// Files returns the regular files that rpm put on disk and that have a digest:
// without what it was told to leave out (documents, languages), without what
// the package only names (ghosts), and without what may be missing.
func (p *Package) Files() iter.Seq[File] {
	return func(yield func(File) bool) {
		f := &p.files
		for i := range f.digests {
			if len(f.digests[i]) == 0 || !f.present(i) {
				continue
			}
			sum := make([]byte, hex.DecodedLen(len(f.digests[i])))
			if _, err := hex.Decode(sum, f.digests[i]); err != nil {
				continue
			}
			folder := f.folders[binary.BigEndian.Uint32(f.indexes[4*i:])]
			if !yield(File{Path: string(folder) + string(f.names[i]), Digest: sum, Config: f.flag(i)&flagConfig != 0}) {
				return
			}
		}
	}
}

func (f *fileTags) flag(i int) uint32 {
	if len(f.flags) == 0 {
		return 0
	}
	return binary.BigEndian.Uint32(f.flags[4*i:])
}

// present reports whether file i is a regular one that is on disk.
func (f *fileTags) present(i int) bool {
	if len(f.modes) != 0 && binary.BigEndian.Uint16(f.modes[2*i:])&0o170000 != 0o100000 {
		return false
	}
	if len(f.states) != 0 && f.states[i] != stateNormal { // replaced, not installed, shared, of the other architecture
		return false
	}
	return f.flag(i)&(flagGhost|flagMissingOK) == 0
}
