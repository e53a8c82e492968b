package space

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// reader is the state of one Read.
type reader struct {
	fsys  fs.FS
	space *Space
}

func (r *reader) gap(kind sbom.GapKind, file string, line int, format string, args ...any) {
	r.space.Gaps = append(r.space.Gaps, sbom.NewGap(kind, file, line, fmt.Sprintf(format, args...)))
}

// load returns the content of a file and notes that it was read.
func (r *reader) load(name string) (string, error) {
	data, err := sbom.ReadFile(r.fsys, name, limit.ManifestBytes)
	if err != nil {
		return "", err
	}
	r.space.Files = append(r.space.Files, name)
	return strings.ToValidUTF8(strings.TrimPrefix(string(data), "\ufeff"), "\ufffd"), nil
}

// maxShownRunes is how much of a text a gap quotes.
const maxShownRunes = 200

// shown returns what a gap may quote of a scanned text.
func shown(text string) string {
	out := []rune(sbom.RedactText(text))
	if len(out) > maxShownRunes {
		return string(out[:maxShownRunes]) + "..."
	}
	return string(out)
}

// readme reads the front matter. It returns false when there is none that
// configures a Space.
func (r *reader) readme() bool {
	text, err := r.load(r.space.File)
	if err != nil {
		// Whether it configures a Space is not known.
		r.gap(sbom.UnreadKind(err), r.space.File, 0, "%v", err)
		return true
	}
	f, ok := cutFrontMatter(text)
	if !ok {
		return false
	}
	r.space.Malformed, r.space.MalformedLine = f.malformed, f.malformedLine
	r.parse(f)
	if !r.configures() {
		return false
	}
	r.interpret()
	if r.space.Malformed != "" {
		r.gap(sbom.GapUnparsed, r.space.File, r.space.MalformedLine, "%s", r.space.Malformed)
	}
	return true
}

// malformed notes the first reason for which the Hub would refuse the front
// matter.
func (r *reader) malformed(line int, format string, args ...any) {
	if r.space.Malformed == "" {
		r.space.Malformed, r.space.MalformedLine = fmt.Sprintf(format, args...), line
	}
}

// parse reads the keys.
func (r *reader) parse(f frontMatter) {
	if len(f.text) > limit.ConfigBytes {
		r.malformed(f.first, "the front matter is larger than %d bytes", limit.ConfigBytes)
		r.scan(f)
		return
	}
	var root yaml.Node
	err := yaml.Unmarshal([]byte(f.text), &root)
	switch {
	case err != nil:
		r.malformed(f.first, "the front matter is no YAML: %s", shown(err.Error()))
		r.scan(f)
	case len(root.Content) == 0:
	case root.Content[0].Kind != yaml.MappingNode:
		r.malformed(f.first, "the front matter is not a list of keys")
		r.scan(f)
	default:
		r.space.Keys = keys(root.Content[0], f.first-1, 0)
		for i, k := range r.space.Keys {
			if slices.ContainsFunc(r.space.Keys[:i], func(other Key) bool { return other.Name == k.Name }) {
				r.malformed(k.Line, "the key %q is there twice", shown(k.Name))
			}
		}
	}
}

// maxItems bounds how many items of one list, and keys of one table, are kept.
const maxItems = 10_000

// keys returns the keys of a mapping; skip lines stand before the YAML.
func keys(n *yaml.Node, skip, depth int) []Key {
	var out []Key
	for i := 0; i+1 < len(n.Content) && len(out) < maxItems; i += 2 {
		name, value := n.Content[i], resolve(n.Content[i+1])
		k := Key{Name: name.Value, Line: name.Line + skip}
		switch value.Kind {
		case yaml.ScalarNode:
			if value.Tag != "!!null" {
				k.Value = sbom.RedactText(value.Value)
				k.Items = []Item{{k.Value, value.Line + skip}}
			}
			k.Number = value.Tag == "!!float" || value.Tag == "!!int"
		case yaml.SequenceNode:
			for _, item := range value.Content {
				if item = resolve(item); item.Kind == yaml.ScalarNode && len(k.Items) < maxItems {
					k.Items = append(k.Items, Item{sbom.RedactText(item.Value), item.Line + skip})
				}
			}
		case yaml.MappingNode:
			if depth == 0 {
				k.Table = keys(value, skip, depth+1)
			}
		}
		out = append(out, k)
	}
	return out
}

