package image

import (
	"fmt"
	"path"

	"github.com/tallyman/tallyman/sbom"
)

// runtimes adds the interpreters that no package of a distribution brings: one
// that does is a component already, and what the distribution calls it.
//
// An interpreter that does not say which one it is is a gap, where programs and
// libraries are kept: elsewhere a name like "node" means anything.
func (b *builder) runtimes() {
	libraries := b.runtimeLibraries()
	var pypy, silent []string
	for _, p := range b.programPaths {
		f := b.files[p]
		r := f.Program.Runtime
		if r == nil || b.borne[p].owner != "" {
			continue
		}
		switch {
		case r.Version != "":
			b.runtime(p, f, r.Version)
		case r.Name == runtimePyPy:
			pypy = append(pypy, p)
		case r.Needs != "" && libraries[r.Needs] != nil:
			if v := b.runtimeVersion(p, libraries[r.Needs]); v != "" {
				b.runtime(p, f, v)
			}
		case !programFolder(p) || f.Program.Problem != "" || f.Program.Go != nil:
		default:
			silent = append(silent, p)
		}
	}
	for n, p := range silent {
		if n == maxFolders {
			b.newGap(sbom.GapUnsupported, p, b.files[p].layer, fmt.Sprintf("a program that is called like an interpreter and does not tell its version, and %d more like it", len(silent)-maxFolders-1))
			break
		}
		b.newGap(sbom.GapUnsupported, p, b.files[p].layer, b.files[p].Program.Runtime.silence(path.Base(p)))
	}
	if len(pypy) > 0 {
		b.newGap(sbom.GapUnsupported, pypy[0], b.files[pypy[0]].layer, fmt.Sprintf("PyPy, which runs Python and of which the version is not read (%d files)", len(pypy)))
	}
}

// runtimeLinks adds a gap for the names of interpreters that are hard links to
// files of other names, which were not looked at.
func (b *builder) runtimeLinks() {
	first, count := "", 0
	for p := range b.hard {
		if runtimeOf(p) == "" || !programFolder(p) {
			continue
		}
		if count++; first == "" || p < first {
			first = p
		}
	}
	if count > 0 {
		b.newGap(sbom.GapUnread, first, b.hard[first], fmt.Sprintf("an interpreter's name that is a hard link to a file of another name, which was not looked at (names like it: %d)", count))
	}
}

// runtime adds the interpreter at p.
func (b *builder) runtime(p string, f placed, version string) {
	name := f.Program.Runtime.Name
	b.doc.Components = append(b.doc.Components, sbom.Component{
		Name: name, Version: version, Evidence: sbom.Installed, PURL: sbom.GenericPURL(name, version),
		Locations: []sbom.Location{{File: p, Layer: b.layers[f.layer]}},
	})
}

// silence says what is missing of an interpreter.
func (r *runtimeFact) silence(base string) string {
	switch {
	case r.Several:
		return fmt.Sprintf("a program called %q that has several versions in it, any of which could be its own", base)
	case r.Needs != "":
		return fmt.Sprintf("a program called %q that starts an interpreter in %q, which is not there or does not tell its version", base, r.Needs)
	}
	return fmt.Sprintf("a program called %q that does not tell which interpreter it is", base)
}

// runtimeLibrary is a library with an interpreter. Its version is "" when the
// distribution owns it: then the distribution's package is listed.
type runtimeLibrary struct{ path, version string }

// runtimeLibraries returns the libraries with an interpreter, by their names.
func (b *builder) runtimeLibraries() map[string][]runtimeLibrary {
	out := map[string][]runtimeLibrary{}
	for _, p := range b.programPaths {
		r := b.files[p].Program.Runtime
		if r == nil {
			continue
		}
		l := runtimeLibrary{p, r.Version}
		if b.borne[p].owner != "" {
			l.version = ""
		} else if l.version == "" {
			continue
		}
		out[path.Base(p)] = append(out[path.Base(p)], l)
	}
	return out
}

// runtimeVersion is the version of what the program at p starts: that of the
// library in the folder beside its own, else that of all libraries of the name;
// "" when they differ. Each of them is listed for itself.
func (b *builder) runtimeVersion(p string, libraries []runtimeLibrary) string {
	beside := path.Join(path.Dir(path.Dir(p)), "lib")
	for _, l := range libraries {
		if path.Dir(l.path) == beside {
			return l.version
		}
	}
	version := libraries[0].version
	for _, l := range libraries {
		if l.version != version {
			return ""
		}
	}
	return version
}

// programFolder reports whether programs or libraries are kept where the file at
// p is, by the names of folders.
// https://refspecs.linuxfoundation.org/FHS_3.0/fhs-3.0.html
func programFolder(p string) bool {
	switch path.Base(path.Dir(p)) {
	case "bin", "sbin", "lib", "lib64":
		return true
	}
	return false
}
