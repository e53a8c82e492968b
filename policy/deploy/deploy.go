// Package deploy judges how an application is run: the configuration of its
// image, as a registry or layout holds it, without a Dockerfile ([CheckImage]),
// the files of its packages ([CheckFiles]), and compose files ([CheckCompose]). [Rules] documents the rules.
//
// It says nothing yet about Kubernetes manifests or workflows.
package deploy

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

// ImageFile is what Finding.File says for a finding about an image's
// configuration, which has no lines. One about a file names its path in the
// image, without the slash before it.
const ImageFile = "image config"

// ImageConfig is the part of an image's configuration that the rules speak
// about. It holds no value that could be a secret.
// https://github.com/opencontainers/image-spec/blob/main/config.md
type ImageConfig struct {
	// OS is "linux" unless it says otherwise, also when "".
	OS string
	// User is as configured: "", a name or a number, with or without a group.
	User       string
	Entrypoint []string
	Cmd        []string
	// SecretEnvNames are the names of the environment variables that look like
	// secrets and have a value.
	SecretEnvNames []string
	// GradioEnv are the GRADIO_* settings with their values.
	GradioEnv map[string]string
	// Healthcheck is true when one is configured.
	Healthcheck bool
	// Left are keys, credentials and repositories in any layer, sorted.
	Left []LeftFile
	// Setuid are the files that run as another user than who starts them.
	Setuid []string
	// Writable are the application's folders and code that everyone can write to.
	Writable []string
	// Locations are the paths of Setuid and Writable, sorted, each with the
	// digest of its layer; nil when that is not known.
	Locations []sbom.Location
	// NotBuiltOn is the base that the image says it is built on and is not: its
	// layers are not the lowest of the image's. "" when that was not found.
	NotBuiltOn string
}

// LeftFile is a file in a layer that should not be in an image.
type LeftFile struct {
	Path string
	// What is "private-key", "credentials", "env-file" or "git-repository".
	What string
	// Of says it more exactly ("a GitHub token"), "" when What says it all.
	Of string
	// MadeBy is the instruction that made the layer, "" when it is not known.
	MadeBy string
	// Layer is the digest of the layer, "" when it is not known.
	Layer string
	// Deleted is true when a later layer removes it from sight.
	Deleted bool
}

// said is what a rule says of a fault. The zero value of all but the text is
// that of a fault of the configuration, which is the image's as a whole.
type said struct {
	text string
	// layer is the digest of the layer that has the file, which is an absolute
	// path; deleted is true when a later layer removes it from sight.
	layer, file string
	deleted     bool
}

// rule is the documentation of a rule and its check, which gives a message for
// each fault.
type rule struct {
	lint.Rule
	check func(ImageConfig) []said
}

// all lists every rule, in the order of the identifiers.
func all() []rule {
	return []rule{vibe(), reload(), allowedPaths(), root(), healthcheck(), share(), shareServer(), mcp(), debug(), secrets(), leftEnv(), leftGit(), writable(), setuid(), base()}
}

