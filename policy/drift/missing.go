package drift

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

func unusedLock() rule {
	return rule{lint.Rule{
		ID: "TM-DRIFT-04", Aliases: aliases(), Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "What the lock names for running is installed",
		Why:    "A lock that the build does not use protects nothing, however carefully it is kept.",
		Remedy: "Install from the lock in the Dockerfile (uv sync --frozen --no-dev, poetry install --only main), or remove the lock.",
		Bad:    "uv.lock: locked gradio 5.0.0\nuv.lock: locked anyio 4.3.0\nimage: installed gradio 5.0.0\n",
		Good:   "uv.lock: locked gradio 5.0.0\nuv.lock: locked anyio 4.3.0\nimage: installed gradio 5.0.0\nimage: installed anyio 4.3.0\n",
		Source: "https://docs.astral.sh/uv/concepts/projects/sync/",
	}, func(p *pass) {
		total, missing := p.absent(p.locked)
		for _, file := range slices.Sorted(maps.Keys(missing)) {
			_, line := first(missing[file][0])
			if n := len(missing[file]); n == total[file] {
				p.report(file, line, fmt.Sprintf("%s is not used: of the %d packages that it locks for running the image has none%s", file, n, p.imageDoubt()))
				continue
			}
			p.report(file, line, fmt.Sprintf("the image has none of %d of the %d packages that %s locks for running: %s%s",
				len(missing[file]), total[file], file, p.names(missing[file]), p.imageDoubt()))
		}
	}}
}

func notInstalled() rule {
	return rule{lint.Rule{
		ID: "TM-DRIFT-05", Aliases: aliases(), Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "What is declared for running is installed",
		Why:    "The image was built from other requirements than these, or the package arrives only when the container starts, unseen by any audit of the image.",
		Remedy: "Rebuild the image from these requirements, or remove those that nothing needs.",
		Bad:    "requirements.txt: declared gradio ==5.0.0\nrequirements.txt: declared numpy\nimage: installed gradio 5.0.0\n",
		Good:   "requirements.txt: declared gradio ==5.0.0\nrequirements.txt: declared numpy\nimage: installed gradio 5.0.0\nimage: installed numpy 2.0.0\n",
		Source: repeatable,
	}, func(p *pass) {
		_, missing := p.absent(p.wanted)
		for _, file := range slices.Sorted(maps.Keys(missing)) {
			_, line := first(missing[file][0])
			p.report(file, line, fmt.Sprintf("%s declares what the image does not have: %s%s", file, p.names(missing[file]), p.imageDoubt()))
		}
	}}
}

// absent returns, by file, how many packages the source wants for running and
// which of them the image does not have, by line and then by name.
func (s *sides) absent(wanted map[string][]*sbom.Component) (total map[string]int, missing map[string][]*sbom.Component) {
	total, missing = map[string]int{}, map[string][]*sbom.Component{}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		counted := map[string]bool{}
		for _, c := range wanted[name] {
			file, _ := first(c)
			if !runtime(c) || c.Constraint || s.applies(c) == pep508.False || counted[file] {
				continue
			}
			counted[file] = true
			total[file]++
			if !s.present[name] {
				missing[file] = append(missing[file], c)
			}
		}
	}
	for _, list := range missing {
		slices.SortStableFunc(list, func(a, b *sbom.Component) int {
			_, i := first(a)
			_, j := first(b)
			return cmp.Compare(i, j)
		})
	}
	return total, missing
}

// names lists components with their versions or ranges, and their lines. It
// says so where it depends on a marker that cannot be decided.
func (s *sides) names(list []*sbom.Component) string {
	var out []string
	for _, c := range list {
		text := c.Name + c.Specifier
		if c.Specifier == "" && c.Version != "" {
			text = c.Name + " " + c.Version
		}
		if _, line := first(c); line > 0 {
			text += fmt.Sprintf(" (line %d)", line)
		}
		if s.applies(c) == pep508.Undecided {
			text += " if " + c.Marker
		}
		out = append(out, text)
	}
	return listed(out)
}
