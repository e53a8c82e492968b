package pyproject

import (
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// poetry reads Poetry's sections.
// https://python-poetry.org/docs/pyproject/ and
// https://python-poetry.org/docs/dependency-specification/
func (r *reader) poetry(root *node) {
	p := root.get("tool", "poetry")
	if !r.table(p, "tool.poetry") {
		return
	}
	if r.file.Project == "" {
		r.file.Project = shown(p.get("name").string())
	}
	r.poetryTable(p.get("dependencies"), "", poetryExtras(p.get("extras")))
	r.poetryTable(p.get("dev-dependencies"), "dev", nil)
	if groups := p.get("group"); r.table(groups, "tool.poetry.group") {
		for _, name := range groups.keys {
			r.poetryTable(groups.get(name, "dependencies"), "group:"+normal(name), nil)
		}
	}
	r.poetrySources(p.get("source"))
}

// poetryExtras returns which extras bring an optional package in, by its
// normalised name.
func poetryExtras(extras *node) map[string][]string {
	out := map[string][]string{}
	if extras == nil || extras.kind != table {
		return out
	}
	for _, extra := range extras.keys {
		for _, item := range extras.values[extra].list {
			name := pep508.NormalizeName(strings.TrimSpace(item.text))
			out[name] = append(out[name], normal(extra))
		}
	}
	return out
}

// poetryTable reads a table of name = constraint.
func (r *reader) poetryTable(n *node, scope string, extras map[string][]string) {
	if !r.table(n, "a table of Poetry's dependencies") {
		return
	}
	for _, name := range n.keys {
		value := n.values[name]
		if name == "python" {
			r.poetryPython(value, scope)
			continue
		}
		values := []*node{value}
		if value.kind == list {
			values = value.list
		}
		for _, v := range values {
			q, ok := r.tableRequirement(name, v, "version", scope)
			if !ok {
				continue
			}
			if !v.get("optional").isTrue() || scope != "" {
				r.add(q)
				continue
			}
			bringing := extras[pep508.NormalizeName(name)]
			if len(bringing) == 0 {
				bringing = []string{""}
			}
			for _, extra := range bringing {
				if r.full {
					return
				}
				q.Scope = "extra:" + extra
				r.add(q)
			}
		}
	}
}

// poetryPython notes which Pythons Poetry's project is for.
func (r *reader) poetryPython(n *node, scope string) {
	if scope != "" || r.file.RequiresPython != "" {
		return
	}
	constraint := n.string()
	if n.kind == table {
		constraint = n.get("version").string()
	}
	c, err := poetryConstraint(constraint)
	if err != nil {
		r.gap(sbom.GapUnparsed, n.line, "%q says no version of Python: %s", shown(constraint), shown(err.Error()))
		return
	}
	if !c.exact {
		r.gap(sbom.GapRange, n.line, "the Pythons asked for, %q, are judged as %q", shown(constraint), c.specifiers)
	}
	r.file.RequiresPython, r.file.RequiresPythonLine = c.specifiers.String(), n.line
}

// poetrySources reads Poetry's package indexes.
// https://python-poetry.org/docs/repositories/#project-configuration
func (r *reader) poetrySources(n *node) {
	if n == nil || n.kind != list {
		return
	}
	for _, source := range n.list {
		priority := strings.ToLower(source.get("priority").string())
		x := Index{
			Name: sbom.RedactText(source.get("name").string()), Explicit: priority == "explicit",
			Default: priority == "default" || priority == "primary" || source.get("default").isTrue(),
		}
		if url := source.get("url"); url != nil {
			r.index(x, url)
		}
	}
}

// tableRequirement reads the value of "name = value" as Poetry and Pipenv have
// it: a constraint, or a table whose key constraint holds one. It returns
// false, and has made a gap, when it cannot.
func (r *reader) tableRequirement(name string, n *node, key, scope string) (Requirement, bool) {
	q := Requirement{Scope: scope, Entry: pyreq.Entry{File: r.file.Name, Line: n.line}}
	if !pep508.ValidName(name) {
		r.gap(sbom.GapUnparsed, n.line, "%q is no name of a package", shown(name))
		return q, false
	}
	q.Requirement.Name = name
	constraint := n
	switch n.kind {
	case text:
	case table:
		constraint = n.get(key)
	default:
		r.gap(sbom.GapUnparsed, n.line, "the requirement of %q is neither a string nor a table", name)
		return q, false
	}
	if constraint != nil && constraint.kind == text {
		safe := sbom.RedactText(constraint.text)
		c, err := poetryConstraint(safe)
		if err != nil {
			r.gap(sbom.GapUnparsed, constraint.line, "%q is no constraint of %s: %s", shown(safe), name, shown(err.Error()))
			return q, false
		}
		q.Requirement.Specifiers = c.specifiers
		if !c.exact {
			q.Alternatives = &c.set
		}
		q.Raw = name + " " + strings.TrimSpace(safe)
	} else if constraint != nil {
		r.gap(sbom.GapUnparsed, constraint.line, "the version of %q is not a string", name)
		return q, false
	}
	if q.Raw == "" {
		q.Raw = name
	}
	if n.kind == table {
		r.tableDetails(&q, n)
	}
	return q, true
}

// tableDetails reads what a table says beside the constraint: extras, markers,
// and where the package comes from.
func (r *reader) tableDetails(q *Requirement, n *node) {
	q.Line = n.line
	r.strings(n.get("extras"), "extras", func(item *node) {
		if pep508.ValidName(item.text) {
			q.Requirement.Extras = append(q.Requirement.Extras, pep508.NormalizeName(item.text))
		} else {
			r.gap(sbom.GapUnparsed, item.line, "%q is no name of an extra", shown(item.text))
		}
	})
	r.tableMarkers(q, n)
	q.Editable = n.get("editable").isTrue() || n.get("develop").isTrue()
	q.Index = sbom.RedactText(n.get("source").string() + n.get("index").string())
	r.tableLink(q, n)
}

// markerKeys are the keys by which Pipenv writes a comparison of a marker.
// https://pipenv.pypa.io/en/latest/specifiers.html#specifying-basically-anything
var markerKeys = []string{
	"os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
	"platform_system", "platform_version", "python_version", "python_full_version", "implementation_name", "implementation_version",
}

// tableMarkers reads "markers", Poetry's "python" and "platform", and Pipenv's
// variables.
func (r *reader) tableMarkers(q *Requirement, n *node) {
	and := func(source *node, marker string) {
		m, err := pep508.ParseMarker(marker)
		if err != nil {
			// A marker that cannot be decided applies.
			r.gap(sbom.GapUnparsed, source.line, "%q is no marker: %s", shown(marker), shown(err.Error()))
			return
		}
		q.Requirement.Marker = q.Requirement.Marker.And(m)
	}
	if m := n.get("markers"); m.string() != "" {
		and(m, m.text)
	}
	if m := n.get("platform"); m.string() != "" {
		and(m, "sys_platform == "+quoted(m.text))
	}
	if m := n.get("python"); m.string() != "" {
		r.pythonMarker(q, m)
	}
	for _, key := range markerKeys {
		if m := n.get(key); m.string() != "" {
			and(m, key+" "+m.text)
		}
	}
}

// pythonMarker reads the versions of Python for which Poetry wants a package.
func (r *reader) pythonMarker(q *Requirement, n *node) {
	c, err := poetryConstraint(n.text)
	if err != nil {
		r.gap(sbom.GapUnparsed, n.line, "%q says no version of Python: %s", shown(n.text), shown(err.Error()))
		return
	}
	// Where the clauses admit more than what is written, the requirement
	// counts in more environments than it should, never in fewer.
	for _, clause := range c.specifiers.Clauses() {
		version := clause.Text
		variable := pep508.PythonVersion
		if strings.Count(version, ".") > 1 {
			variable = pep508.PythonFullVersion
		}
		if clause.Wildcard {
			version += ".*"
		}
		m, err := pep508.ParseMarker(string(variable) + " " + string(clause.Operator) + " " + quoted(version))
		if err != nil {
			r.gap(sbom.GapUnparsed, n.line, "%q says no version of Python: %s", shown(n.text), shown(err.Error()))
			return
		}
		q.Requirement.Marker = q.Requirement.Marker.And(m)
	}
}

// quoted returns a text as a string of a marker. A text with both kinds of
// quotes is none and is refused by the marker's parser.
func quoted(s string) string {
	if strings.Contains(s, `"`) {
		return "'" + s + "'"
	}
	return `"` + s + `"`
}

// tableLink reads where a package comes from when that is no index.
func (r *reader) tableLink(q *Requirement, n *node) {
	for _, system := range []string{"git", "hg", "svn", "bzr"} {
		if at := n.get(system); at.string() != "" {
			q.link(vcsLink(system, at.text, n))
			return
		}
	}
	for _, key := range []string{"url", "file", "path"} {
		if at := n.get(key); at.string() != "" {
			q.link(at.text)
			q.Own = key == "path" && ownPath(at.text)
			return
		}
	}
}

// link makes the requirement one of a link, whose credentials are removed.
func (q *Requirement) link(link string) {
	safe, credentials := sbom.RedactURL(link)
	q.Link, q.Credentials = safe, q.Credentials || credentials
	q.IsURL = isURL(safe)
	q.Requirement.URL = safe
}

// ownPath reports whether a path is the folder of the project itself.
func ownPath(p string) bool {
	return strings.Trim(p, "./") == "" && !strings.Contains(p, "..") && p != "" && p[0] == '.'
}

// vcsLink returns a VCS reference as pip writes it.
// https://pip.pypa.io/en/stable/topics/vcs-support/
func vcsLink(system, link string, n *node) string {
	if !strings.HasPrefix(link, system+"+") {
		// git@host:owner/project is how ssh is written for git alone.
		if host, path, ok := strings.Cut(link, ":"); ok && !strings.Contains(link, "://") && strings.Contains(host, "@") {
			link = "ssh://" + host + "/" + path
		}
		link = system + "+" + link
	}
	for _, key := range []string{"rev", "ref", "tag", "branch"} {
		if revision := n.get(key).string(); revision != "" {
			link += "@" + revision
			break
		}
	}
	if folder := n.get("subdirectory").string(); folder != "" {
		link += "#subdirectory=" + folder
	}
	return link
}
