package workflow

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
)

func token() rule {
	return rule{lint.Rule{
		ID: "GR-HFS-12", Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "A workflow keeps the Hub's token out of URLs, of the log and of its own text",
		Why:    "A token in a URL stands in the arguments of git, in its messages and in the remotes that it keeps, where every later step and program reads it; one in the workflow's text is everybody's who can read the repository. GitHub masks a secret in the log, and the Hub's own documentation shows the URL: a secret in one is a warning, one that is written out or printed is an error.",
		Remedy: "Give HF_TOKEN to the one step that deploys, as an environment variable, and let hf upload or huggingface/hub-sync use it, or a Trusted Publisher, which needs none. Revoke a token that was written down.",
		Bad:    example(readOnly, "      - run: git push https://user:$HF_TOKEN@huggingface.co/spaces/user/app main\n"),
		Good:   example(readOnly, "      - run: hf upload user/app . --repo-type space\n"),
		Source: "https://huggingface.co/docs/hub/repositories-github-actions",
	}, func(p *pass) {
		for i, line := range p.lines {
			if hubToken.Match(line) {
				p.report(i+1, "a token of the Hub is written here in clear: revoke it")
			}
		}
		for _, j := range p.jobs {
			h := holders{}.with(p.env).with(j.env)
			p.urls(h, j.with)
			for _, s := range j.steps {
				own := h.with(s.env)
				p.urls(own, append(slices.Clone(s.env), s.with...))
				p.url(own, s.run)
				p.echoes(own, s)
			}
		}
	}}
}

// hubURL matches a URL with a user or password.
var hubURL = regexp.MustCompile(`(?i)https?://([^\s'"/@<>]+)@([^\s'"/:]+)`)

func (p *pass) urls(h holders, pairs []pair) {
	for _, q := range pairs {
		p.url(h, q.value)
	}
}

// url reports the lines of a text that have a URL with a token of the Hub. One
// that a variable or a secret puts in is masked where the runner logs it, which
// is milder than one that is written out.
// https://huggingface.co/docs/hub/spaces-github-actions
func (p *pass) url(h holders, t text) {
	for i, line := range strings.Split(t.value, "\n") {
		line = squeeze(line)
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, m := range hubURL.FindAllStringSubmatch(line, -1) {
			if !h.carries(m[1], m[2]) {
				continue
			}
			p.report(t.at(i), "a URL carries a token of the Hub, which git prints and keeps")
			if password := m[1][strings.IndexByte(m[1], ':')+1:]; strings.Contains(password, "$") && !hubToken.MatchString(m[1]) {
				f := &p.found[len(p.found)-1]
				f.Severity, f.Risk = lint.Warning, lint.RiskMedium
			}
		}
	}
}

// carries reports whether the login of a URL is or has a token of the Hub.
func (h holders) carries(login, host string) bool {
	if h.tokens(login) {
		return true
	}
	_, password, _ := strings.Cut(login, ":")
	host = strings.ToLower(host)
	hub := host == "huggingface.co" || host == "hf.co" || strings.HasSuffix(host, ".huggingface.co")
	return hub && password != ""
}

// echoes reports the commands of a step that print a token of the Hub into the
// log. GitHub masks the secret itself there, and nothing that is made of it.
// https://docs.github.com/en/actions/reference/security/secure-use
func (p *pass) echoes(h holders, s step) {
	if slices.Contains([]string{"python", "pwsh", "powershell", "cmd"}, s.shell) {
		return
	}
	for _, c := range commandsOf(squeeze(s.run.value)) {
		if c.logged && h.prints(c.words) {
			p.report(s.run.at(c.line), "the step prints a token of the Hub into the log")
		}
	}
}

// prints reports whether a command writes a token to its output.
func (h holders) prints(words []string) bool {
	switch path.Base(words[0]) {
	case "printenv":
		return slices.ContainsFunc(words[1:], func(w string) bool { return h.named(strings.Trim(w, `'"`)) })
	case "echo", "printf":
	default:
		return false
	}
	for _, w := range words[1:] {
		if strings.Contains(w, "::add-mask::") || strings.HasPrefix(w, "'") && !strings.Contains(w, "${{") {
			continue
		}
		if h.tokens(w) {
			return true
		}
	}
	return false
}
