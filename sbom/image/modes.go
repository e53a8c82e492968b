package image

import (
	"archive/tar"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Bits of a file's mode that are kept, as in the archive.
// https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/sys_stat.h.html
const (
	modeSetuid   = 0o4000
	modeSetgid   = 0o2000
	modeSticky   = 0o1000
	modeExecute  = 0o111
	modeWritable = 0o002 // by everyone
	// modeFolder says, in a tree alone, that the bits are those of a folder.
	modeFolder = 1 << 15
)

// modeOf returns the bits of h that matter at p: setuid and setgid of files;
// writable by everyone of folders without the sticky bit and of code.
func modeOf(p string, h *tar.Header) uint16 {
	switch h.Typeflag {
	case tar.TypeDir:
		if h.Mode&modeSticky == 0 {
			return uint16(h.Mode & modeWritable)
		}
	case tar.TypeReg, tar.TypeLink, tar.TypeGNUSparse:
		bits := h.Mode & (modeSetuid | modeSetgid)
		if h.Mode&modeExecute == 0 {
			bits = 0
		}
		if codeFile(p) {
			bits |= h.Mode & modeWritable
		}
		return uint16(bits)
	}
	return 0
}

// codeFile reports whether p is code of an application, of which there is
// little, and not of a package.
func codeFile(p string) bool {
	switch path.Ext(p) {
	case ".py", ".sh":
		return !published(p)
	}
	return false
}

// helper reports whether a file may be one of those programs that are setuid
// and stand where nobody starts them by name. They are noted without the bits
// too, because an upper layer takes them away by writing the file again.
func helper(p string, h *tar.Header) bool {
	if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeLink || h.Mode&modeExecute == 0 || strings.Contains(path.Base(p), ".") {
		return false
	}
	for _, prefix := range []string{"/usr/lib/", "/usr/libexec/", "/usr/local/lib/", "/lib/"} {
		if strings.HasPrefix(p, prefix) {
			return !strings.Contains(p, "/site-packages/") && !strings.Contains(p, "/node_modules/")
		}
	}
	return false
}

// setMode notes the bits of what layer i brought to p; those of what was there
// are gone with it.
func (s *state) setMode(p string, bits uint16, i int) {
	n := s.tree.put(p)
	s.tree.set(n, heldMode)
	is := s.tree.at(n)
	is.mode, is.layer = bits, uint16(i)
}

// wasWritable reports whether a folder is at a node that everyone can write to,
// and the layer that made it so.
func (s *state) wasWritable(n uint32) (writable bool, layer int) {
	if n == 0 {
		return false, 0
	}
	is := s.tree.at(n)
	return is.holds&heldMode != 0 && is.mode&modeFolder != 0 && is.mode&modeWritable != 0, int(is.layer)
}

// modeLayers are the first [limit.FilesLocated] of the paths, sorted, with the
// layers that brought their modes. One without a layer is no base's.
func (s *state) modeLayers(paths ...string) []sbom.Location {
	var out []sbom.Location
	slices.Sort(paths)
	paths = slices.Compact(paths)
	for _, p := range paths[:min(len(paths), limit.FilesLocated)] {
		if n := s.tree.lookup(p); n != 0 {
			out = append(out, sbom.Location{File: p, Layer: s.layers[s.tree.at(n).layer]})
		}
	}
	return out
}

// setuid are the files that run as another user than who starts them, sorted.
func (s *state) setuid() []string {
	out := []string{}
	for n, is := range s.tree.all(heldMode) {
		if is.mode&(modeSetuid|modeSetgid) != 0 {
			out = append(out, s.tree.path(n))
		}
	}
	slices.Sort(out)
	return out
}

// writable are the folders and the code below the working directory that
// everyone can write to, sorted; of an image without a working directory, those
// below /app. A folder stands for what is in it.
func (s *state) writable(workingDir string) []string {
	top := path.Clean("/" + workingDir)
	if top == "/" {
		top = "/app"
	}
	if real, err := s.resolve(top); err == nil {
		top = real
	}
	out := []string{}
	if n := s.tree.lookup(top); n != 0 {
		s.writableBelow(n, &out)
	}
	slices.Sort(out)
	return out
}

func (s *state) writableBelow(n uint32, out *[]string) {
	is := s.tree.at(n)
	if is.holds&heldMode != 0 && is.mode&modeWritable != 0 {
		*out = append(*out, s.tree.path(n))
		return
	}
	if is.under == 0 {
		return
	}
	for c := is.child; c != 0; c = s.tree.at(c).next {
		s.writableBelow(c, out)
	}
}
