package deploy

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// IsYAML reports whether a file of this path is YAML by its name.
func IsYAML(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}

var (
	// kindLine and apiLine are the two lines that every Kubernetes object has,
	// a template of one too.
	// https://kubernetes.io/docs/concepts/overview/working-with-objects/#required-fields
	kindLine = regexp.MustCompile(`(?m)^[ \t]*(?:- )?["']?kind["']?[ \t]*:`)
	apiLine  = regexp.MustCompile(`(?m)^[ \t]*(?:- )?["']?apiVersion["']?[ \t]*:`)
	// imageLine names an image in whatever the file is.
	imageLine = regexp.MustCompile(`(?m)^(?:[^#\n]*[ \t,{"'-])?image["']?[ \t]*:`)
	// workloadLine is the kind of an object that runs containers.
	// https://kubernetes.io/docs/concepts/workloads/
	workloadLine = regexp.MustCompile(`(?m)^[ \t]*(?:- )?["']?kind["']?[ \t]*:[ \t]*["']?(?:Pod|PodTemplate|Deployment|StatefulSet|DaemonSet|ReplicaSet|ReplicationController|Job|CronJob|\{\{)`)
)

// IsKubernetes reports whether the content of a YAML file is that of Kubernetes
// objects, or of a template that makes them.
// YAML has many ways to write two keys, so what does not look like one is parsed.
func IsKubernetes(data []byte) bool {
	if kindLine.Match(data) && apiLine.Match(data) {
		return true
	}
	return isKubernetes("", data)
}

// isKubernetes parses a file of this name. Of one that cannot be parsed the
// text decides.
func isKubernetes(name string, data []byte) bool {
	n, found := &namer{}, false
	err := documentsOf(name, data, func(root *yaml.Node) {
		var kind, api bool
		for key := range n.mapping(root) {
			kind, api = kind || key.Value == "kind", api || key.Value == "apiVersion"
		}
		found = found || kind && api
	})
	return found || err != nil && brokenObject(data)
}

// KubernetesImages returns the images that the objects of a manifest run, in
// the order of the file: those of containers, initContainers and
// ephemeralContainers, wherever in an object they are, so that the kinds that
// others define have theirs told too, and those of image volumes. A template
// (Helm's) is a Gap when it may name an image: what it names is known when it
// is rendered.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
func KubernetesImages(name string, data []byte) ([]Named, []sbom.Gap) {
	n := &namer{compose: compose{file: name}, visited: map[*yaml.Node]bool{}}
	switch {
	case IsJSON(name) && !(MayDeploy(data) && isKubernetes(name, data)):
		return nil, nil
	case !IsJSON(name) && !IsKubernetes(data):
		return nil, nil
	}
	if !IsJSON(name) && bytes.Contains(data, []byte("{{")) && n.template(data) {
		return nil, n.gaps
	}
	err := documentsOf(name, data, func(root *yaml.Node) {
		for _, object := range n.objects(root) {
			n.custom = isCustom(n.field(n.follow(object), "apiVersion"))
			n.search(object, describe(n, object), 0)
		}
	})
	if err != nil {
		n.gap(sbom.GapUnpulled, 0, fmt.Sprintf("the manifest cannot be parsed, and the images that it names are not known: %s", err))
	}
	slices.SortFunc(n.gaps, sbom.CompareGaps)
	return n.named, slices.Compact(n.gaps)
}

// template makes a gap of a template that may name an image, and reports
// whether the file is one: a manifest may have the braces in a string.
func (n *namer) template(data []byte) bool {
	names := imageLine.FindIndex(data)
	runs := workloadLine.FindIndex(data)
	switch {
	case documents(data, func(*yaml.Node) {}) == nil && !templated.Match(data):
		return false
	case names == nil && runs == nil:
		return true
	}
	at := names
	if at == nil {
		at = runs
	}
	line := 1 + bytes.Count(data[:at[0]], []byte("\n"))
	n.gap(sbom.GapUnpulled, line, "a template: the images that it names are known when it is rendered (helm template . > manifests.yaml)")
	return true
}

// templated is a line that only a template has: an action by itself, or as the
// value of a key.
var templated = regexp.MustCompile(`(?m)^[ \t]*(?:- )?(?:\{\{|[^\s#:]+:[ \t]*["']?[^\n#]*\{\{)`)

// objects are those of a document: itself, or the items of a List.
func (n *namer) objects(root *yaml.Node) []*yaml.Node {
	if kind := n.field(n.follow(root), "kind"); !strings.HasSuffix(kind, "List") {
		return []*yaml.Node{root}
	}
	for key, value := range n.mapping(root) {
		if key.Value == "items" {
			return n.items(value)
		}
	}
	return []*yaml.Node{root}
}

