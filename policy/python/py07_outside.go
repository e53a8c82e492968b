package python

import (
	"path"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func outside() rule {
	return rule{lint.Rule{
		ID: "TM-PY-07", Severity: lint.Warning, Risk: lint.RiskLow, Default: true,
		Title:  "Local projects come from inside the repository",
		Why:    "What lies outside is neither reviewed nor audited with the repository, and differs between machines.",
		Remedy: "Move the project into the repository, or require a released version of it.",
		Bad:    "-e ../other\n",
		Good:   "-e ./other\n",
		Source: installOptions + "#editable-installs",
	}, func(p *pass) {
		p.entries(func(e *pyreq.Entry) {
			if leavesRoot(e) {
				p.report(e.File, e.Line, named(e)+" is taken from outside the repository: "+e.Link)
			}
		})
	}}
}

// leavesRoot reports whether an entry's link is a local path that leads out of
// the root. pip takes a path from the working directory, which may be the root
// or the file's folder: it leaves if it does so from both.
func leavesRoot(e *pyreq.Entry) bool {
	switch {
	case e.Link == "":
		return false
	case e.IsURL:
		return scheme(e.Link) == "file"
	case path.IsAbs(e.Link) || strings.HasPrefix(e.Link, "~"):
		return true
	}
	up := func(p string) bool { return p == ".." || strings.HasPrefix(p, "../") }
	return up(path.Clean(e.Link)) && up(path.Join(path.Dir(e.File), e.Link))
}