// Rules returns the documentation of every identifier once, sorted. Some are
// shared with a rule about Dockerfiles: they assert the same of the image that
// was built. What is asserted of images and of compose files alike is
// documented for images.
func Rules() []lint.Rule {
	var out []lint.Rule
	for _, r := range all() {
		out = append(out, r.Rule)
	}
	for _, r := range fileRules() {
		out = append(out, r.Rule)
	}
	for _, r := range composeRules() {
		if !slices.ContainsFunc(out, func(known lint.Rule) bool { return known.ID == r.ID }) {
			out = append(out, r.Rule)
		}
	}
	slices.SortFunc(out, func(a, b lint.Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// CheckImage applies every rule to an image's configuration and the files that
// its layers should not have. The findings are sorted; their Line is 0, and their
// File the path of the file, or ImageFile.
func CheckImage(cfg ImageConfig) []lint.Finding {
	out := []lint.Finding{}
	for _, r := range all() {
		for _, fault := range r.check(cfg) {
			found := r.New(cmp.Or(strings.TrimPrefix(fault.file, "/"), ImageFile), 0, 0, "", fault.text)
			found.Layer, found.Deleted = fault.layer, fault.deleted
			out = append(out, found)
		}
	}
	return lint.Sort(out)
}

func root() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-01", Aliases: []string{"DL3002", "DS-0002"}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "The image does not run as root",
		Why:    "Whoever takes over the application is then root in the container, one kernel or mount error away from the host.",
		Remedy: "Set a user by number in the image: USER 1000.",
		Bad:    `{"config": {"User": "root", "Healthcheck": {"Test": ["CMD", "true"]}}}`,
		Good:   `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}}`,
		Source: "https://github.com/opencontainers/image-spec/blob/main/config.md#properties (User)",
	}, func(c ImageConfig) []said {
		switch {
		case strings.EqualFold(c.OS, "windows") || !isRoot(c.User) || dropsRoot(c):
			return nil
		case strings.TrimSpace(c.User) == "":
			return []said{{text: "the image sets no user, so it runs as root"}}
		}
		return []said{{text: fmt.Sprintf("the image runs as user %q", c.User)}}
	}}
}

// isRoot reports whether a configured user is root by name or number, whatever
// its group. No user is root.
func isRoot(user string) bool {
	name, _, _ := strings.Cut(strings.TrimSpace(user), ":")
	return name == "" || strings.EqualFold(name, "root") || strings.Trim(name, "+0") == ""
}

// dropsRoot reports whether the entry point itself changes to another user:
// its own program does, or that which a small init starts.
func dropsRoot(c ImageConfig) bool {
	words := slices.Concat(c.Entrypoint, c.Cmd)
	for len(words) > 1 && slices.Contains([]string{"tini", "dumb-init", "--"}, path.Base(words[0])) {
		words = words[1:]
	}
	if len(words) < 2 {
		return false
	}
	switch path.Base(words[0]) {
	case "gosu", "su-exec":
		return !isRoot(words[1])
	}
	return false
}

func healthcheck() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-06", Aliases: []string{"DL3057", "DS-0026"}, Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "The image has a health check",
		Why:    "Without one an application that hangs is taken for healthy, unless the platform has a check of its own.",
		Remedy: "Add a HEALTHCHECK that asks the application itself, or a probe in the deployment.",
		Bad:    `{"config": {"User": "1000"}}`,
		Good:   `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}}`,
		Source: "https://docs.docker.com/reference/dockerfile/#healthcheck",
	}, func(c ImageConfig) []said {
		if c.Healthcheck {
			return nil
		}
		return []said{{text: "the image has no health check"}}
	}}
}

func secrets() rule {
	return rule{lint.Rule{
		ID: "GR-SEC-01", Aliases: []string{"DL3064", "DS-0031", "SecretsUsedInArgOrEnv"}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "The image's environment and layers hold no secret",
		Why:    "Everyone who can pull the image reads its configuration and each of its layers, and so the secret, for as long as the image exists; deleting a file in a later layer deletes nothing.",
		Remedy: "Take the secret out of what builds the image, give it at run time as the platform's secret, and revoke it.",
		Bad:    `{"config": {"User": "1000", "Env": ["HF_TOKEN=hf_x"], "Healthcheck": {"Test": ["CMD", "true"]}}}`,
		Good:   `{"config": {"User": "1000", "Env": [], "Healthcheck": {"Test": ["CMD", "true"]}}}`,
		Source: "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",
	}, func(c ImageConfig) []said {
		var out []said
		for _, name := range c.SecretEnvNames {
			out = append(out, said{text: fmt.Sprintf("the environment variable %q looks like a secret and has a value in the image", name)})
		}
		return append(out, slices.Concat(left(c, "private-key", "a private key"), left(c, "credentials", "a file in which a tool keeps credentials"))...)
	}}
}
