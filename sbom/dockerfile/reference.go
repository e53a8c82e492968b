package dockerfile

import "strings"

// Image is an image reference of FROM, COPY --from or RUN --mount.
type Image struct {
	// Raw is the reference as written.
	Raw string
	// Text has the defaults of ARG put in; it equals Raw without variables.
	Text string
	// Known is false when a variable has no known value.
	Known bool
	// Repository is the name without tag and digest ("ghcr.io/astral-sh/uv").
	Repository string
	// Tag and Digest are "" when absent.
	Tag, Digest string
}

// Scratch is true for the empty base image.
func (i Image) Scratch() bool { return strings.EqualFold(i.Text, "scratch") }

// Base returns the last part of the repository ("python").
func (i Image) Base() string { return i.Repository[strings.LastIndexByte(i.Repository, '/')+1:] }

// parseImage splits repository[:tag][@digest].
// https://github.com/distribution/reference/blob/main/reference.go (grammar)
func parseImage(raw, expanded string, known bool) Image {
	i := Image{Raw: raw, Text: expanded, Known: known}
	rest := strings.TrimPrefix(expanded, "docker-image://")
	rest, i.Digest, _ = strings.Cut(rest, "@")
	i.Repository = rest
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, '/') && !strings.Contains(rest[colon:], "}") {
		i.Repository, i.Tag = rest[:colon], rest[colon+1:]
	}
	return i
}
