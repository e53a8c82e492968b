// Package sbom is the inventory of an application: what is in it, how we know
// each thing, and what could not be read.
//
// A [Document] is a list of [Component]s and a list of [Gap]s. Readers (the
// child packages) make Documents from one kind of source each; [Merge] joins
// them; sbom/cyclonedx and sbom/spdx write them. Nothing in this package or
// its children runs anything of what it reads, and nothing reads a clock, the
// environment or a network.
package sbom

import "cmp"

// Document is the inventory of one target. The zero value is an empty
// inventory, which is not a success: who decides treats it as "nothing found".
type Document struct {
	// Name says what was inventoried: a folder as the user named it, or an
	// image reference. It may be empty.
	Name string `json:"name,omitempty"`
	// Components are sorted by Sort.
	Components []Component `json:"components"`
	// Gaps are what could not be read, sorted by Sort.
	Gaps []Gap `json:"gaps"`
	// Dependencies is what is known of who needs whom, sorted, one for each
	// package URL. Nothing is known of a component that is not in it.
	Dependencies []Dependency `json:"dependencies,omitempty"`
	// Together are sets of files whose lines are installed in one go, as a
	// requirement file and all that it includes; each sorted, and sorted. What
	// stands in one file needs no set, unless it is installed by itself as well
	// as with others.
	Together [][]string `json:"together,omitempty"`
	// Files are the installed packages whose files are not those that their
	// lists name, sorted.
	Files []Files `json:"files,omitempty"`
	// Layers are those of the image, from the base up; nil outside images. The
	// Layer of a Location is one of them.
	Layers []Layer `json:"layers,omitempty"`
}

// Dependency is what one component needs. A component that is there more than
// once (two environments, two scopes) under one package URL needs what any of
// them does.
type Dependency struct {
	// PURL is the package URL of the component that needs others.
	PURL string `json:"purl"`
	// DependsOn are the package URLs of what it needs, sorted, each once. It
	// is empty for a component that is known to need nothing.
	DependsOn []string `json:"depends_on"`
}

// Evidence is the grade of our knowledge of a component. The zero value is
// EvidenceUnknown, which never makes a finding milder.
type Evidence string

// The grades, from the weakest to the strongest.
const (
	// EvidenceUnknown is the zero value.
	EvidenceUnknown Evidence = ""
	// Claimed: an SBOM found inside something says so, or a copy is there that
	// nothing runs by itself: in another package's folder, or in a package
	// manager's cache. A claim never gates unless the files exist.
	Claimed Evidence = "claimed"
	// Assumed: implied by the platform, as by a Hugging Face Space's build.
	Assumed Evidence = "assumed"
	// Declared: a line of a manifest names it. Version is set only for a
	// single exact pin, else Specifier.
	Declared Evidence = "declared"
	// Locked: a lock file names the exact version.
	Locked Evidence = "locked"
	// OSOwned: its files belong to a package of the distribution, in whose
	// data it is matched.
	OSOwned Evidence = "os-owned"
	// Installed: it is installed in the image or environment.
	Installed Evidence = "installed"
	// Verified: installed, and its files match RECORD or the distribution's
	// checksums.
	Verified Evidence = "verified"
)

// Component is one package at one version (or in one range), known in one way.
type Component struct {
	// Name as the source spells it. NormalName gives the key to compare by.
	Name string `json:"name"`
	// Version is the exact version, "" if the source names none.
	Version string `json:"version"`
	// Specifier is the version specifier as written in canonical PEP 440 form
	// (">=3,<5"), "" for none. It is kept beside Version for an exact pin
	// ("==4.19.0").
	Specifier string `json:"specifier"`
	// Ecosystem is OSV's name with its release suffix: "PyPI", "npm",
	// "Debian:12", "Alpine:v3.20"; "" if it has none.
	// https://ossf.github.io/osv-schema/#defined-ecosystems
	Ecosystem string `json:"ecosystem"`
	// PURL is the package URL, https://github.com/package-url/purl-spec.
	PURL string `json:"purl"`
	// Evidence is how we know.
	Evidence Evidence `json:"evidence"`
	// Locations are where it was seen, sorted, at least one.
	Locations []Location `json:"locations"`

	// Source is the source package of a distribution package and
	// SourceVersion its version; both empty when they equal Name and Version.
	Source        string `json:"source,omitempty"`
	SourceVersion string `json:"source_version,omitempty"`
	// Owner is the distribution package whose file list holds the files of an
	// os-owned component, as "name version".
	Owner string `json:"owner,omitempty"`
	// Extras are the extras asked for, normalised and sorted.
	Extras []string `json:"extras,omitempty"`
	// Marker is the environment marker in canonical form, "" for none.
	Marker string `json:"marker,omitempty"`
	// URL is where the component comes from when that is not its ecosystem's
	// own index: a direct or VCS reference, or another index, with credentials
	// removed.
	URL string `json:"url,omitempty"`
	// Hashes are "algorithm:hex" digests the manifest or lock demands, or those
	// of the archive that an installed component says it came from, sorted.
	Hashes []string `json:"hashes,omitempty"`
	// Editable is true for pip's -e.
	Editable bool `json:"editable,omitempty"`
	// Installer is the tool that an installed component says installed it
	// ("pip", "uv", "conda"), "" when it says none or not in one word.
	// https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-installer-file
	Installer string `json:"installer,omitempty"`
	// Requested is true when the component says that it was asked for by name,
	// and did not only come with one that was. False may also mean that nothing
	// is said.
	// https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-requested-file
	Requested bool `json:"requested,omitempty"`
	// Constraint is true when the line only constrains (pip's -c): it limits
	// versions but brings nothing in.
	Constraint bool `json:"constraint,omitempty"`
	// Scope says what the component is for: "" or "runtime", "extra:NAME",
	// "group:NAME", "dev", "build", "demo"; and "base" for what the platform
	// installs in a step of its own before the application's packages, which
	// may replace it.
	Scope string `json:"scope,omitempty"`
	// Scopes are all scopes, sorted, of a component that has several, of which
	// Scope is then the one that weighs most; nil when Scope is the only one.
	Scopes []string `json:"scopes,omitempty"`
}

// AllScopes returns what the component is for: Scopes, or Scope alone, with
// "runtime" for "".
func (c *Component) AllScopes() []string {
	if len(c.Scopes) > 0 {
		return c.Scopes
	}
	return []string{cmp.Or(c.Scope, "runtime")}
}

// Location is a place in a file of the target, or in a layer of the image.
type Location struct {
	// File is a slash-separated path below the target's root, or the absolute
	// path inside the image when Layer is set.
	File string `json:"file"`
	// Line counts from 1; 0 when the source has no lines.
	Line int `json:"line"`
	// Layer is the digest ("sha256:...") of the image layer that brought it,
	// "" outside images.
	Layer string `json:"layer"`
}
