package pylock

import (
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// poetryHead is what poetry.lock has beside its packages. Poetry before 1.3
// kept the digests of all packages here.
type poetryHead struct {
	Extras   map[string][]string `toml:"extras"`
	Metadata struct {
		LockVersion string                `toml:"lock-version"`
		Pythons     string                `toml:"python-versions"`
		ContentHash string                `toml:"content-hash"`
		Files       map[string][]artifact `toml:"files"`
		Hashes      map[string][]string   `toml:"hashes"`
	} `toml:"metadata"`
	Package []poetryPackage `toml:"package"`
}

type poetryPackage struct {
	Name     string         `toml:"name"`
	Version  string         `toml:"version"`
	Category string         `toml:"category"`
	Groups   []string       `toml:"groups"`
	Optional bool           `toml:"optional"`
	Marker   string         `toml:"marker"`
	Markers  any            `toml:"markers"`
	Files    []artifact     `toml:"files"`
	Needs    map[string]any `toml:"dependencies"`
	Source   struct {
		Type      string `toml:"type"`
		URL       string `toml:"url"`
		Reference string `toml:"reference"`
		Resolved  string `toml:"resolved_reference"`
	} `toml:"source"`
}

// poetry reads poetry.lock. A package's own python-versions is what its author
// supports and no marker of the lock.
func (r *reader) poetry(text []byte) {
	head, entries := decodePackages[poetryPackage](r, text, "package")
	var h poetryHead
	r.head(head, &h)
	if h.Metadata.LockVersion != "" || h.Metadata.ContentHash == "" {
		// Poetry before 1.0 wrote no version.
		r.format(h.Metadata.LockVersion, "1", "2")
	}
	r.file.RequiresPython = sbom.RedactText(h.Metadata.Pythons)
	r.file.ContentHash = contentHash("sha256", h.Metadata.ContentHash)
	for _, p := range h.Package {
		entries = append(entries, entry[poetryPackage]{value: p})
	}
	for i := range entries {
		r.poetryPackage(&entries[i].value, entries[i].line, &h)
	}
	r.poetryExtras(&h, entries)
}

func (r *reader) poetryPackage(in *poetryPackage, line int, h *poetryHead) {
	p := Package{Name: in.Name, Version: in.Version, Line: line}
	var hashes, urls []string
	own := []string{in.Source.URL}
	for _, f := range in.Files {
		hashes, urls, own = append(hashes, f.Hash), append(urls, f.URL), append(own, f.URL, f.File)
	}
	// Of the digests of all packages, those of several versions are together.
	if files, plain := h.Metadata.Files[in.Name], h.Metadata.Hashes[in.Name]; r.spend(len(files) + len(plain)) {
		for _, f := range files {
			hashes, urls = append(hashes, f.Hash), append(urls, f.URL)
		}
		for _, hash := range plain {
			hashes = append(hashes, "sha256:"+hash)
		}
	}
	p.Hashes = r.digests(hashes, line, in.Name)
	p.Source, p.Own = poetrySource(in, urls)
	r.named(&p, own...)
	p.Marker = r.poetryMarker(in, line)
	p.Scopes = poetryScopes(in)
	for _, name := range sortedKeys(in.Needs) {
		if pep508.ValidName(name) {
			p.Dependencies = append(p.Dependencies, poetryNeeds(name, in.Needs[name])...)
		}
	}
	r.add(p)
}

// poetrySource reads the source; a package without one is from PyPI.
func poetrySource(in *poetryPackage, urls []string) (s Source, own bool) {
	switch at := in.Source.URL; in.Source.Type {
	case "directory":
		return folderSource(at), true
	case "file", "url":
		return archiveSource(at), false
	case "git", "hg", "svn", "bzr":
		return vcsSource(in.Source.Type, at, in.Source.Resolved, in.Source.Reference), false
	default:
		// "legacy" is an index of PEP 503.
		return indexSource(at, urls...), false
	}
}

// poetryMarker reads markers, a text or a table of one for each group: the
// package counts where one of its groups needs it.
func (r *reader) poetryMarker(in *poetryPackage, line int) *pep508.Marker {
	switch m := in.Markers.(type) {
	case string:
		return r.marker(m, line, in.Name)
	case map[string]any:
		var texts []string
		for _, group := range in.Groups {
			texts = append(texts, scalar(m[group]))
		}
		slices.Sort(texts)
		return r.anyMarker(slices.Compact(texts), line, in.Name)
	}
	return r.marker(in.Marker, line, in.Name)
}

// poetryScopes reads the groups, or the category of Poetry before 1.5.
func poetryScopes(in *poetryPackage) []string {
	if in.Category == "dev" {
		return []string{"dev"}
	}
	var out []string
	for _, group := range names(in.Groups) {
		if group == "main" {
			return nil
		}
		out = append(out, "group:"+group)
	}
	return out
}

// poetryNeeds reads the value of one dependency: a constraint, a table with
// one, or a list of these.
func poetryNeeds(name string, value any) []Dependency {
	d := Dependency{Name: pep508.NormalizeName(name)}
	switch v := value.(type) {
	case []any:
		var out []Dependency
		for _, one := range v {
			if _, nested := one.([]any); !nested {
				out = append(out, poetryNeeds(name, one)...)
			}
		}
		return out
	case map[string]any:
		d.Specifiers = poetryConstraint(scalar(v["version"]))
		if extras, ok := v["extras"].([]any); ok {
			for _, x := range extras {
				d.Extras = append(d.Extras, scalar(x))
			}
			d.Extras = names(d.Extras)
		}
	default:
		d.Specifiers = poetryConstraint(scalar(v))
	}
	return []Dependency{d}
}

// poetryConstraint reads a constraint as far as it is a PEP 440 specifier, as
// those that Poetry writes into locks mostly are. Any other tells nothing
// apart. https://python-poetry.org/docs/dependency-specification/
func poetryConstraint(text string) pep440.Specifiers {
	s, err := pep440.ParseSpecifiers(text)
	if err != nil || strings.Contains(text, "||") {
		return pep440.Specifiers{}
	}
	return s
}

// poetryExtras gives the packages that only extras of the project need their
// scope. One that no extra is seen to need keeps none.
func (r *reader) poetryExtras(h *poetryHead, entries []entry[poetryPackage]) {
	optional := map[int]bool{}
	for _, e := range entries {
		if e.value.Optional {
			optional[e.line] = true
		}
	}
	if len(optional) == 0 {
		return
	}
	g := newGraph(r.file.Packages)
	g.spend = r.spend
	scopes := map[int][]string{}
	for _, extra := range sortedKeys(h.Extras) {
		var needs []Dependency
		for _, text := range h.Extras[extra] {
			// Poetry before 1.0 wrote the constraint behind the name.
			name, _, _ := strings.Cut(text, " ")
			needs = append(needs, Dependency{Name: pep508.NormalizeName(name)})
		}
		for i := range g.reach(needs) {
			if line := r.file.Packages[i].Line; line > 0 && optional[line] {
				scopes[i] = append(scopes[i], label("extra:", extra))
			}
		}
	}
	for i, more := range scopes {
		if p := &r.file.Packages[i]; !g.full {
			p.Scopes = append(p.Scopes, more...)
			slices.Sort(p.Scopes)
		}
	}
}

// contentHash returns a digest that may have its algorithm in front.
func contentHash(algorithm, text string) string {
	if before, value, ok := strings.Cut(text, ":"); ok {
		algorithm, text = before, value
	}
	if !isDigest(algorithm, text) {
		return ""
	}
	return algorithm + ":" + strings.ToLower(text)
}
