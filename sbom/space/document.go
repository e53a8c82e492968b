package space

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// ScopeBase is the scope of what the platform installs before the application's
// own packages, in a step of its own: those may replace it, so that its versions
// do not bind theirs.
const ScopeBase = "base"

// added is a package that the build of a Space with the Gradio SDK installs.
type added struct {
	name, specifier string
	// base is true for what an earlier step than requirements.txt installs.
	base bool
}

// builder lists the packages that the builder adds beside gradio itself, as its
// public logs of June to September 2026 have them. The versions that it takes
// are not known.
func builder() []added {
	return []added{
		{"uvicorn", ">=0.14.0", false}, {"websockets", ">=10.4", false}, {"spaces", "", false},
		{"datasets", "", true}, {"huggingface-hub", ">=0.30", true}, {"hf-transfer", ">=0.1.4", true},
		{"protobuf", "<4", true}, {"click", "<8.1", true},
	}
}

// builderDebian lists the Debian packages of the builder's base layer.
func builderDebian() []string {
	return []string{"git", "git-lfs", "ffmpeg", "libsm6", "libxext6", "cmake", "rsync", "libgl1", "nodejs"}
}

// builderExtras are the extras with which the builder installs gradio.
func builderExtras() []string { return []string{"mcp", "oauth"} }

// Document returns the Space as an inventory: what its build adds, with the
// evidence assumed, and what packages.txt and pre-requirements.txt declare. A
// Space with another SDK than Gradio adds nothing.
func (s *Space) Document() *sbom.Document {
	d := &sbom.Document{Name: s.File, Gaps: slices.Clone(s.Gaps)}
	if s.SDK == sdkGradio {
		d.Components = append(d.Components, s.gradio())
		at := []sbom.Location{{File: s.File, Line: s.Line("sdk")}}
		for _, a := range builder() {
			c := sbom.Component{
				Name: a.name, Specifier: a.specifier, Ecosystem: "PyPI", PURL: sbom.PyPIPURL(a.name, ""),
				Evidence: sbom.Assumed, Locations: slices.Clone(at),
			}
			if a.base {
				c.Scope = ScopeBase
			}
			d.Components = append(d.Components, c)
		}
		for _, name := range builderDebian() {
			c := s.debian(name, "")
			c.Evidence, c.Locations, c.Scope = sbom.Assumed, slices.Clone(at), ScopeBase
			d.Components = append(d.Components, c)
		}
		s.declared(d)
	}
	d.Normalize()
	return d
}

// gradio returns the component that the front matter stands for.
func (s *Space) gradio() sbom.Component {
	c := sbom.Component{
		Name: "gradio", Ecosystem: "PyPI", Evidence: sbom.Assumed, Extras: builderExtras(),
		Locations: []sbom.Location{{File: s.File, Line: s.Line("sdk_version")}},
	}
	if s.SDKVersion != "" {
		c.Version, c.Specifier = s.SDKVersion, "=="+s.SDKVersion
	}
	c.PURL = sbom.PyPIPURL(c.Name, c.Version)
	return c
}

// declared adds what the files beside README.md name.
func (s *Space) declared(d *sbom.Document) {
	unknown := 0
	for _, p := range s.Packages {
		file := s.beside("packages.txt")
		if !p.Valid {
			d.Gaps = append(d.Gaps, sbom.NewGap(sbom.GapUnparsed, file, p.Line, fmt.Sprintf("%q is no name of a Debian package", p.Raw)))
			continue
		}
		c := s.debian(p.Name, p.Version)
		c.Evidence, c.Locations = sbom.Declared, []sbom.Location{{File: file, Line: p.Line}}
		d.Components = append(d.Components, c)
		unknown++
	}
	if unknown > 0 && s.ecosystem() == "" {
		d.Gaps = append(d.Gaps, sbom.NewGap(sbom.GapEcosystem, s.beside("packages.txt"), 0,
			fmt.Sprintf("the release of Debian that the Space's image has is not known, so no advisories can be looked up for %d packages", unknown)))
	}
	if s.PreRequirements != nil {
		pre := s.PreRequirements.Document()
		d.Components = append(d.Components, pre.Components...)
		d.Gaps = append(d.Gaps, pre.Gaps...)
		d.Together = append(d.Together, pre.Together...)
	}
	// One call of pip installs requirements.txt and what the builder adds.
	d.Together = append(d.Together, append([]string{s.File}, s.Requirements...))
}

// beside returns the path of a file in the folder of README.md.
func (s *Space) beside(base string) string {
	if i := strings.LastIndexByte(s.File, '/'); i >= 0 {
		return s.File[:i+1] + base
	}
	return base
}

// debian returns a Debian package of the Space's image.
func (s *Space) debian(name, version string) sbom.Component {
	id, _, _ := strings.Cut(s.Distribution, "-")
	if id == "" {
		id = "debian"
	}
	return sbom.Component{
		Name: name, Version: version, Ecosystem: s.ecosystem(),
		PURL: sbom.DebPURL(id, name, version, "", s.Distribution, ""),
	}
}

// ecosystem returns OSV's name of the image's distribution, "" if it is not
// known.
func (s *Space) ecosystem() string {
	id, version, _ := strings.Cut(s.Distribution, "-")
	return sbom.DistroEcosystem(id, version)
}
