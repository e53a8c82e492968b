package pyproject

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// reader is the state of one Read.
type reader struct {
	fsys fs.FS
	file *File
	// full is true once more requirements were named than are kept.
	full bool
	// overridden holds the overrides by normalised name.
	overridden map[string]Requirement
}

func (r *reader) gap(kind sbom.GapKind, line int, format string, args ...any) {
	r.file.Gaps = append(r.file.Gaps, sbom.NewGap(kind, r.file.Name, line, fmt.Sprintf(format, args...)))
}

// load returns the content of a file and notes that it was read.
func (r *reader) load(name string) ([]byte, error) {
	data, err := sbom.ReadFile(r.fsys, name, limit.ManifestBytes)
	if err != nil {
		return nil, err
	}
	r.file.Files = append(r.file.Files, name)
	return data, nil
}

// maxShownRunes is how much of a text a gap quotes.
const maxShownRunes = 200

// shown returns what a gap may quote of a scanned text: no credentials, and
// not a megabyte.
func shown(text string) string {
	out := []rune(sbom.RedactText(text))
	if len(out) > maxShownRunes {
		return string(out[:maxShownRunes]) + "..."
	}
	return string(out)
}

// normal returns the normal form of the name of an extra or a group, without
// credentials: nobody checks such names before they are part of a scope.
func normal(name string) string { return pep508.NormalizeName(shown(name)) }

// add keeps a requirement and makes a gap of one that no advisory can be
// matched with.
func (r *reader) add(q Requirement) {
	if len(r.file.Requirements) >= limit.ManifestLines {
		if !r.full {
			r.gap(sbom.GapTooLarge, q.Line, "more than %d requirements, the rest was not read", limit.ManifestLines)
		}
		r.full = true
		return
	}
	r.file.Requirements = append(r.file.Requirements, q)
	name, version := q.Project()
	var g sbom.Gap
	switch {
	case q.Alternatives != nil:
		g = sbom.NewGap(sbom.GapRange, q.File, q.Line, fmt.Sprintf("the versions asked for are %s, which are judged as %q", q.Alternatives, q.Requirement.Specifiers))
	case q.Link == "" || q.Own || version != "":
		return
	default:
		g = sbom.NewGap(sbom.GapUnversioned, q.File, q.Line, "the version of "+shown(q.Link)+" is not known without fetching it")
	}
	g.Package = pep508.NormalizeName(name)
	r.file.Gaps = append(r.file.Gaps, g)
}

// parse reads the text of a requirement that is written as PEP 508 has it. It
// returns false, and has made a gap, when it is not.
func (r *reader) parse(text string, line int, scope string) (Requirement, bool) {
	// Only the safe text is parsed, so that no part of the entry can hold what
	// was removed.
	safe, credentials := sbom.Redact(text)
	requirement, err := pep508.Parse(safe)
	if err != nil {
		r.gap(sbom.GapUnparsed, line, "%q is not a requirement: %s", shown(safe), shown(err.Error()))
		return Requirement{}, false
	}
	return Requirement{Scope: scope, Entry: pyreq.Entry{
		File: r.file.Name, Line: line, Raw: strings.TrimSpace(safe), Requirement: requirement,
		Link: requirement.URL, IsURL: isURL(requirement.URL), Credentials: credentials,
	}}, true
}

// isURL reports whether a link is a URL rather than a path.
func isURL(link string) bool {
	scheme, _, ok := strings.Cut(link, ":")
	return ok && len(scheme) > 1 && !strings.ContainsAny(scheme, "/.{[ ")
}

// requirement keeps the requirement of a text.
func (r *reader) requirement(text string, line int, scope string) {
	if q, ok := r.parse(text, line, scope); ok {
		r.add(q)
	}
}

// strings calls each for every string of a list. Anything else is a gap.
func (r *reader) strings(n *node, what string, each func(*node)) {
	if n == nil {
		return
	}
	if n.kind != list {
		r.gap(sbom.GapUnparsed, n.line, "%s is not a list", what)
		return
	}
	for _, item := range n.list {
		if item.kind != text {
			r.gap(sbom.GapUnparsed, item.line, "%s has an item that is not a string", what)
			continue
		}
		each(item)
	}
}

