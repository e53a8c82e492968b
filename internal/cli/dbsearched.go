package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// What users write instead of PACKAGE@VERSION, taken apart for a hint: the
// package, and the first version behind it.
var (
	leadingName  = regexp.MustCompile(`^@?[A-Za-z0-9][A-Za-z0-9._/-]*`)
	firstVersion = regexp.MustCompile(`[0-9][A-Za-z0-9.+!-]*`)
)

// notInNames are characters of requirements and shells that no ecosystem has
// in the name of a package. A colon is part of Maven's, a slash of Go's.
const notInNames = "<>=!^;[](){}\"'`* \t\n"

// searched takes the argument of `db search` apart. What can be no package is
// refused: nothing is known of it, which would look like nothing bad is known.
func searched(what, ecosystem string) (name, version string, err error) {
	if in, rest, ok := strings.Cut(what, ":"); ok {
		// npm:ws@8.17.0, which reads like a login.
		if i := slices.IndexFunc(defaultEcosystems, func(e string) bool { return strings.EqualFold(e, in) }); i >= 0 {
			return "", "", usagef("tallyman db search "+rest+" --ecosystem "+defaultEcosystems[i], "the ecosystem is named with --ecosystem, not before the package")
		}
	}
	if sbom.RedactMessage(what) != what {
		return "", "", usagef("tallyman db search --help", "the argument is no package: it holds a login or a token")
	}
	name = what
	if before, after, ok := strings.Cut(what, "=="); ok {
		name, version = before, strings.TrimLeft(after, "= ")
		name = strings.TrimSpace(name)
	} else if i := strings.LastIndexByte(what, '@'); i > 0 { // npm's scoped names begin with the sign
		name, version = what[:i], what[i+1:]
	}
	if isPackage(name, ecosystem) && !strings.ContainsAny(version, "<>=^*;[],\"' \t\n") && !strings.HasPrefix(version, "~") && !strings.HasPrefix(version, "!") {
		return name, version, nil
	}
	return "", "", usagef(searchHint(what, ecosystem), "%q is neither a package nor PACKAGE@VERSION", what)
}

// isPackage reports whether an ecosystem can have a package of the name.
func isPackage(name, ecosystem string) bool {
	if ecosystem == "PyPI" {
		req, err := pep508.Parse(name)
		return err == nil && req.Name == name
	}
	return name != "" && !strings.ContainsAny(name, notInNames) && !strings.HasPrefix(name, "pkg:")
}

// searchHint is the search that was likely meant.
func searchHint(what, ecosystem string) string {
	name := leadingName.FindString(what)
	if name == "" || strings.HasPrefix(what, "pkg:") || ecosystem == "PyPI" && !isPackage(name, ecosystem) {
		return "tallyman db search PACKAGE@VERSION"
	}
	hint := "tallyman db search " + name
	if version := strings.TrimRight(firstVersion.FindString(what[len(name):]), ".-+!"); version != "" {
		hint += "@" + version
	}
	if ecosystem != "PyPI" {
		hint += " --ecosystem " + ecosystem
	}
	return hint
}
