package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3064() rule {
	return rule{lint.Rule{
		ID: "DL3064", Aliases: []string{"DS-0031", "GR-SEC-02", "SecretsUsedInArgOrEnv"}, Severity: lint.Warning, Risk: lint.RiskHigh, Default: true,
		Title:  "No secrets in ARG or ENV",
		Why:    "Both are kept in the image's configuration and history, where everyone who can pull the image reads them.",
		Remedy: "Use RUN --mount=type=secret at build time and the platform's secrets at run time; revoke a value that was published.",
		Bad:    "FROM debian:12-slim\nENV HF_TOKEN=not-a-real-token\nRUN fetch-model\n",
		Good:   "FROM debian:12-slim\nRUN --mount=type=secret,id=HF_TOKEN,env=HF_TOKEN fetch-model\n",
		Source: "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",
	}, func(p *pass) {
		for _, in := range p.Global {
			p.secrets(nil, in)
		}
		p.instructions(p.secrets, "ARG", "ENV")
	}}
}

// secrets reports the names of one ARG or ENV, never the values.
func (p *pass) secrets(s *dockerfile.Stage, in *dockerfile.Instruction) {
	for _, pair := range in.Pairs {
		if in.Name != "ARG" && in.Name != "ENV" || !secretName(pair.Key) || harmless(pair.Value) {
			continue
		}
		literal := pair.HasValue && pair.Value != "" && !strings.Contains(pair.Raw, "$")
		message := fmt.Sprintf("%s %s looks like a secret that would be kept in the image", in.Name, shown(pair.Key))
		if literal {
			message = fmt.Sprintf("%s %s sets what looks like a secret to a literal value", in.Name, shown(pair.Key))
		}
		f := p.at(s, in, message)
		if !literal || strings.HasPrefix(pair.Value, "/") { // a path to a secret is not one
			f.Risk = lint.RiskMedium
		}
	}
}

// secretName reports whether one word of a variable name speaks of a secret.
func secretName(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	if len(words) == 0 || slices.Contains(words, "public") || slices.Contains([]string{"file", "path", "dir", "name", "id", "url", "type"}, words[len(words)-1]) {
		return false
	}
	return slices.ContainsFunc(words, func(w string) bool {
		return slices.Contains([]string{
			"apikey", "auth", "credential", "credentials", "key", "passphrase", "passwd", "password", "pword", "pwd",
			"secret", "secrets", "token", "tokens",
		}, w)
	})
}

// harmless reports whether a value is a switch, which is no secret.
func harmless(value string) bool {
	return slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "none", "null", "0", "1"}, strings.ToLower(value))
}
