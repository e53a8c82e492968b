package pylock

import (
	"slices"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// standardHead is what pylock.toml has beside its packages.
// https://packaging.python.org/en/latest/specifications/pylock-toml/#file-format
type standardHead struct {
	LockVersion    string            `toml:"lock-version"`
	RequiresPython string            `toml:"requires-python"`
	Extras         []string          `toml:"extras"`
	Groups         []string          `toml:"dependency-groups"`
	Defaults       []string          `toml:"default-groups"`
	Packages       []standardPackage `toml:"packages"`
	Tool           struct {
		PDM struct {
			Hashes map[string]string `toml:"hashes"`
		} `toml:"pdm"`
	} `toml:"tool"`
}

// standardPackage is one of "packages". Either vcs, directory or archive is
// there, or sdist and wheels are.
type standardPackage struct {
	Name    string `toml:"name"`
	Version string `toml:"version"`
	Marker  string `toml:"marker"`
	Index   string `toml:"index"`
	Needs   []struct {
		Name    string `toml:"name"`
		Version string `toml:"version"`
	} `toml:"dependencies"`
	VCS *struct {
		Type     string `toml:"type"`
		URL      string `toml:"url"`
		Path     string `toml:"path"`
		Revision string `toml:"requested-revision"`
		Commit   string `toml:"commit-id"`
	} `toml:"vcs"`
	Directory *struct {
		Path string `toml:"path"`
	} `toml:"directory"`
	Archive *standardFile  `toml:"archive"`
	Sdist   *standardFile  `toml:"sdist"`
	Wheels  []standardFile `toml:"wheels"`
	Tool    struct {
		PDM struct {
			Needs []string `toml:"dependencies"`
		} `toml:"pdm"`
	} `toml:"tool"`
}

type standardFile struct {
	URL    string            `toml:"url"`
	Path   string            `toml:"path"`
	Name   string            `toml:"name"`
	Hashes map[string]string `toml:"hashes"`
}

// standard reads pylock.toml.
func (r *reader) standard(text []byte) {
	head, entries := decodePackages[standardPackage](r, text, "packages")
	var h standardHead
	r.head(head, &h)
	r.format(h.LockVersion, "1")
	r.file.RequiresPython = sbom.RedactText(h.RequiresPython)
	for _, algorithm := range sortedKeys(h.Tool.PDM.Hashes) {
		r.file.ContentHash = contentHash(algorithm, h.Tool.PDM.Hashes[algorithm])
	}
	for _, p := range h.Packages {
		entries = append(entries, entry[standardPackage]{value: p})
	}
	scopes := newScopeFinder(&h)
	for i := range entries {
		r.standardPackage(&entries[i].value, entries[i].line, scopes)
	}
}

func (r *reader) standardPackage(in *standardPackage, line int, scopes *scopeFinder) {
	p := Package{Name: in.Name, Version: in.Version, Line: line}
	files := slices.Clone(in.Wheels)
	for _, f := range []*standardFile{in.Archive, in.Sdist} {
		if f != nil {
			files = append(files, *f)
		}
	}
	var hashes, urls, paths []string
	for _, f := range files {
		urls, paths = append(urls, f.URL), append(paths, f.Path, f.Name)
		for algorithm, value := range f.Hashes {
			hashes = append(hashes, algorithm+":"+value)
		}
	}
	p.Hashes = r.digests(hashes, line, in.Name)
	p.Source, p.Own = standardSource(in, urls)
	r.named(&p, append(paths, urls...)...)
	p.Marker = r.marker(in.Marker, line, in.Name)
	// A marker is looked at once for each scope.
	if r.spend(len(scopes.scopes) * (1 + len(in.Marker)/64)) {
		p.Scopes = scopes.of(p.Marker)
	}
	for _, d := range in.Needs {
		if pep508.ValidName(d.Name) {
			p.Dependencies = append(p.Dependencies, Dependency{Name: pep508.NormalizeName(d.Name), Version: sbom.RedactText(d.Version)})
		}
	}
	p.Dependencies = append(p.Dependencies, r.requirements(in.Tool.PDM.Needs, line, in.Name)...)
	r.add(p)
}

func standardSource(in *standardPackage, urls []string) (s Source, own bool) {
	switch {
	case in.VCS != nil:
		at := in.VCS.URL
		if at == "" {
			at = in.VCS.Path
		}
		return vcsSource(vcsSystem(in.VCS.Type), at, in.VCS.Commit, in.VCS.Revision), false
	case in.Directory != nil:
		return folderSource(in.Directory.Path), true
	case in.Archive != nil && in.Archive.URL != "":
		return archiveSource(in.Archive.URL), false
	case in.Archive != nil:
		return archiveSource(in.Archive.Path), false
	}
	return indexSource(in.Index, urls...), false
}

// vcsSystem returns the name of a version control system, as it stands before
// the "+" of a URL.
func vcsSystem(text string) string {
	if slices.Contains([]string{"git", "hg", "svn", "bzr"}, text) {
		return text
	}
	return "vcs"
}

// scopeFinder tells by a package's marker which extras or groups bring it in.
type scopeFinder struct {
	runtime pep508.Environment
	scopes  []string
	envs    []pep508.Environment
}

// newScopeFinder prepares an environment for the default installation and for
// every extra and group of the lock: only these two are known in it.
func newScopeFinder(h *standardHead) *scopeFinder {
	none := []string{}
	defaults := append(none, names(h.Defaults)...)
	s := &scopeFinder{runtime: pep508.Environment{Extras: none, DependencyGroups: defaults}}
	for _, extra := range names(h.Extras) {
		s.scopes = append(s.scopes, "extra:"+extra)
		s.envs = append(s.envs, pep508.Environment{Extras: []string{extra}, DependencyGroups: defaults})
	}
	for _, group := range names(h.Groups) {
		s.scopes = append(s.scopes, "group:"+group)
		s.envs = append(s.envs, pep508.Environment{Extras: none, DependencyGroups: []string{group}})
	}
	return s
}

// of returns the scopes of a package, nil for one that the default installation
// may have.
func (s *scopeFinder) of(m *pep508.Marker) []string {
	if m == nil || m.Evaluate(s.runtime) != pep508.False {
		return nil
	}
	var out []string
	for i, scope := range s.scopes {
		if m.Evaluate(s.envs[i]) != pep508.False {
			out = append(out, scope)
		}
	}
	return out
}
