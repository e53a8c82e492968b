package audit

import (
	"strings"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/deploy"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/image"
)

// imageFacts are the facts of an image that a policy sees.
func imageFacts(digest string, i *image.Inventory) *policy.Image {
	c := i.Config
	out := &policy.Image{
		Digest: digest, OS: c.OS, Architecture: c.Architecture, Distribution: i.Distribution.PrettyName,
		User: c.User, ExposedPorts: c.ExposedPorts, Entrypoint: c.Entrypoint, Cmd: c.Cmd, WorkingDir: c.WorkingDir,
		EnvNames: c.EnvNames, SecretEnvNames: c.SecretEnvNames, GradioEnv: c.GradioEnv, Labels: c.Labels,
		Healthcheck: c.Healthcheck, Created: c.Created, SizeBytes: i.SizeBytes, Layers: i.Layers, History: i.Document.Layers,
		BaseName: i.BaseName, BaseDigest: i.BaseDigest, LeftFiles: []policy.LeftFile{}, SetuidFiles: i.Setuid, WritablePaths: i.Writable,
		FileLocations: i.FileLocations,
	}
	for _, f := range i.Left {
		out.LeftFiles = append(out.LeftFiles, policy.LeftFile{Path: f.Path, What: string(f.What), Of: f.Of, Layer: f.Layer, Deleted: f.Deleted})
	}
	return out
}

// imageConfig is the part of the facts that lint rules judge.
func imageConfig(i *image.Inventory, refuted string) deploy.ImageConfig {
	c := i.Config
	out := deploy.ImageConfig{
		OS: c.OS, User: c.User, Entrypoint: c.Entrypoint, Cmd: c.Cmd,
		SecretEnvNames: c.SecretEnvNames, GradioEnv: c.GradioEnv, Healthcheck: c.Healthcheck,
		Setuid: i.Setuid, Writable: i.Writable, Locations: i.FileLocations, NotBuiltOn: refuted,
	}
	for _, f := range i.Left {
		out.Left = append(out.Left, deploy.LeftFile{Path: f.Path, What: string(f.What), Of: f.Of, MadeBy: madeBy(i.Document.Layers, f.Layer), Layer: f.Layer, Deleted: f.Deleted})
	}
	return out
}

// madeBy is the instruction that made the layer with this digest, "" when the
// image's history does not say.
func madeBy(layers []sbom.Layer, digest string) string {
	for i := range layers {
		if layers[i].Digest == digest {
			return layers[i].Instruction()
		}
	}
	return ""
}

// InImage reports whether a finding is about the image's configuration or its
// files, and not about the audited folder.
func InImage(f *lint.Finding) bool {
	return InConfiguration(f) || f.Layer != "" || strings.HasPrefix(f.Rule, "TM-FILE-")
}

// InConfiguration reports whether a finding is about the image's configuration,
// which is no file.
func InConfiguration(f *lint.Finding) bool { return f.File == deploy.ImageFile }
