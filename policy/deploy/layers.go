package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

const mountSecrets = "https://docs.docker.com/build/building/secrets/"

// maxNamed is how many paths a message names.
const maxNamed = 10

// shortened is an instruction that is short enough for a message.
func shortened(instruction string) string {
	const most = 60
	if r := []rune(instruction); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return instruction
}

// left has a message for each left file of a kind. It names no path, which is
// the place of the finding.
func left(c ImageConfig, what, words string) []said {
	var out []said
	for _, f := range c.Left {
		if f.What != what {
			continue
		}
		is := cmp.Or(f.Of, words)
		text := is + ", in a layer"
		if f.MadeBy != "" {
			text = fmt.Sprintf("%s, in the layer of %q", is, shortened(f.MadeBy))
		}
		if f.Deleted {
			text += "; a later layer deletes it, and whoever pulls the image can read it still"
		}
		out = append(out, said{text: text, layer: f.Layer, file: f.Path, deleted: f.Deleted})
	}
	return out
}

func leftEnv() rule {
	return rule{lint.Rule{
		ID: "GR-SEC-02", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "No layer holds a .env file with secrets",
		Why:    "Everyone who can pull the image reads the file, also when a later layer deletes it.",
		Remedy: "Name .env in .dockerignore, mount secrets during the build, and revoke the values.",
		Bad:    `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "left": [{"Path": "/app/.env", "What": "env-file"}]}`,
		Good:   `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "left": []}`,
		Source: mountSecrets,
	}, func(c ImageConfig) []said {
		return left(c, "env-file", "a .env file that sets a variable that looks like a secret")
	}}
}

func leftGit() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-08", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "No layer holds a repository's history",
		Why:    "The history has every file that was ever committed, and the remote's address with whatever credentials are in it.",
		Remedy: "Name .git in .dockerignore.",
		Bad:    `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "left": [{"Path": "/app/.git", "What": "git-repository"}]}`,
		Good:   `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "left": []}`,
		Source: "https://docs.docker.com/build/concepts/context/#dockerignore-files",
	}, func(c ImageConfig) []said { return left(c, "git-repository", "the history of a repository") }}
}

func writable() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-09", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "The application's code cannot be written by everyone",
		Why:    "Whoever makes the application write a file then changes its code, and stays.",
		Remedy: "Leave the code to root (COPY without --chown, no chmod 777) and give the application one folder to write in.",
		Bad:    `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "writable": ["/app"]}`,
		Good:   `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "writable": []}`,
		Source: "https://csrc.nist.gov/pubs/sp/800/190/final (4.4.4)",
	}, func(c ImageConfig) []said {
		return byLayer("everyone can write to it", c.Writable, c.Locations)
	}}
}

func setuid() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-10", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "Only the base's own programs are setuid",
		Why:    "A setuid program gives whoever takes over the application another user's rights, root's as a rule.",
		Remedy: "Remove the bits in the layer that brings the file (chmod a-s), and run with no_new_privs.",
		Bad:    `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "setuid": ["/usr/bin/passwd", "/usr/local/bin/helper"]}`,
		Good:   `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "setuid": ["/usr/bin/passwd"]}`,
		Source: "https://csrc.nist.gov/pubs/sp/800/190/final (4.1.2)",
	}, func(c ImageConfig) []said {
		return byLayer("setuid or setgid, and not of a distribution's base", slices.DeleteFunc(slices.Clone(c.Setuid), ofBase), c.Locations)
	}}
}

// ofBase reports whether a setuid or setgid file is one that the minimal images
// of Debian, Ubuntu, Alpine and Red Hat have, or that comes along with git, ssh
// and dbus.
func ofBase(p string) bool {
	p = strings.TrimPrefix(p, "/usr")
	switch path.Dir(p) {
	case "/bin", "/sbin":
	case "/lib/openssh", "/libexec/openssh", "/lib/ssh":
		return path.Base(p) == "ssh-keysign"
	case "/lib/dbus-1.0", "/libexec", "/libexec/dbus-1":
		return path.Base(p) == "dbus-daemon-launch-helper"
	default:
		return false
	}
	switch path.Base(p) {
	case "chage", "chfn", "chsh", "expiry", "gpasswd", "mount", "newgrp", "passwd", "su", "umount", "wall", "write", "ssh-agent",
		"unix_chkpwd", "pam_timestamp_check", "bbsuid":
		return true
	}
	return false
}

// byLayer says the same of each file of a layer; of more than are named, once,
// at the deepest folder that all of them are in.
func byLayer(words string, paths []string, at []sbom.Location) []said {
	var out []said
	layers, of := grouped(paths, at)
	for _, layer := range layers {
		if files := of[layer]; len(files) > maxNamed {
			out = append(out, said{text: words + ": " + named(files), layer: layer, file: commonFolder(files)})
			continue
		}
		for _, file := range of[layer] {
			out = append(out, said{text: words, layer: layer, file: file})
		}
	}
	return out
}

// commonFolder is the deepest folder that all of these absolute paths are in.
func commonFolder(paths []string) string {
	dir := path.Dir(paths[0])
	for _, p := range paths {
		for dir != "/" && !strings.HasPrefix(p, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	return dir
}

// grouped are paths by the digest of the layer of each, and the digests, sorted.
// Each layer's are judged by themselves: one of the base never speaks for one
// that was added.
func grouped(paths []string, at []sbom.Location) (layers []string, of map[string][]string) {
	of = map[string][]string{}
	for _, p := range paths {
		layer := sbom.LayerOf(at, p)
		of[layer] = append(of[layer], p)
	}
	return slices.Sorted(maps.Keys(of)), of
}

// named lists paths for a message, not all of very many.
func named(paths []string) string {
	quoted := make([]string, 0, maxNamed)
	for _, p := range paths[:min(len(paths), maxNamed)] {
		quoted = append(quoted, fmt.Sprintf("%q", p))
	}
	text := strings.Join(quoted, ", ")
	if n := len(paths) - maxNamed; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

func base() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-12", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "The image is built on the base that it names",
		Why:    "Whoever judges the image by its base, or rebuilds it when the base has a fix, judges and rebuilds something else.",
		Remedy: "Build the image again from the base that it names, or correct the label or annotation org.opencontainers.image.base.digest.",
		Bad:    `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}, "not_built_on": "python:3.12"}`,
		Good:   `{"config": {"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}}}`,
		Source: "https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys",
	}, func(c ImageConfig) []said {
		if c.NotBuiltOn == "" {
			return nil
		}
		return []said{{text: fmt.Sprintf("the image says that it is built on %q, whose layers are not the lowest of its own", c.NotBuiltOn)}}
	}}
}
