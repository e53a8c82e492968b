package pyproject

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// pyproject reads a pyproject.toml.
// https://packaging.python.org/en/latest/specifications/pyproject-toml/
func (r *reader) pyproject(data []byte) {
	root, line, err := parseTOML(data, 0)
	if err != nil {
		r.gap(sbom.GapUnparsed, line, "no TOML: %s", shown(err.Error()))
		return
	}
	r.project(root)
	r.sections(root)
}

// sections reads everything that may stand in a pyproject.toml, and in the
// metadata of a script, beside the project table.
func (r *reader) sections(root *node) {
	if r.table(root.get("build-system"), "build-system") {
		r.requirements(root.get("build-system", "requires"), "build-system.requires", "build")
	}
	r.groups(root.get("dependency-groups"))
	r.poetry(root)
	r.pdm(root.get("tool", "pdm"))
	r.hatch(root.get("tool", "hatch"))
	r.flit(root.get("tool", "flit", "metadata"))
	r.unread(root.get("tool"))
	r.requirements(root.get("tool", "rye", "dev-dependencies"), "tool.rye.dev-dependencies", "dev")
	r.uv(root.get("tool", "uv"))
}

// project reads the project table and what it leaves to the build backend.
// https://packaging.python.org/en/latest/specifications/pyproject-toml/#declaring-project-metadata-the-project-table
func (r *reader) project(root *node) {
	p := root.get("project")
	if !r.table(p, "project") {
		return
	}
	r.file.Project = shown(p.get("name").string())
	if python := p.get("requires-python"); python != nil {
		r.python(python.string(), python.line)
	}
	r.requirements(p.get("dependencies"), "project.dependencies", "")
	if extras := p.get("optional-dependencies"); r.table(extras, "project.optional-dependencies") {
		r.extras(extras)
	}
	r.dynamic(root)
}

// extras reads the optional dependencies. An extra that asks for the project
// itself with other extras brings in what those do.
func (r *reader) extras(extras *node) {
	byName := map[string]*node{}
	for _, name := range extras.keys {
		byName[normal(name)] = extras.values[name]
	}
	for _, name := range extras.keys {
		name := normal(name)
		seen := map[string]bool{name: true}
		for queue := []string{name}; len(queue) > 0 && !r.full; queue = queue[1:] {
			r.strings(byName[queue[0]], "the extra "+shown(queue[0]), func(item *node) {
				q, ok := r.parse(item.text, item.line, "extra:"+name)
				if !ok {
					return
				}
				q.Own = r.ownExtras(&q)
				r.add(q)
				for _, x := range q.Requirement.Extras {
					if q.Own && !seen[x] {
						seen[x] = true
						queue = append(queue, x)
					}
				}
			})
		}
	}
}

// ownExtras reports whether a requirement asks for nothing but extras of the
// project itself.
func (r *reader) ownExtras(q *Requirement) bool {
	return r.file.Project != "" && len(q.Requirement.Extras) > 0 && q.Link == "" && q.Requirement.Specifiers.IsEmpty() &&
		pep508.NormalizeName(q.Requirement.Name) == pep508.NormalizeName(r.file.Project)
}

// groups reads the dependency groups. A group has the requirements of those
// that it includes too.
// https://packaging.python.org/en/latest/specifications/dependency-groups/
func (r *reader) groups(groups *node) {
	if !r.table(groups, "dependency-groups") {
		return
	}
	g := &groupReader{reader: r, byName: map[string]*node{}}
	for _, name := range groups.keys {
		normal := normal(name)
		if g.byName[normal] != nil {
			r.gap(sbom.GapUnparsed, groups.values[name].line, "two dependency groups have the name %q", shown(normal))
			continue
		}
		g.byName[normal] = groups.values[name]
		g.names = append(g.names, normal)
	}
	for _, name := range g.names {
		if r.full {
			return
		}
		g.seen = map[string]bool{}
		g.read(name, "group:"+name, nil)
	}
}

// groupReader resolves includes among dependency groups.
type groupReader struct {
	*reader
	byName map[string]*node
	names  []string
	// seen are the groups that are in the present one already.
	seen map[string]bool
}

// read keeps the requirements of a group; path are the groups that led to it.
func (g *groupReader) read(name, scope string, path []string) {
	n := g.byName[name]
	if n.kind != list {
		g.gap(sbom.GapUnparsed, n.line, "the dependency group %q is not a list", shown(name))
		return
	}
	g.seen[name] = true
	path = append(path, name)
	for _, item := range n.list {
		include := item.get("include-group")
		switch {
		case item.kind == text:
			g.requirement(item.text, item.line, scope)
		case include == nil || include.kind != text || len(item.keys) != 1:
			g.gap(sbom.GapUnparsed, item.line, "the dependency group %q has an item that is neither a requirement nor an include", shown(name))
		default:
			g.include(normal(include.text), scope, path, include.line)
		}
	}
}

