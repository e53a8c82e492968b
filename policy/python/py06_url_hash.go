package python

import (
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func urlHash() rule {
	return rule{lint.Rule{
		ID: "TM-PY-06", Aliases: []string{"GR-DEP-04"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "A direct URL has a digest",
		Why:    "An index refuses to replace a published file, a web server does not: without a digest the file may be another one tomorrow.",
		Remedy: "Append the digest: #sha256=<64 hexadecimal digits>, or add --hash=sha256:...",
		Bad:    "https://example.com/demo-1.0-py3-none-any.whl\n",
		Good:   "https://example.com/demo-1.0-py3-none-any.whl#sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
		Source: secureInstalls,
	}, func(p *pass) {
		p.entries(func(e *pyreq.Entry) {
			if e.IsURL && !isVCS(e.Link) && scheme(e.Link) != "file" && len(strongDigests(e)) == 0 {
				p.report(e.File, e.Line, named(e)+" is taken from a URL without a digest: "+e.Link)
			}
		})
	}}
}
