package image

import (
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/sbom"
)

// Config are the facts of an image's configuration that rules speak about.
// Values of environment variables are left out, since they may be secrets,
// except for GRADIO_* settings whose name does not look like one.
// https://github.com/opencontainers/image-spec/blob/main/config.md
type Config struct {
	OS, Architecture string
	// User is what the image runs as; "" means root.
	User string
	// ExposedPorts are sorted ("7860/tcp").
	ExposedPorts []string
	// Entrypoint and Cmd are without secrets, see sbom.RedactWords, and Labels
	// and GradioEnv without credentials.
	Entrypoint []string
	Cmd        []string
	WorkingDir string
	// EnvNames are the names of all environment variables, sorted, and
	// SecretEnvNames those that look like secrets and have a value.
	EnvNames       []string
	SecretEnvNames []string
	// GradioEnv are the GRADIO_* settings.
	GradioEnv map[string]string
	Labels    map[string]string
	// Healthcheck is true when there is one, and it is not "NONE".
	Healthcheck bool
	// Created is zero when the image does not say.
	Created time.Time
}

// newConfig takes the facts of c. Lists are never nil.
func newConfig(c *v1.ConfigFile) Config {
	out := Config{
		OS: c.OS, Architecture: c.Architecture, User: c.Config.User, WorkingDir: c.Config.WorkingDir,
		ExposedPorts: []string{}, Entrypoint: sbom.RedactWords(c.Config.Entrypoint), Cmd: sbom.RedactWords(c.Config.Cmd),
		EnvNames: []string{}, SecretEnvNames: []string{}, GradioEnv: map[string]string{}, Labels: map[string]string{},
		Created: c.Created.UTC(),
	}
	out.ExposedPorts = append(out.ExposedPorts, slices.Sorted(maps.Keys(c.Config.ExposedPorts))...)
	for name, value := range c.Config.Labels {
		out.Labels[name] = sbom.RedactText(value)
	}
	for _, variable := range c.Config.Env {
		name, value, _ := strings.Cut(variable, "=")
		out.EnvNames = append(out.EnvNames, name)
		switch secret := sbom.LooksSecret(name); {
		case secret && value != "":
			out.SecretEnvNames = append(out.SecretEnvNames, name)
		case !secret && strings.HasPrefix(name, "GRADIO_"):
			out.GradioEnv[name] = sbom.RedactText(value)
		}
	}
	for _, names := range []*[]string{&out.EnvNames, &out.SecretEnvNames} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	if h := c.Config.Healthcheck; h != nil && len(h.Test) > 0 && h.Test[0] != "NONE" {
		out.Healthcheck = true
	}
	return out
}
