package python

import (
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// fullCommit matches the full identifier of a commit: SHA-1 of git and
// Mercurial, SHA-256 of git.
var fullCommit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

func vcsCommit() rule {
	return rule{lint.Rule{
		ID: "TM-PY-05", Aliases: []string{"GR-DEP-04"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "A VCS requirement names a full commit",
		Why:    "A branch or tag can be moved by whoever owns the repository or takes it over, so the next build runs code that nobody here has seen.",
		Remedy: "Append the full commit: git+https://host/repository@<40 hexadecimal digits>.",
		Bad:    "git+https://github.com/example/project@main\n",
		Good:   "git+https://github.com/example/project@0123456789abcdef0123456789abcdef01234567\n",
		Source: "https://pip.pypa.io/en/stable/topics/vcs-support/#git",
	}, func(p *pass) {
		p.entries(func(e *pyreq.Entry) {
			if isVCS(e.Link) && !fullCommit.MatchString(revision(e.Link)) {
				message := named(e) + " is whatever its repository holds on the day"
				if named(e) != e.Link {
					message += ": " + e.Link
				}
				p.report(e.File, e.Line, message)
			}
		})
	}}
}

// revision returns what stands behind the '@' of a VCS link's path, "" if
// nothing does.
func revision(link string) string {
	link, _, _ = strings.Cut(link, "#")
	_, rest, _ := strings.Cut(link, "://")
	_, path, _ := strings.Cut(rest, "/")
	at := strings.LastIndexByte(path, '@')
	if at < 0 {
		return ""
	}
	return path[at+1:]
}
