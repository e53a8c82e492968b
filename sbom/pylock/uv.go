package pylock

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// uvHead is what uv.lock has beside its packages. The first releases of uv
// called them distributions.
type uvHead struct {
	Version        any    `toml:"version"`
	RequiresPython string `toml:"requires-python"`
	Manifest       struct {
		Requirements []uvRequirement            `toml:"requirements"`
		Groups       map[string][]uvRequirement `toml:"dependency-groups"`
	} `toml:"manifest"`
	Package      []uvPackage `toml:"package"`
	Distribution []uvPackage `toml:"distribution"`
}

type uvPackage struct {
	Name     string                    `toml:"name"`
	Version  string                    `toml:"version"`
	Source   any                       `toml:"source"`
	Needs    []uvDependency            `toml:"dependencies"`
	Optional map[string][]uvDependency `toml:"optional-dependencies"`
	Dev      map[string][]uvDependency `toml:"dev-dependencies"`
	Markers  []string                  `toml:"resolution-markers"`
	Sdist    artifact                  `toml:"sdist"`
	Wheels   []artifact                `toml:"wheels"`
	Metadata struct {
		Requires []uvRequirement            `toml:"requires-dist"`
		Dev      map[string][]uvRequirement `toml:"requires-dev"`
	} `toml:"metadata"`
}

// artifact is one file of a package, as uv, Poetry and PDM note it.
type artifact struct {
	URL  string `toml:"url" json:"url"`
	Hash string `toml:"hash" json:"hash"`
	// Path and Filename stand for URL in uv's locks, File in Poetry's and PDM's.
	Path     string `toml:"path" json:"-"`
	Filename string `toml:"filename" json:"-"`
	File     string `toml:"file" json:"-"`
}

type uvDependency struct {
	Name    string `toml:"name"`
	Version string `toml:"version"`
	Extra   any    `toml:"extra"`
}

// uvRequirement is a requirement of a manifest as uv repeats it.
type uvRequirement struct {
	Name      string   `toml:"name"`
	Specifier string   `toml:"specifier"`
	Marker    string   `toml:"marker"`
	Extras    []string `toml:"extras"`
	Git       string   `toml:"git"`
	URL       string   `toml:"url"`
	Path      string   `toml:"path"`
	Directory string   `toml:"directory"`
	Editable  any      `toml:"editable"`
	Virtual   any      `toml:"virtual"`
}

// uv reads uv.lock.
func (r *reader) uv(text []byte) {
	head, entries := decodePackages[uvPackage](r, text, "package", "distribution")
	var h uvHead
	r.head(head, &h)
	r.format(scalar(h.Version), "1")
	r.file.RequiresPython = sbom.RedactText(h.RequiresPython)
	r.uvRequirements("", "", h.Manifest.Requirements, 0)
	for _, group := range sortedKeys(h.Manifest.Groups) {
		r.uvRequirements("", "group:", h.Manifest.Groups[group], 0, group)
	}
	for _, p := range slices.Concat(h.Package, h.Distribution) {
		entries = append(entries, entry[uvPackage]{value: p})
	}
	for i := range entries {
		r.uvPackage(&entries[i].value, entries[i].line)
	}
	r.uvScopes(&h)
	r.uvComplete()
}

func (r *reader) uvPackage(in *uvPackage, line int) {
	p := Package{Name: in.Name, Version: in.Version, Line: line}
	p.Source, p.Own = uvSource(in)
	hashes, urls := []string{in.Sdist.Hash}, []string{in.Sdist.URL, in.Sdist.Path}
	for _, w := range in.Wheels {
		hashes, urls = append(hashes, w.Hash), append(urls, w.URL, w.Path, w.Filename)
	}
	if p.Source.Kind == Archive {
		urls = append(urls, p.Source.URL)
	}
	r.named(&p, urls...)
	p.Hashes = r.digests(hashes, line, in.Name)
	p.Marker = r.anyMarker(in.Markers, line, in.Name)
	p.Dependencies = r.uvDependencies(nil, in.Needs, line, in.Name, "")
	for _, extra := range sortedKeys(in.Optional) {
		p.Dependencies = r.uvDependencies(p.Dependencies, in.Optional[extra], line, in.Name, "extra:", extra)
	}
	for _, group := range sortedKeys(in.Dev) {
		p.Dependencies = r.uvDependencies(p.Dependencies, in.Dev[group], line, in.Name, "group:", group)
	}
	r.add(p)
	r.uvRequirements(in.Name, "", in.Metadata.Requires, line)
	for _, group := range sortedKeys(in.Metadata.Dev) {
		r.uvRequirements(in.Name, "group:", in.Metadata.Dev[group], line, group)
	}
}

// uvSource reads the source, a table with one key that tells its kind, or in
// the first releases of uv a text like "registry+https://pypi.org/simple".
func uvSource(in *uvPackage) (s Source, own bool) {
	urls := []string{in.Sdist.URL}
	for _, w := range in.Wheels {
		urls = append(urls, w.URL)
	}
	table, isTable := in.Source.(map[string]any)
	if text, isText := in.Source.(string); isText {
		kind, at, _ := strings.Cut(text, "+")
		table, isTable = map[string]any{kind: at}, true
	}
	if !isTable {
		return indexSource("", urls...), false
	}
	for _, kind := range []string{"editable", "virtual", "directory"} {
		if at, ok := table[kind].(string); ok {
			return folderSource(at), true
		}
	}
	if at, ok := table["git"].(string); ok {
		return uvGit(at), false
	}
	for _, kind := range []string{"url", "direct", "path"} {
		if at, ok := table[kind].(string); ok {
			return archiveSource(at), false
		}
	}
	index, _ := table["registry"].(string)
	return indexSource(index, urls...), false
}

