package pylock

import (
	"net/url"
	"path"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// named holds the names of a package's files against what the lock says of it:
// a lock that calls demo-1.0-py3-none-any.whl version 2.0 is a gap, for which
// of the two is installed is the installer's business. One file tells. A name
// that is not of the standard's form, or of another project, says nothing: no
// installer takes a package of another name.
func (r *reader) named(p *Package, urls ...string) {
	version, err := pep440.Parse(p.Version)
	if err != nil || p.Own {
		return
	}
	name := pep508.NormalizeName(p.Name)
	for _, at := range urls {
		base := fileOf(at)
		file, err := pep508.ParseWheel(base)
		if err != nil {
			file, err = pep508.ParseSdist(base)
		}
		if err == nil && file.Name == name && !sameVersion(version, file.Version) {
			r.gap(sbom.GapConflict, p.Line, p.Name, "the lock says %s %s and has the file %s for it", p.Name, p.Version, base)
			return
		}
	}
}

// fileOf is the file name that a URL or path ends with.
func fileOf(at string) string {
	at, _, _ = strings.Cut(at, "#")
	at, _, _ = strings.Cut(at, "?")
	base := path.Base(strings.ReplaceAll(at, "\\", "/"))
	if text, err := url.PathUnescape(base); err == nil {
		return text
	}
	return base
}

// sameVersion reports whether a file may be of a version: a lock may leave the
// local part out.
func sameVersion(lock, file pep440.Version) bool {
	return lock.Equal(file) || !lock.HasLocal() && lock.Equal(file.Public())
}
