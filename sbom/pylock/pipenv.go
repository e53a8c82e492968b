package pylock

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// pipenvMeta is "_meta" of Pipfile.lock.
type pipenvMeta struct {
	Hash     map[string]string `json:"hash"`
	Spec     any               `json:"pipfile-spec"`
	Requires map[string]string `json:"requires"`
	Sources  []struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	} `json:"sources"`
}

type pipenvPackage struct {
	Version  string   `json:"version"`
	Hashes   []string `json:"hashes"`
	Index    string   `json:"index"`
	Markers  string   `json:"markers"`
	Extras   []string `json:"extras"`
	Git      string   `json:"git"`
	Hg       string   `json:"hg"`
	Svn      string   `json:"svn"`
	Bzr      string   `json:"bzr"`
	Ref      string   `json:"ref"`
	File     string   `json:"file"`
	Path     string   `json:"path"`
	Editable bool     `json:"editable"`
}

// pipenvEntry is one package of one section ("default", "develop").
type pipenvEntry struct {
	section, name string
	line          int
	raw           json.RawMessage
}

// pipenv reads Pipfile.lock.
func (r *reader) pipenv(text []byte) {
	p := &pipenvReader{reader: r, text: text, dec: json.NewDecoder(bytes.NewReader(text)), line: 1}
	if err := p.file(); err != nil {
		r.gap(sbom.GapUnparsed, p.here(), "", "from here on the lock cannot be read: %v", err)
	}
	r.format(scalar(p.meta.Spec), "6")
	r.file.RequiresPython = pipenvPython(p.meta.Requires)
	for _, algorithm := range sortedKeys(p.meta.Hash) {
		r.file.ContentHash = contentHash(algorithm, p.meta.Hash[algorithm])
	}
	indexes := map[string]string{}
	for i, source := range p.meta.Sources {
		for _, name := range []string{source.Name, ""} {
			if _, seen := indexes[name]; !seen && (name != "" || i == 0) {
				indexes[name] = source.URL
			}
		}
	}
	for _, e := range p.entries {
		r.pipenvPackage(e, indexes)
	}
}

// pipenvReader walks over the tokens, so that each package has its line and one
// that is no package leaves the others readable.
type pipenvReader struct {
	*reader
	text []byte
	dec  *json.Decoder
	meta pipenvMeta
	// offset and line are how far lines were counted.
	offset, line int
	entries      []pipenvEntry
}

// here returns the line of the last token.
func (p *pipenvReader) here() int {
	to := min(int(p.dec.InputOffset()), len(p.text))
	p.line += bytes.Count(p.text[p.offset:to], []byte("\n"))
	p.offset = to
	return p.line
}

func (p *pipenvReader) file() error {
	if err := p.open(); err != nil {
		return err
	}
	for p.dec.More() {
		key, err := p.key()
		if err != nil {
			return err
		}
		line := p.here()
		var raw json.RawMessage
		switch {
		case key == "_meta":
			if err := p.dec.Decode(&raw); err != nil {
				return err
			}
			if err := json.Unmarshal(raw, &p.meta); err != nil {
				p.gap(sbom.GapUnparsed, line, "", "the lock's own data cannot be read: %v", jsonError(err))
			}
		default:
			if err := p.section(key); err != nil {
				return err
			}
		}
	}
	if _, err := p.dec.Token(); err != nil {
		return err
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return fmt.Errorf("there is more behind the end of the object")
	}
	return nil
}

// section reads the packages of one section.
func (p *pipenvReader) section(name string) error {
	if err := p.open(); err != nil {
		return fmt.Errorf("section %q: %w", name, err)
	}
	for p.dec.More() {
		key, err := p.key()
		if err != nil {
			return err
		}
		e := pipenvEntry{section: name, name: key, line: p.here()}
		if err := p.dec.Decode(&e.raw); err != nil {
			return err
		}
		p.entries = append(p.entries, e)
	}
	_, err := p.dec.Token()
	return err
}

// open reads the brace that begins an object.
func (p *pipenvReader) open() error {
	token, err := p.dec.Token()
	if err == nil && token != json.Delim('{') {
		err = fmt.Errorf("not an object")
	}
	return err
}

func (p *pipenvReader) key() (string, error) {
	token, err := p.dec.Token()
	if err != nil {
		return "", err
	}
	key, _ := token.(string)
	return key, nil
}

func (r *reader) pipenvPackage(e pipenvEntry, indexes map[string]string) {
	var in pipenvPackage
	if err := json.Unmarshal(e.raw, &in); err != nil {
		r.gap(sbom.GapUnparsed, e.line, e.name, "package %q of the lock cannot be read: %v", e.name, jsonError(err))
	}
	version, pinned := strings.CutPrefix(in.Version, "==")
	version = strings.TrimSpace(strings.TrimPrefix(version, "="))
	if in.Version != "" && !pinned {
		r.gap(sbom.GapRange, e.line, e.name, "the lock has %q for %q and not one version", in.Version, e.name)
		version = ""
	}
	p := Package{Name: e.name, Version: version, Line: e.line, Extras: names(in.Extras)}
	p.Hashes = r.digests(in.Hashes, e.line, e.name)
	p.Marker = r.marker(in.Markers, e.line, e.name)
	p.Source, p.Own = pipenvSource(&in, indexes)
	r.named(&p, in.File, in.Path)
	switch e.section {
	case "default":
	case "develop":
		p.Scopes = []string{"dev"}
	default:
		p.Scopes = []string{label("group:", e.section)}
	}
	r.add(p)
}

// jsonError leaves the names of our own types out of an error.
func jsonError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("cannot use %s as %s", wrong.Value, cmp.Or(wrong.Field, "this"))
	}
	return err
}

// pipenvSource reads the source. indexes are the URLs by name; a package without
// an index of its own comes from the first that the lock names, under "".
func pipenvSource(in *pipenvPackage, indexes map[string]string) (s Source, own bool) {
	for _, vcs := range [][2]string{{"git", in.Git}, {"hg", in.Hg}, {"svn", in.Svn}, {"bzr", in.Bzr}} {
		if vcs[1] != "" {
			return vcsSource(vcs[0], vcs[1], in.Ref, ""), false
		}
	}
	switch {
	case in.File != "" && strings.Contains(in.File, "://"):
		return archiveSource(in.File), false
	case in.File != "":
		return pathSource(in.File)
	case in.Path != "":
		return pathSource(in.Path)
	}
	if at, ok := indexes[in.Index]; ok || in.Index == "" {
		return indexSource(at), false
	}
	return Source{URL: sbom.RedactText(in.Index)}, false
}

// pipenvPython returns the Python of "requires" as a specifier.
func pipenvPython(requires map[string]string) string {
	for _, key := range []string{"python_full_version", "python_version"} {
		if v := sbom.RedactText(requires[key]); v != "" && !slices.Contains([]string{"*", "3"}, v) {
			if key == "python_version" {
				v += ".*"
			}
			return "==" + v
		}
	}
	return ""
}
