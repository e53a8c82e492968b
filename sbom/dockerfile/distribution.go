package dockerfile

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// distribution is what the tag of a base image says of its distribution. The
// zero value is "not known".
type distribution struct {
	// id and version are as in os-release ("debian", "12").
	id, version string
}

func (d distribution) ecosystem() string { return sbom.DistroEcosystem(d.id, d.version) }

func (d distribution) qualifier() string { return d.id + "-" + d.version }

// codenames of releases, as tags have them.
// https://www.debian.org/releases/ and https://wiki.ubuntu.com/Releases
func codename(name string) distribution {
	return map[string]distribution{
		"stretch": {"debian", "9"}, "buster": {"debian", "10"}, "bullseye": {"debian", "11"},
		"bookworm": {"debian", "12"}, "trixie": {"debian", "13"}, "forky": {"debian", "14"},
		"bionic": {"ubuntu", "18.04"}, "focal": {"ubuntu", "20.04"}, "jammy": {"ubuntu", "22.04"}, "noble": {"ubuntu", "24.04"},
	}[name]
}

var (
	releaseNumber = regexp.MustCompile(`^[0-9]{1,3}(\.[0-9]{1,3}){0,2}$`)
	releaseWord   = regexp.MustCompile(`^(debian|ubuntu|alpine)([0-9]{1,3}(?:\.[0-9]{1,3}){0,2})$`)
)

// distribution returns what the tag of the image that a stage is built on says.
func (f *File) distribution(s *Stage) distribution {
	image := f.root(s)
	if !image.Known {
		return distribution{}
	}
	base := image.Base()
	for i, part := range strings.Split(image.Tag, "-") {
		if d := codename(part); d.id != "" {
			return d
		}
		if m := releaseWord.FindStringSubmatch(part); m != nil {
			return distribution{m[1], m[2]}
		}
		if i == 0 && releaseNumber.MatchString(part) && contains([]string{"debian", "ubuntu", "alpine"}, base) {
			return distribution{base, part}
		}
	}
	return distribution{}
}

// root returns the image that a stage is built on in the end.
func (f *File) root(s *Stage) Image {
	chain := f.Chain(s)
	return chain[len(chain)-1].Base
}

// PythonBase is a base image whose tag says which Python it has.
type PythonBase struct {
	// Version is what the tag says: "3.12", "3.12.4".
	Version string
	// Line is the line of the FROM, counted from 1, and Stage its stage's Label.
	Line  int
	Stage string
}

// PythonBases returns the base images whose tags say which Python they have: of
// the shipped image if its base says one, else of all stages whose files are
// copied. They are in the order of the file.
func (f *File) PythonBases() []PythonBase {
	for _, reach := range []Reach{Shipped, Source} {
		var out []PythonBase
		for _, s := range f.Stages {
			if s.Reach == reach && s.Parent < 0 {
				for _, version := range pythonVersion(s.Base) {
					out = append(out, PythonBase{Version: version, Line: s.From.Line, Stage: s.Label()})
				}
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// PythonVersions returns the Python versions of PythonBases, each once, in the
// order of versions. It is empty when no tag says one.
func (f *File) PythonVersions() []string {
	var out []string
	for _, base := range f.PythonBases() {
		out = append(out, base.Version)
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(pep440.MustParse(a).Compare(pep440.MustParse(b)), strings.Compare(a, b))
	})
	return slices.Compact(out)
}

var pythonTag = regexp.MustCompile(`^(?:python|py)(3\.[0-9]{1,3}(?:\.[0-9]{1,3})?)$`)
var pythonRelease = regexp.MustCompile(`^[23]\.[0-9]{1,3}(\.[0-9]{1,3}((a|b|rc)[0-9]{1,3})?)?$`)

// pythonVersion reads the tag of a Python image ("python:3.12-slim"), or a part
// of any image's tag that names Python ("uv:python3.12-bookworm").
func pythonVersion(i Image) []string {
	if !i.Known {
		return nil
	}
	for n, part := range strings.Split(i.Tag, "-") {
		if n == 0 && i.Base() == "python" && pythonRelease.MatchString(part) {
			return []string{part}
		}
		if m := pythonTag.FindStringSubmatch(part); m != nil {
			return []string{m[1]}
		}
	}
	return nil
}

// The grammar of names and versions.
// https://www.debian.org/doc/debian-policy/ch-controlfields.html#s-f-source
var (
	debName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	debVersion = regexp.MustCompile(`^[A-Za-z0-9.+~:*?-]*$`)
)

// apt adds packages of Debian and Ubuntu.
// https://manpages.debian.org/bookworm/apt/apt-get.8.en.html
func (c *collector) apt(v *Invocation) {
	in, ok := v.Install()
	if !ok || !contains([]string{"debian", "ubuntu"}, c.distro.id) || c.distro.ecosystem() == "" {
		return
	}
	for _, w := range in.Packages {
		name, version, _ := strings.Cut(w.Text, "=")
		name, _, _ = strings.Cut(name, "/")
		name, arch, _ := strings.Cut(name, ":")
		switch {
		case !w.Known || !debName.MatchString(name) || !debVersion.MatchString(version) || strings.Contains(w.Text, "/") && strings.HasSuffix(w.Text, ".deb"):
			c.gap(sbom.GapUnparsed, w.Line, "", "which package %q is, is not known from the file", shown(w.Text))
			continue
		case strings.HasSuffix(name, "-"):
			continue // removes it
		case strings.ContainsAny(version, "*?"):
			version = ""
		}
		purl := sbom.DebPURL(c.distro.id, name, version, arch, c.distro.qualifier(), "")
		c.add(sbom.Component{Name: name, Version: version, Ecosystem: c.distro.ecosystem(), PURL: purl}, w)
	}
}

var apkSpec = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9+._-]*)(?:@[A-Za-z0-9_.-]+)?(?:([=<>~]+)([A-Za-z0-9._-]+))?(?:@[A-Za-z0-9_.-]+)?$`)

// apk adds packages of Alpine.
// https://man.archlinux.org/man/apk-world.5.en
func (c *collector) apk(v *Invocation) {
	in, ok := v.Install()
	if !ok || c.distro.id != "alpine" || c.distro.ecosystem() == "" {
		return
	}
	for _, w := range in.Packages {
		if w.Known && strings.HasPrefix(w.Text, "!") {
			continue // must not be there
		}
		m := apkSpec.FindStringSubmatch(w.Text)
		if !w.Known || m == nil || strings.HasSuffix(w.Text, ".apk") {
			c.gap(sbom.GapUnparsed, w.Line, "", "which package %q is, is not known from the file", shown(w.Text))
			continue
		}
		name, version := m[1], ""
		if m[2] == "=" {
			version = m[3]
		}
		qualifiers := packageurl.QualifiersFromMap(map[string]string{"distro": c.distro.qualifier()})
		purl := packageurl.NewPackageURL(packageurl.TypeApk, "alpine", name, version, qualifiers, "").ToString()
		c.add(sbom.Component{Name: name, Version: version, Ecosystem: c.distro.ecosystem(), PURL: purl}, w)
	}
}
