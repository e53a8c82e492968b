package space

import "github.com/tallyman/tallyman/policy/lint"

func implicit() rule {
	return rule{lint.Rule{
		ID: "GR-HFS-03", Severity: lint.Info, Risk: lint.RiskLow, Default: false,
		Title:  "What a Space installs is named in its own files",
		Why:    "The builder for Gradio adds packages of its own without versions, so that two builds of the same files differ.",
		Remedy: "Where builds must be repeatable, use sdk: docker with a Dockerfile that installs from a lock.",
		Bad:    "---\nsdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.12'\n---\n",
		Good:   "---\nsdk: docker\n---\n",
		Source: "https://huggingface.co/docs/hub/spaces-dependencies",
	}, func(p *pass) {
		if p.isGradio() {
			p.key("sdk", "the builder adds gradio[oauth,mcp], uvicorn, websockets, spaces, datasets, huggingface-hub, hf-transfer, protobuf, click and Debian packages, most without a version")
		}
	}}
}
