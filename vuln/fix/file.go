package fix

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/space"
)

// file is one manifest and what is to be changed in it.
type file struct {
	name string
	data []byte
	// grammar knows where its requirements stand; nil if nothing does.
	grammar grammar
	sites   map[lineName][]*site
	changes []*planned
	// err says why it is not edited at all.
	err error
}

// grammar is how one kind of manifest writes requirements.
type grammar interface {
	// sites returns where they stand, in the order of the file.
	sites(data []byte) []*site
	// declared returns what the reader of the inventory makes of them, in any
	// order that does not depend on the versions.
	declared(data []byte) []declaration
}

// lineName is a package on a line.
type lineName struct {
	line int
	name string
}

// site is one requirement and where its text stands.
type site struct {
	// lineName is where findings see it: the line and the normalised package.
	lineName
	// text is the requirement, without quotes, comment and options. offsets
	// has for each of its bytes where it stands in the file; it is nil when
	// the text has to be written by write as a whole.
	text    string
	offsets []int
	// from and to are the whole of it in the file, quotes included.
	from, to int
	write    func(text string) string
	// locate finds the clauses in a text of this grammar.
	locate func(text string) (spans, error)
	// refuse says why it is not edited, "" if it is.
	refuse string
	// compiled is true when a tool wrote it: by, "" when that is not known.
	compiled, hashed bool
	by               compiler
	// label stands before the text where people see it: "sdk_version: ".
	label string
	// key is the name that the text is the value of, "" for none; nested is
	// true for a word inside of another command's word.
	key    string
	nested bool
	// glued is the whole as written when the shell takes a part of it for a
	// redirection, see Glued of package dockerfile.
	glued string
	// planned is the edit that was made of it.
	planned *planned
}

// planned is an edit, and the bytes that it replaces.
type planned struct {
	edit     Edit
	site     *site
	text     string
	from, to int
	with     string
	// added says that the requirement is new, behind that of another package;
	// floor is where it begins then.
	added bool
	floor pep440.Version
}

// load returns a file, read once.
func (p *planner) load(name string) (*file, error) {
	if f, ok := p.files[name]; ok {
		return f, f.err
	}
	f := &file{name: name}
	p.files[name] = f
	if f.data, f.err = p.read(name); f.err != nil {
		return f, f.err
	}
	f.grammar = grammarOf(f)
	if f.grammar != nil {
		f.sites = map[lineName][]*site{}
		for _, s := range f.grammar.sites(f.data) {
			f.sites[s.lineName] = append(f.sites[s.lineName], s)
		}
	}
	return f, nil
}

// read returns the content of a file that may be edited.
func (p *planner) read(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, errors.New("it is outside of the tree")
	}
	if w := p.opts.Within; w != "" && w != "." && name != w && !strings.HasPrefix(name, w+"/") {
		return nil, errors.New("it is outside of what was to be edited")
	}
	for part := name; part != "."; part = path.Dir(part) {
		info, err := fs.Lstat(p.fsys, part)
		switch {
		case err != nil:
			return nil, sbom.WithoutPath(err)
		case info.Mode()&fs.ModeSymlink != 0 && part == name:
			return nil, errors.New("it is a symbolic link: edit the file that it leads to")
		case info.Mode()&fs.ModeSymlink != 0:
			return nil, fmt.Errorf("the folder %q is a symbolic link: edit the file where it is", part)
		case part == name && !info.Mode().IsRegular():
			return nil, errors.New("it is not a regular file")
		}
	}
	return sbom.ReadFile(p.fsys, name, limit.ManifestBytes)
}

// grammarOf tells from a file's name how it writes requirements.
func grammarOf(f *file) grammar {
	base := path.Base(f.name)
	switch {
	case isProject(base):
		return projectGrammar{f.name}
	case isDockerfile(base):
		return dockerGrammar{f.name}
	case space.Reads(base):
		return spaceGrammar{f.name}
	case isLiteral(base):
		return literalGrammar{f.name}
	case slices.Contains([]string{".txt", ".in", ".pip", ""}, path.Ext(base)) || strings.Contains(base, "requirements"):
		return requirementGrammar{f.name}
	}
	return nil
}

// isDockerfile knows the names that docker and podman look for, and what is
// commonly named after them.
func isDockerfile(base string) bool {
	lower := strings.ToLower(base)
	for _, name := range []string{"dockerfile", "containerfile"} {
		rest, ok := strings.CutPrefix(lower, name)
		if ok && (rest == "" || strings.ContainsAny(rest[:1], ".-_")) || strings.HasSuffix(lower, "."+name) {
			return true
		}
	}
	return false
}

