package audit

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// gitIgnore says which paths of a repository git ignores and does not track. It
// reads .gitignore of each folder and .git/info/exclude, and nothing of the
// user's home.
type gitIgnore struct {
	fsys  fs.FS
	index *gitIndex
	// rules are the patterns of each folder that has some.
	rules map[string][]ignoreRule
	// excluded are the ignored folders that hold something tracked: whatever
	// else they hold is ignored.
	excluded map[string]bool
}

// newGitIgnore returns nil, which ignores nothing, unless dir is part of the
// user's own repository whose index can be read, and is not ignored itself: who
// asks for an ignored folder wants it audited.
func newGitIgnore(f *Folder) *gitIgnore {
	if !f.Own || f.File != "" {
		return nil
	}
	index, err := readGitIndex(f.FS)
	if err != nil {
		return nil
	}
	g := &gitIgnore{fsys: f.FS, index: index, rules: map[string][]ignoreRule{}, excluded: map[string]bool{}}
	g.rules[""] = g.read(".git/info/exclude")
	g.enter(".")
	if f.Dir == "." {
		return g
	}
	dir := ""
	for part := range strings.SplitSeq(f.Dir, "/") {
		if dir = path.Join(dir, part); g.ignores(dir, true) || g.excluded[dir] || g.isRepository(dir) {
			return nil
		}
		g.enter(dir)
	}
	return g
}

// isRepository reports whether a folder is the root of another repository,
// whose patterns are not ours to follow.
func (g *gitIgnore) isRepository(dir string) bool {
	_, err := fs.Lstat(g.fsys, path.Join(dir, ".git"))
	return err == nil
}

// enter reads the patterns of a folder that is walked.
func (g *gitIgnore) enter(dir string) {
	if g == nil {
		return
	}
	if rules := g.read(path.Join(dir, ".gitignore")); len(rules) > 0 && (dir == "." || !g.inOther(dir)) {
		g.rules[dir] = rules
	}
}

// inOther reports whether a folder belongs to a repository inside of ours.
func (g *gitIgnore) inOther(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if g.isRepository(dir) {
			return true
		}
	}
	return false
}

// read reads patterns; a file that is a link, or that cannot be read, has none.
func (g *gitIgnore) read(name string) []ignoreRule {
	info, err := fs.Lstat(g.fsys, name)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := g.fsys.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	src, err := limit.ReadAll(f, limit.ConfigBytes)
	if err != nil {
		return nil
	}
	return parseIgnore(string(src))
}

// ignores reports whether git ignores a path and tracks nothing of it. The
// folders above it must have been asked about, and entered, before.
func (g *gitIgnore) ignores(name string, folder bool) bool {
	if g == nil {
		return false
	}
	if !g.excluded[path.Dir(name)] && !g.matches(name, folder) {
		return false
	}
	if g.index.tracks(name, folder) {
		g.excluded[name] = folder
		return false
	}
	return true
}

// matches applies the patterns: those of a deeper folder before those above
// it, and of one file the last one first.
func (g *gitIgnore) matches(name string, folder bool) bool {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if dir == "." {
			return decides(append(slices.Clip(g.rules[""]), g.rules["."]...), name, folder)
		}
		rules := g.rules[dir]
		for i := len(rules) - 1; i >= 0; i-- {
			if rules[i].matches(relative(dir, name), folder) {
				return !rules[i].negated
			}
		}
	}
}

func decides(rules []ignoreRule, name string, folder bool) bool {
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].matches(name, folder) {
			return !rules[i].negated
		}
	}
	return false
}

// ignoredNote says what git ignores; the report's target lists all of it.
func (s *source) ignoredNote() string {
	const most = 20
	shown := s.ignored[:min(most, len(s.ignored))]
	note := fmt.Sprintf("not looked into, because git ignores and does not track it: %s", strings.Join(shown, ", "))
	if more := len(s.ignored) - len(shown); more > 0 {
		note += fmt.Sprintf(" and %d more", more)
	}
	return note
}

// ignoreRule is one pattern. https://git-scm.com/docs/gitignore#_pattern_format
type ignoreRule struct {
	negated bool
	// folder is true for a pattern that matches folders only.
	folder bool
	// anchored is true for a pattern with a slash, which is matched against the
	// path below the folder of its file; one without is against the last part.
	anchored bool
	// literal is the whole pattern when it has no wildcard; else glob is it.
	literal string
	glob    *regexp.Regexp
}

func (r *ignoreRule) matches(below string, folder bool) bool {
	if r.folder && !folder {
		return false
	}
	if !r.anchored {
		below = path.Base(below)
	}
	if r.glob == nil {
		return below == r.literal
	}
	return r.glob.MatchString(latin1(below))
}

func parseIgnore(text string) []ignoreRule {
	var out []ignoreRule
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		line = trimTrailing(strings.TrimSuffix(line, "\r"))
		if line == "" || line[0] == '#' {
			continue
		}
		var r ignoreRule
		line, r.negated = strings.CutPrefix(line, "!")
		line, r.folder = strings.CutSuffix(line, "/")
		r.anchored = strings.Contains(line, "/")
		if line = strings.TrimPrefix(line, "/"); line == "" {
			continue
		}
		if strings.ContainsAny(line, `*?[\`) {
			var ok bool
			if r.glob, ok = compileGlob(line); !ok {
				continue // git's answer too: it matches nothing
			}
		} else {
			r.literal = line
		}
		out = append(out, r)
	}
	return out
}

// trimTrailing removes the spaces at the end that no backslash keeps.
func trimTrailing(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			i++
			end = i + 1
		case line[i] != ' ':
			end = i + 1
		}
	}
	return line[:end]
}
