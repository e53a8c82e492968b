package pyproject

import (
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// pipfile reads a Pipfile. Every table but those with a meaning of their own is
// a category of packages.
// https://pipenv.pypa.io/en/latest/pipfile.html
func (r *reader) pipfile(data []byte) {
	root, line, err := parseTOML(data, 0)
	if err != nil {
		r.gap(sbom.GapUnparsed, line, "no TOML: %s", shown(err.Error()))
		return
	}
	for _, name := range root.keys {
		n := root.values[name]
		switch name {
		case "source":
			r.pipfileSources(n)
		case "requires":
			for _, key := range []string{"python_version", "python_full_version"} {
				if v := n.get(key); v.string() != "" {
					r.pipfilePython(v)
				}
			}
		case "packages":
			r.pipfileTable(n, "")
		case "dev-packages":
			r.pipfileTable(n, "dev")
		case "scripts", "pipenv", "pipfile":
		default:
			r.pipfileTable(n, "group:"+normal(name))
		}
	}
}

func (r *reader) pipfilePython(n *node) {
	version := n.text
	if version == "*" {
		return
	}
	if strings.Count(version, ".") < 2 {
		version += ".*"
	}
	r.python("=="+version, n.line)
}

func (r *reader) pipfileSources(n *node) {
	if n.kind != list {
		return
	}
	for i, s := range n.list {
		verify := s.get("verify_ssl")
		// Pipenv asks the first source for everything, and the others only for
		// packages that name them.
		// https://pipenv.pypa.io/en/latest/indexes.html
		r.index(Index{
			Name: sbom.RedactText(s.get("name").string()), Default: i == 0, Explicit: i > 0,
			Insecure: verify != nil && verify.kind == truth && !verify.isTrue(),
		}, s.get("url"))
	}
}

func (r *reader) pipfileTable(n *node, scope string) {
	if !r.table(n, "a table of packages") {
		return
	}
	for _, name := range n.keys {
		if q, ok := r.tableRequirement(name, n.values[name], "version", scope); ok {
			r.add(q)
		}
	}
}
