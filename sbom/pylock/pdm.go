package pylock

import (
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// pdmHead is what pdm.lock has beside its packages. PDM before 2.8 kept the
// digests of all packages here, under "name version".
type pdmHead struct {
	Metadata struct {
		LockVersion    string                `toml:"lock_version"`
		ContentHash    string                `toml:"content_hash"`
		RequiresPython string                `toml:"requires_python"`
		Files          map[string][]artifact `toml:"files"`
		Targets        []struct {
			RequiresPython string `toml:"requires_python"`
		} `toml:"targets"`
	} `toml:"metadata"`
	Package []pdmPackage `toml:"package"`
}

type pdmPackage struct {
	Name     string     `toml:"name"`
	Version  string     `toml:"version"`
	Extras   []string   `toml:"extras"`
	Groups   []string   `toml:"groups"`
	Marker   string     `toml:"marker"`
	Needs    []string   `toml:"dependencies"`
	Files    []artifact `toml:"files"`
	Git      string     `toml:"git"`
	Hg       string     `toml:"hg"`
	Svn      string     `toml:"svn"`
	Bzr      string     `toml:"bzr"`
	Ref      string     `toml:"ref"`
	Revision string     `toml:"revision"`
	URL      string     `toml:"url"`
	Path     string     `toml:"path"`
}

// pdm reads pdm.lock. It has one entry for a package and one more for each set
// of extras that is asked for.
func (r *reader) pdm(text []byte) {
	head, entries := decodePackages[pdmPackage](r, text, "package")
	var h pdmHead
	r.head(head, &h)
	r.format(h.Metadata.LockVersion, "2", "3", "4")
	r.file.RequiresPython = sbom.RedactText(h.Metadata.RequiresPython)
	if len(h.Metadata.Targets) == 1 && r.file.RequiresPython == "" {
		r.file.RequiresPython = sbom.RedactText(h.Metadata.Targets[0].RequiresPython)
	}
	r.file.ContentHash = contentHash("sha256", h.Metadata.ContentHash)
	for _, p := range h.Package {
		entries = append(entries, entry[pdmPackage]{value: p})
	}
	for i := range entries {
		r.pdmPackage(&entries[i].value, entries[i].line, &h)
	}
}

func (r *reader) pdmPackage(in *pdmPackage, line int, h *pdmHead) {
	p := Package{Name: in.Name, Version: in.Version, Line: line, Extras: names(in.Extras), Scopes: pdmScopes(in.Groups)}
	files := in.Files
	if shared := h.Metadata.Files[in.Name+" "+in.Version]; len(files) == 0 && r.spend(len(shared)) {
		files = shared
	}
	var hashes, urls []string
	own := []string{in.URL, in.Path}
	for _, f := range files {
		hashes, urls, own = append(hashes, f.Hash), append(urls, f.URL), append(own, f.URL, f.File)
	}
	p.Hashes = r.digests(hashes, line, in.Name)
	p.Source, p.Own = pdmSource(in, urls)
	r.named(&p, own...)
	p.Marker = r.marker(in.Marker, line, in.Name)
	p.Dependencies = r.requirements(in.Needs, line, in.Name)
	r.add(p)
}

func pdmSource(in *pdmPackage, urls []string) (s Source, own bool) {
	for _, vcs := range [][2]string{{"git", in.Git}, {"hg", in.Hg}, {"svn", in.Svn}, {"bzr", in.Bzr}} {
		if vcs[1] != "" {
			return vcsSource(vcs[0], vcs[1], in.Revision, in.Ref), false
		}
	}
	switch {
	case in.URL != "":
		return archiveSource(in.URL), false
	case in.Path != "":
		return pathSource(in.Path)
	}
	return indexSource("", urls...), false
}

// pdmScopes reads the groups, among which PDM counts the project's extras. The
// lock does not tell the two apart.
func pdmScopes(groups []string) []string {
	var out []string
	for _, group := range names(groups) {
		if group == "default" {
			return nil
		}
		out = append(out, "group:"+group)
	}
	return out
}

// requirements reads what a package needs from PEP 508's notation. A URL in one
// is not kept: the lock has the package under its name.
func (r *reader) requirements(in []string, line int, pkg string) []Dependency {
	var out []Dependency
	for _, text := range in {
		text = strings.TrimPrefix(strings.TrimSpace(text), "-e ")
		q, err := pep508.Parse(text)
		if err != nil {
			r.gap(sbom.GapUnparsed, line, pkg, "%q needs %q: %v", pkg, text, err)
			continue
		}
		out = append(out, Dependency{Name: pep508.NormalizeName(q.Name), Specifiers: q.Specifiers, Extras: q.Extras})
	}
	return out
}
