package oci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Kind says where an image is.
type Kind string

// The kinds.
const (
	KindRegistry      Kind = "registry"
	KindLayout        Kind = "oci"
	KindDockerArchive Kind = "docker-archive"
	// KindTar is a tar of which only its content tells whether it is the one or
	// the other, as a compressed one; an [Image] has no such kind.
	KindTar Kind = "tar"
	// KindStream is a tar on standard input, in either of both forms.
	KindStream Kind = "-"
	// KindDocker and KindPodman are images that a container engine has.
	KindDocker Kind = "docker"
	KindPodman Kind = "podman"
)

// Ref names an image. The zero value names nothing.
type Ref struct {
	Kind Kind
	// Path is the folder of an OCI layout, or the tar file of an archive, "" for
	// a registry.
	Path string
	// Name is the reference in a registry or an engine as the user wrote it; in a layout or
	// an archive the tag or digest ("sha256:..."), "" for the only image.
	Name string
}

// String returns the reference as Parse reads it. It holds no credentials.
func (r Ref) String() string {
	switch {
	case r.Kind == KindRegistry:
		return r.Name
	case r.Kind.engine():
		return string(r.Kind) + ":" + r.Name
	case r.Kind == KindStream:
		return joinTag(string(r.Kind), r.Name)
	case r.Kind == KindTar:
		return joinTag(r.Path, r.Name)
	}
	return joinTag(string(r.Kind)+":"+r.Path, r.Name)
}

// engine reports whether a container engine has the image.
func (k Kind) engine() bool { return k == KindDocker || k == KindPodman }

// inside is the tag or digest that names the image in a layout or an archive, ""
// for the only one: an engine sends no more than it was asked for.
func (r Ref) inside() string {
	if r.Kind.engine() {
		return ""
	}
	return r.Name
}

// joinTag undoes splitTag.
func joinTag(path, tag string) string {
	switch {
	case tag == "":
		return path
	case digestOK.MatchString(tag):
		return path + "@" + tag
	}
	return path + ":" + tag
}

var (
	digestOK = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	// tagOK is the distribution specification's tag.
	// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
	tagOK = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// Parse reads a reference:
//
//	registry:REFERENCE          an image in a registry
//	oci:PATH[:TAG|@DIGEST]      an image in an OCI layout, a folder or a tar
//	docker-archive:PATH[:TAG]   a tar that "docker save" wrote
//	docker:NAME, podman:NAME    an image that a container engine has
//	-[:TAG|@DIGEST]             a tar of either form on standard input
//
// A tar may be compressed with gzip or Zstandard. Without a prefix, a folder with an index.json is a layout, an existing .tar
// file is what it holds, and everything else is in a registry. Parse looks at
// the file system and at nothing else.
func Parse(s string) (Ref, error) {
	if IsStream(s) {
		_, tag := splitTag(s)
		return Ref{Kind: KindStream, Name: tag}, nil
	}
	kind, rest, found := strings.Cut(s, ":")
	if found {
		switch Kind(kind) {
		case KindRegistry:
			return parseRegistry(rest)
		case KindLayout, KindDockerArchive:
			return parseFile(Kind(kind), rest)
		case KindDocker, KindPodman:
			return parseEngine(Kind(kind), rest)
		}
	}
	if ref, ok := parseBare(s); ok {
		return ref, nil
	}
	if looksLikePath(s) {
		return Ref{}, fmt.Errorf("%q is neither an OCI layout (a folder with index.json) nor a .tar file", redact(s))
	}
	return parseRegistry(s)
}

// IsStream reports whether s names an image on standard input.
func IsStream(s string) bool {
	path, _ := splitTag(s)
	return path == string(KindStream)
}

func parseRegistry(s string) (Ref, error) {
	if strings.Contains(s, "://") {
		return Ref{}, fmt.Errorf("image reference %q: leave out the scheme, as in registry.example/app:1", redact(s))
	}
	if _, err := name.ParseReference(s); err != nil {
		if clean := redact(s); clean != s {
			return Ref{}, fmt.Errorf("image reference %q: credentials do not belong into a reference; use docker login", clean)
		}
		return Ref{}, fmt.Errorf("image reference %q is not valid: %w", s, err)
	}
	return Ref{Kind: KindRegistry, Name: s}, nil
}

// parseEngine reads a name that an engine has for an image, or its id. An image
// of a registry that is itself called docker is registry:docker:TAG.
func parseEngine(kind Kind, s string) (Ref, error) {
	if s == "" {
		return Ref{}, fmt.Errorf("image reference %q has no name, as in %s:app:dev", string(kind)+":", kind)
	}
	if _, err := name.ParseReference(s); err != nil {
		return Ref{}, fmt.Errorf("image reference %q is not valid: %w", string(kind)+":"+redact(s), err)
	}
	return Ref{Kind: kind, Name: s}, nil
}

// redact removes what stands before an @ in the first segment of a reference or
// URL, where credentials would be.
func redact(s string) string {
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		scheme, rest = "", s
	} else {
		scheme += "://"
	}
	host, tail, slash := strings.Cut(rest, "/")
	if at := strings.LastIndex(host, "@"); at >= 0 && !strings.HasPrefix(host[at+1:], "sha256:") {
		host = host[at+1:]
	}
	if !slash {
		return scheme + host
	}
	return scheme + host + "/" + tail
}