// resolve returns what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for range limit.IncludeDepth {
		if n.Kind != yaml.AliasNode || n.Alias == nil {
			break
		}
		n = n.Alias
	}
	return n
}

// keyLine is a key at the outermost level with a scalar.
var keyLine = regexp.MustCompile(`^([A-Za-z_]+)\s*:\s*(.*?)\s*$`)

// scan reads the keys line by line where YAML does not.
func (r *reader) scan(f frontMatter) {
	line := f.first
	for text := range strings.SplitSeq(f.text, "\n") {
		if m := keyLine.FindStringSubmatch(text); m != nil && len(r.space.Keys) < maxItems {
			value := sbom.RedactText(strings.Trim(m[2], `"'`))
			r.space.Keys = append(r.space.Keys, Key{Name: m[1], Line: line, Value: value, Items: []Item{{value, line}}})
		}
		line++
	}
}

// configures reports whether the keys are those of a Space. Other tools know a
// key "sdk" too, so an SDK that the Hub does not know needs a second key.
func (r *reader) configures() bool {
	k := r.space.Key("sdk")
	if k == nil {
		return false
	}
	r.space.SDK = strings.ToLower(strings.TrimSpace(k.Value))
	switch r.space.SDK {
	case sdkGradio, sdkDocker, sdkStatic, sdkStreamlit:
		return true
	}
	return slices.ContainsFunc([]string{"sdk_version", "app_file", "colorFrom", "colorTo", "app_port"}, func(name string) bool { return r.space.Key(name) != nil })
}

// interpret fills in what the keys mean.
func (r *reader) interpret() {
	s := r.space
	switch s.SDK {
	case sdkGradio, sdkDocker, sdkStatic:
	default:
		r.gap(sbom.GapUnsupported, s.File, s.Line("sdk"), "what the build of a Space with the SDK %q adds is not known", shown(s.SDK))
	}
	s.SDKVersion = r.version("sdk_version")
	s.PythonVersion = r.version("python_version")
	if k := s.Key("app_file"); k != nil {
		s.AppFile = k.Value
	}
	r.oauth()
	if k := s.Key("preload_from_hub"); k != nil {
		for _, item := range k.Items {
			s.PreloadFromHub = append(s.PreloadFromHub, preload(item))
		}
	}
}

// version returns the version that a key holds, as the Hub reads it.
func (r *reader) version(name string) string {
	k := r.space.Key(name)
	if k == nil || k.Value == "" {
		return ""
	}
	if _, err := pep440.Parse(k.Value); err != nil {
		r.gap(sbom.GapVersion, r.space.File, k.Line, "%s %q is no version", name, shown(k.Value))
		return ""
	}
	read := k.Read()
	if read == k.Value {
		return read
	}
	if name == "python_version" {
		// 3.1 was not meant, and whether 3.10 is used is not known.
		return ""
	}
	r.gap(sbom.GapConflict, r.space.File, k.Line, "%s is written %s without quotes, which is the number %s", name, k.Value, read)
	return read
}

