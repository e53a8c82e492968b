package report

import (
	"slices"

	"github.com/tallyman/tallyman/sbom"
)

// unnamed says what was not looked at because nothing names it: what declared
// requirements of Python bring along, where no lock, image or SBOM tells. A
// requirement with hashes stands among all that are installed with it.
// https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
//
// It is "" where there is nothing of that kind. Of Gradio some of it is known.
func (t *text) unnamed() string {
	if t.r.Image != nil {
		return ""
	}
	declared, gradio := false, false
	for i := range t.r.Components {
		c := &t.r.Components[i]
		if c.Ecosystem != "PyPI" || c.Constraint {
			continue
		}
		if !slices.Contains([]sbom.Evidence{sbom.Declared, sbom.Assumed}, c.Evidence) {
			return ""
		}
		declared = declared || c.Evidence == sbom.Declared && len(c.Hashes) == 0
		gradio = gradio || c.NormalName() == "gradio"
	}
	switch {
	case !declared:
		return ""
	case gradio:
		return "; not all of what the requirements bring along, and no file names, was looked at"
	}
	return "; what the requirements bring along, and no file names, was not looked at"
}
