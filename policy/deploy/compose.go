package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

// IsCompose reports whether a file of this path is a compose file by its name
// ("compose.yaml", "docker-compose.prod.yml").
// https://docs.docker.com/compose/intro/compose-application-model/#the-compose-file
func IsCompose(name string) bool {
	base := strings.ToLower(path.Base(name))
	return IsYAML(base) && (strings.HasPrefix(base, "compose.") || strings.HasPrefix(base, "docker-compose.") ||
		strings.HasPrefix(base, "docker-compose-") || strings.HasPrefix(base, "compose-"))
}

// RunsServices reports whether a file of YAML or JSON is a compose file by what
// it says, whatever its name is: a mapping "services", of which one has an image
// or is built. Of one that cannot be parsed the text decides.
// https://docs.docker.com/compose/support-and-feedback/faq/ (JSON)
func RunsServices(name string, data []byte) bool {
	text := letters(data)
	if !bytes.Contains(text, []byte("services")) || !bytes.Contains(text, []byte("image")) && !bytes.Contains(text, []byte("build")) {
		return false
	}
	n, found := &namer{}, false
	err := documentsOf(name, data, func(root *yaml.Node) {
		for key, services := range n.mapping(root) {
			found = found || key.Value == "services" && n.runsOne(services)
		}
	})
	return found || err != nil && brokenCompose(data)
}

// runsOne reports whether one of the services has an image or is built.
func (n *namer) runsOne(services *yaml.Node) bool {
	for _, service := range n.mapping(services) {
		for key, value := range n.mapping(service) {
			named := key.Value == "image" && value.Kind == yaml.ScalarNode && value.Tag == "!!str"
			if named || key.Value == "build" && value.Tag != "!!null" {
				return true
			}
		}
	}
	return false
}

// CheckCompose applies the rules about compose files to the content of one.
// Nothing is interpolated, included or extended: what another file would bring
// is a Gap. Values of environment variables never get into a finding.
func CheckCompose(name string, data []byte) ([]lint.Finding, []sbom.Gap) {
	c := &compose{file: name, findings: []lint.Finding{}, gaps: []sbom.Gap{}}
	if len(data) > limit.ManifestBytes {
		c.gap(sbom.GapTooLarge, 0, fmt.Sprintf("the compose file is larger than %d bytes", limit.ManifestBytes))
		return c.findings, c.gaps
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	documents := 0
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.gap(sbom.GapUnparsed, 0, fmt.Sprintf("the compose file is not YAML: %s", err))
			break
		}
		documents++
		c.document(&document)
	}
	if documents == 0 && len(c.gaps) == 0 {
		c.gap(sbom.GapUnparsed, 0, "the compose file is empty")
	}
	slices.SortFunc(c.gaps, sbom.CompareGaps)
	return lint.Sort(c.findings), c.gaps
}

// compose is the check of one file.
type compose struct {
	file     string
	findings []lint.Finding
	gaps     []sbom.Gap
}

func (c *compose) gap(kind sbom.GapKind, line int, reason string) {
	c.gaps = append(c.gaps, sbom.NewGap(kind, c.file, line, reason))
}

func (c *compose) document(n *yaml.Node) {
	root := n
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		root = n.Content[0]
	}
	if root.Kind != yaml.MappingNode {
		c.gap(sbom.GapUnparsed, root.Line, "the compose file is not a mapping")
		return
	}
	for key, value := range c.pairs(root) {
		switch key.Value {
		case "include":
			c.gap(sbom.GapInclude, key.Line, "what a compose file includes is not followed")
		case "services":
			for name, service := range c.pairs(value) {
				c.service(name.Value, service)
			}
		}
	}
}

func (c *compose) service(name string, service *yaml.Node) {
	for key, value := range c.pairs(service) {
		if key.Value == "extends" {
			c.gap(sbom.GapInclude, key.Line, fmt.Sprintf("what service %q extends is not followed", sbom.RedactText(name)))
		}
		for _, r := range composeRules() {
			if slices.Contains(r.keys, key.Value) {
				for _, found := range r.check(c, key.Value, value) {
					c.findings = append(c.findings, r.New(c.file, found.line, 0, "", fmt.Sprintf("service %q %s", sbom.RedactText(name), sbom.RedactText(found.what))))
				}
			}
		}
	}
}

// aliasDepth bounds how many aliases lead to one value. Aliases are followed
// one at a time and never expanded, so a file cannot grow by them.
const aliasDepth = 8

// follow returns the node that an alias stands for.
func (c *compose) follow(n *yaml.Node) *yaml.Node {
	for range aliasDepth {
		if n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	c.gap(sbom.GapTooLarge, n.Line, fmt.Sprintf("more than %d aliases lead to a value", aliasDepth))
	return &yaml.Node{}
}

// pairs yields the pairs of a mapping, its merge keys ("<<") included, own
// keys first; a key that was yielded is not yielded again. A null is empty,
// anything else is a gap.
func (c *compose) pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		seen := map[string]bool{}
		pending := []*yaml.Node{n}
		for visited := 0; len(pending) > 0; visited++ {
			m := c.follow(pending[0])
			pending = pending[1:]
			if m.Kind == 0 || m.Tag == "!!null" {
				continue
			}
			if m.Kind != yaml.MappingNode {
				c.gap(sbom.GapUnparsed, m.Line, "a mapping is expected here")
				continue
			}
			if visited > aliasDepth*aliasDepth {
				c.gap(sbom.GapTooLarge, m.Line, "too many merge keys lead to a mapping")
				return
			}
			for i := 0; i+1 < len(m.Content); i += 2 {
				key, value := m.Content[i], m.Content[i+1]
				if key.Tag == "!!merge" {
					if merged := c.follow(value); merged.Kind == yaml.SequenceNode {
						pending = append(pending, merged.Content...)
					} else {
						pending = append(pending, merged)
					}
					continue
				}
				if seen[key.Value] {
					continue
				}
				seen[key.Value] = true
				if !yield(key, c.follow(value)) {
					return
				}
			}
		}
	}
}

// items returns the elements of a sequence; a scalar counts as its only one.
func (c *compose) items(n *yaml.Node) []*yaml.Node {
	switch {
	case n.Kind == yaml.SequenceNode:
		out := make([]*yaml.Node, len(n.Content))
		for i, e := range n.Content {
			out[i] = c.follow(e)
		}
		return out
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		return []*yaml.Node{n}
	}
	return nil
}

// field returns the value of a mapping's key as text, "" without one.
func (c *compose) field(n *yaml.Node, name string) string {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for key, value := range c.pairs(n) {
		if key.Value == name {
			return value.Value
		}
	}
	return ""
}