// Read returns a scalar as a reader of YAML has it: a number has lost its
// trailing zeros.
// https://yaml.org/spec/1.2.2/#10214-floating-point
func (k *Key) Read() string {
	if !k.Number || strings.Count(k.Value, ".") != 1 {
		return k.Value
	}
	number, err := strconv.ParseFloat(k.Value, 64)
	if err != nil {
		return k.Value
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

func (r *reader) oauth() {
	s := r.space
	if k := s.Key("hf_oauth"); k != nil {
		s.OAuth.Enabled, s.OAuth.Line = k.isTrue(), k.Line
	}
	if k := s.Key("hf_oauth_scopes"); k != nil {
		s.OAuth.Scopes = k.Items
	}
	if k := s.Key("hf_oauth_authorized_org"); k != nil {
		s.OAuth.Organizations = k.Items
	}
	if k := s.Key("hf_oauth_expiration_minutes"); k != nil {
		minutes, err := strconv.Atoi(k.Value)
		if err != nil || minutes < 0 {
			r.gap(sbom.GapUnparsed, s.File, k.Line, "hf_oauth_expiration_minutes %q is no number of minutes", shown(k.Value))
			return
		}
		s.OAuth.ExpirationMinutes = minutes
	}
}

// preload reads "owner/name [file,file] [revision]".
func preload(item Item) Preload {
	p := Preload{Line: item.Line}
	fields := strings.Fields(item.Value)
	if len(fields) > 0 {
		p.Repository = fields[0]
	}
	if len(fields) > 1 {
		p.Files = strings.Split(fields[1], ",")
	}
	if len(fields) > 2 {
		p.Revision = fields[2]
	}
	return p
}

// debianName is what Debian allows as the name of a package.
// https://www.debian.org/doc/debian-policy/ch-controlfields.html#source
var debianName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)

// packages reads packages.txt, whose words are arguments of apt-get install.
// https://huggingface.co/docs/hub/spaces-dependencies
func (r *reader) packages() {
	name := path.Join(path.Dir(r.space.File), "packages.txt")
	text, ok := r.beside(name)
	if !ok {
		return
	}
	line := 0
	for l := range strings.SplitSeq(text, "\n") {
		line++
		for _, word := range strings.Fields(l) {
			if len(r.space.Packages) >= limit.ManifestLines {
				r.gap(sbom.GapTooLarge, name, line, "more than %d packages, the rest was not read", limit.ManifestLines)
				return
			}
			p := DebianPackage{Raw: shown(word), Line: line}
			p.Name, p.Version, _ = strings.Cut(word, "=")
			p.Name, _, _ = strings.Cut(p.Name, "/")
			p.Name, _, _ = strings.Cut(p.Name, ":")
			p.Valid = debianName.MatchString(p.Name) && !strings.HasSuffix(p.Name, "-")
			p.Name, p.Version = shown(p.Name), shown(p.Version)
			r.space.Packages = append(r.space.Packages, p)
		}
	}
}

// beside returns the content of a file beside README.md, and whether there is
// one.
func (r *reader) beside(name string) (string, bool) {
	if _, err := fs.Stat(r.fsys, name); errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	text, err := r.load(name)
	if err != nil {
		r.gap(sbom.UnreadKind(err), name, 0, "%v", err)
		return "", false
	}
	return text, true
}

// preRequirements reads pre-requirements.txt, which is installed before
// requirements.txt.
func (r *reader) preRequirements() {
	name := path.Join(path.Dir(r.space.File), "pre-requirements.txt")
	if _, err := fs.Stat(r.fsys, name); errors.Is(err, fs.ErrNotExist) {
		return
	}
	r.space.PreRequirements = pyreq.Read(r.fsys, name, pyreq.Options{})
	for _, file := range r.space.PreRequirements.Files {
		if !slices.Contains(r.space.Files, file) {
			r.space.Files = append(r.space.Files, file)
		}
	}
}

// requirements notes that requirements.txt is installed together with what the
// builder adds. Its lines, and what cannot be read of them, are the business of
// whoever reads requirement files.
func (r *reader) requirements() {
	name := path.Join(path.Dir(r.space.File), "requirements.txt")
	if info, err := fs.Stat(r.fsys, name); err == nil && info.Mode().IsRegular() {
		r.space.Requirements = []string{name}
	}
}
