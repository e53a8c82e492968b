package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/decode"
)

// imageSchemes say which kind of image a TARGET is when it is not obvious.
var imageSchemes = []string{"oci:", "docker-archive:", "registry:", "docker:", "podman:"}

// kindOf tells what a TARGET is from its look and from what is on disk.
type kindOf int

const (
	aMissingPath kindOf = iota
	aFolder
	aFile
	anSBOM
	anImage
)

func (a *app) classify(word string) kindOf {
	if oci.IsStream(word) {
		if a.streamsJSON() {
			return anSBOM
		}
		return anImage
	}
	for _, scheme := range imageSchemes {
		if strings.HasPrefix(word, scheme) {
			return anImage
		}
	}
	info, err := os.Stat(a.path(word))
	switch {
	case err == nil && info.IsDir():
		if _, err := os.Stat(filepath.Join(a.path(word), "oci-layout")); err == nil {
			return anImage
		}
		return aFolder
	case err == nil && oci.IsArchiveName(word):
		return anImage
	case err == nil && strings.HasSuffix(word, ".json") && filepath.Base(word) != "package-lock.json" && filepath.Base(word) != "npm-shrinkwrap.json":
		return anSBOM
	case err == nil && !audit.IsManifest(filepath.ToSlash(word)) && a.startsAsJSON(word):
		return anSBOM
	case err == nil:
		return aFile
	case looksLikeImage(word), namesFile(word):
		return anImage
	}
	return aMissingPath
}

// start is the beginning of a file, as much of it as tells what it is.
func (a *app) start(word string) []byte {
	f, err := os.Open(a.path(word))
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, 1<<10)
	n, _ := io.ReadFull(f, head)
	return head[:n]
}

