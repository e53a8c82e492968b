package deploy

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// IsKustomization reports whether a file of this path is kustomize's, which
// knows three names.
// https://kubectl.docs.kubernetes.io/references/kustomize/glossary/#kustomization
func IsKustomization(name string) bool {
	return slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, path.Base(name))
}

// Kustomization is what a kustomization says of images.
type Kustomization struct {
	// File is its path.
	File string
	// Resources are the manifests and folders that it is made of, as written.
	Resources []Resource
	// Patches are the files of its patches, as written.
	Patches []Resource
	// Overrides are its changes to images, in order.
	Overrides []Override
}

// Resource is a path in a kustomization, from its own folder.
type Resource struct {
	Path string
	Line int
}

// Override is one entry of the field images.
// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/
type Override struct {
	// Name is the image that is changed, without tag and digest.
	Name string
	// NewName, NewTag and Digest replace a part each, "" for none.
	NewName, NewTag, Digest string
	Line                    int
}

// Remote reports whether a resource is not of this tree.
// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/resource/
func (r Resource) Remote() bool {
	return strings.Contains(r.Path, "://") || strings.Contains(r.Path, "?ref=") || strings.HasPrefix(r.Path, "github.com/") || strings.HasPrefix(r.Path, "git@")
}

// Apply returns the reference as the override makes it, and whether it is about
// that image.
func (o Override) Apply(reference string) (changed string, applies bool) {
	name, digest, _ := strings.Cut(reference, "@")
	tag := ""
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name, tag = name[:colon], name[colon+1:]
	}
	if name != o.Name {
		return reference, false
	}
	if o.NewName != "" {
		name = o.NewName
	}
	if o.NewTag != "" || o.Digest != "" {
		tag, digest = o.NewTag, o.Digest
	}
	if tag != "" {
		name += ":" + tag
	}
	if digest != "" {
		name += "@" + digest
	}
	return name, true
}

// patchOfImage is a patch that sets an image: the operation of a JSON patch, or
// the field.
// https://www.rfc-editor.org/rfc/rfc6902#section-4
var patchOfImage = regexp.MustCompile(`(?m)(?:/image["']?[ \t\r]*(?:[,}]|$)|\bimage["']?[ \t]*:)`)

// PatchesImage reports whether a text may be a patch that sets an image.
func PatchesImage(text []byte) bool { return patchOfImage.Match(text) }

// ReadKustomization reads what a kustomization says of images. What it makes
// them of otherwise is a Gap: charts that are rendered, and patches that stand
// in it and set an image.
func ReadKustomization(name string, data []byte) (*Kustomization, []sbom.Gap) {
	k := &kustomizationReader{namer: namer{compose: compose{file: name}}, out: Kustomization{File: name}}
	err := documents(data, func(root *yaml.Node) {
		for key, value := range k.mapping(root) {
			k.field(key, value)
		}
	})
	if err != nil {
		k.gap(sbom.GapUnpulled, 0, "the kustomization is not YAML, and the images that it changes are not known: "+err.Error())
	}
	slices.SortFunc(k.gaps, sbom.CompareGaps)
	return &k.out, slices.Compact(k.gaps)
}

type kustomizationReader struct {
	namer
	out Kustomization
}

func (k *kustomizationReader) field(key, value *yaml.Node) {
	switch key.Value {
	case "resources", "bases", "components":
		k.out.Resources = append(k.out.Resources, k.paths(value)...)
	case "images":
		for _, item := range k.items(value) {
			if len(k.out.Overrides) == limit.KustomizeOverrides {
				k.gap(sbom.GapUnpulled, item.Line, fmt.Sprintf("the kustomization changes more than %d images: what the others are is not known", limit.KustomizeOverrides))
				return
			}
			k.out.Overrides = append(k.out.Overrides, k.override(item))
		}
	case "transformers", "generators":
		k.gap(sbom.GapUnpulled, key.Line, "what the "+key.Value+" of a kustomization make of images is known when it is built (kustomize build . > manifests.yaml)")
	case "replacements":
		for _, item := range k.items(value) {
			k.replacement(item)
		}
	case "helmCharts", "helmChartInflationGenerator":
		k.gap(sbom.GapUnpulled, key.Line, "the images of the charts that a kustomization renders are known when it is built (kustomize build . > manifests.yaml)")
	case "patches", "patchesJson6902", "patchesStrategicMerge":
		for _, item := range k.items(value) {
			k.patch(item)
		}
	}
}

// replacement is a Gap when it may set an image, as one that is in another file
// may.
// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/replacements/
func (k *kustomizationReader) replacement(item *yaml.Node) {
	may := false
	for key, value := range k.mapping(item) {
		may = may || key.Value == "path"
		for _, target := range k.items(value) {
			for key, paths := range k.mapping(target) {
				may = may || key.Value == "fieldPaths" && slices.ContainsFunc(k.items(paths), func(p *yaml.Node) bool { return !strings.HasPrefix(p.Value, "metadata.") })
			}
		}
	}
	if may {
		k.gap(sbom.GapUnpulled, item.Line, "a replacement may set an image, which is known when the kustomization is built (kustomize build . > manifests.yaml)")
	}
}

func (k *kustomizationReader) override(item *yaml.Node) Override {
	o := Override{Line: item.Line}
	for key, value := range k.mapping(item) {
		switch key.Value {
		case "name":
			o.Name = value.Value
		case "newName":
			o.NewName = value.Value
		case "newTag":
			o.NewTag = value.Value
		case "digest":
			o.Digest = value.Value
		}
	}
	return o
}

// patch is a file or a text, in a field or by itself.
func (k *kustomizationReader) patch(item *yaml.Node) {
	text := item
	for key, value := range k.mapping(item) {
		switch key.Value {
		case "path":
			k.out.Patches = append(k.out.Patches, k.paths(value)...)
		case "patch":
			text = value
		}
	}
	switch {
	case text.Kind != yaml.ScalarNode:
	case !strings.Contains(text.Value, "\n") && !strings.ContainsAny(text.Value, "{["):
		k.out.Patches = append(k.out.Patches, k.paths(text)...)
	case PatchesImage([]byte(text.Value)):
		k.gap(sbom.GapUnpulled, text.Line, "a patch sets an image, which is known when the kustomization is built (kustomize build . > manifests.yaml)")
	}
}

func (k *kustomizationReader) paths(value *yaml.Node) []Resource {
	var out []Resource
	for _, item := range k.items(value) {
		if item.Kind == yaml.ScalarNode && item.Value != "" {
			out = append(out, Resource{item.Value, item.Line})
		}
	}
	return out
}