// at returns the requirements of a package at a line.
func (f *file) at(line int, name string) []*site { return f.sites[lineName{line, name}] }

// whyNone says why a finding's place cannot be edited.
func (f *file) whyNone(n *need) string {
	what := n.asks()
	if n.remove {
		what = "no " + n.name
	}
	if g, ok := f.grammar.(spaceGrammar); ok {
		return g.absent(n)
	}
	if f.grammar == nil {
		return fmt.Sprintf("%s is not edited: write %s by hand", path.Base(f.name), what)
	}
	return fmt.Sprintf("the requirement is not written out on this line: write %s by hand", what)
}

// add plans a change of a requirement's text, after those that were planned.
func (f *file) add(s *site, c change, n *need, target pep440.Version) {
	if s.planned == nil {
		s.planned = &planned{site: s, text: s.text, edit: Edit{File: f.name, Line: s.line, Package: n.name, Old: shown(s.label + s.text)}}
		f.changes = append(f.changes, s.planned)
	}
	p := s.planned
	p.text = c.apply(p.text)
	p.edit.New, p.edit.Reason = s.shown(p.text), n.why(target)
	if s.glued != "" {
		p.edit.Old = shown(s.glued)
		p.edit.Reason += "; without quotes the shell takes the bound for a redirection"
	}
	p.from, p.to, p.with = s.replacement(p.text)
}

// shown is what an edit shows of a new text.
func (s *site) shown(text string) string {
	if s.glued != "" {
		return shown(s.write(text))
	}
	return shown(s.label + text)
}

// replacement returns the bytes of the file to replace so that the requirement
// reads text: no more than what differs.
func (s *site) replacement(text string) (from, to int, with string) {
	if s.offsets == nil {
		return s.from, s.to, s.write(text)
	}
	old := s.text
	head := 0
	for head < len(old) && head < len(text) && old[head] == text[head] {
		head++
	}
	tail := 0
	for tail < len(old)-head && tail < len(text)-head && old[len(old)-1-tail] == text[len(text)-1-tail] {
		tail++
	}
	with = text[head : len(text)-tail]
	from, to = s.offsets[0], s.offsets[0]
	if head > 0 {
		from = s.offsets[head-1] + 1
		to = from
	}
	if end := len(old) - tail; end > head {
		from, to = s.offsets[head], s.offsets[end-1]+1
	}
	return from, to, with
}

// wholeLine returns the lines that a requirement stands on, if nothing else
// but a comma and a comment does.
func (f *file) wholeLine(s *site) (from, to int, ok bool) {
	from, to = s.from, s.to
	for from > 0 && f.data[from-1] != '\n' {
		from--
	}
	for to < len(f.data) && f.data[to] != '\n' {
		to++
	}
	behind := strings.TrimLeft(string(f.data[s.to:to]), " \t,")
	if to < len(f.data) {
		to++
	}
	before := strings.Trim(string(f.data[from:s.from]), " \t\ufeff")
	behind = strings.TrimRight(behind, "\r")
	_, requirements := f.grammar.(requirementGrammar)
	_, docker := f.grammar.(dockerGrammar)
	return from, to, !docker && before == "" && (behind == "" || behind[0] == '#' || requirements && behind[0] == '-')
}

// sorted are the changes by where they stand.
func (f *file) sorted() []*planned {
	return slices.SortedStableFunc(slices.Values(f.changes), func(a, b *planned) int { return a.from - b.from })
}

// apply returns the content with the changes in it.
func (f *file) apply() []byte { return replace(f.data, 0, f.sorted()) }

// replace returns data, which begins at an offset of the file, with sorted
// changes in it.
func replace(data []byte, offset int, changes []*planned) []byte {
	var out []byte
	at := offset
	for _, c := range changes {
		if c.from < at {
			continue // It overlaps: check finds that it is missing.
		}
		out = append(append(out, data[at-offset:c.from-offset]...), c.with...)
		at = c.to
	}
	return append(out, data[at-offset:]...)
}

// maxShownRunes is how much of a requirement is quoted.
const maxShownRunes = 300

// shown returns what may be shown of a scanned text: no credentials, and not a
// megabyte.
func shown(text string) string {
	out := []rune(sbom.RedactText(text))
	if len(out) > maxShownRunes {
		return string(out[:maxShownRunes]) + "..."
	}
	return string(out)
}
