package dockerfile

import (
	"regexp"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// conda adds what conda, mamba or micromamba install, and one gap for each
// call: no advisory database covers conda's packages.
// https://docs.conda.io/projects/conda/en/stable/commands/install.html
func (c *collector) conda(v *Invocation) {
	words, files := v.Operands, v.values("-f", "--file")
	switch v.Verb {
	case "install", "create":
	case "env":
		if len(words) == 0 || words[0].Text != "create" && words[0].Text != "update" {
			return
		}
		c.include(files)
		if len(files) == 0 {
			c.requirements = append(c.requirements, "environment.yml")
		}
		return
	default:
		return
	}
	c.include(files)
	var names []string
	for _, w := range words {
		if name := c.condaPackage(w); name != "" {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		c.gap(sbom.GapCatalogue, v.Command.Line, "", "there are no advisories for packages of conda: %s", shown(strings.Join(names, ", ")))
	}
}

// matchSpec takes a conda package specification apart: channel, name, and what
// follows. https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html#package-match-specifications
var matchSpec = regexp.MustCompile(`^(?:([A-Za-z0-9_./-]+)::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)\s*([=<>!~].*|)$`)

// condaPackage adds one package and returns its name, "" when it left a gap.
func (c *collector) condaPackage(w Word) string {
	if !w.Known {
		c.unknown(w)
		return ""
	}
	m := matchSpec.FindStringSubmatch(sbom.RedactText(w.Text))
	if m == nil {
		c.gap(sbom.GapUnparsed, w.Line, "", "%q is not read as a package of conda", shown(w.Text))
		return ""
	}
	channel, name := m[1], strings.ToLower(m[2])
	version, specifier := condaVersion(m[3])
	qualifiers := packageurl.Qualifiers{}
	if channel != "" {
		qualifiers = packageurl.QualifiersFromMap(map[string]string{"channel": channel})
	}
	purl := packageurl.NewPackageURL(packageurl.TypeConda, "", name, version, qualifiers, "").ToString()
	c.add(sbom.Component{Name: name, Version: version, Specifier: specifier, PURL: purl}, w)
	return name
}

// condaVersion returns the exact version that a constraint names, and the
// constraint in the form of PEP 440 where it has one: in conda one "=" is a
// prefix, two are exact, and a second field is the build.
func condaVersion(constraint string) (version, specifier string) {
	text := strings.TrimSpace(constraint)
	if rest, fuzzy := strings.CutPrefix(text, "="); fuzzy && !strings.HasPrefix(rest, "=") {
		number, _, build := strings.Cut(rest, "=")
		switch {
		case build && !strings.ContainsAny(number, "*,|"):
			text = "==" + number
		default:
			text = "==" + strings.TrimSuffix(strings.TrimSuffix(number, "*"), ".") + ".*"
		}
	}
	specifiers, err := pep440.ParseSpecifiers(text)
	if err != nil {
		return "", ""
	}
	if pin, ok := specifiers.Pin(); ok {
		version = pin.String()
	}
	return version, specifiers.String()
}
