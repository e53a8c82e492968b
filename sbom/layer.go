package sbom

import (
	"regexp"
	"strings"
)

// Layer is one layer of an image and what is known of how it was made. It is
// told once for an image, and [Location] names it by digest.
type Layer struct {
	// Digest is that of the stored bytes ("sha256:..."), DiffID that of the
	// archive inside.
	// https://github.com/opencontainers/image-spec/blob/main/config.md#layer-diffid
	Digest string `json:"digest"`
	DiffID string `json:"diff_id"`
	// CreatedBy is the line of the image's history about the layer, as
	// RedactCommand shows it; "" when the history has none, or is not of these
	// layers. It is what the image says: nobody has checked it, and who prints
	// it must escape it.
	CreatedBy string `json:"created_by,omitempty"`
	// Base is true for a layer of the base image that the user named, of which
	// the layers were found to be the lowest of this image. It is never set
	// from what the image says of itself.
	Base bool `json:"base"`
	// File and Line are the instruction of a Dockerfile that made the layer; ""
	// and 0 when that is not known.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Instruction returns how the layer was made, see [Instruction].
func (l *Layer) Instruction() string { return Instruction(l.CreatedBy) }

var (
	// noOperation is how docker's first builder and buildah mark everything but
	// RUN: a comment for a shell that is not started.
	noOperation = regexp.MustCompile(`^(?:/bin/sh -c|cmd /S /C|powershell -command) #\(nop\) ?`)
	// shellCommand is what a RUN in shell form begins with: build arguments,
	// which RedactCommand leaves without values, and the shell.
	shellCommand = regexp.MustCompile(`^(?:RUN )?(?:\|[0-9]+ (?:[A-Za-z_][A-Za-z0-9_]*=\*\*\* )*)?` + shellWords)
	// onlyArguments are build arguments in front of a command without a shell.
	onlyArguments = regexp.MustCompile(`^(?:RUN )?\|[0-9]+ (?:[A-Za-z_][A-Za-z0-9_]*=\*\*\* ?)*`)
)

// shellWords matches a shell with its options, up to the command: "/bin/sh -c ",
// "/bin/bash -o pipefail -c ", "cmd /S /C ".
const shellWords = `(?:(?:/[^ ]*/)?(?:ba|da|a|z|k)?sh(?: -[a-z]+(?: pipefail)?)*? -[a-z]*c |(?:(?:cmd|powershell|pwsh)(?:\.exe)?)(?: [-/][A-Za-z]+(?: [A-Za-z]+)?)*? [-/](?:C|c|[Cc]ommand) )`

// Instruction returns a line of an image's history as a Dockerfile has it, in
// one line: without the shell that ran it, without build arguments and without
// the remarks of the builder. What no Dockerfile made (bazel, Nix, ko, jib)
// stays as it is.
// https://github.com/opencontainers/image-spec/blob/main/config.md#properties (history)
func Instruction(createdBy string) string {
	text := strings.Join(strings.Fields(createdBy), " ")
	text = strings.TrimSuffix(text, " # buildkit")
	if rest, found := cutMatch(noOperation, text); found {
		return strings.TrimSpace(rest)
	}
	if rest, found := cutMatch(shellCommand, text); found {
		return "RUN " + rest
	}
	if rest, found := cutMatch(onlyArguments, text); found {
		return strings.TrimSpace("RUN " + rest)
	}
	return text
}

// cutMatch cuts the match of a pattern, which is anchored, off a text.
func cutMatch(pattern *regexp.Regexp, text string) (rest string, found bool) {
	at := pattern.FindStringIndex(text)
	if at == nil {
		return text, false
	}
	return text[at[1]:], true
}
