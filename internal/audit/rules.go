package audit

import (
	"slices"

	"github.com/tallyman/tallyman/policy/deploy"
	"github.com/tallyman/tallyman/policy/dockerfile"
	"github.com/tallyman/tallyman/policy/drift"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/policy/python"
	"github.com/tallyman/tallyman/policy/space"
	"github.com/tallyman/tallyman/policy/workflow"
)

// allRules documents every lint rule. An identifier may stand twice, when two
// kinds of input break the same control.
func allRules() []lint.Rule {
	return slices.Concat(dockerfile.Rules(), python.Rules(), python.FolderRules(), deploy.Rules(), space.Rules(), workflow.Rules(), drift.Rules(), drift.LockRules())
}

// Rules documents every lint rule, in no particular order. An identifier may
// stand twice, when two kinds of input break the same control.
func Rules() []lint.Rule { return allRules() }

// HasRule reports whether a lint rule has this identifier or alias; "all" names
// them all.
func HasRule(id string) bool {
	return slices.ContainsFunc(allRules(), func(r lint.Rule) bool { return r.Named(id) })
}
