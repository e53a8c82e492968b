package python

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func hashes() rule {
	return rule{lint.Rule{
		ID: "GR-DEP-04", Severity: lint.Info, Risk: lint.RiskLow, Default: false,
		Title:  "Every requirement has a digest",
		Why:    "Without digests pip installs whatever the index, a mirror or a proxy hands out under the name.",
		Remedy: "Lock with digests (uv pip compile --generate-hashes, pip-compile --generate-hashes) and install with --require-hashes.",
		Bad:    "gradio==5.0.0\n",
		Good:   "gradio==5.0.0 --hash=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
		Source: secureInstalls + "#hash-checking-mode",
	}, func(p *pass) {
		var first *pyreq.Entry
		without := 0
		p.entries(func(e *pyreq.Entry) {
			if e.Constraint || e.Link != "" || len(e.Hashes) > 0 {
				return
			}
			if without++; first == nil {
				first = e
			}
		})
		if first != nil {
			p.report(first.File, first.Line, fmt.Sprintf("%d of %d requirements have no digest, %s first", without, len(p.Entries), named(first)))
		}
	}}
}
