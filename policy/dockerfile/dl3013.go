package dockerfile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3013() rule {
	return rule{lint.Rule{
		ID: "DL3013", Aliases: []string{"GR-IMG-07"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "pip install pins versions",
		Why:    "The build takes whatever was uploaded last, which is also how a hijacked release gets in.",
		Remedy: "Write package==version, or install from a lock with hashes: pip install --require-hashes -r requirements.txt.",
		Bad:    "FROM python:3.12-slim\nRUN pip install --no-cache-dir gradio\n",
		Good:   "FROM python:3.12-slim\nRUN pip install --no-cache-dir gradio==5.49.1\n",
		Source: hadolintURL("DL3013"),
	}, func(p *pass) {
		p.installs(func(s *dockerfile.Stage, _ *dockerfile.Instruction, i *dockerfile.Install) {
			if len(i.Constraints) > 0 || i.Manager == "uv" && i.Verb != "pip install" && i.Verb != "tool install" {
				return
			}
			loose := texts(append(i.Packages, i.Editable...), func(w dockerfile.Word) bool { return !pythonPinned(w) })
			if len(loose) > 0 {
				p.report(s, i.Command.Line, i.Command.Column, fmt.Sprintf("%s installs %s without an exact version", i.Manager, listed(loose)))
			}
		}, "pip", "uv", "pipx")
	}}
}

var (
	archive   = regexp.MustCompile(`(?i)\.(whl|zip|tar|tgz|tar\.(gz|bz2|xz|zst))$`)
	vcsScheme = regexp.MustCompile(`^(git|hg|svn|bzr)\+`)
)

// pythonPinned reports whether a requirement names one version, one commit or
// one file; also when nothing can be said of it.
// https://pip.pypa.io/en/stable/reference/requirement-specifiers/
func pythonPinned(w dockerfile.Word) bool {
	t := strings.TrimSpace(w.Text)
	t, _, _ = strings.Cut(t, ";")
	if opaque(w) || t == "" || strings.Contains(t, "==") {
		return true
	}
	if _, url, ok := strings.Cut(t, "@"); ok && !vcsScheme.MatchString(t) && strings.Contains(url, ":") {
		t = strings.TrimSpace(url) // name @ url
	}
	t, _, _ = strings.Cut(t, "#")
	switch {
	case vcsScheme.MatchString(t):
		_, path, _ := strings.Cut(t, "://")
		_, path, _ = strings.Cut(path, "/")
		return strings.Contains(path, "@")
	case strings.Contains(t, "://"):
		return true
	}
	t, _, _ = strings.Cut(t, "[")
	return strings.HasPrefix(t, ".") || strings.ContainsAny(t, "/\\") || archive.MatchString(t)
}
