package space

import "github.com/tallyman/tallyman/policy/lint"

func malformed() rule {
	return rule{lint.Rule{
		ID: "TM-HFS-01", Aliases: []string{"GR-HFS-02"}, Severity: lint.Error, Risk: lint.RiskMedium, Default: true,
		Title:  "The Hub can read the front matter of a Space",
		Why:    "What it cannot read does not count: neither the version of Gradio, nor who may sign in, nor whether the Space can be shown in a frame.",
		Remedy: "Put the keys between two lines of exactly \"---\" at the start of README.md, as valid YAML, each key once.",
		Bad:    "sdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.12'\n---\n",
		Good:   "---\nsdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.12'\n---\n",
		Source: reference,
	}, func(p *pass) {
		if p.Malformed != "" {
			p.report(p.File, p.MalformedLine, p.Malformed)
		}
	}}
}
