package python

import (
	"slices"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// family are the projects that Gradio's authors publish and that no other
// well-known project is a letter away from.
var family = []string{"gradio", "gradio-client", "hf-gradio", "safehttpx"}

func lookAlike() rule {
	return rule{lint.Rule{
		ID: "GR-DEP-06", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "No name is a slip away from one of Gradio's",
		Why:    "Names that differ by one letter are registered to be installed by mistake, and what they hold runs on installation.",
		Remedy: "Correct the name. If it is right, accept the finding with the reason.",
		Bad:    "gardio==4.44.0\n",
		Good:   "gradio==4.44.0\n",
		Source: "https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-03-Dependency-Chain-Abuse",
	}, func(p *pass) {
		p.entries(func(e *pyreq.Entry) {
			name := pep508.NormalizeName(named(e))
			if slices.Contains(family, name) || e.Constraint {
				return
			}
			for _, f := range family {
				if oneSlip(name, f) {
					p.report(e.File, e.Line, named(e)+" looks like "+f)
				}
			}
		})
	}}
}

// oneSlip reports whether a becomes b by one letter inserted, left out,
// replaced, or swapped with the next one.
func oneSlip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a) < len(b):
		return a[i:] == b[i+1:]
	case a[i+1:] == b[i+1:]:
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
