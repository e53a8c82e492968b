package cli

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/vuln"
)

// environments are those of --python and --platform, none without --python.
func (a *app) environments() ([]vuln.Environment, error) {
	var out []vuln.Environment
	for _, python := range a.flags.pythons {
		if !audit.IsPython(python) {
			return nil, usagef("", "--python %q is not a version such as 3.12", python)
		}
		a.sayUnknownPython(python)
		for platform := range strings.SplitSeq(cmp.Or(a.flags.platform, "linux/amd64"), ",") {
			out = append(out, vuln.NewEnvironment(python, platform))
		}
	}
	return out, nil
}

// platforms are those of --platform.
func (a *app) platforms() []string {
	if a.flags.platform == "" {
		return nil
	}
	return strings.Split(a.flags.platform, ",")
}

// newestPython is the minor version of the newest Python 3 that is supported or
// tested before its release in November 2026.
// https://devguide.python.org/versions/
const newestPython = 15

// sayUnknownPython notes a --python that does not exist: what is judged for it
// nobody can install.
func (a *app) sayUnknownPython(python string) {
	minor, _, _ := strings.Cut(strings.TrimPrefix(python, "3."), ".")
	if n, err := strconv.Atoi(minor); err == nil && n > newestPython && !a.flags.quiet {
		fmt.Fprintf(a.env.Stderr, "tallyman: note: there is no Python %s yet that is known here; requirements are judged for it all the same\n", python)
	}
}

// imagePlatform is the platform to take from an image index: the first of
// --platform.
func (a *app) imagePlatform() string {
	first, _, _ := strings.Cut(a.flags.platform, ",")
	return first
}

// known reads --known-versions.
func (a *app) known() (map[string][]string, error) {
	if a.flags.known == "" {
		return nil, nil
	}
	f, err := os.Open(a.path(a.flags.known))
	if err != nil {
		return nil, usagef("", "--known-versions: %w", err)
	}
	defer f.Close()
	known, err := vuln.ReadKnown(f)
	if err != nil {
		return nil, usagef("", "--known-versions %q: %w", a.flags.known, err)
	}
	return known, nil
}
