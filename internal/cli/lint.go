package cli

import (
	"path"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/audit"
)

func (a *app) lintCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lint [PATH...]",
		Short: "Check Dockerfiles, requirement files and image configurations",
		Long: `Lint each PATH: Dockerfiles, requirement files, workflows and compose files of a
folder, one such file, or the configuration of an image. A rule of high risk
denies, the others warn. No advisory is looked at.

Exit codes: 0 nothing denies, 1 a rule denies, 2 wrong usage (nothing ran), 3
something could not be read, or there was nothing to lint.`,
		Example: `  tallyman lint .
  tallyman lint Dockerfile --enable DL3057
  tallyman lint app/Dockerfile web/Dockerfile --format sarif`,
		RunE: a.lint,
	}
	a.common(cmd)
	unsaid(cmd, "fail-on", "max-age", "unfixed", "unresolved", "pack", "only-added")
	a.enableFlag(cmd)
	cmd.Flags().StringVar(&a.flags.platform, "platform", "", "`OS/ARCH` to take from an image index")
	return cmd
}

// lint lints each PATH and joins the reports; the worst outcome counts.
func (a *app) lint(cmd *cobra.Command, paths []string) error {
	ctx, cancel, set, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	if len(paths) > 1 && a.flags.hub != "" {
		return usagef(cmd.CommandPath()+" --help", "--hub is about one Space: give one PATH")
	}
	var joined *audit.Report
	for _, word := range paths {
		r, err := a.run(ctx, set, "lint", []string{audit.StageLint}, word, "")
		if err != nil {
			return err
		}
		if len(paths) > 1 {
			prefix(r, a.classify(word) == aFolder)
		}
		joined = join(joined, r)
	}
	return a.finish(joined)
}

// prefix makes the paths of one of several targets unambiguous: they start
// with the target as the user named it.
func prefix(r *audit.Report, folder bool) {
	dir := r.Target.Name
	if !folder {
		dir = path.Dir(dir)
	}
	for i := range r.Lint {
		r.Lint[i].File = path.Join(dir, r.Lint[i].File)
	}
	for i := range r.Gaps {
		if r.Gaps[i].File != "" {
			r.Gaps[i].File = path.Join(dir, r.Gaps[i].File)
		}
	}
}

// join adds b to a: their findings, their gaps and their reasons. Denied
// outranks undecided, which outranks allowed.
func join(a, b *audit.Report) *audit.Report {
	if a == nil {
		return b
	}
	a.Target.Name += " " + b.Target.Name
	a.Lint = append(a.Lint, b.Lint...)
	a.Gaps = append(a.Gaps, b.Gaps...)
	a.Components = append(a.Components, b.Components...)
	a.Rules = append(a.Rules, b.Rules...)
	a.Decision.Reasons = append(a.Decision.Reasons, b.Decision.Reasons...)
	a.Decision.Outcome = a.Decision.Outcome.Worse(b.Decision.Outcome)
	return a
}
