// Package drift holds what a repository says its application needs against what
// is installed in its image: the Python packages that manifests declare, those
// that locks fix, and those whose metadata is in the image's layers.
//
// [Rules] documents every rule, [Check] applies them. A finding names both
// sides: the line that asked, and the layer that brought, with the instruction
// that made the layer when the caller knows it. Nothing denies by default: an
// image may be built from more than its repository, and without a lock nobody
// can tell a dependency of a dependency from a stranger.
package drift

import (
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// Options are the optional parts of Check. The zero value is usable.
type Options struct {
	// Environment is where the image's Python runs, for markers
	// (pep508.NewEnvironment with the image's platform). When it names no
	// Python, the one in the paths of the image counts, if it is one alone.
	// What stays unknown leaves markers undecided, and then they apply.
	Environment pep508.Environment
	// Created says by layer digest ("sha256:...") which instruction made the
	// layer, as the image's history or the Dockerfile has it. It may be nil.
	Created map[string]string
	// Base are the digests of the layers of the base image, in which nothing
	// is drift. It may be nil: pip, setuptools and wheel are known anyway.
	Base []string
	// Enable names rules that are off by default, by identifier or alias.
	Enable []string
}

// rule is the documentation of a rule and its check.
type rule struct {
	lint.Rule
	check func(*pass)
}

// all lists every rule, in the order of the identifiers.
func all() []rule {
	return []rule{unlocked(), otherVersion(), outOfRange(), unusedLock(), notInstalled(), undeclared()}
}

// Rules returns the documentation of every rule, sorted by identifier.
func Rules() []lint.Rule {
	var out []lint.Rule
	for _, r := range all() {
		out = append(out, r.Rule)
	}
	return out
}

// Check compares the inventory of a source tree with that of the image built
// from it and returns what it finds, sorted. It looks at Python packages only.
// A finding stands in the manifest or lock that disagrees; one that no file is
// to blame for has no File. Neither document is changed; without one of them
// there is nothing to compare and no finding.
func Check(source, image *sbom.Document, opts Options) []lint.Finding {
	found := []lint.Finding{}
	if source == nil || image == nil {
		return found
	}
	s := newSides(source, image, opts)
	for _, r := range all() {
		if !r.Enabled(opts.Enable) {
			continue
		}
		p := &pass{sides: s, rule: &r.Rule}
		r.check(p)
		found = append(found, p.found...)
	}
	return lint.Sort(found)
}

// pass is one rule's run.
type pass struct {
	*sides
	rule  *lint.Rule
	found []lint.Finding
}

// report adds a finding at a line.
func (p *pass) report(file string, line int, message string) {
	p.found = append(p.found, p.rule.New(file, line, 0, "", message))
}

// aliases is the control that all rules answer in part.
func aliases() []string { return []string{"GR-DEP-05"} }

// repeatable is pip's page about what makes an installation repeatable.
const repeatable = "https://pip.pypa.io/en/stable/topics/repeatable-installs/"
