// Package dockerfile judges what sbom/dockerfile read: the rules that users of
// hadolint, trivy and BuildKit know, under the identifiers that they know, and
// our own about images of Gradio applications.
//
// [Rules] documents all of them, [Check] applies them. A rule is a function of
// its own file that returns its documentation and its check; adding one means
// adding that file and a line in the table of all().
//
// Rules about what ends in the image (USER, CMD, caches) judge the stages that
// are shipped: the final one and those it is built FROM. Rules about where
// things come from judge every stage, because a build stage runs code too.
package dockerfile

import (
	"slices"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

// Options say which rules run and whether pragmas count. The zero value runs
// the default rules and honours no pragma.
type Options struct {
	// Enable names rules that are off by default, by identifier or alias;
	// "all" enables every rule.
	Enable []string
	// Pragmas honours `# hadolint ignore=` and `# tallyman ignore=`. Set it
	// only for files of the repository that the user stands in.
	Pragmas bool
}

// rule is the documentation of a rule and its check.
type rule struct {
	lint.Rule
	check func(*pass)
}

// all lists every rule, in the order of the identifiers.
func all() []rule {
	return []rule{
		dl3002(), dl3004(), dl3006(), dl3007(), dl3008(), dl3009(), dl3013(), dl3015(), dl3016(),
		dl3018(), dl3019(), dl3020(), dl3025(), dl3027(), dl3042(), dl3057(), dl3064(),
		dl4000(), dl4003(), dl4004(), dl4006(),
		grImg01(), grImg02(), grImg03(), grImg05(),
		tmImg01(), tmImg02(),
	}
}

// Rules returns the documentation of every rule, sorted by identifier.
func Rules() []lint.Rule {
	var out []lint.Rule
	for _, r := range all() {
		out = append(out, r.Rule)
	}
	return out
}

// Check applies the rules to a file and returns what it finds, sorted. A
// finding that an honoured pragma covers is there too, as suppressed.
func Check(file *dockerfile.File, opts Options) []lint.Finding {
	found := []lint.Finding{}
	for _, r := range all() {
		if !r.Enabled(opts.Enable) {
			continue
		}
		p := &pass{File: file, rule: &r.Rule}
		r.check(p)
		found = append(found, p.found...)
	}
	if opts.Pragmas {
		suppress(file, found)
	}
	return lint.Sort(found)
}

// pass is one rule's run over one file.
type pass struct {
	*dockerfile.File
	rule  *lint.Rule
	found []lint.Finding
}

// report adds a finding and returns it, for changes before the next report.
func (p *pass) report(s *dockerfile.Stage, line, column int, message string) *lint.Finding {
	stage := ""
	if s != nil {
		stage = s.Label()
	}
	p.found = append(p.found, p.rule.New(p.File.Name, line, column, stage, message))
	return &p.found[len(p.found)-1]
}

// at reports an instruction.
func (p *pass) at(s *dockerfile.Stage, in *dockerfile.Instruction, message string) *lint.Finding {
	return p.report(s, in.Line, in.Column, message)
}

// instructions calls visit for each instruction with one of the names, in
// every stage, triggers of ONBUILD included.
func (p *pass) instructions(visit func(*dockerfile.Stage, *dockerfile.Instruction), names ...string) {
	for _, s := range p.Stages {
		s.Walk(func(in *dockerfile.Instruction) {
			if slices.Contains(names, in.Name) {
				visit(s, in)
			}
		})
	}
}

// runs calls visit for each RUN that could be read.
func (p *pass) runs(visit func(*dockerfile.Stage, *dockerfile.Instruction)) {
	p.instructions(func(s *dockerfile.Stage, in *dockerfile.Instruction) {
		if in.Script != nil {
			visit(s, in)
		}
	}, "RUN")
}

// commands calls visit for each command of each RUN.
func (p *pass) commands(visit func(*dockerfile.Stage, *dockerfile.Command)) {
	p.runs(func(s *dockerfile.Stage, in *dockerfile.Instruction) {
		for _, c := range in.Script.Commands {
			visit(s, c)
		}
	})
}

// installs calls visit for each installation with one of the managers.
func (p *pass) installs(visit func(*dockerfile.Stage, *dockerfile.Instruction, *dockerfile.Install), managers ...string) {
	p.runs(func(s *dockerfile.Stage, in *dockerfile.Instruction) {
		for _, i := range in.Script.Installs() {
			if slices.Contains(managers, i.Manager) {
				visit(s, in, i)
			}
		}
	})
}
