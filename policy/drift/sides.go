package drift

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

const pypi = "PyPI"

// sides are the Python packages of the two documents.
type sides struct {
	opts Options
	env  pep508.Environment
	// installed are those of the image that somebody chose to install, by
	// name; present are the names of all that Python could import.
	installed map[string][]*sbom.Component
	present   map[string]bool
	// wanted are the lines of the source that ask for a package or limit it,
	// locked those of its locks, both by name and in the order of the document.
	wanted, locked map[string][]*sbom.Component
	// locks are the files that fix everything, sorted.
	locks []string
	// named are the packages that the source names in any way, links the
	// places that it installs from without saying which package that gives.
	named, links map[string]bool
	// manifest is the file with the most requirements, "" without any.
	manifest string
	// unread and unreadImage count the gaps of the source and of the image
	// that may hide packages.
	unread, unreadImage int
}

func newSides(source, image *sbom.Document, opts Options) *sides {
	s := &sides{
		opts: opts, installed: map[string][]*sbom.Component{}, present: map[string]bool{},
		wanted: map[string][]*sbom.Component{}, locked: map[string][]*sbom.Component{},
		named: map[string]bool{}, links: map[string]bool{},
	}
	s.readImage(image)
	s.env = environment(opts.Environment, s.installed)
	s.readSource(source)
	return s
}

// readImage sorts the image's packages. What a distribution package owns is
// the distribution's, and a claim (a vendored copy) cannot be imported.
func (s *sides) readImage(image *sbom.Document) {
	for i := range image.Components {
		c := &image.Components[i]
		if c.Ecosystem != pypi || c.Evidence == sbom.Claimed {
			continue
		}
		s.present[c.NormalName()] = true
		if c.Evidence != sbom.Installed && c.Evidence != sbom.Verified || tool(c.NormalName()) || s.base(c) {
			continue
		}
		s.installed[c.NormalName()] = append(s.installed[c.NormalName()], c)
	}
	s.unreadImage = unread(image)
}

// tool reports whether a package is one that Python's own images and virtual
// environments bring. https://docs.python.org/3/library/ensurepip.html
func tool(name string) bool {
	return slices.Contains([]string{"pip", "setuptools", "wheel", "pkg-resources"}, name)
}

// base reports whether a component came with the base image.
func (s *sides) base(c *sbom.Component) bool {
	return len(c.Locations) > 0 && !slices.ContainsFunc(c.Locations, func(l sbom.Location) bool {
		return !slices.Contains(s.opts.Base, l.Layer)
	})
}

func (s *sides) readSource(source *sbom.Document) {
	locks := lockFiles(source)
	files := map[string]int{}
	for i := range source.Components {
		c := &source.Components[i]
		if c.Ecosystem != pypi {
			s.otherSource(c)
			continue
		}
		name := c.NormalName()
		s.named[name] = true
		for _, l := range c.Locations {
			if !c.Constraint {
				files[l.File]++
			}
		}
		switch {
		case c.Evidence == sbom.Locked || len(c.Locations) > 0 && locks[c.Locations[0].File]:
			s.locked[name] = append(s.locked[name], c)
		case c.Evidence == sbom.Declared:
			// What a Space's build is assumed to add speaks for no image.
			s.wanted[name] = append(s.wanted[name], c)
		}
	}
	s.locks = slices.Sorted(maps.Keys(locks))
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if s.manifest == "" || files[file] > files[s.manifest] {
			s.manifest = file
		}
	}
	for _, g := range source.Gaps {
		if g.Package != "" {
			s.named[sbom.NormalName(pypi, g.Package)] = true
		}
	}
	s.unread = unread(source)
}

// otherSource notes what is no package of PyPI's by name and may still give one
// that looks like it: a requirement without a name, and a package of conda,
// which leaves the same metadata behind as pip.
func (s *sides) otherSource(c *sbom.Component) {
	switch {
	case strings.HasPrefix(c.PURL, "pkg:conda/"):
		s.named[sbom.NormalName(pypi, c.Name)] = true
	case c.Ecosystem == "" && c.URL != "":
		s.links[bareURL(c.URL)] = true
	}
}

// unread counts the gaps behind which packages may be.
func unread(d *sbom.Document) int {
	n := 0
	for _, g := range d.Gaps {
		switch g.Kind {
		case sbom.GapUnparsed, sbom.GapUnread, sbom.GapInclude, sbom.GapUnsupported, sbom.GapTooLarge, sbom.GapDynamic, sbom.GapImage, sbom.GapOther:
			n++
		}
	}
	return n
}

// lockFiles returns the files that fix everything that is installed: locks, and
// requirement files each of whose lines has an exact version and a digest, as
// pip's hash-checking mode demands.
func lockFiles(source *sbom.Document) map[string]bool {
	locks, loose := map[string]bool{}, map[string]bool{}
	for i := range source.Components {
		c := &source.Components[i]
		for _, l := range c.Locations {
			switch {
			case c.Evidence == sbom.Locked:
				locks[l.File] = true
			case c.Version == "" || len(c.Hashes) == 0 || c.Constraint:
				loose[l.File] = true
			case c.Ecosystem == pypi:
				locks[l.File] = locks[l.File] || c.Evidence == sbom.Declared
			}
		}
	}
	maps.DeleteFunc(locks, func(file string, _ bool) bool { return loose[file] })
	return locks
}

var pythonPath = regexp.MustCompile(`/python(3\.[0-9]{1,3})/`)

// environment completes what the caller knows with the Python in whose folders
// the packages are, when all are in those of one.
func environment(env pep508.Environment, installed map[string][]*sbom.Component) pep508.Environment {
	if env.Values[pep508.PythonVersion] != "" {
		return env
	}
	pythons := map[string]bool{}
	for _, list := range installed {
		for _, c := range list {
			for _, l := range c.Locations {
				if m := pythonPath.FindStringSubmatch(l.File); m != nil {
					pythons[m[1]] = true
				}
			}
		}
	}
	for python := range pythons {
		if len(pythons) == 1 {
			return env.With(pep508.PythonVersion, python)
		}
	}
	return env
}

// applies evaluates a component's marker in the image.
func (s *sides) applies(c *sbom.Component) pep508.Truth {
	if c.Marker == "" {
		return pep508.True
	}
	m, err := pep508.ParseMarker(c.Marker)
	if err != nil {
		return pep508.Undecided
	}
	return m.Evaluate(s.env)
}

// runtime reports whether a component is for the running application.
func runtime(c *sbom.Component) bool { return c.Scope == "" || c.Scope == "runtime" }

// bareURL returns what a requirement's link and the record that pip leaves of
// it (direct_url.json) have in common.
func bareURL(link string) string {
	link, _, _ = strings.Cut(link, "#")
	link = strings.TrimPrefix(link, "git+")
	if scheme, rest, ok := strings.Cut(link, "://"); ok {
		host, path, _ := strings.Cut(rest, "/")
		path, _, _ = strings.Cut(path, "@")
		host = host[strings.LastIndexByte(host, '@')+1:]
		link = scheme + "://" + host + "/" + path
	}
	return strings.TrimSuffix(strings.TrimSuffix(link, "/"), ".git")
}

// own reports whether an installed package is a project's own tree: installed
// from a folder, not from an archive.
func own(c *sbom.Component) bool {
	return c.Editable || strings.HasPrefix(c.URL, "file:") && !slices.Contains([]string{".whl", ".gz", ".zip", ".tgz", ".bz2"}, path.Ext(c.URL))
}
