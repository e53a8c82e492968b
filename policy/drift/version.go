package drift

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

func otherVersion() rule {
	return rule{lint.Rule{
		ID: "TM-DRIFT-02", Aliases: aliases(), Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "What is locked is installed at that version",
		Why:    "The version that was reviewed and tested is not the one that runs: advisories judged on the lock say nothing about the image.",
		Remedy: "Rebuild the image from the lock, and install nothing after it; or lock again.",
		Bad:    "uv.lock: locked gradio 5.49.1\nimage: installed gradio 4.19.1\n",
		Good:   "uv.lock: locked gradio 5.49.1\nimage: installed gradio 5.49.1\n",
		Source: repeatable,
	}, func(p *pass) {
		for _, name := range slices.Sorted(maps.Keys(p.installed)) {
			byFile := map[string][]*sbom.Component{}
			for _, c := range p.locked[name] {
				if file, _ := first(c); p.applies(c) != pep508.False {
					byFile[file] = append(byFile[file], c)
				}
			}
			for _, file := range slices.Sorted(maps.Keys(byFile)) {
				for _, c := range p.installed[name] {
					p.otherVersion(byFile[file], c)
				}
			}
		}
	}}
}

// otherVersion compares an installed package with the versions of one lock.
func (p *pass) otherVersion(locked []*sbom.Component, c *sbom.Component) {
	var versions []string
	for _, l := range locked {
		if l.Version == "" || sameVersion(l.Version, c.Version) {
			return
		}
		versions = append(versions, l.Version)
	}
	file, line := first(locked[0])
	p.report(file, line, fmt.Sprintf("%s is locked at %s (%s) and installed at %s (%s)",
		c.Name, strings.Join(versions, " or "), lines(locked), c.Version, p.where(c)))
}

// sameVersion compares as PEP 440 does, and by the letter what it cannot read.
// A local version ("2.1+cpu") is another one: it is another build.
func sameVersion(a, b string) bool {
	v, err := pep440.Parse(a)
	if err != nil {
		return a == b
	}
	w, err := pep440.Parse(b)
	return err == nil && v.Equal(w)
}

func outOfRange() rule {
	return rule{lint.Rule{
		ID: "TM-DRIFT-03", Aliases: aliases(), Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "What is installed satisfies what is declared",
		Why:    "The image was built from other requirements than these, or something replaced the package afterwards.",
		Remedy: "Rebuild the image from these requirements, or correct the range.",
		Bad:    "requirements.txt: declared gradio >=5,<6\nimage: installed gradio 4.19.1\n",
		Good:   "requirements.txt: declared gradio >=5,<6\nimage: installed gradio 5.49.1\n",
		Source: "https://packaging.python.org/en/latest/specifications/version-specifiers/",
	}, func(p *pass) {
		for _, name := range slices.Sorted(maps.Keys(p.installed)) {
			for _, c := range p.installed[name] {
				p.outOfRange(p.wanted[name], c)
			}
		}
	}}
}

// outOfRange holds an installed package against the lines that limit it. Lines
// whose markers are not decided may be alternatives of each other: they are
// violated when all of them are.
func (p *pass) outOfRange(wanted []*sbom.Component, c *sbom.Component) {
	var undecided []*sbom.Component
	allRefuse := true
	for _, w := range wanted {
		refuses := relevant(w) && !admits(w.Specifier, c.Version)
		switch p.applies(w) {
		case pep508.True:
			if refuses {
				p.violated([]*sbom.Component{w}, c)
			}
		case pep508.Undecided:
			undecided = append(undecided, w)
			allRefuse = allRefuse && refuses
		}
	}
	if len(undecided) > 0 && allRefuse {
		p.violated(undecided, c)
	}
}

func (p *pass) violated(wanted []*sbom.Component, c *sbom.Component) {
	var ranges []string
	for _, w := range wanted {
		ranges = append(ranges, w.Specifier)
	}
	file, line := first(wanted[0])
	p.report(file, line, fmt.Sprintf("%s%s is declared (%s) and %s is installed (%s)",
		c.Name, strings.Join(slices.Compact(ranges), " or "), lines(wanted), c.Version, p.where(c)))
}

// relevant reports whether a line speaks for what runs in the image: not those
// for tests, documentation, builds and demos.
func relevant(c *sbom.Component) bool {
	return runtime(c) || strings.HasPrefix(c.Scope, "extra:")
}

// admits reports whether a specifier admits a version. One that cannot be read
// refuses nothing: its reader has said so.
func admits(specifier, version string) bool {
	s, err := pep440.ParseSpecifiers(specifier)
	return err != nil || s.ContainsText(version, pep440.PrereleasesAllowed)
}
