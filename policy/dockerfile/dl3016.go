package dockerfile

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3016() rule {
	return rule{lint.Rule{
		ID: "DL3016", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "npm install pins versions",
		Why:    "The build takes whatever was published last, which is also how a hijacked release gets in.",
		Remedy: "Write package@version, or install from package-lock.json with npm ci.",
		Bad:    "FROM node:22-slim\nRUN npm install -g pnpm\n",
		Good:   "FROM node:22-slim\nRUN npm install -g pnpm@10.4.1\n",
		Source: hadolintURL("DL3016"),
	}, func(p *pass) {
		p.installs(func(s *dockerfile.Stage, _ *dockerfile.Instruction, i *dockerfile.Install) {
			loose := texts(i.Packages, func(w dockerfile.Word) bool { return !npmPinned(w) })
			if len(loose) > 0 {
				p.report(s, i.Command.Line, i.Command.Column, fmt.Sprintf("npm installs %s without a version", listed(loose)))
			}
		}, "npm")
	}}
}

// npmPinned reports whether a package argument names a version, a git ref, a
// tarball or a folder; also when nothing can be said of it.
// https://docs.npmjs.com/cli/commands/npm-install
func npmPinned(w dockerfile.Word) bool {
	t := w.Text
	switch {
	case opaque(w), strings.HasPrefix(t, "."), strings.HasPrefix(t, "/"), strings.HasPrefix(t, "~/"), strings.HasPrefix(t, "file:"):
		return true
	case strings.HasSuffix(t, ".tgz"), strings.HasSuffix(t, ".tar.gz"), strings.HasSuffix(t, ".tar"):
		return true
	case strings.Contains(t, "://") || strings.HasPrefix(t, "github:") || strings.HasPrefix(t, "git@"):
		return strings.Contains(t, "#")
	}
	name := strings.TrimPrefix(t, "@") // a scope
	at := strings.LastIndexByte(name, '@')
	if at < 0 {
		return !strings.HasPrefix(t, "@") && strings.Contains(name, "/") && strings.Contains(name, "#")
	}
	version := name[at+1:]
	return version != "" && version != "latest" && version != "next" && version != "*"
}
