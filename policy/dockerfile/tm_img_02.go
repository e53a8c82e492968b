package dockerfile

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
	"github.com/tallyman/tallyman/sbom/pep508"
)

func tmImg02() rule {
	return rule{lint.Rule{
		ID: "TM-IMG-02", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "A requirement with < or > is quoted",
		Why:    "The shell reads an unquoted > or < as a redirection: the bound is the name of a file, and pip installs whatever version there is.",
		Remedy: `Quote the requirement: pip install "gradio>=6.25.0".`,
		Bad:    "FROM python:3.12-slim\nRUN pip install --no-cache-dir gradio>=6.25.0\n",
		Good:   "FROM python:3.12-slim\nRUN pip install --no-cache-dir \"gradio>=6.25.0\"\n",
		Source: "https://pip.pypa.io/en/stable/cli/pip_install/#argument-handling",
	}, func(p *pass) {
		p.installs(func(s *dockerfile.Stage, _ *dockerfile.Instruction, i *dockerfile.Install) {
			for _, w := range i.Packages {
				text, raw := i.Command.Glued(w)
				if r, err := pep508.Parse(text); err != nil || len(r.Specifiers.Clauses()) == 0 {
					continue // "x>log" is meant as it is read.
				}
				p.report(s, w.Line, w.Column, fmt.Sprintf("quote the requirement %s: the shell reads %s as a redirection, and no bound holds",
					raw, raw[len(w.Raw):]))
			}
		}, "pip", "uv", "pipx")
	}}
}