func (g *groupReader) include(name, scope string, path []string, line int) {
	switch {
	case g.full:
	case g.byName[name] == nil:
		g.gap(sbom.GapInclude, line, "there is no dependency group %q to include", shown(name))
	case slices.Contains(path, name):
		g.gap(sbom.GapInclude, line, "the dependency groups include each other in a circle: %s", shown(strings.Join(append(path, name), " > ")))
	case len(path) >= limit.IncludeDepth:
		g.gap(sbom.GapInclude, line, "the dependency groups are nested too deep")
	case !g.seen[name]:
		g.read(name, scope, path)
	}
}

// dynamic reads what the project table leaves to the build backend, where that
// is files that are named; the rest is a gap.
// https://packaging.python.org/en/latest/specifications/pyproject-toml/#dynamic
func (r *reader) dynamic(root *node) {
	var main, optional *node
	r.strings(root.get("project", "dynamic"), "project.dynamic", func(item *node) {
		switch item.text {
		case "dependencies":
			main = item
		case "optional-dependencies":
			optional = item
		case "requires-python":
			r.gap(sbom.GapDynamic, item.line, "which Python the project needs is left to the build backend")
		}
	})
	// Poetry's own table tells them; it is read anyway.
	poetry := root.get("tool", "poetry") != nil && strings.HasPrefix(root.get("build-system", "build-backend").string(), "poetry")
	if main != nil && !poetry && !r.dynamicFiles(root, "dependencies", "") && !r.leftToSetup(root) {
		r.gap(sbom.GapDynamic, main.line, "the dependencies are left to the build backend, which is not run")
	}
	if optional == nil || poetry {
		return
	}
	found := false
	for _, from := range []*node{
		root.get("tool", "setuptools", "dynamic", "optional-dependencies"),
		root.get("tool", "hatch", "metadata", "hooks", "requirements_txt", "optional-dependencies"),
	} {
		if from != nil && from.kind == table {
			found = true
			for _, extra := range from.keys {
				r.files(from.values[extra], "extra:"+normal(extra))
			}
		}
	}
	if !found && !r.leftToSetup(root) {
		r.gap(sbom.GapDynamic, optional.line, "the optional dependencies are left to the build backend, which is not run")
	}
}

// dynamicFiles reads the requirement files that hold the dependencies, and
// reports whether the metadata names any.
// https://setuptools.pypa.io/en/latest/userguide/pyproject_config.html#dynamic-metadata
// https://github.com/repo-helper/hatch-requirements-txt#usage
func (r *reader) dynamicFiles(root *node, field, scope string) bool {
	if n := root.get("tool", "setuptools", "dynamic", field); n != nil {
		r.files(n, scope)
		return true
	}
	hook := root.get("tool", "hatch", "metadata", "hooks", "requirements_txt")
	switch {
	case hook == nil:
		return false
	case hook.get("files") != nil:
		r.files(hook.get("files"), scope)
	case hook.get("filename") != nil:
		r.files(hook.get("filename"), scope)
	default:
		r.requirementFile(path.Join(path.Dir(r.file.Name), "requirements.txt"), hook.line, scope)
	}
	return true
}

// files reads requirement files: "a.txt", ["a.txt", "b.txt"] or {file = ...}.
func (r *reader) files(n *node, scope string) {
	if file := n.get("file"); file != nil {
		n = file
	}
	if n.kind == text {
		n = &node{kind: list, line: n.line, list: []*node{n}}
	}
	r.strings(n, "the list of requirement files", func(item *node) {
		if path.IsAbs(item.text) {
			r.gap(sbom.GapInclude, item.line, "%q is not read: the path is absolute", shown(item.text))
			return
		}
		r.requirementFile(path.Join(path.Dir(r.file.Name), item.text), item.line, scope)
	})
}

// leftToSetup reports whether the dependencies stand in a setup.py or setup.cfg
// beside the file, which is read for itself.
func (r *reader) leftToSetup(root *node) bool {
	backend := root.get("build-system", "build-backend").string()
	if backend != "" && !strings.HasPrefix(backend, "setuptools") {
		return false
	}
	for _, base := range []string{"setup.py", "setup.cfg"} {
		if _, err := fs.Stat(r.fsys, path.Join(path.Dir(r.file.Name), base)); err == nil {
			return true
		}
	}
	return false
}