// parseFile reads PATH[:TAG|@DIGEST]. A path that exists as a whole is one.
func parseFile(kind Kind, s string) (Ref, error) {
	path, tag := s, ""
	if _, err := os.Stat(s); err != nil {
		path, tag = splitTag(s)
	}
	if path == "" {
		return Ref{}, fmt.Errorf("%q names no file: write %s:PATH", string(kind)+":"+s, kind)
	}
	return Ref{Kind: kind, Path: path, Name: tag}, nil
}

// splitTag splits PATH:TAG or PATH@DIGEST; the tag is "" when there is none.
func splitTag(s string) (path, tag string) {
	if at := strings.LastIndex(s, "@"); at >= 0 && digestOK.MatchString(s[at+1:]) {
		return s[:at], s[at+1:]
	}
	if colon := strings.LastIndex(s, ":"); colon > 0 && tagOK.MatchString(s[colon+1:]) {
		return s[:colon], s[colon+1:]
	}
	return s, ""
}

// parseBare recognises files that exist.
func parseBare(s string) (Ref, bool) {
	for _, try := range []func(string) (string, string){whole, splitTag} {
		path, tag := try(s)
		info, err := os.Stat(path)
		switch {
		case err != nil:
		case info.IsDir() && isLayout(path):
			return Ref{Kind: KindLayout, Path: path, Name: tag}, true
		case info.Mode().IsRegular() && IsArchiveName(path):
			return Ref{Kind: archiveKind(path), Path: path, Name: tag}, true
		}
	}
	return Ref{}, false
}

// IsArchiveName reports whether a file is called as tars are, compressed ones
// too.
func IsArchiveName(path string) bool {
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst"} {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}

func whole(s string) (path, tag string) { return s, "" }

// IsLayout reports whether the folder at path is an OCI layout.
func IsLayout(path string) bool { return isLayout(path) }

func isLayout(path string) bool {
	for _, file := range []string{"index.json", "oci-layout"} {
		if info, err := os.Stat(filepath.Join(path, file)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// archiveKind says what a tar holds. One that cannot be read, or is compressed,
// is left to Open, which looks again.
func archiveKind(path string) Kind {
	src, err := newTarSource(path)
	if err != nil {
		return KindTar
	}
	return src.kind()
}

// looksLikePath reports whether s cannot have been meant for a registry.
func looksLikePath(s string) bool {
	if s == "." || s == ".." || filepath.IsAbs(s) || IsArchiveName(s) {
		return true
	}
	for _, prefix := range []string{"./", "../", `.\`, `..\`, "/", "~/"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

var errNoName = errors.New("an empty image reference")

func (r Ref) valid() error {
	switch r.Kind {
	case KindRegistry, KindLayout, KindDockerArchive, KindTar, KindStream, KindDocker, KindPodman:
		return nil
	}
	return errNoName
}