// table reports whether n is a table; if it is there and is none, that is a gap.
func (r *reader) table(n *node, what string) bool {
	if n == nil {
		return false
	}
	if n.kind != table {
		r.gap(sbom.GapUnparsed, n.line, "%s is not a table", what)
		return false
	}
	return true
}

// requirements keeps the requirements of a list of texts.
func (r *reader) requirements(n *node, what, scope string) {
	r.strings(n, what, func(item *node) { r.requirement(item.text, item.line, scope) })
}

// python notes which Pythons the project is for.
func (r *reader) python(text string, line int) {
	specifiers, err := pep440.ParseSpecifiers(text)
	if err != nil {
		r.gap(sbom.GapUnparsed, line, "%q says no version of Python: %s", shown(text), shown(err.Error()))
		return
	}
	r.file.RequiresPython, r.file.RequiresPythonLine = specifiers.String(), line
}

// requirementFile keeps what a requirement file holds that the metadata names
// at line. name is its path below the root.
func (r *reader) requirementFile(name string, line int, scope string) {
	if !fs.ValidPath(name) {
		r.gap(sbom.GapInclude, line, "%q is not read: the path leaves the root", shown(name))
		return
	}
	if _, err := fs.Stat(r.fsys, name); err != nil {
		r.gap(sbom.GapInclude, line, "%q is not read: %v", shown(name), sbom.WithoutPath(err))
		return
	}
	r.keep(pyreq.Read(r.fsys, name, pyreq.Options{}), scope)
}

// keep takes over what was read of a requirement file, with its gaps.
func (r *reader) keep(f *pyreq.File, scope string) {
	for _, e := range f.Entries {
		if len(r.file.Requirements) >= limit.ManifestLines {
			r.gap(sbom.GapTooLarge, 0, "more than %d requirements, the rest was not read", limit.ManifestLines)
			return
		}
		q := Requirement{Entry: e, Scope: scope, Own: isOwn(&e)}
		r.file.Requirements = append(r.file.Requirements, q)
	}
	for _, o := range f.Options {
		r.pipOption(o)
	}
	for _, name := range f.Files {
		if !slices.Contains(r.file.Files, name) {
			r.file.Files = append(r.file.Files, name)
		}
	}
	r.file.Gaps = append(r.file.Gaps, f.Gaps...)
}

// isOwn reports whether an entry of a requirement file is a folder around that
// file ("-e ."): the project itself, which pyreq leaves out of an inventory too.
func isOwn(e *pyreq.Entry) bool {
	if e.Link == "" || e.IsURL || path.IsAbs(e.Link) {
		return false
	}
	p := path.Clean(e.Link)
	return strings.Trim(p, "./") == "" && strings.Count(p, "..") <= strings.Count(e.File, "/")
}

// pipOption keeps the index of an option that stands in this very file.
func (r *reader) pipOption(o pyreq.Option) {
	if o.File != r.file.Name {
		return
	}
	switch o.Name {
	case "--index-url", "--extra-index-url", "--find-links":
		r.file.Indexes = append(r.file.Indexes, Index{
			URL: o.Value, Line: o.Line, Default: o.Name == "--index-url", Links: o.Name == "--find-links", Credentials: o.Credentials,
		})
	}
}

// index keeps a package index.
func (r *reader) index(x Index, url *node) {
	if url == nil || url.kind != text {
		return
	}
	x.URL, x.Credentials = sbom.RedactURL(url.text)
	x.Line = url.line
	r.file.Indexes = append(r.file.Indexes, x)
}

// override gives the requirements that an override names its versions.
func (r *reader) override() {
	for i := range r.file.Requirements {
		q := &r.file.Requirements[i]
		o, ok := r.overridden[pep508.NormalizeName(q.Requirement.Name)]
		if !ok || q.Override || q.Own {
			continue
		}
		q.Requirement.Specifiers, q.Requirement.URL = o.Requirement.Specifiers, o.Requirement.URL
		q.Requirement.Marker = q.Requirement.Marker.And(o.Requirement.Marker)
		q.Link, q.IsURL, q.Alternatives = o.Link, o.IsURL, o.Alternatives
	}
}
