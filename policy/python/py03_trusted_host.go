package python

import (
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func trustedHost() rule {
	return rule{lint.Rule{
		ID: "TM-PY-03", Aliases: []string{"GR-DEP-04"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "No host is exempt from certificate checks",
		Why:    "--trusted-host, and verify_ssl = false of a source in a Pipfile or a PDM project, takes any certificate, or none, from that host: https protects nothing there any more.",
		Remedy: "Remove it. For a private authority, give pip its certificate (--cert).",
		Bad:    "--trusted-host pypi.example.com\n--index-url https://pypi.example.com/simple\n",
		Good:   "--index-url https://pypi.example.com/simple\n",
		Source: "https://pip.pypa.io/en/stable/cli/pip/#cmdoption-trusted-host",
	}, func(p *pass) {
		p.options(func(o pyreq.Option) {
			p.report(o.File, o.Line, "certificates of "+o.Value+" are not checked")
		}, "--trusted-host")
	}}
}
