package drift

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

func unlocked() rule {
	return rule{lint.Rule{
		ID: "TM-DRIFT-01", Aliases: aliases(), Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "Every installed package is locked or declared",
		Why:    "A package that no lock and no manifest names came by another way: an install beside the lock, a copied folder, or somebody with access to the build. Nobody reviewed it.",
		Remedy: "Install only from the lock (uv sync --frozen, pip install --no-deps --require-hashes), or add the package to it.",
		Bad:    "uv.lock: locked gradio 5.0.0\nimage: installed gradio 5.0.0\nimage: installed stranger 1.0\n",
		Good:   "uv.lock: locked gradio 5.0.0\nuv.lock: locked stranger 1.0\nimage: installed gradio 5.0.0\nimage: installed stranger 1.0\n",
		Source: repeatable,
	}, func(p *pass) {
		if len(p.locks) == 0 {
			return
		}
		for _, c := range p.strangers() {
			p.report(p.locks[0], 0, fmt.Sprintf("%s %s is installed (%s) and neither locked in %s nor declared%s",
				c.Name, c.Version, p.where(c), listed(p.locks), p.doubt()))
		}
	}}
}

func undeclared() rule {
	return rule{lint.Rule{
		ID: "TM-DRIFT-06", Aliases: aliases(), Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "A lock says which packages belong in the image",
		Why:    "Without a lock, what a declared package needs cannot be told from what somebody else put there.",
		Remedy: "Lock the dependencies (uv lock, pip-compile --generate-hashes) and install from the lock.",
		Bad:    "requirements.txt: declared gradio ==5.0.0\nimage: installed gradio 5.0.0\nimage: installed anyio 4.3.0\n",
		Good:   "uv.lock: locked gradio 5.0.0\nuv.lock: locked anyio 4.3.0\nimage: installed gradio 5.0.0\nimage: installed anyio 4.3.0\n",
		Source: repeatable,
	}, func(p *pass) {
		strangers := p.strangers()
		if len(p.locks) > 0 || len(strangers) == 0 {
			return
		}
		text := "%d installed packages are declared by no manifest, and there is no lock to say which of them others need: %s%s"
		if len(strangers) == 1 {
			text = "%d installed package is declared by no manifest, and there is no lock to say whether others need it: %s%s"
		}
		p.report(p.manifest, 0, fmt.Sprintf(text, len(strangers), p.byLayer(strangers), p.doubt()))
	}}
}

// strangers returns the installed packages that the source does not name, by
// name. The project's own tree is none of them.
func (s *sides) strangers() []*sbom.Component {
	var out []*sbom.Component
	for _, name := range slices.Sorted(maps.Keys(s.installed)) {
		if s.named[name] {
			continue
		}
		for _, c := range s.installed[name] {
			if !own(c) && (c.URL == "" || !s.links[bareURL(c.URL)]) {
				out = append(out, c)
			}
		}
	}
	return out
}

// byLayer lists components under the layers that brought them.
func (s *sides) byLayer(list []*sbom.Component) string {
	names := map[string][]string{}
	for _, c := range list {
		digest := ""
		if len(c.Locations) > 0 {
			digest = c.Locations[0].Layer
		}
		names[digest] = append(names[digest], c.Name+" "+c.Version)
	}
	var out []string
	for _, digest := range slices.Sorted(maps.Keys(names)) {
		out = append(out, "by "+s.layer(digest)+": "+listed(names[digest]))
	}
	return strings.Join(out, "; ")
}

// doubt says that the source was not read whole, so that a package may be
// named where nobody could read it.
func (s *sides) doubt() string { return unreadable(s.unread, "source") }

// imageDoubt says the same of the image.
func (s *sides) imageDoubt() string { return unreadable(s.unreadImage, "image") }

func unreadable(places int, of string) string {
	if places == 0 {
		return ""
	}
	return fmt.Sprintf(" (places of the %s that could not be read: %d)", of, places)
}
