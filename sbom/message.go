package sbom

import (
	"regexp"
	"strings"
)

// imageDigest is the digest of an image behind its name and tag, which is not
// the end of a login: app:v1@sha256:...
// https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests
var imageDigest = regexp.MustCompile(`@sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128}|256:[0-9a-f]{12}\b)`)

// cleanedScheme is the beginning of a URL that was taken for a path and lost a
// slash: what was in the URL is in the path.
var cleanedScheme = regexp.MustCompile(`\b((?:[a-z]+\+)?(?:https?|ssh|git|ftp|tcp)):/([^/])`)

// RedactMessage is RedactText for what a person is told: an error, a note, the
// answer of a server. Images that are named by digest stay.
func RedactMessage(text string) string {
	text = cleanedScheme.ReplaceAllString(text, "$1://$2")
	var b strings.Builder
	from := 0
	for _, at := range imageDigest.FindAllStringIndex(text, -1) {
		b.WriteString(RedactText(text[from:at[0]]))
		b.WriteString(text[at[0]:at[1]])
		from = at[1]
	}
	b.WriteString(RedactText(text[from:]))
	return b.String()
}
