package deploy

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
)

// Builds returns the folders that the services of a compose file are built
// from, as paths of the tree that name is a path of, sorted. A context that is
// remote, absolute or outside of the tree is not among them, and neither is one
// that a variable names.
// https://docs.docker.com/reference/compose-file/build/#context
func Builds(name string, data []byte) []string {
	var document yaml.Node
	if len(data) > limit.ManifestBytes || yaml.NewDecoder(bytes.NewReader(data)).Decode(&document) != nil || len(document.Content) != 1 {
		return nil
	}
	c := &compose{file: name}
	var out []string
	for key, services := range c.mapping(document.Content[0]) {
		if key.Value != "services" {
			continue
		}
		for _, service := range c.mapping(services) {
			for key, build := range c.mapping(service) {
				if key.Value == "build" {
					out = append(out, c.contexts(build)...)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mapping are the pairs of a node, none if it is no mapping.
func (c *compose) mapping(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	if n = c.follow(n); n.Kind != yaml.MappingNode {
		return func(func(key, value *yaml.Node) bool) {}
	}
	return c.pairs(n)
}

// contexts are the folders that a build names: its context, and the folder of
// its Dockerfile.
func (c *compose) contexts(build *yaml.Node) []string {
	folder, file := ".", ""
	if build = c.follow(build); build.Kind == yaml.ScalarNode {
		folder = build.Value
	}
	for key, value := range c.mapping(build) {
		switch value = c.follow(value); key.Value {
		case "context":
			folder = value.Value
		case "dockerfile":
			file = value.Value
		}
	}
	if strings.Contains(folder, "://") || strings.ContainsAny(folder, "$:") || path.IsAbs(folder) {
		return nil
	}
	folder = path.Join(path.Dir(c.file), folder)
	out := []string{folder}
	if file != "" && !strings.Contains(file, "$") && !path.IsAbs(file) {
		out = append(out, path.Dir(path.Join(folder, file)))
	}
	return slices.DeleteFunc(out, func(f string) bool { return f == ".." || strings.HasPrefix(f, "../") })
}