// startsAsJSON reports whether a file can only be JSON: no line of a
// requirement file begins with a brace.
func (a *app) startsAsJSON(word string) bool {
	head := bytes.TrimPrefix(a.start(word), []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(bytes.TrimSpace(head), []byte("{"))
}

// checkFile refuses a file that names no dependency and would be read as a
// list of them.
func (a *app) checkFile(word string) error {
	if audit.IsManifest(filepath.ToSlash(word)) {
		return nil
	}
	head := a.start(word)
	utf16 := bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff"))
	switch {
	case bytes.Contains(head, []byte("-----BEGIN ")):
		return usagef("", "%q is a PEM file (a key or a certificate), and lists no dependencies", word)
	case bytes.IndexByte(head, 0) >= 0 && !utf16:
		return usagef("", "%q is a binary file, and no list of dependencies, SBOM or image archive", word)
	}
	return nil
}

// looksLikeImage reports whether a word that names nothing on disk can only be
// an image reference: it has a digest, a tag, or a registry host.
// https://github.com/distribution/reference (grammar of a reference)
func looksLikeImage(word string) bool {
	if strings.HasPrefix(word, ".") || strings.HasPrefix(word, "/") || strings.Contains(word, `\`) {
		return false
	}
	if strings.Contains(word, "@sha256:") {
		return true
	}
	host, rest, slash := strings.Cut(word, "/")
	if slash && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return rest != ""
	}
	last := word[strings.LastIndex(word, "/")+1:]
	return strings.Contains(last, ":")
}

// namesFile reports whether a word is a layout or an archive that is there, and
// the name of an image in it.
func namesFile(word string) bool {
	ref, err := oci.Parse(word)
	return err == nil && ref.Path != ""
}

// target opens what the words of a command name. word may be "" when image is
// given. close releases what was opened.
func (a *app) target(ctx context.Context, word, image string) (t audit.Target, closer func(), err error) {
	closer = func() {}
	kind := anImage
	if word != "" {
		kind = a.classify(word)
	}
	if kind == anImage && word != "" {
		if image != "" {
			return t, closer, usagef("", "%q is an image, and --image names another one", word)
		}
		image = word
	}
	switch kind {
	case aMissingPath:
		hint := ""
		if !strings.HasPrefix(word, "/") && !strings.HasPrefix(word, ".") {
			hint = "for an image say: registry:" + word
		}
		return t, closer, usagef(hint, "%q: there is no such file or folder", word)
	case aFolder, aFile:
		if kind == aFile {
			if err := a.checkFile(word); err != nil {
				return t, closer, err
			}
		}
		t.Name = filepath.ToSlash(word)
		if t.Folder, closer, err = a.folder(word, kind == aFile); err != nil {
			return t, closer, err
		}
	case anSBOM:
		t.Name = filepath.ToSlash(word)
		if t.SBOM, err = a.readSBOM(word); err != nil {
			return t, closer, err
		}
	}
	if image != "" {
		if t.Image, err = a.openImage(ctx, image); err != nil {
			closer()
			return t, func() {}, err
		}
	}
	return t, closer, nil
}

// folder opens a source tree at its boundary: --root, else the enclosing git
// work tree, else the folder (or the file's folder) itself.
func (a *app) folder(word string, file bool) (*audit.Folder, func(), error) {
	closer := func() {}
	abs := a.path(word)
	dir := abs
	if file {
		dir = filepath.Dir(abs)
	}
	boundary := gitRoot(dir)
	if a.flags.root != "" {
		boundary = a.path(a.flags.root)
	}
	if boundary == "" {
		boundary = dir
	}
	rel, err := filepath.Rel(boundary, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, closer, usagef("", "%q is not below --root %q", word, a.flags.root)
	}
	root, err := os.OpenRoot(boundary)
	if err != nil {
		return nil, closer, usage(err, "")
	}
	f := &audit.Folder{
		FS: root.FS(), Dir: filepath.ToSlash(rel),
		Include: a.flags.include, Exclude: a.flags.exclude,
		Own: boundary == a.standingRoot(),
	}
	if f.Own {
		f.Honoured = []string{settingsName}
	}
	if file {
		f.File = filepath.ToSlash(filepath.Join(rel, filepath.Base(abs)))
	}
	return f, func() { root.Close() }, nil
}

func (a *app) readSBOM(word string) (*sbom.Document, error) {
	in := a.env.Stdin
	if !oci.IsStream(word) {
		f, err := os.Open(a.path(word))
		if err != nil {
			return nil, usage(err, "")
		}
		defer f.Close()
		in = f
	}
	doc, _, err := decode.Decode(in)
	if err != nil {
		return nil, fmt.Errorf("reading SBOM %q: %w", word, err)
	}
	decode.Place(doc, filepath.ToSlash(word))
	return doc, nil
}

// imageRef reads the name of an image that the user gave. A file that is not
// there is a wrong word, as that of a TARGET is; an image that is not there is
// known when it is opened.
func (a *app) imageRef(word string) (oci.Ref, error) {
	ref, err := oci.Parse(word)
	if err != nil {
		return ref, usage(err, "")
	}
	if ref.Path == "" {
		return ref, nil
	}
	if _, err := os.Stat(ref.Path); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return ref, usagef("", "%q: there is no such file or folder", word)
	}
	return ref, nil
}

func (a *app) openImage(ctx context.Context, image string) (*oci.Image, error) {
	ref, err := a.imageRef(image)
	if err != nil {
		return nil, err
	}
	if ref.Kind == oci.KindStream && a.env.StdinTerminal {
		return nil, usagef("docker save IMAGE | tallyman audit -", "%q reads an image archive from standard input, which is a terminal", image)
	}
	img, err := oci.Open(ctx, ref, a.ociOptions())
	if err != nil {
		return nil, &unopenedError{ref.String(), err}
	}
	return img, nil
}

// checkGlobs refuses a pattern that can never match.
func (a *app) checkGlobs(help string) error {
	for _, glob := range slices.Concat(a.flags.include, a.flags.exclude) {
		if !doublestar.ValidatePattern(glob) {
			return usagef(help, "%q is not a glob: see https://pkg.go.dev/github.com/bmatcuk/doublestar/v4#Match", glob)
		}
	}
	return nil
}

// modules opens --policy.
func (a *app) modules() (fs.FS, func(), error) {
	if a.flags.policy == "" {
		return nil, func() {}, nil
	}
	root, err := os.OpenRoot(a.path(a.flags.policy))
	if err != nil {
		return nil, func() {}, usagef("", "--policy: %w", err)
	}
	entries, err := fs.Glob(root.FS(), "*.rego")
	if err == nil && len(entries) == 0 {
		err = errors.New("it has no *.rego file")
	}
	if err != nil {
		root.Close()
		return nil, func() {}, usagef("", "--policy %q: %w", a.flags.policy, err)
	}
	return root.FS(), func() { root.Close() }, nil
}
