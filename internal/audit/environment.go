package audit

import (
	"regexp"
	"slices"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/policy/python"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/vuln"
)

// defaultPlatform is where a Gradio application runs unless somebody says
// otherwise: what an image or a Space is.
const defaultPlatform = "linux/amd64"

// series matches what IsPython takes.
var series = regexp.MustCompile(`^3\.[0-9]{1,3}(\.[0-9]{1,3})?$`)

// IsPython reports whether version is one of CPython 3 that requirements can be
// judged for: "3.12", "3.12.4".
func IsPython(version string) bool { return series.MatchString(version) }

// environments are those that requirements are judged for: what the user said,
// else every Python that the folder names (in a Dockerfile's base image, in
// .python-version, in a Space's README, by requires-python), else none, which
// means every supported one.
func (a *Auditor) environments(s *source) []vuln.Environment {
	switch {
	case len(a.Environments) > 0:
		return a.Environments
	case s == nil:
		return a.onPlatforms()
	}
	pythons := slices.DeleteFunc(slices.Clone(s.pythons), func(v string) bool { return !IsPython(v) })
	if len(pythons) < len(s.pythons) {
		return a.onPlatforms() // one says something that we cannot read: judge for all
	}
	for _, specifiers := range s.requires {
		admitted, ok := supported(specifiers)
		if !ok {
			return a.onPlatforms()
		}
		pythons = append(pythons, admitted...)
	}
	slices.Sort(pythons)
	if len(pythons) == 0 {
		return a.onPlatforms()
	}
	var out []vuln.Environment
	for _, python := range slices.Compact(pythons) {
		for _, platform := range a.platforms() {
			out = append(out, vuln.NewEnvironment(python, platform))
		}
	}
	return out
}

func (a *Auditor) platforms() []string {
	if len(a.Platforms) == 0 {
		return []string{defaultPlatform}
	}
	return a.Platforms
}

// onPlatforms is every supported Python on the platforms that the user named,
// nil when he named none.
func (a *Auditor) onPlatforms() []vuln.Environment {
	if len(a.Platforms) == 0 {
		return nil
	}
	var out []vuln.Environment
	for _, e := range vuln.DefaultEnvironments() {
		for _, platform := range a.Platforms {
			out = append(out, vuln.NewEnvironment(e.Markers.Values[pep508.PythonVersion], platform))
		}
	}
	return out
}

// together finds lines that exclude one another. Where versions are judged, the
// gaps for them are left to that.
func (a *Auditor) together(doc *sbom.Document, r *Report) {
	if !slices.Contains(a.Stages, StageLint) {
		return
	}
	judged := a.Environments
	if len(judged) == 0 {
		judged = vuln.DefaultEnvironments()
	}
	var environments []pep508.Environment
	for _, e := range judged {
		environments = append(environments, e.Markers)
	}
	found, gaps := python.CheckTogether(doc, environments)
	r.Lint = lint.Sort(append(r.Lint, found...))
	if !slices.Contains(a.Stages, StageVuln) {
		r.Gaps = sbom.Merge("", &sbom.Document{Gaps: append(slices.Clone(r.Gaps), gaps...)}).Gaps
	}
}

// supported are the supported Pythons of which requires-python admits some
// release. ok is false when it cannot be read.
// https://packaging.python.org/en/latest/specifications/core-metadata/#requires-python
func supported(specifiers string) (pythons []string, ok bool) {
	asked, err := pep440.ParseSpecifiers(specifiers)
	if err != nil {
		return nil, false
	}
	for _, e := range vuln.DefaultEnvironments() {
		python := e.Markers.Values[pep508.PythonVersion]
		whole, err := pep440.ParseSpecifiers("==" + python + ".*")
		if err == nil && !whole.Set().Intersect(asked.Set()).IsEmpty() {
			pythons = append(pythons, python)
		}
	}
	return pythons, true
}
