package sbom

import "strings"

// runtimes are the interpreters that are known as such, by the beginnings of
// their package URLs, with what a person calls them. OSV has no records that
// name their versions: those of the Python Software Foundation and of Node's
// project name commits.
// https://github.com/psf/advisory-database
var runtimes = map[string]string{"pkg:generic/python@": "CPython", "pkg:generic/node@": "Node.js"}

// RuntimeOf returns what a person calls the interpreter that a component is, and
// is "" for every other one, and for an interpreter without a version.
func RuntimeOf(c *Component) string {
	if c.Ecosystem != "" || c.Version == "" {
		return ""
	}
	for prefix, name := range runtimes {
		if strings.HasPrefix(c.PURL, prefix) {
			return name
		}
	}
	return ""
}
