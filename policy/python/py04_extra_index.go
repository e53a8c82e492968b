package python

import (
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func extraIndex() rule {
	return rule{lint.Rule{
		ID: "TM-PY-04", Aliases: []string{"GR-DEP-04"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "Packages come from one index",
		Why:    "pip takes the highest version that any index has. Who registers a private name at the public index, with a higher version, is installed instead (dependency confusion).",
		Remedy: "Name one index with --index-url that carries both, as a mirror does, or install the other index' packages by URL and digest.",
		Bad:    "--extra-index-url https://pypi.example.com/simple\n",
		Good:   "--index-url https://pypi.example.com/simple\n",
		Source: installOptions + "#cmdoption-extra-index-url",
	}, func(p *pass) {
		p.options(func(o pyreq.Option) {
			p.report(o.File, o.Line, "any package may come from "+o.Value+" as well")
		}, "--extra-index-url")
	}}
}
