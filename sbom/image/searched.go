package image

import (
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

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

// parsePathFile returns the folders that a .pth file names. Versions of Python
// differ in what ends a line, so a folder is also what is between any of those.
func parsePathFile(data []byte) []string {
	var out []string
	add := func(line string) {
		line = strings.TrimRight(line, " \t\r\n\v\f")
		switch {
		case line == "", line[0] == '#', strings.HasPrefix(line, "import "), strings.HasPrefix(line, "import\t"):
		case !strings.Contains(line, "\x00") && !tooLong(line):
			out = append(out, validText(line))
		}
	}
	for line := range strings.SplitSeq(strings.TrimPrefix(string(data), "\ufeff"), "\n") {
		add(line)
		if strings.ContainsFunc(line, endsLine) {
			for part := range strings.FieldsFuncSeq(line, endsLine) {
				add(part)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

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

// searched finds the folders that Python is told to look into, and the copies in
// them, which are installed then.
func (b *builder) searched() {
	b.folders = map[string]bool{}
	for _, folder := range b.pythonPath {
		b.look("/", folder)
	}
	copies := false
	for p, f := range b.files {
		// A package manager's cache is no place where Python begins.
		if f.Kind == kindPath && !copied(path.Join(path.Dir(p), "of.dist-info/METADATA")) {
			b.look(path.Dir(p), f.Adds...)
		}
		copies = copies || f.Kind == kindVendor || f.Kind == kindPython && copied(p)
	}
	if !copies {
		return
	}
	b.linkedPathFiles()
	for p, f := range b.files {
		if f.Kind == kindPython && copied(p) && b.folders[path.Dir(path.Dir(p))] {
			b.linked[p] = true
		}
	}
}

// look notes folders as a process in dir names them.
func (b *builder) look(dir string, folders ...string) {
	for _, folder := range folders {
		if real, err := b.resolve(joined(dir, folder)); err == nil {
			b.folders[real] = true
		}
	}
}

// linkedPathFiles takes the .pth files that are links. Those that lead to what
// was not read may name the folder of any copy, which is a gap.
func (b *builder) linkedPathFiles() {
	const unread = "a .pth file that is a link to what was not read: it may make a copy of a package importable"
	for n := range b.tree.all(heldLink) {
		p := b.tree.path(n)
		if kindOf(p) != kindPath || copied(path.Join(path.Dir(p), "of.dist-info/METADATA")) {
			continue
		}
		switch real, err := b.resolve(p); {
		case err != nil:
		case b.files[real].file != nil && b.files[real].Kind == kindPath:
			b.look(path.Dir(p), b.files[real].Adds...)
		default:
			b.newGap(sbom.GapUnread, p, b.madeSo(p), unread)
		}
	}
	for p, i := range b.hard {
		if kindOf(p) == kindPath {
			b.newGap(sbom.GapUnread, p, i, unread)
		}
	}
}
