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
			if v := libraries[r.Needs].of(p); v != "" {
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

// runtimeLibraries are the libraries of one name with an interpreter: their
// versions by the folders that they are in. A version is "" when the
// distribution owns the library: then the distribution's package is listed.
type runtimeLibraries struct {
	in map[string]string
	// version is that of all of them, "" when they differ.
	version string
}

// runtimeLibraries returns the libraries with an interpreter, by their names.
func (b *builder) runtimeLibraries() map[string]*runtimeLibraries {
	out := map[string]*runtimeLibraries{}
	for _, p := range b.programPaths {
		r := b.files[p].Program.Runtime
		if r == nil {
			continue
		}
		version := r.Version
		if b.borne[p].owner != "" {
			version = ""
		} else if version == "" {
			continue
		}
		dir, name := path.Split(p)
		l := out[name]
		if l == nil {
			l = &runtimeLibraries{in: map[string]string{}, version: version}
			out[name] = l
		}
		l.in[path.Clean(dir)] = version
		if version != l.version {
			l.version = ""
		}
	}
	return out
}

// of is the version of what the program at p starts: that of the library in the
// folder beside its own, else that of all libraries of the name; "" when they
// differ. Each of them is listed for itself.
func (l *runtimeLibraries) of(p string) string {
	if version, beside := l.in[path.Join(path.Dir(path.Dir(p)), "lib")]; beside {
		return version
	}
	return l.version
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
