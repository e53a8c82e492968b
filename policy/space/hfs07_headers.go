package space

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
)

// headerKeys are the headers that the Hub sets for a Space, as it spells them.
var headerKeys = []string{"cross-origin-embedder-policy", "cross-origin-opener-policy", "cross-origin-resource-policy"}

func headers() rule {
	return rule{lint.Rule{
		ID: "GR-HFS-07", Aliases: []string{"GR-WEB-05", "GR-WEB-07"}, Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "A Space relies on no header that the Hub does not set, and on no frame that it does not want",
		Why:    "custom_headers takes three headers and drops every other, so that a Content-Security-Policy written there protects nobody; and any page can put a Space in a frame and have its signed-in users click there.",
		Remedy: "Set other headers in a proxy or in a Docker Space's own server; write disable_embedding: true where users sign in.",
		Bad:    "---\nsdk: docker\ncustom_headers:\n  content-security-policy: default-src 'self'\n---\n",
		Good:   "---\nsdk: docker\ncustom_headers:\n  cross-origin-opener-policy: same-origin\n---\n",
		Source: reference,
	}, func(p *pass) {
		if k := p.Key("custom_headers"); k != nil {
			for _, h := range k.Table {
				if !slices.Contains(headerKeys, h.Name) {
					p.report(p.File, h.Line, fmt.Sprintf("the Hub does not set the header %q", shown(h.Name)))
				}
			}
		}
		if k := p.Key("disable_embedding"); p.OAuth.Enabled && (k == nil || !strings.EqualFold(k.Value, "true")) {
			p.report(p.File, p.OAuth.Line, "users sign in, and any page can show the Space in a frame")
		}
	}}
}
