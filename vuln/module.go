package vuln

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/tallyman/tallyman/sbom"
)

// In Red Hat's family a package may be built several times for one release: for
// the release itself, and in modules, each with streams of its own (nodejs:18,
// nodejs:20). An advisory is about the builds of one of them, and its versions
// are to be compared with those alone: every version of nodejs:18 is below the
// one that nodejs:20 was fixed in. The record says it in its versions, whose
// releases have the mark of a module, and in its summary ("Important: nodejs:20
// security update"); a package in its version and in the module's label.
// https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/8/html/installing_managing_and_removing_user-space_components/introduction-to-modules_using-appstream

// moduleFamilies are the distributions that have modules.
var moduleFamilies = [...]string{"AlmaLinux", "Rocky Linux", "Red Hat"}

// build says what a version was built for.
type build int

const (
	buildUnknown build = iota // a version that does not say it
	buildRelease
	buildModule
)

var (
	moduleMark  = regexp.MustCompile(`\.module[_+]el[0-9]`)
	releaseMark = regexp.MustCompile(`\.el[0-9]`)
)

func buildOf(version string) build {
	switch _, release, _ := strings.Cut(version, "-"); {
	case moduleMark.MatchString(release):
		return buildModule
	case releaseMark.MatchString(release):
		return buildRelease
	}
	return buildUnknown
}

// stream is a module and one of its streams.
type stream struct{ module, stream string }

// streamOf returns the stream that a package URL tells, the zero one for none.
// https://docs.fedoraproject.org/en-US/modularity/core-concepts/nsvca/
func streamOf(purl string) stream {
	p, err := packageurl.FromString(purl)
	if err != nil {
		return stream{}
	}
	label := strings.Split(p.Qualifiers.Map()["rpmmod"], ":")
	if len(label) < 2 {
		return stream{}
	}
	return stream{label[0], label[1]}
}

// sameBuild returns the advisory without the entries that are about other builds
// than this version of c; nil when none is left. Whatever does not say what it is
// about is about all.
func sameBuild(c *sbom.Component, version string, a *Advisory) *Advisory {
	family, _, _ := strings.Cut(c.Ecosystem, ":")
	if !slices.Contains(moduleFamilies[:], family) {
		return a
	}
	is := buildOf(version)
	if is == buildModule && otherStream(streamOf(c.PURL), a.Summary) {
		return nil
	}
	other := func(e Affected) bool {
		about := e.build()
		return is != buildUnknown && about != buildUnknown && about != is
	}
	if !slices.ContainsFunc(a.Affected, other) {
		return a
	}
	kept := *a
	if kept.Affected = slices.DeleteFunc(slices.Clone(a.Affected), other); len(kept.Affected) == 0 {
		return nil
	}
	return &kept
}

// build is what all versions of the entry were built for.
func (a *Affected) build() build {
	about, first := buildUnknown, true
	add := func(version string) {
		b := buildOf(version)
		if !first && b != about {
			b = buildUnknown
		}
		about, first = b, false
	}
	for _, v := range a.Versions {
		add(v)
	}
	for _, r := range a.Ranges {
		for _, e := range r.Events {
			if v := cmp.Or(e.Fixed, e.LastAffected); v != "" {
				add(v)
			}
		}
	}
	return about
}

// otherStream reports whether a summary names streams of this one's module, and
// this one is not among them. Streams that are no number are called otherwise in
// one distribution than in another (rhel, rhel8), so they are not told apart.
func otherStream(of stream, summary string) bool {
	numbered := func(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }
	if of.module == "" || !numbered(of.stream) {
		return false
	}
	other := false
	for _, word := range strings.FieldsFunc(summary, func(r rune) bool { return strings.ContainsRune(" ,;()", r) }) {
		module, name, found := strings.Cut(word, ":")
		if !found || module != of.module || name == "" {
			continue
		}
		if name == of.stream || !numbered(name) {
			return false
		}
		other = true
	}
	return other
}
