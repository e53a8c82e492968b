// Package space reads the configuration of a Hugging Face Space: the front
// matter of its README.md, and the files beside it that the Space's build
// installs from (packages.txt, pre-requirements.txt).
//
// A Space with the Gradio SDK brings in packages that none of its files names:
// gradio itself at the version of the front matter, and what the builder adds.
// [Space.Document] lists them as assumed.
//
// https://huggingface.co/docs/hub/spaces-config-reference
package space

import (
	"io/fs"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// Space is what was read of one Space.
type Space struct {
	// File is the path of README.md below the root of the fs.FS.
	File string
	// Malformed says in a sentence why the Hub would not read the front matter,
	// "" if it would; MalformedLine is where, counting from 1. What can be read
	// of it is in the other fields even so.
	Malformed     string
	MalformedLine int
	// Keys are all keys of the front matter with their lines, in the order of
	// writing.
	Keys []Key
	// SDK is "gradio", "docker", "static" or whatever else is written there, in
	// lower case.
	SDK string
	// SDKVersion is the version of the SDK as the Hub reads it, "" if the front
	// matter has none that is one. A number that is not quoted loses its
	// trailing zeros there: 5.10 is "5.1".
	SDKVersion string
	// PythonVersion is the version of Python ("3.12"), "" if the front matter
	// has none that is one.
	PythonVersion string
	// AppFile is the path of the application's entry point, "" for none.
	AppFile string
	// OAuth is what the Space lets users sign in for.
	OAuth OAuth
	// PreloadFromHub are the repositories whose files are put into the image.
	PreloadFromHub []Preload
	// Packages are the Debian packages of packages.txt.
	Packages []DebianPackage
	// PreRequirements is pre-requirements.txt, nil if there is none.
	PreRequirements *pyreq.File
	// Requirements are the paths of requirements.txt, which is installed together
	// with what the builder adds, and of all that it includes; nil if there is
	// none. Read does not look into it and names it alone: whoever reads
	// requirement files adds the others (pyreq.File.Files).
	Requirements []string
	// Distribution is the distribution of the Space's base image as os-release
	// has it ("debian-13"), "" if it is not known. Read leaves it empty: the
	// build takes a tag whose distribution changes.
	Distribution string
	// Files are the paths of all files that were read, File first.
	Files []string
	// Gaps are what could not be read, in the order of reading.
	Gaps []sbom.Gap
}

// Key is one key of the front matter.
type Key struct {
	Name string
	// Line counts from 1 in README.md.
	Line int
	// Value is the text of a scalar as written, "" for lists and tables.
	Value string
	// Number is true for a scalar that YAML takes for a number.
	Number bool
	// Items are the items of a list; of a scalar it is that one. Those that
	// are no scalars are left out.
	Items []Item
	// Table holds the keys of a mapping (custom_headers).
	Table []Key
}

// Item is an item of a list.
type Item struct {
	Value string
	Line  int
}

// OAuth is a Space's configuration of "Sign in with Hugging Face".
// https://huggingface.co/docs/hub/spaces-oauth
type OAuth struct {
	Enabled bool
	// Line is where hf_oauth stands, 0 if it does not.
	Line int
	// Scopes are asked for beside openid and profile.
	Scopes []Item
	// ExpirationMinutes is how long a token is good for; 0 for the Hub's
	// default of 480.
	ExpirationMinutes int
	// Organizations are those whose members alone may sign in.
	Organizations []Item
}

// Preload is an item of preload_from_hub.
type Preload struct {
	// Repository is "owner/name".
	Repository string
	// Files are those that are fetched; none means all.
	Files []string
	// Revision is what the item names, "" for the default branch.
	Revision string
	Line     int
}

// DebianPackage is a word of packages.txt.
type DebianPackage struct {
	// Name is the word without version, architecture and release. Raw is the
	// whole word.
	Name, Raw string
	// Version is what stands behind '=', "" for none.
	Version string
	// Valid is false for what Debian allows as no package's name.
	Valid bool
	Line  int
}

// Read reads the README.md name of fsys and the files beside it. It returns nil
// when the README configures no Space: it has no front matter with a key "sdk".
// Otherwise it never fails: a problem is a gap. fsys is the boundary: whoever
// passes it sees to it that no symbolic link leads out of it (os.Root).
func Read(fsys fs.FS, name string) *Space {
	r := &reader{fsys: fsys, space: &Space{File: name}}
	if !r.readme() {
		return nil
	}
	if r.space.SDK == sdkGradio {
		r.packages()
		r.preRequirements()
		r.requirements()
	}
	return r.space
}

// Reads reports whether Read knows a file by its base name.
func Reads(base string) bool { return base == "README.md" }

// The SDKs that are told apart.
const (
	sdkGradio    = "gradio"
	sdkDocker    = "docker"
	sdkStatic    = "static"
	sdkStreamlit = "streamlit"
)

// Key returns the key of a name, nil if the front matter has none. Of two it is
// the last.
func (s *Space) Key(name string) *Key {
	for i := len(s.Keys) - 1; i >= 0; i-- {
		if s.Keys[i].Name == name {
			return &s.Keys[i]
		}
	}
	return nil
}

// Line returns the line of a key, that of "sdk" if it is not there.
func (s *Space) Line(name string) int {
	for _, n := range []string{name, "sdk"} {
		if k := s.Key(n); k != nil {
			return k.Line
		}
	}
	return 0
}

// isTrue reports whether a scalar is YAML's true.
func (k *Key) isTrue() bool { return k != nil && strings.EqualFold(k.Value, "true") }
