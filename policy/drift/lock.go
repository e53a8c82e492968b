package drift

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pylock"
)

// staleLock says that a lock no longer satisfies the manifest that it locks.
var staleLock = lint.Rule{
	ID: "TM-LOCK-01", Aliases: []string{"GR-DEP-05"}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
	Title:  "A lock satisfies the manifest that it locks.",
	Why:    "An installer that follows the lock installs what the manifest excludes, and one that follows the manifest installs what nobody locked.",
	Remedy: "Lock again (uv lock, poetry lock, pdm lock, pipenv lock) and commit both files together.",
	Bad:    "gradio>=5 in pyproject.toml, gradio 4.19.1 in uv.lock",
	Good:   "gradio>=5 in pyproject.toml, gradio 5.49.1 in uv.lock",
	Source: "https://docs.astral.sh/uv/concepts/projects/sync/#checking-the-lockfile",
}

// LockRules returns the documentation of the rules of CheckLock.
func LockRules() []lint.Rule { return []lint.Rule{staleLock} }

// CheckLock returns a finding for each requirement of a manifest that the lock
// does not satisfy, sorted. manifest is the manifest's path and lines the line
// of each requirement. envs are the environments to judge markers for; none
// means those that the lock is for.
func CheckLock(lock *pylock.File, manifest string, reqs []pep508.Requirement, lines []int, envs ...pep508.Environment) []lint.Finding {
	found := []lint.Finding{}
	for i, req := range reqs {
		for _, v := range lock.Violations([]pep508.Requirement{req}, envs...) {
			where := lock.Name
			if len(v.Locked) > 0 && v.Locked[0].Line > 0 {
				where = fmt.Sprintf("%s:%d", lock.Name, v.Locked[0].Line)
			}
			found = append(found, staleLock.New(manifest, lines[i], 0, "", v.String()+" ("+where+")"))
		}
	}
	return lint.Sort(found)
}
