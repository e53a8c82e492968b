package pyproject

import (
	"bytes"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// CondaPackage is a package that conda installs.
type CondaPackage struct {
	// Name as the file spells it.
	Name string
	// Version is set for an exact version only.
	Version string
	// Specifier is conda's own, as written: it is not PEP 440.
	Specifier string
	// Build and Channel are "" if the file names none.
	Build, Channel string
	// Line counts from 1.
	Line int
}

// conda reads an environment file.
// https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html#creating-an-environment-file-manually
func (r *reader) conda(data []byte) {
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		if bytes.Contains(data, []byte("dependencies:")) || isExactCondaName(r.file.Name) {
			r.gap(sbom.GapUnparsed, 0, "no YAML: %s", shown(err.Error()))
		}
		return
	}
	if len(root.Content) == 0 {
		return
	}
	dependencies := yamlGet(resolve(root.Content[0]), "dependencies")
	if dependencies == nil {
		return
	}
	if dependencies.Kind != yaml.SequenceNode {
		r.gap(sbom.GapUnparsed, dependencies.Line, "dependencies is not a list")
		return
	}
	left := limit.ManifestLines
	for _, item := range dependencies.Content {
		item = resolve(item)
		if left--; left < 0 {
			r.gap(sbom.GapTooLarge, item.Line, "more than %d dependencies, the rest was not read", limit.ManifestLines)
			return
		}
		switch item.Kind {
		case yaml.ScalarNode:
			r.condaPackage(item)
		case yaml.MappingNode:
			r.condaPip(item, &left)
		default:
			r.gap(sbom.GapUnparsed, item.Line, "dependencies has an item that is neither a package nor a section")
		}
	}
}

// isExactCondaName knows the names that nothing but conda uses.
func isExactCondaName(name string) bool {
	return strings.HasSuffix("/"+name, "/environment.yml") || strings.HasSuffix("/"+name, "/environment.yaml")
}

// resolve returns what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for range limit.IncludeDepth {
		if n.Kind != yaml.AliasNode || n.Alias == nil {
			break
		}
		n = n.Alias
	}
	return n
}

// yamlGet returns the value of a key of a mapping, nil if it is not there.
func yamlGet(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}

// condaPip reads a section of dependencies; only "pip" is known.
func (r *reader) condaPip(n *yaml.Node, left *int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		if key.Value != "pip" || value.Kind != yaml.SequenceNode {
			if value.Tag != "!!null" {
				r.gap(sbom.GapUnsupported, key.Line, "the section %q of dependencies is not one that is read", shown(key.Value))
			}
			continue
		}
		var lines []pipLine
		for _, item := range value.Content {
			item = resolve(item)
			if *left--; *left < 0 {
				r.gap(sbom.GapTooLarge, item.Line, "more than %d dependencies, the rest was not read", limit.ManifestLines)
				return
			}
			if item.Kind != yaml.ScalarNode {
				r.gap(sbom.GapUnparsed, item.Line, "the pip section has an item that is not a string")
				continue
			}
			lines = append(lines, pipLine{item.Value, item.Line})
		}
		r.pipLines(lines, "")
	}
}

// condaSpec is a package with its channel, and what follows its name.
// https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html#package-match-specifications
var condaSpec = regexp.MustCompile(`^(?:([^\s:]+)::?(?:[^\s:]*:)?)?([A-Za-z0-9_.-]+)\s*(.*)$`)

// condaExact is one version, with the build it may name.
var condaExact = regexp.MustCompile(`^(?:==?\s*|\s*)([A-Za-z0-9_.!+-]+)(?:(?:=|\s+)([^\s=*]+))?$`)

// condaPackage keeps one package of conda, and what it says of Python.
func (r *reader) condaPackage(n *yaml.Node) {
	spec, _, _ := strings.Cut(sbom.RedactText(n.Value), " #")
	spec = strings.TrimSpace(spec)
	m := condaSpec.FindStringSubmatch(spec)
	if m == nil || strings.Contains(spec, "://") {
		r.gap(sbom.GapUnparsed, n.Line, "%q is no package of conda", shown(spec))
		return
	}
	p := CondaPackage{Name: m[2], Channel: m[1], Specifier: strings.TrimSpace(m[3]), Line: n.Line}
	if e := condaExact.FindStringSubmatch(p.Specifier); e != nil {
		// One '=' and no build means any version that begins so.
		if strings.HasPrefix(p.Specifier, "==") || e[2] != "" {
			p.Version, p.Build = e[1], e[2]
		}
	}
	if pep508.NormalizeName(p.Name) == "python" && r.file.RequiresPython == "" {
		r.condaPython(p)
	}
	r.file.Conda = append(r.file.Conda, p)
}

// condaPython notes which Python conda installs.
func (r *reader) condaPython(p CondaPackage) {
	specifier := p.Specifier
	switch {
	case p.Version != "":
		specifier = "==" + p.Version
	case strings.HasPrefix(specifier, "=") && !strings.HasPrefix(specifier, "=="):
		specifier = "==" + strings.TrimSuffix(strings.TrimSpace(specifier[1:]), ".*") + ".*"
	case specifier != "" && specifier[0] >= '0' && specifier[0] <= '9':
		specifier = "==" + specifier
	}
	if specifier != "" {
		r.python(specifier, p.Line)
	}
}
