package deploy

import (
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Build is how a compose file builds an image.
// https://docs.docker.com/reference/compose-file/build/
type Build struct {
	// Dockerfile is its path in the tree, "" when it is not there: elsewhere,
	// named by a variable without a default, or in the compose file itself.
	Dockerfile string
	// Target is the stage that is built, "" for the last.
	Target string
	// Args are the names of the build arguments that are given.
	Args []string
	// Frontend is the image that the builder is told to read the Dockerfile with,
	// whatever that says itself; "" for none, or one that a variable names.
	// https://docs.docker.com/reference/dockerfile/#buildkit-built-in-build-args (BUILDKIT_SYNTAX)
	Frontend string
	// Line is that of build, and By is which service builds.
	Line int
	By   string
}

// ComposeBuilds returns the builds of a compose file, in its order.
func ComposeBuilds(name string, data []byte) []Build {
	if len(data) > limit.ManifestBytes {
		return nil
	}
	n := &namer{compose: compose{file: name}}
	var out []Build
	_ = documentsOf(name, data, func(root *yaml.Node) {
		for key, services := range n.mapping(root) {
			if key.Value != "services" {
				continue
			}
			for service, body := range n.mapping(services) {
				for key, build := range n.mapping(body) {
					if key.Value == "build" && build.Tag != "!!null" {
						b := n.build(build)
						b.By, b.Line = fmt.Sprintf("service %q", sbom.RedactText(service.Value)), key.Line
						out = append(out, b)
					}
				}
			}
		}
	})
	return out
}

func (n *namer) build(build *yaml.Node) Build {
	var b Build
	folder, file := ".", "Dockerfile"
	if build.Kind == yaml.ScalarNode {
		folder = known(build.Value)
	}
	for key, value := range n.mapping(build) {
		switch key.Value {
		case "context":
			folder = known(value.Value)
		case "dockerfile":
			file = known(value.Value)
		case "dockerfile_inline":
			file = ""
		case "target":
			b.Target, _ = interpolated(value.Value)
		case "args":
			for arg, given := range n.mapping(value) {
				b.give(arg.Value, given.Value)
			}
			for _, arg := range n.items(value) {
				name, given, _ := strings.Cut(arg.Value, "=")
				b.give(name, given)
			}
		}
	}
	if folder == "" || file == "" || strings.Contains(folder, "://") || path.IsAbs(folder) || path.IsAbs(file) {
		return b
	}
	b.Dockerfile = path.Join(path.Dir(n.file), folder, file)
	return b
}

// give adds an argument.
func (b *Build) give(name, value string) {
	b.Args = append(b.Args, name)
	if name == "BUILDKIT_SYNTAX" {
		b.Frontend, _, _ = strings.Cut(strings.TrimSpace(known(value)), " ")
	}
}

// known is the value with its defaults, "" where one is missing.
func known(text string) string {
	value, missing := interpolated(text)
	if missing != "" {
		return ""
	}
	return value
}
