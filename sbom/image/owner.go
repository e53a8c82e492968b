package image

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// What a distribution owns is judged by the distribution's advisories and not
// by those of PyPI or npm, so to be owned is to be silent, and whoever plants
// a file list in an image can try to silence what he likes. An image cannot
// prove offline that its package database is the distribution's own; what is
// asked for is what a forged list gets wrong unless it describes the whole
// package under the distribution's own name for it:
//
//   - the owner is installed, and its md5sums (in Alpine, apk's database) name
//     the metadata, every other file of the metadata folder, with the digests
//     that they have;
//   - every module that the distribution says it brings, and that is there, is
//     some installed package's, likewise, and one of them is of the owner's
//     source package, or the owner's list names some other file of one;
//   - the owner is called as Debian calls the package of that distribution or
//     module, "python3-MODULE", or as Alpine does, "py3-MODULE", or like it
//     (python3-tz is pytz); or a package of rpm says that it provides the project.
//
// Anything else stays what it is without an owner: installed, and matched in
// PyPI. https://www.debian.org/doc/packaging-manuals/python-policy/#module-package-names

// debOwner is an installed package of the distribution.
type debOwner struct {
	name, version, source string
	// compiled is true for a package that was built with the distribution's Go
	// or Rust.
	compiled bool
	// apk is true for a package of Alpine or its kind, and rpm for one of rpm's
	// database.
	apk, rpm bool
	// projects are the Python projects that a package of rpm says it is.
	projects []string
}

// String is what Component.Owner holds.
func (o *debOwner) String() string { return o.name + " " + o.version }

// claim is a line of a package's md5sums, or a file of apk's or rpm's database,
// with the digest that it names.
type claim struct {
	by                *debOwner
	md5, sha1, sha256 string
}

// isOf reports whether the claim is about this content, in a folder in which
// the distribution keeps its own.
func (c claim) isOf(f placed, p string) bool {
	if c.by.apk {
		return c.sha1 == f.SHA1 && (distributionFolder(p) || apkFolder(p))
	}
	if c.by.rpm {
		same := c.sha256 == f.SHA256 && c.sha256 != "" || c.md5 == f.MD5 && c.md5 != "" || c.sha1 == f.SHA1 && c.sha1 != ""
		return same && (distributionFolder(p) || rpmFolder(p))
	}
	return c.md5 == f.MD5 && distributionFolder(p)
}

// maxClaims is how many packages may say that a file is theirs. In a sound root
// it is one; dpkg refuses more without a diversion.
const maxClaims = 8

// ownership reads the md5sums of the packages that are installed; those of a
// package that is not own nothing, and neither does a list without digests.
// Paths are compared after links are resolved, since a list says /lib where a
// merged root has /usr/lib.
func (b *builder) ownership() {
	b.owners, b.metadata = map[string][]claim{}, map[string][]string{}
	for _, p := range slices.Sorted(maps.Keys(b.files)) {
		f := b.files[p]
		if dir := path.Dir(p); metadataDir(dir) {
			b.metadata[dir] = append(b.metadata[dir], p)
		}
		who := b.installed[ownerOf(p)]
		if f.Kind != kindSums || who == nil {
			continue
		}
		for _, o := range f.Owned {
			if at, err := b.resolveParent(o.Path); err == nil && o.MD5 != "" && len(b.owners[at]) < maxClaims {
				b.owners[at] = append(b.owners[at], claim{by: who, md5: o.MD5})
			}
		}
	}
}

// ownersOf returns the packages that own the file at p: those whose md5sums
// name it with the digest that it has. A file outside the folders in which a
// distribution keeps its own is nobody's: a package of a third party may bring
// a whole virtual environment, of which the distribution's advisories know
// nothing.
func (b *builder) ownersOf(p string) []*debOwner {
	f, ok := b.files[p]
	if !ok || f.MD5 == "" || f.SHA1 == "" {
		return nil
	}
	var out []*debOwner
	for _, c := range b.owners[p] {
		if f.Kind == kindNPM && !sharedFolder(p) {
			continue
		}
		if c.isOf(f, p) {
			out = append(out, c.by)
		}
	}
	return out
}

// distributionFolder reports whether the distribution itself keeps language
// packages there. Distroless images unpack Debian's packages in place.
// https://www.debian.org/doc/packaging-manuals/python-policy/#paths
func distributionFolder(p string) bool {
	if rest, ok := strings.CutPrefix(p, "/usr/lib/python"); ok {
		_, rest, _ = strings.Cut(rest, "/")
		return strings.HasPrefix(rest, "dist-packages/") || !strings.Contains(rest, "site-packages/")
	}
	return strings.HasPrefix(p, "/usr/share/")
}

// sharedFolder reports whether a distribution would keep packages of Node, Java,
// Ruby or PHP there. What a package brings in a folder of its own below
// /usr/share is its own copy, and most such packages are a third party's.
//
//	https://wiki.debian.org/Javascript/Policy
//	https://www.debian.org/doc/packaging-manuals/java-policy/
//	https://docs.fedoraproject.org/en-US/packaging-guidelines/Java/
func sharedFolder(p string) bool {
	rest, ok := strings.CutPrefix(p, "/usr/share/")
	if !ok {
		return true // see distributionFolder
	}
	folder, _, _ := strings.Cut(rest, "/")
	return slices.Contains([]string{"nodejs", "npm", "node_modules", "javascript", "java", "java-1.8.0", "maven-repo", "ca-certificates-java",
		"rubygems-integration", "gems", "ruby", "php", "R"}, folder)
}