// uvGit reads "https://host/repo?rev=main#commit".
func uvGit(at string) Source {
	base, commit, _ := strings.Cut(at, "#")
	reference := ""
	if u, err := url.Parse(base); err == nil {
		for _, key := range []string{"rev", "tag", "branch"} {
			reference = u.Query().Get(key)
			if reference != "" {
				break
			}
		}
	}
	if !isHex(commit) {
		commit = ""
	}
	return vcsSource("git", base, commit, reference)
}

func (r *reader) uvDependencies(out []Dependency, in []uvDependency, line int, pkg, what string, name ...string) []Dependency {
	what = label(what, name...)
	for _, d := range in {
		if !pep508.ValidName(d.Name) {
			r.gap(sbom.GapUnparsed, line, pkg, "%q needs %q, which is not the name of a package", pkg, d.Name)
			continue
		}
		var extras []string
		switch e := d.Extra.(type) {
		case string:
			extras = []string{e}
		case []any:
			for _, x := range e {
				extras = append(extras, scalar(x))
			}
		}
		out = append(out, Dependency{Name: pep508.NormalizeName(d.Name), Version: sbom.RedactText(d.Version), Extras: names(extras), For: what})
	}
	return out
}

// label joins the kind of a scope and its name.
func label(kind string, name ...string) string {
	for _, n := range names(name) {
		kind += n
	}
	return kind
}

// uvRequirements keeps the requirements of one list of a manifest.
func (r *reader) uvRequirements(pkg, scope string, in []uvRequirement, line int, group ...string) {
	for _, u := range in {
		q, err := r.uvRequirement(&u, line)
		if err != nil {
			r.gap(sbom.GapUnparsed, line, u.Name, "the requirement of %q in the lock's manifest: %v", u.Name, err)
			continue
		}
		r.file.Manifest = append(r.file.Manifest, Requirement{
			Package: pep508.NormalizeName(sbom.RedactText(pkg)), Scope: label(scope, group...), Requirement: q,
		})
	}
}

func (r *reader) uvRequirement(u *uvRequirement, line int) (pep508.Requirement, error) {
	if !pep508.ValidName(u.Name) {
		return pep508.Requirement{}, errors.New("not the name of a package")
	}
	specifiers, err := pep440.ParseSpecifiers(sbom.RedactText(u.Specifier))
	if err != nil {
		return pep508.Requirement{}, err
	}
	q := pep508.Requirement{Name: sbom.RedactText(u.Name), Extras: names(u.Extras), Specifiers: specifiers, Marker: r.marker(u.Marker, line, u.Name)}
	switch {
	case u.Git != "":
		q.URL = uvGit(u.Git).URL
	default:
		for _, at := range []string{u.URL, u.Path, u.Directory, scalar(u.Editable), scalar(u.Virtual)} {
			if at != "" && q.URL == "" {
				q.URL = safeURL(at)
			}
		}
	}
	if q.URL != "" {
		q.Specifiers = pep440.Specifiers{}
	}
	return q, nil
}

// uvScopes tells by whom each package is needed, which uv.lock leaves to the
// graph: from the members of the workspace, or from a script's requirements.
func (r *reader) uvScopes(h *uvHead) {
	g := newGraph(r.file.Packages)
	g.spend = r.spend
	g.start("", requirementRoots(h.Manifest.Requirements))
	for _, group := range sortedKeys(h.Manifest.Groups) {
		g.start(label("group:", group), requirementRoots(h.Manifest.Groups[group]))
	}
	for i := range r.file.Packages {
		if p := &r.file.Packages[i]; p.Own {
			for _, d := range p.Dependencies {
				g.start(d.For, []Dependency{d})
			}
		}
	}
	g.assign()
}

// uvComplete makes a gap of each package that another needs and that the lock
// does not have: uv writes no such lock, so that somebody took it out.
func (r *reader) uvComplete() {
	have := map[string]bool{}
	for i := range r.file.Packages {
		name := pep508.NormalizeName(r.file.Packages[i].Name)
		have[name], have[name+" "+r.file.Packages[i].Version] = true, true
	}
	for i := range r.file.Packages {
		p := &r.file.Packages[i]
		for _, d := range p.Dependencies {
			want := d.Name
			if d.Version != "" {
				want += " " + d.Version
			}
			if !have[want] {
				have[want] = true
				r.gap(sbom.GapConflict, p.Line, d.Name, "%q needs %q, which the lock does not have", p.Name, want)
			}
		}
	}
}

func requirementRoots(in []uvRequirement) []Dependency {
	var out []Dependency
	for _, u := range in {
		if pep508.ValidName(u.Name) {
			out = append(out, Dependency{Name: pep508.NormalizeName(u.Name), Extras: names(u.Extras)})
		}
	}
	return out
}
