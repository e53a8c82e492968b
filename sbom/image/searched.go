package image

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// A copy in another package's folder, or in a package manager's cache, is a
// claim, because Python does not find it by itself. It does when it is told to
// look there: by PYTHONPATH, or by a line of a .pth file (easy-install.pth is
// one) that is the name of a folder. What code does with sys.path, in a line
// that begins with "import" or elsewhere, nobody knows who does not run it.
//
//	https://docs.python.org/3/library/site.html
//	https://docs.python.org/3/using/cmdline.html#envvar-PYTHONPATH

// parsePathFile returns the folders that a .pth file names, and fails when there
// are more than limit.PathFolders. Versions of Python differ in what ends a
// line, so a folder is also what is between any of those.
func parsePathFile(data []byte) ([]string, error) {
	found := map[string]bool{}
	add := func(line string) {
		line = strings.TrimRightFunc(line, blank)
		switch {
		case line == "", line[0] == '#', strings.HasPrefix(line, "import "), strings.HasPrefix(line, "import\t"):
		case !strings.Contains(line, "\x00") && !tooLong(line):
			found[strings.Clone(validText(line))] = true // not to keep the file with it
		}
	}
	for line := range strings.SplitSeq(strings.TrimPrefix(string(data), "\ufeff"), "\n") {
		add(line)
		if strings.ContainsFunc(line, endsLine) {
			for part := range strings.FieldsFuncSeq(line, endsLine) {
				add(part)
			}
		}
		if len(found) > limit.PathFolders {
			return nil, fmt.Errorf("a .pth file of %d folders and more: %w of %d", len(found), limit.ErrTooLarge, limit.PathFolders)
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// blank knows what Python takes off the end of a line.
// https://docs.python.org/3/library/stdtypes.html#str.isspace
func blank(r rune) bool { return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' }

// endsLine knows what else than a line feed may end a line.
// https://docs.python.org/3/library/stdtypes.html#str.splitlines
func endsLine(r rune) bool { return strings.ContainsRune("\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", r) }

// pythonPath returns the folders that PYTHONPATH names in an image's
// environment. An empty one is the working directory.
func pythonPath(c v1.Config) []string {
	var out []string
	for _, variable := range c.Env {
		list, is := strings.CutPrefix(variable, "PYTHONPATH=")
		if !is || list == "" {
			continue
		}
		for _, folder := range strings.Split(list, ":") {
			if !tooLong(folder) {
				out = append(out, joined("/"+c.WorkingDir, validText(folder)))
			}
		}
	}
	return out
}

// joined is a folder as a process in dir names it.
func joined(dir, folder string) string {
	if strings.HasPrefix(folder, "/") {
		return path.Clean(folder)
	}
	return path.Join("/", dir, folder)
}

// searched finds the folders with copies that Python is told to look into: these
// copies are installed.
func (b *builder) searched() {
	b.folders = map[string]bool{}
	for p, f := range b.files {
		switch {
		case f.Kind == kindVendor:
			b.folders[path.Dir(p)] = false
		case f.Kind == kindPython && copied(p):
			b.folders[path.Dir(path.Dir(p))] = false
		}
	}
	if len(b.folders) == 0 {
		return
	}
	b.look("/", b.pythonPath)
	b.pathFiles()
	for p, f := range b.files {
		if f.Kind == kindPython && copied(p) && b.folders[path.Dir(path.Dir(p))] {
			b.linked[p] = true
		}
	}
}

// look notes which of the folders with copies are among these, as a process in
// dir names them.
func (b *builder) look(dir string, folders []string) {
	for _, folder := range folders {
		real, err := b.resolve(joined(dir, folder))
		if _, copies := b.folders[real]; err == nil && copies {
			b.folders[real] = true
		}
	}
}

// pathFiles looks into the folders that .pth files name. When there are too many
// it looks into none, so that which it does hangs on nothing.
func (b *builder) pathFiles() {
	count, first := 0, ""
	for p, f := range b.eachPathFile() {
		if count += len(f.Adds); len(f.Adds) > 0 && (first == "" || p < first) {
			first = p
		}
	}
	if count > limit.ImagePathFolders {
		b.newGap(sbom.GapTooLarge, first, b.madeSo(first), fmt.Sprintf("this .pth file and others name %d folders, more than are looked into: they may make copies of packages importable", count))
	} else {
		for p, f := range b.eachPathFile() {
			b.look(path.Dir(p), f.Adds)
		}
	}
	b.unreadPathFiles()
}

// eachPathFile yields the .pth files that Python reads, also by links.
func (b *builder) eachPathFile() iter.Seq2[string, *file] {
	return func(yield func(string, *file) bool) {
		for p, f := range b.files {
			if f.Kind == kindPath && beginsHere(p) && !yield(p, f.file) {
				return
			}
		}
		for p := range b.pathLinks() {
			if f := b.files[b.behind(p)]; f.file != nil && f.Kind == kindPath && !yield(p, f.file) {
				return
			}
		}
	}
}

// pathLinks yields the .pth files that are links.
func (b *builder) pathLinks() iter.Seq[string] {
	return func(yield func(string) bool) {
		for n, is := range b.tree.all(heldLink) {
			if !bytes.HasSuffix(b.tree.texts.bytes(is.name), []byte(".pth")) {
				continue
			}
			if p := b.tree.path(n); kindOf(p) == kindPath && beginsHere(p) && !yield(p) {
				return
			}
		}
	}
}

// behind is what the link at p leads to, "" when it leads nowhere.
func (b *builder) behind(p string) string {
	real, err := b.resolve(p)
	if err != nil {
		return ""
	}
	return real
}

// beginsHere reports whether Python reads the .pth file at p: a package
// manager's cache is no place where it begins.
func beginsHere(p string) bool { return !copied(path.Join(path.Dir(p), "of.dist-info/METADATA")) }

// unreadPathFiles adds a gap for the .pth files that are links to what was not
// read: they may name the folder of any copy.
func (b *builder) unreadPathFiles() {
	first, layer, count := "", 0, 0
	note := func(p string, i int) {
		if count++; first == "" || p < first {
			first, layer = p, i
		}
	}
	for p := range b.pathLinks() {
		if real := b.behind(p); real != "" && (b.files[real].file == nil || b.files[real].Kind != kindPath) {
			note(p, b.madeSo(p))
		}
	}
	for p, i := range b.hard {
		if kindOf(p) == kindPath {
			note(p, i)
		}
	}
	if count > 0 {
		b.newGap(sbom.GapUnread, first, layer, fmt.Sprintf("a .pth file that is a link to what was not read: it may make a copy of a package importable (files like it: %d)", count))
	}
}
