package space

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pep440"
)

func pythonVersion() rule {
	return rule{lint.Rule{
		ID: "GR-HFS-05", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "A Gradio Space names a Python that still gets security fixes",
		Why:    "Without python_version it is not known which Python the next build takes: the documentation says 3.10, the builders of 2026 took 3.13. A Python past its end of life gets no fixes.",
		Remedy: "Write python_version: '3.12' or newer, as a quoted string.",
		Bad:    "---\nsdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.10'\n---\n",
		Good:   "---\nsdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.12'\n---\n",
		Source: "https://devguide.python.org/versions/",
	}, func(p *pass) {
		if !p.isGradio() {
			return
		}
		k := p.Key("python_version")
		switch {
		case k == nil || k.Value == "":
			p.key("python_version", "no python_version: which Python the next build takes is not known")
			return
		case k.Number && k.Read() != k.Value:
			p.key("python_version", fmt.Sprintf("python_version %s is a number without quotes, which is read as %s", k.Value, k.Read()))
			return
		}
		if _, err := pep440.Parse(p.PythonVersion); err != nil {
			p.key("python_version", fmt.Sprintf("python_version %q is no version of Python", shown(k.Value)))
		} else if day, over := lint.PythonEnded(p.asOf, p.PythonVersion); over {
			p.key("python_version", fmt.Sprintf("Python %s has had no security fixes since %s", p.PythonVersion, day))
		}
	}}
}
