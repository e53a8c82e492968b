package deploy

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// valuesName is the name of a file of values for a chart.
// https://helm.sh/docs/chart_template_guide/values_files/
var valuesName = regexp.MustCompile(`(?i)(^|[._-])values([._-][^/]*)?\.ya?ml$`)

// IsValues reports whether a file of this path has the values of a Helm chart
// by its name.
func IsValues(name string) bool { return valuesName.MatchString(path.Base(name)) }

// ValuesImages returns a Gap for each image of a chart's values, as charts name
// them (image: {repository, tag}, or image: NAME): what the chart makes of them
// its templates say, and these are known when it is rendered.
func ValuesImages(name string, data []byte) []sbom.Gap {
	n := &namer{compose: compose{file: name}, visited: map[*yaml.Node]bool{}}
	err := documents(data, func(root *yaml.Node) { n.values(root, 0) })
	if err != nil {
		n.gap(sbom.GapUnpulled, 0, fmt.Sprintf("the values are not YAML, and the images that they name are not known: %s", err))
	}
	return n.found()
}

// values looks for images below a node, each node once.
func (n *namer) values(node *yaml.Node, depth int) {
	if node = n.follow(node); n.visited[node] {
		return
	}
	n.visited[node] = true
	if depth == limit.DeploymentDepth {
		n.gap(sbom.GapUnpulled, node.Line, fmt.Sprintf("the values nest deeper than %d, and are not read below", limit.DeploymentDepth))
		return
	}
	if node.Kind == yaml.SequenceNode {
		for _, item := range n.items(node) {
			n.values(item, depth+1)
		}
	}
	for key, value := range n.mapping(node) {
		if key.Value == "image" || strings.HasSuffix(key.Value, "Image") {
			n.charted(value, "a chart's values name", "and which one runs is known when it is rendered (helm template . > manifests.yaml)")
		}
		n.values(value, depth+1)
	}
}

// charted makes a gap of an image as charts name one; what says who names it, and
// why why it is not audited.
func (n *namer) charted(value *yaml.Node, what, why string) {
	reference := ""
	if value.Kind == yaml.ScalarNode && mayBeReference(value.Value) {
		reference = value.Value
	}
	if repository := n.field(value, "repository"); repository != "" {
		reference = strings.TrimPrefix(n.field(value, "registry")+"/"+repository, "/")
		if tag := n.field(value, "tag"); tag != "" {
			reference += ":" + tag
		}
	}
	if reference == "" {
		return
	}
	safe, _ := SafeReference(reference)
	n.gap(sbom.GapUnpulled, value.Line, fmt.Sprintf("%s the image %.200q, %s", what, safe, why))
}

// referenceForm is a name that only an image has: with a tag or a digest, or
// with a registry in front.
// https://github.com/distribution/reference/blob/v0.6.0/reference.go
var referenceForm = regexp.MustCompile(`^(?:[a-zA-Z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9._-]*)?(?:@sha256:[0-9a-f]+)?$`)

// pictures are the files that "image" means elsewhere.
var pictures = regexp.MustCompile(`(?i)\.(png|jpe?g|gif|svg|webp|ico|bmp|avif)$`)

// mayBeReference reports whether a text looks like the name of an image, and
// like nothing else.
func mayBeReference(text string) bool {
	return strings.ContainsAny(text, ":/") && !pictures.MatchString(text) && referenceForm.MatchString(text)
}