// describe says which object it is.
func describe(n *namer, object *yaml.Node) string {
	object = n.follow(object)
	kind, name := n.field(object, "kind"), ""
	for key, value := range n.mapping(object) {
		if key.Value == "metadata" {
			name = n.field(value, "name")
		}
	}
	// A name is shown wherever the object is.
	kind, name = sbom.RedactText(kind), sbom.RedactText(name)
	if name == "" {
		return strings.TrimSpace("an unnamed " + kind)
	}
	return fmt.Sprintf("%s %q", kind, name)
}

// containerLists are the fields of a pod that list containers, and those in
// which Argo's and Tekton's objects list what they run beside one another.
// https://argo-workflows.readthedocs.io/en/latest/fields/#template
// https://tekton.dev/docs/pipelines/tasks/#defining-steps
var containerLists = []string{"containers", "initContainers", "ephemeralContainers", "sidecars", "steps"}

// containerFields are the fields in which the same objects have one container.
var containerFields = []string{"container", "script", "stepTemplate"}

// isCustom reports whether the kinds of an API are not Kubernetes' own, whose
// fields are all known.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#api-groups-and-versioning
func isCustom(apiVersion string) bool {
	group, _, named := strings.Cut(apiVersion, "/")
	return named && strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io")
}

// search looks for containers below a node, each node once: aliases may lead
// to one from many places, and in circles.
func (n *namer) search(node *yaml.Node, of string, depth int) {
	if node = n.follow(node); n.visited[node] {
		return
	}
	n.visited[node] = true
	if depth == limit.DeploymentDepth {
		n.gap(sbom.GapUnpulled, node.Line, fmt.Sprintf("%s nests deeper than %d, and is not read below", of, limit.DeploymentDepth))
		return
	}
	for _, item := range n.items(node) {
		n.search(item, of, depth+1)
	}
	for key, value := range n.mapping(node) {
		if value.Kind == yaml.SequenceNode && slices.Contains(containerLists, key.Value) {
			for _, container := range n.items(value) {
				n.container(container, of)
			}
		}
		if value.Kind == yaml.MappingNode && slices.Contains(containerFields, key.Value) {
			n.container(value, of)
		}
		if value.Kind == yaml.SequenceNode && key.Value == "volumes" {
			n.volumes(value, of)
		}
		if n.custom && (key.Value == "image" || strings.HasSuffix(key.Value, "Image")) && !n.taken[value] {
			n.charted(value, "a field of "+of+" names", "which is not asked for: only the images of containers are")
		}
		n.search(value, of, depth+1)
	}
}

func (n *namer) container(container *yaml.Node, of string) {
	by := fmt.Sprintf("container %q of %s", sbom.RedactText(n.field(container, "name")), of)
	n.once(container, "image", by)
	for key, value := range n.mapping(container) {
		if key.Value != "image" {
			continue
		}
		n.take(value)
		if n.custom && strings.ContainsAny(value.Value, "*!|<>") {
			continue // a pattern of a rule about images: no cluster can pull it
		}
		n.add(Named{Reference: value.Value, By: by}, value, "")
	}
}

// take remembers that a node is the image of a container.
func (n *namer) take(image *yaml.Node) {
	if n.taken == nil {
		n.taken = map[*yaml.Node]bool{}
	}
	n.taken[image] = true
}

// once makes a gap of a key that stands twice, of which one program takes the
// first and another the last.
// https://yaml.org/spec/1.2.2/#3213-node-comparison (keys are unique)
func (n *namer) once(mapping *yaml.Node, name, by string) {
	count := 0
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			count++
		}
	}
	if mapping.Kind == yaml.MappingNode && count > 1 {
		n.gap(sbom.GapUnpulled, mapping.Line, fmt.Sprintf("%s has the key %q %d times, and which of them counts is not known", by, name, count))
	}
}

// volumes are the images that a pod mounts.
// https://kubernetes.io/docs/tasks/configure-pod-container/image-volumes/
func (n *namer) volumes(volumes *yaml.Node, of string) {
	for _, volume := range n.items(volumes) {
		for key, image := range n.mapping(volume) {
			if key.Value != "image" {
				continue
			}
			for key, value := range n.mapping(image) {
				if key.Value == "reference" {
					n.add(Named{Reference: value.Value, By: fmt.Sprintf("volume %q of %s", sbom.RedactText(n.field(volume, "name")), of)}, value, "")
				}
			}
		}
	}
}
