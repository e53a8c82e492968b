package python

import (
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func credentials() rule {
	return rule{lint.Rule{
		ID: "TM-PY-01", Aliases: []string{"GR-SEC-01"}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "A URL holds no credentials",
		Why:    "Whoever can read the repository, its history or an image built from it has the password or token, and pip prints it into build logs.",
		Remedy: "Revoke the secret, and name a variable in its place: https://${USER}:${PASSWORD}@host/.",
		Bad:    "--index-url https://bob:hunter2@example.com/simple\n",
		Good:   "--index-url https://${USER}:${PASSWORD}@example.com/simple\n",
		Source: "https://pip.pypa.io/en/stable/topics/authentication/",
	}, func(p *pass) {
		flag := func(o pyreq.Option) {
			if o.Credentials {
				p.report(o.File, o.Line, "the value of "+o.Name+" holds credentials in clear (not shown)")
			}
		}
		for _, o := range p.Options {
			flag(o)
		}
		p.entries(func(e *pyreq.Entry) {
			if e.Credentials {
				p.report(e.File, e.Line, "the URL of "+named(e)+" holds credentials in clear (not shown)")
			}
			for _, o := range e.Options {
				flag(o)
			}
		})
	}}
}
