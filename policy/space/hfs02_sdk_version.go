package space

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func sdkVersion() rule {
	return rule{lint.Rule{
		ID: "GR-HFS-02", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "A Gradio Space names one sdk_version, and requirements.txt no other",
		Why:    "Without it a build takes the newest Gradio of the day. Where the requirements ask for another version, the build fails today, and older builders silently replaced it.",
		Remedy: "Write sdk_version as a quoted string, and leave gradio out of requirements.txt.",
		Bad:    "---\nsdk: gradio\npython_version: '3.12'\n---\n",
		Good:   "---\nsdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.12'\n---\n",
		Source: reference,
	}, func(p *pass) {
		if !p.isGradio() {
			return
		}
		k := p.Key("sdk_version")
		switch {
		case k == nil || k.Value == "":
			p.key("sdk_version", "no sdk_version: each new build takes the Gradio that is newest then")
			return
		case p.SDKVersion == "":
			p.key("sdk_version", fmt.Sprintf("sdk_version %q is no version of Gradio", shown(k.Value)))
			return
		case k.Number && k.Read() != k.Value:
			p.key("sdk_version", fmt.Sprintf("sdk_version %s is a number without quotes, which is read as %s", k.Value, k.Read()))
		case k.Number:
			p.key("sdk_version", fmt.Sprintf("sdk_version %s is a number without quotes, which loses zeros at its end", k.Value))
		}
		version, err := pep440.Parse(p.SDKVersion)
		if err != nil {
			return
		}
		for _, f := range p.reqs {
			for i := range f.Entries {
				p.conflict(&f.Entries[i], version)
			}
		}
	}}
}

// conflict reports a requirement of gradio that the front matter contradicts.
func (p *pass) conflict(e *pyreq.Entry, version pep440.Version) {
	if name, _ := e.Project(); pep508.NormalizeName(name) != "gradio" {
		return
	}
	switch {
	case e.Link != "":
		p.report(e.File, e.Line, fmt.Sprintf("gradio is asked for from %s, and as %s by sdk_version", shown(e.Link), version))
	case !e.Requirement.Specifiers.Contains(version, pep440.PrereleasesAllowed):
		p.report(e.File, e.Line, fmt.Sprintf("%s excludes the sdk_version %s", shown(e.Raw), version))
	}
}
