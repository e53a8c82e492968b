package audit

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy/deploy"
	"github.com/tallyman/tallyman/sbom"
)

// kustomize puts the changes that kustomizations make to images into what the
// manifests name. A manifest that is part of none stays as it is, and one that
// is part of several is what each makes of it.
type kustomize struct {
	fsys fs.FS
	// dir is the folder that paths are shown from.
	dir string
	// manifests are the images of each manifest that was read, by path.
	manifests map[string][]deploy.Named
	// kustomizations are those read, by folder.
	kustomizations map[string]*deploy.Kustomization
	// used are the manifests and folders that are part of a kustomization.
	used map[string]bool
	gaps []sbom.Gap
	// said are the kustomizations whose gaps were taken.
	said map[string]bool
	left int
}

func newKustomize(fsys fs.FS, dir string) *kustomize {
	return &kustomize{fsys: fsys, dir: dir, manifests: map[string][]deploy.Named{}, kustomizations: map[string]*deploy.Kustomization{},
		used: map[string]bool{}, said: map[string]bool{}, left: limit.KustomizeSteps}
}

// read reads one file of YAML.
func (k *kustomize) read(name string) {
	src, gap := readManifest(k.fsys, name)
	if gap != nil {
		k.gaps = append(k.gaps, *gap)
		return
	}
	if deploy.IsKustomization(name) {
		one, gaps := deploy.ReadKustomization(name, src)
		k.kustomizations[path.Dir(name)] = one
		k.gaps = append(k.gaps, gaps...)
		return
	}
	if deploy.IsValues(name) && !deploy.IsKubernetes(src) {
		k.gaps = append(k.gaps, deploy.ValuesImages(name, src)...)
		return
	}
	images, gaps := deploy.KubernetesImages(name, src)
	k.manifests[name] = images
	k.gaps = append(k.gaps, gaps...)
}

// images are all images that run.
func (k *kustomize) images() []deploy.Named {
	folders := sortedKeys(k.kustomizations)
	for _, folder := range folders {
		for _, r := range k.kustomizations[folder].Resources {
			if at := path.Join(folder, r.Path); at != folder {
				k.used[at] = true
			}
		}
	}
	var out []deploy.Named
	built := map[string]bool{}
	// Those that are part of no other first; what is left are circles.
	for _, parts := range []bool{false, true} {
		for _, folder := range folders {
			if k.used[folder] == parts && !built[folder] {
				out = append(out, k.build(folder, nil, built)...)
			}
		}
	}
	for _, name := range sortedKeys(k.manifests) {
		if !k.used[name] {
			out = append(out, k.manifests[name]...)
		}
	}
	return out
}

// build are the images of a kustomization: those of its parts, changed. within
// are the folders that lead to it.
func (k *kustomize) build(folder string, within []string, built map[string]bool) []deploy.Named {
	built[folder] = true
	one := k.kustomizations[folder]
	var out []deploy.Named
	for _, r := range one.Resources {
		at := path.Join(folder, r.Path)
		images, isFile := k.manifests[at]
		switch k.left -= 1 + len(images); {
		case k.left < 0:
			k.gap(one, r.Line, "more is made of kustomizations than is followed")
			return out
		case r.Remote():
			k.gap(one, r.Line, fmt.Sprintf("the resource %q is not in this folder, and the images that it names are not known", sbom.RedactText(r.Path)))
		case isFile:
			out = append(out, images...)
		case k.kustomizations[at] == nil:
			k.gap(one, r.Line, fmt.Sprintf("the resource %q was not read, and the images that it names are not known", sbom.RedactText(r.Path)))
		case at == folder || slices.Contains(within, at) || len(within) == limit.IncludeDepth:
			k.gap(one, r.Line, fmt.Sprintf("the resource %q leads back to itself, or too deep", sbom.RedactText(r.Path)))
		default:
			out = append(out, k.build(at, append(slices.Clone(within), folder), built)...)
		}
	}
	k.patches(one, folder)
	out = k.changed(one, out)
	k.said[folder] = true
	return out
}

// patches makes a gap of each file that sets an image by an operation; one that
// is a manifest was read for itself.
func (k *kustomize) patches(one *deploy.Kustomization, folder string) {
	for _, p := range one.Patches {
		at := path.Join(folder, p.Path)
		if k.said[folder] || len(k.manifests[at]) > 0 {
			continue
		}
		src, gap := readManifest(k.fsys, at)
		if gap != nil || deploy.PatchesImage(src) {
			k.gap(one, p.Line, fmt.Sprintf("the patch %q may set an image, which is known when the kustomization is built (kustomize build . > manifests.yaml)", sbom.RedactText(p.Path)))
		}
	}
}

func (k *kustomize) gap(one *deploy.Kustomization, line int, reason string) {
	if !k.said[path.Dir(one.File)] {
		k.gaps = append(k.gaps, sbom.NewGap(sbom.GapUnpulled, one.File, line, reason))
	}
}

// changed are the images as the overrides make them, in the order of these.
func (k *kustomize) changed(one *deploy.Kustomization, images []deploy.Named) []deploy.Named {
	out := []deploy.Named{}
	for _, n := range images {
		by := 0
		for _, o := range one.Overrides {
			reference, applies := o.Apply(n.Reference)
			if applies && reference != n.Reference {
				n.Reference, by = reference, o.Line
			}
		}
		if safe, secret := deploy.SafeReference(n.Reference); secret || len(n.Reference) > limit.ImageReferenceBytes {
			k.gap(one, by, fmt.Sprintf("the image of %s, %.100q, is made one with credentials in its name, or too long, and is not asked for", n.By, safe))
			continue
		}
		if by > 0 {
			n.By, _, _ = strings.Cut(n.By, ", changed by ")
			n.By += fmt.Sprintf(", changed by %s:%d", relative(k.dir, one.File), by)
		}
		out = append(out, n)
	}
	return out
}
