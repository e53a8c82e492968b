package space

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/space"
)

// wideScopes let the Space act for its user: change what is theirs, spend their
// money or run things in their name.
// https://huggingface.co/docs/hub/oauth#currently-supported-scopes
var wideScopes = []string{"write-repos", "manage-repos", "jobs", "webhooks", "write-endpoints", "write-collections", "read-billing"}

// The Hub's bounds on how long a token is good for, in minutes.
const (
	defaultExpiration = 480
	maxExpiration     = 43_200
)

func oauth() rule {
	return rule{lint.Rule{
		ID: "GR-HFS-06", Aliases: []string{"GR-AUTH-08"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "A Space asks its users for the least that it needs, and not for long",
		Why:    "A flaw in the Space gives whoever uses it the tokens of everybody who signed in, with all that their scopes allow until they expire.",
		Remedy: "Ask for openid and profile, and for single scopes that the application uses; leave hf_oauth_expiration_minutes at 480 or below.",
		Bad:    "---\nsdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.12'\ndisable_embedding: true\nhf_oauth: true\nhf_oauth_scopes:\n  - write-repos\n---\n",
		Good:   "---\nsdk: gradio\nsdk_version: '6.26.0'\npython_version: '3.12'\ndisable_embedding: true\nhf_oauth: true\n---\n",
		Source: "https://huggingface.co/docs/hub/spaces-oauth",
	}, func(p *pass) {
		p.organizations()
		if !p.OAuth.Enabled {
			return
		}
		for _, s := range p.OAuth.Scopes {
			if slices.Contains(wideScopes, strings.ToLower(strings.TrimSpace(s.Value))) {
				p.report(p.File, s.Line, fmt.Sprintf("the scope %s lets the Space act for everybody who signs in", shown(s.Value)))
			}
		}
		switch minutes := p.OAuth.ExpirationMinutes; {
		case minutes > maxExpiration:
			p.key("hf_oauth_expiration_minutes", fmt.Sprintf("tokens for %d minutes: the Hub gives none for more than %d", minutes, maxExpiration))
		case minutes > defaultExpiration:
			p.key("hf_oauth_expiration_minutes", fmt.Sprintf("a stolen token is good for %d minutes", minutes))
		}
	}}
}

// organizations reports a limit to the members of organizations that limits
// nobody. Whether a Space without one is for everybody is not written anywhere.
func (p *pass) organizations() {
	k := p.Key("hf_oauth_authorized_org")
	switch {
	case k == nil:
	case !p.OAuth.Enabled:
		p.key(k.Name, "hf_oauth_authorized_org without hf_oauth: true limits nobody")
	case !slices.ContainsFunc(p.OAuth.Organizations, func(o space.Item) bool { return strings.TrimSpace(o.Value) != "" }):
		p.key(k.Name, "hf_oauth_authorized_org names no organization: everybody may sign in")
	}
}
