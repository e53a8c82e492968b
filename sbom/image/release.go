package image

import (
	"bytes"
	"path"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// Distribution says what the image is made of, from its os-release.
// https://www.freedesktop.org/software/systemd/man/latest/os-release.html
type Distribution struct {
	// ID is the lower-case identifier ("debian"); VersionID may be "".
	ID        string
	VersionID string
	// PrettyName is for people.
	PrettyName string
	// Ecosystem is OSV's name with its release suffix ("Debian:12"), "" when
	// OSV has none that we can name for sure.
	Ecosystem string
}

// newDistribution takes the variables of an os-release file.
func newDistribution(vars map[string]string) Distribution {
	d := Distribution{ID: strings.ToLower(vars["ID"]), VersionID: vars["VERSION_ID"], PrettyName: vars["PRETTY_NAME"]}
	if d.ID == "" && len(vars) > 0 {
		d.ID = "linux" // the default that the specification names
	}
	d.Ecosystem = sbom.ReleaseEcosystem(vars)
	return d
}

// parseRelease reads NAME=value lines; values may be quoted as in a shell,
// without any expansion.
func parseRelease(data []byte) map[string]string {
	vars := map[string]string{}
	for line := range bytes.Lines(data) {
		name, value, found := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(string(line), "\ufffd")), "=")
		if !found || strings.HasPrefix(name, "#") {
			continue
		}
		vars[name] = unquote(value)
	}
	return vars
}

// unquote undoes the shell quoting that the specification allows.
func unquote(s string) string {
	if len(s) < 2 || (s[0] != '"' && s[0] != '\'') || s[len(s)-1] != s[0] {
		return s
	}
	single := s[0] == '\''
	s = s[1 : len(s)-1]
	if single {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ownerOf returns the package that a dpkg file list is about, with ":arch" if
// the list's name has it.
func ownerOf(list string) string {
	base := path.Base(list)
	return strings.TrimSuffix(base, path.Ext(base))
}
