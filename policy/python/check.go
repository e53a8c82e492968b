// Package python judges what sbom/pyreq read of pip's requirement files: where
// packages come from, and whether what arrives can be told from what was
// reviewed.
//
// [Rules] documents every rule, [Check] applies them. A rule is a function of
// its own file that returns its documentation and its check; adding one means
// adding that file and a line in the table of all().
package python

import (
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// rule is the documentation of a rule and its check.
type rule struct {
	lint.Rule
	check func(*pass)
}

// all lists every rule, in the order of the identifiers.
func all() []rule {
	return []rule{
		upperBound(), hashes(), lookAlike(),
		credentials(), plainTransport(), trustedHost(), extraIndex(), vcsCommit(), urlHash(), outside(),
	}
}

// Rules returns the documentation of every rule, sorted by identifier.
func Rules() []lint.Rule {
	var out []lint.Rule
	for _, r := range all() {
		out = append(out, r.Rule)
	}
	return out
}

// Check applies the rules to a requirement file, those that it includes among
// them, and returns what it finds, sorted. enable names rules that are off by
// default, by identifier or alias; "all" enables every rule.
func Check(file *pyreq.File, enable ...string) []lint.Finding {
	found := []lint.Finding{}
	for _, r := range all() {
		if !r.Enabled(enable) {
			continue
		}
		p := &pass{File: file, rule: &r.Rule}
		r.check(p)
		found = append(found, p.found...)
	}
	return lint.Sort(found)
}

// pass is one rule's run over one file.
type pass struct {
	*pyreq.File
	rule  *lint.Rule
	found []lint.Finding
}

// report adds a finding at a line.
func (p *pass) report(file string, line int, message string) {
	p.found = append(p.found, p.rule.New(file, line, 0, "", message))
}

// options calls visit for each option of one of the names that pip honours.
func (p *pass) options(visit func(pyreq.Option), names ...string) {
	for _, o := range p.Options {
		if slices.Contains(names, o.Name) {
			visit(o)
		}
	}
}

// entries calls visit for each requirement and constraint.
func (p *pass) entries(visit func(*pyreq.Entry)) {
	for i := range p.Entries {
		visit(&p.Entries[i])
	}
}

const (
	// secureInstalls is pip's page about what makes an installation repeatable.
	secureInstalls = "https://pip.pypa.io/en/stable/topics/secure-installs/"
	// installOptions is pip's page about its options.
	installOptions = "https://pip.pypa.io/en/stable/cli/pip_install/"
)

// scheme returns the transport of a URL in lower case: "https" for
// "git+https://...", "" for a path.
func scheme(link string) string {
	s, _, ok := strings.Cut(link, ":")
	if !ok || strings.ContainsAny(s, "/@ ") {
		return ""
	}
	_, transport, both := strings.Cut(s, "+")
	if both {
		s = transport
	}
	return strings.ToLower(s)
}

// isVCS reports whether a link names a version control system.
func isVCS(link string) bool {
	s, _, ok := strings.Cut(link, ":")
	if !ok {
		return false
	}
	system, _, _ := strings.Cut(strings.ToLower(s), "+")
	return slices.Contains([]string{"git", "hg", "svn", "bzr"}, system)
}

// named returns how to speak of an entry: by its project, else by its link.
func named(e *pyreq.Entry) string {
	if name, _ := e.Project(); name != "" {
		return name
	}
	return e.Link
}