// packageOwner returns the package that owns the language package whose
// metadata is at p, nil for none.
func (b *builder) packageOwner(p string, f placed) *debOwner {
	for _, o := range b.ownersOf(p) {
		if f.Kind == kindNPM || b.ownsDistribution(o, p, f) {
			return o
		}
	}
	return nil
}

// ownsDistribution reports whether o owns all of a Python distribution.
func (b *builder) ownsDistribution(o *debOwner, p string, f placed) bool {
	dir, modules := path.Dir(p), []string{}
	if metadataDir(dir) {
		for _, beside := range b.metadata[dir] {
			if !slices.Contains(b.ownersOf(beside), o) {
				return false
			}
			modules = append(modules, b.files[beside].Modules...)
		}
		dir = path.Dir(dir)
	}
	if copied(p) {
		return true // a claim without an owner too, and named after nothing of its own
	}
	name := strings.ReplaceAll(pep508.NormalizeName(f.Package.Name), "-", "_")
	modules = append(modules, name)
	if module, py := strings.CutPrefix(name, "py"); py && module != "" {
		modules = append(modules, module) // pycairo brings cairo, and has no list of modules
	}
	return o.namedFor(append(modules, f.Package.Name)) && b.ownsModules(o, dir, modules)
}

// ownsModules reports whether every module that is in dir is a package's, and
// one of them of o's source.
func (b *builder) ownsModules(o *debOwner, dir string, modules []string) bool {
	own := false
	for _, module := range modules {
		for _, p := range []string{path.Join(dir, module, "__init__.py"), path.Join(dir, module+".py")} {
			_, linked := b.link(p)
			_, hard := b.hard[p]
			if _, there := b.files[p]; !there && !linked && !hard {
				continue
			}
			owners := b.ownersOf(p)
			if len(owners) == 0 {
				return false
			}
			own = own || slices.ContainsFunc(owners, func(by *debOwner) bool { return by.source == o.source })
		}
	}
	return own || b.bearsModule(o, dir, modules)
}

// bearsModule reports whether a file of one of these modules is in o's list,
// with the digest that it has: a compiled module, or a part of one whose
// beginning another package brings, as with zope.event.
func (b *builder) bearsModule(o *debOwner, dir string, modules []string) bool {
	bears, named := false, map[string]bool{}
	for _, m := range modules {
		named[m] = true
	}
	for _, c := range b.checked {
		list := b.proof.lists[[2]string{c.List, c.of}]
		if c.Name != o.name || c.Version != o.version || list.proof == nil {
			continue
		}
		list.each(func(l listed) {
			if bears {
				return
			}
			verdict, p := b.judge(list.Alg, l, list.layer)
			bears = verdict == same && runs(p) && named[moduleAt(dir, p)]
		})
	}
	return bears
}

// moduleAt returns the module in dir that the file at p is of, below its folder
// or compiled ("m.cpython-312-x86_64-linux-gnu.so"); "" for none.
func moduleAt(dir, p string) string {
	rest, ok := strings.CutPrefix(p, strings.TrimSuffix(dir, "/")+"/")
	module, _, below := strings.Cut(rest, "/")
	if ok && !below && strings.HasSuffix(rest, ".so") {
		module, _, below = strings.Cut(rest, ".")
	}
	if !ok || !below {
		return ""
	}
	return module
}

// apkModule takes off what Alpine ("py3-pip") and Wolfi ("py3.12-pip") put
// before the name of a Python package.
// https://wiki.alpinelinux.org/wiki/Package_policies#Package_names
func apkModule(name string) string {
	rest, ok := strings.CutPrefix(name, "py3-")
	if !ok {
		return name
	}
	minor, module, more := strings.Cut(rest, "-")
	if _, err := strconv.ParseUint(minor, 10, 8); more && err == nil {
		return module
	}
	return rest
}

// namedFor reports whether the distribution would call the package of one of these
// modules or distributions so.
func (o *debOwner) namedFor(names []string) bool {
	if slices.ContainsFunc(names, func(n string) bool { return slices.Contains(o.projects, pep508.NormalizeName(n)) }) {
		return true
	}
	name := o.name
	if o.rpm {
		name = rpmPython.ReplaceAllString(name, "")
	}
	name = pep508.NormalizeName(name)
	if o.apk {
		name = apkModule(name)
	}
	for _, prefix := range []string{"python3-", "python-", "pypy3-"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return slices.ContainsFunc(names, func(n string) bool { return pep508.NormalizeName(n) == name || pep508.NormalizeName(n) == "py"+name })
}

// parseModules returns the modules at the top of what a top_level.txt or a
// RECORD names, sorted, each once; when there are more than limit.RecordModules,
// one more than that.
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
func parseModules(data []byte, record bool) []string {
	found := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		if len(found) > limit.RecordModules {
			break
		}
		name := strings.TrimSpace(line)
		if record {
			file, _, _ := strings.Cut(name, ",")
			file = strings.Trim(file, `"`)
			var rest string
			if name, rest, _ = strings.Cut(file, "/"); rest == "" {
				if name = strings.TrimSuffix(file, ".py"); name == file {
					continue
				}
			}
			if metadataDir(name) {
				continue
			}
		}
		if name != "" && !strings.ContainsAny(name, "/\\") && name != ".." && name != "." {
			found[validText(name)] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
