package space

import (
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/space"
)

// hubRule is the documentation of a rule about what the Hub says of a Space,
// and its check.
type hubRule struct {
	lint.Rule
	check func(*hubPass)
}

// hubRules lists them, in the order of the identifiers.
func hubRules() []hubRule { return []hubRule{settings(), scanners()} }

// CheckHub applies the rules about what the Hub says of a Space
// ([space.ReadHub]) and returns what they find, sorted. Without that answer
// nothing is known, and nothing is said. file is the name under which the
// findings show it; enable is as in [Check].
func CheckHub(file string, h *space.Hub, enable ...string) []lint.Finding {
	found := []lint.Finding{}
	if h == nil {
		return found
	}
	for _, r := range hubRules() {
		if !r.Enabled(enable) {
			continue
		}
		p := &hubPass{Hub: h, file: file, rule: &r.Rule}
		r.check(p)
		found = append(found, p.found...)
	}
	return lint.Sort(found)
}

// hubPass is one rule's run over one answer.
type hubPass struct {
	*space.Hub
	file  string
	rule  *lint.Rule
	found []lint.Finding
}

// report adds a finding and returns it, for changes before the next report.
func (p *hubPass) report(line int, message string) *lint.Finding {
	p.found = append(p.found, p.rule.New(p.file, line, 0, "", message))
	return &p.found[len(p.found)-1]
}

// mildly adds a finding that only says how things are.
func (p *hubPass) mildly(line int, message string) {
	f := p.report(line, message)
	f.Severity, f.Risk = lint.Info, lint.RiskLow
}

// gravely adds a finding that denies.
func (p *hubPass) gravely(line int, message string) {
	f := p.report(line, message)
	f.Severity, f.Risk = lint.Error, lint.RiskHigh
}
