package oci

import (
	"errors"
	"fmt"
	"io/fs"
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
	// an archive the tag, the whole name ("app:dev", "docker.io/library/app:dev") or
	// the digest ("sha256:..."), "" for the only image.
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

// inside is the name or digest that names the image in a layout or an archive, ""
// for the only one: an engine sends no more than it was asked for.
func (r Ref) inside() string {
	if r.Kind.engine() {
		return ""
	}
	return r.Name
}

// joinTag undoes splitName.
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
	// nameOK is what a layout or an archive may call an image, a tag or a whole
	// reference. An @ is there for digests alone (of a name, and of what a report calls it),
	// never for a login.
	// https://github.com/opencontainers/image-spec/blob/main/annotations.md (org.opencontainers.image.ref.name)
	nameOK = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._:/+-]{0,511}(@sha256:[0-9a-f]{1,64}){0,2}$`)
	// digestCut is the beginning of a digest.
	digestCut = regexp.MustCompile(`^sha256:[0-9a-f]{1,63}$`)
)

// Parse reads a reference:
//
//	registry:REFERENCE          an image in a registry
//	oci:PATH[:NAME|@DIGEST]     an image in an OCI layout, a folder or a tar
//	docker-archive:PATH[:NAME|@DIGEST]
//	                            a tar that "docker save" wrote
//	docker:NAME, podman:NAME    an image that a container engine has
//	-[:NAME|@DIGEST]            a tar of either form on standard input
//
// NAME is a tag or a whole reference, as the file has it: PATH is the longest
// beginning that exists.
// A tar may be compressed with gzip or Zstandard. Without a prefix, a folder with an index.json is a layout, an existing .tar
// file is what it holds, and everything else is in a registry. Parse looks at
// the file system and at nothing else.
func Parse(s string) (Ref, error) {
	if name, ok := streamName(s); ok {
		return Ref{Kind: KindStream, Name: name}, nil
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
		return ref, ref.whole(s)
	}
	if looksLikePath(s) {
		if path, _ := splitTag(s); absentFile(s) && absentFile(path) {
			return Ref{}, fmt.Errorf("%q: there is no such file or folder", redact(s))
		}
		return Ref{}, fmt.Errorf("%q is neither an OCI layout (a folder with index.json) nor a .tar file", redact(s))
	}
	return parseRegistry(s)
}

// IsStream reports whether s names an image on standard input.
func IsStream(s string) bool {
	_, ok := streamName(s)
	return ok
}

// streamName reads -[:NAME|@DIGEST].
func streamName(s string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(s, string(KindStream))
	switch {
	case !ok || rest == "":
		return "", ok
	case rest[0] == '@':
		return rest[1:], digestOK.MatchString(rest[1:])
	}
	return rest[1:], rest[0] == ':' && nameOK.MatchString(rest[1:])
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

// parseFile reads PATH[:NAME|@DIGEST]. A path that exists as a whole is one.
func parseFile(kind Kind, s string) (Ref, error) {
	path, tag := splitName(s, func(path string) bool { _, err := os.Stat(path); return err == nil })
	if path == "" {
		return Ref{}, fmt.Errorf("%q names no file: write %s:PATH", string(kind)+":"+s, kind)
	}
	ref := Ref{Kind: kind, Path: path, Name: tag}
	return ref, ref.whole(s)
}

// whole refuses the beginning of a digest, which is what reports show: it could
// name another image too.
func (r Ref) whole(s string) error {
	if at := strings.LastIndex(r.Name, "@"); digestCut.MatchString(r.Name[at+1:]) {
		return fmt.Errorf("%q ends in a part of a digest: a whole one has 64 digits after sha256: (--format json has it)", redact(s))
	}
	return nil
}

// splitName splits PATH:NAME or PATH@DIGEST where the longest path ends that is
// there; the name is "" when there is none. When nothing is there, what is behind
// the last colon is taken for a tag.
func splitName(s string, there func(path string) bool) (path, name string) {
	if there(s) {
		return s, ""
	}
	for end := strings.LastIndexAny(s, ":@"); end > 0; end = strings.LastIndexAny(s[:end], ":@") {
		if at, rest := s[end], s[end+1:]; at == ':' && !nameOK.MatchString(rest) || at == '@' && !digestLike(rest) {
			continue
		}
		if there(s[:end]) {
			return s[:end], s[end+1:]
		}
	}
	return splitTag(s)
}

// digestLike reports whether s is a digest, or the beginning of one.
func digestLike(s string) bool { return digestOK.MatchString(s) || digestCut.MatchString(s) }

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
	kind := Kind("")
	path, name := splitName(s, func(path string) bool {
		info, err := os.Stat(path)
		switch {
		case err != nil:
		case info.IsDir() && isLayout(path):
			kind = KindLayout
		case info.Mode().IsRegular() && IsArchiveName(path):
			kind = archiveKind(path)
		}
		return kind != ""
	})
	return Ref{Kind: kind, Path: path, Name: name}, kind != ""
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

func absentFile(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
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
