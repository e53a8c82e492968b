package python

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pep508"
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
			p.report(o.File, o.Line, takeable(p.File)+" may come from "+o.Value+" as well")
		}, "--extra-index-url")
	}}
}

// takeable names the packages that either index may give: those that are asked
// for by name and without a digest. What they bring along may as well.
func takeable(file *pyreq.File) string {
	const most = 5
	var names []string
	seen := map[string]bool{}
	for i := range file.Entries {
		e := &file.Entries[i]
		name := pep508.NormalizeName(e.Requirement.Name)
		if name == "" || e.Link != "" || e.Constraint || len(strongDigests(e)) > 0 || seen[name] {
			continue
		}
		if seen[name] = true; len(names) < most {
			names = append(names, fmt.Sprintf("%.80s", name))
		}
	}
	switch {
	case len(names) == 0:
		return "any package"
	case len(seen) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), len(seen)-most)
	}
	return strings.Join(names, ", ")
}
