package python

import (
	"slices"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func upperBound() rule {
	return rule{lint.Rule{
		ID: "GR-DEP-03", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "Gradio's version has an upper bound",
		Why:    "Without one the next build takes the next major release, with other defaults for what it exposes, and nobody can say which version was reviewed.",
		Remedy: "Pin gradio (gradio==X.Y.Z), or bound it (gradio>=X.Y,<X+1) and lock the rest.",
		Bad:    "gradio>=4.44\n",
		Good:   "gradio>=4.44,<5\n",
		Source: "https://packaging.python.org/en/latest/specifications/version-specifiers/",
	}, func(p *pass) {
		isGradio := func(e *pyreq.Entry) bool {
			return pep508.NormalizeName(e.Requirement.Name) == "gradio" && e.Link == ""
		}
		if slices.ContainsFunc(p.Entries, func(e pyreq.Entry) bool { return isGradio(&e) && e.Constraint && bounded(&e) }) {
			return
		}
		p.entries(func(e *pyreq.Entry) {
			if isGradio(e) && !e.Constraint && !bounded(e) {
				p.report(e.File, e.Line, e.Raw+" takes any future version")
			}
		})
	}}
}

// bounded reports whether a requirement refuses all versions above some one.
func bounded(e *pyreq.Entry) bool {
	return slices.ContainsFunc(e.Requirement.Specifiers.Clauses(), func(c pep440.Clause) bool {
		switch c.Operator {
		case pep440.Compatible, pep440.Matching, pep440.Arbitrary, pep440.Less, pep440.LessOrEqual:
			return true
		}
		return false
	})
}
