// Package space judges the configuration of a Hugging Face Space as sbom/space
// read it: whether a build can be repeated, what its users are asked for when
// they sign in, and what is fetched into its image.
//
// [Rules] documents every rule; [Check] applies those about README.md and the
// files beside it, [CheckHub] those about the settings that only the Hub knows.
// A rule is a function of its own file that returns its documentation and its
// check; adding one means adding that file and a line in the table of all() or
// hubRules().
//
// Whether the Gradio of a Space is vulnerable (GR-HFS-01) is a matter of
// advisories, which vuln answers for what [space.Space.Document] lists.
package space

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
	"github.com/tallyman/tallyman/sbom/pyreq"
	"github.com/tallyman/tallyman/sbom/space"
)

// rule is the documentation of a rule and its check.
type rule struct {
	lint.Rule
	check func(*pass)
}

// all lists every rule, in the order of the identifiers.
func all() []rule {
	return []rule{
		sdkVersion(), implicit(), filesBeside(), pythonVersion(), oauth(), headers(), docker(), preload(), malformed(),
	}
}

// Rules returns the documentation of every rule, sorted by identifier.
func Rules() []lint.Rule {
	var out []lint.Rule
	for _, r := range all() {
		out = append(out, r.Rule)
	}
	for _, r := range hubRules() {
		out = append(out, r.Rule)
	}
	slices.SortFunc(out, func(a, b lint.Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Beside is what was read of the files around a README.md. The zero value is
// nothing.
type Beside struct {
	// Requirements are requirement files. requirements.txt beside README.md,
	// which the Space's build installs, and a pyproject.toml there
	// (pyproject.File.Pip("")) are held against the front matter, others are
	// left out.
	Requirements []*pyreq.File
	// Dockerfile is that beside README.md, nil if there is none. It is judged
	// when the Space is built from it.
	Dockerfile *dockerfile.File
	// AsOf is when the Space is judged, which says which Pythons have ended;
	// the zero value is after every end that is known.
	AsOf time.Time
}

// Check applies the rules to a Space and returns what they find, sorted. enable
// names rules that are off by default, by identifier or alias; "all" enables
// every rule. A nil Space has no findings.
func Check(s *space.Space, beside Beside, enable ...string) []lint.Finding {
	found := []lint.Finding{}
	if s == nil {
		return found
	}
	for _, r := range all() {
		if !r.Enabled(enable) {
			continue
		}
		p := &pass{Space: s, rule: &r.Rule, docker: beside.Dockerfile, asOf: beside.AsOf}
		if p.asOf.IsZero() {
			p.asOf = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
		}
		for _, f := range beside.Requirements {
			if f != nil && path.Dir(f.Name) == path.Dir(s.File) && slices.Contains([]string{"requirements.txt", "pyproject.toml"}, path.Base(f.Name)) {
				p.reqs = append(p.reqs, f)
			}
		}
		r.check(p)
		found = append(found, p.found...)
	}
	return lint.Sort(found)
}

// pass is one rule's run over one Space.
type pass struct {
	*space.Space
	// reqs are the requirement files that the build installs.
	reqs []*pyreq.File
	// docker is the Dockerfile beside README.md, nil if there is none.
	docker *dockerfile.File
	asOf   time.Time
	rule   *lint.Rule
	found  []lint.Finding
}

// report adds a finding at a line of a file.
func (p *pass) report(file string, line int, message string) {
	p.found = append(p.found, p.rule.New(file, line, 0, "", message))
}

// key adds a finding at a key of the front matter.
func (p *pass) key(name, message string) { p.report(p.File, p.Line(name), message) }

// isGradio reports whether the Space is built by the builder for Gradio.
func (p *pass) isGradio() bool { return p.SDK == "gradio" }

// beside returns the path of a file in the folder of README.md.
func (p *pass) beside(base string) string { return path.Join(path.Dir(p.File), base) }

// maxShownRunes is how much of a text a finding quotes.
const maxShownRunes = 120

// shown returns what a finding may quote.
func shown(text string) string {
	if out := []rune(text); len(out) > maxShownRunes {
		return string(out[:maxShownRunes]) + "..."
	}
	return text
}

// reference is the Hub's page about the front matter.
const reference = "https://huggingface.co/docs/hub/spaces-config-reference"
