package dockerfile

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3002() rule {
	return rule{lint.Rule{
		ID: "DL3002", Aliases: []string{"DS-0002", "GR-IMG-01"}, Severity: lint.Warning, Risk: lint.RiskHigh, Default: true,
		Title:  "The last USER of the shipped image is not root",
		Why:    "Whoever takes over the application is then root in the container, one kernel or mount error away from the host.",
		Remedy: "End the final stage with a USER that is not root, by number: USER 1000.",
		Bad:    "FROM debian:12-slim\nUSER root\nCMD [\"app\"]\n",
		Good:   "FROM debian:12-slim\nUSER 1000\nCMD [\"app\"]\n",
		Source: hadolintURL("DL3002"),
	}, func(p *pass) {
		if s, in := p.lastUser(); in != nil && isRoot(in.Args[0]) && !p.dropsRoot() {
			p.at(s, in, fmt.Sprintf("the last USER of the shipped image is %q", in.Args[0].Text))
		}
	}}
}

// lastUser returns the USER in force at the end of the final stage, which may
// stand in a stage that it is built FROM.
func (p *pass) lastUser() (*dockerfile.Stage, *dockerfile.Instruction) {
	final := p.Final()
	if final == nil {
		return nil, nil
	}
	for _, s := range p.Chain(final) {
		var last *dockerfile.Instruction
		for _, in := range s.Instructions {
			if in.Name == "USER" && len(in.Args) > 0 {
				last = in
			}
		}
		if last != nil {
			return s, last
		}
	}
	return nil, nil
}

// isRoot reports whether a USER argument is root by name or number, whatever
// its group.
func isRoot(w dockerfile.Word) bool {
	user, _, _ := strings.Cut(strings.TrimSpace(w.Text), ":")
	if !w.Known && strings.Contains(user, "$") {
		return false
	}
	return strings.EqualFold(user, "root") || user != "" && strings.Trim(user, "0") == ""
}

// dropsRoot reports whether the shipped ENTRYPOINT or CMD itself changes to
// another user before the application starts.
func (p *pass) dropsRoot() bool {
	for _, s := range p.Chain(p.Final()) {
		for _, in := range s.Instructions {
			if in.Script == nil || in.Name != "ENTRYPOINT" && in.Name != "CMD" {
				continue
			}
			for _, c := range in.Script.Commands {
				if c.Wrapped("gosu") || c.Wrapped("su-exec") || c.Name == "setpriv" || c.Name == "runuser" {
					return true
				}
			}
		}
	}
	return false
}
