package fix

import "github.com/tallyman/tallyman/vuln"

// Result is what 'tallyman fix --format json' prints: a plan, and what auditing
// the tree with its edits gave. docs/schema/fix.schema.json describes it.
type Result struct {
	// Edits are those that were made or, without --write, would be, sorted by
	// file and line.
	Edits []Edit `json:"edits"`
	// Refused are the places that have a finding and are not edited, sorted by
	// file, line and package.
	Refused []Refusal `json:"refused"`
	// Left are the findings that gate or are latent in the edited tree, sorted.
	Left []vuln.Finding `json:"left"`
	// Outcome is what the policy decides of the edited tree, and the exit code
	// with it: "allowed" (0), "denied" (1) or "undecided" (3).
	Outcome string `json:"outcome"`
	// Written says whether edits were made; false when there were none to make.
	Written bool `json:"written"`
}
