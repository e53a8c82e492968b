package image

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// families are the package managers that a layer shows signs of. Which digest
// could be named of a file is told by whose it is, and who that is by the list,
// which often comes last in the archive. So all that a list may name are made
// until there is a sign; from then on those of the families that were seen. A
// file that lacks the digest that a list names is never taken for verified, and
// there is a gap that says so (digestedOtherwise).
type families uint8

const (
	familyDPKG families = 1 << iota // MD5
	familyAPK                       // SHA-1
	familyRPM                       // SHA-256; packages older than 2009 name MD5
)

// digests say which digests lists of these families name.
func (f families) md5() bool    { return f == 0 || f&familyDPKG != 0 }
func (f families) sha1() bool   { return f == 0 || f&familyAPK != 0 }
func (f families) sha256() bool { return f == 0 || f&familyRPM != 0 }

// familyOf returns the family that alone would put something at p, 0 for none.
// The signs are such as come early where an archive is sorted by name, and that
// no package of another family brings: dpkg's are the folders of the Debian
// architectures, rpm's those of the build identifiers.
//
// https://wiki.debian.org/Multiarch/Tuples
// https://fedoraproject.org/wiki/Changes/ParallelInstallableDebuginfo
func familyOf(p string) families {
	switch {
	case strings.HasPrefix(p, "/etc/"):
		switch rest := p[len("/etc/"):]; {
		case rest == "debian_version", strings.HasPrefix(rest, "apt/"), strings.HasPrefix(rest, "dpkg/"):
			return familyDPKG
		case rest == "alpine-release", strings.HasPrefix(rest, "apk/"):
			return familyAPK
		case rest == "redhat-release":
			return familyRPM
		}
	case strings.HasPrefix(p, "/usr/lib/"):
		return familyOfLibrary(p[len("/usr/lib/"):])
	case strings.HasPrefix(p, "/lib/"):
		return familyOfLibrary(p[len("/lib/"):])
	case strings.HasPrefix(p, "/var/lib/dpkg/"):
		return familyDPKG
	}
	return 0
}

func familyOfLibrary(rest string) families {
	folder, _, below := strings.Cut(rest, "/")
	switch {
	case !below:
	case folder == "apk":
		return familyAPK
	case folder == ".build-id":
		return familyRPM
	case strings.Contains(folder, "-linux-gnu") && strings.Count(folder, "-") == 2:
		return familyDPKG
	}
	return 0
}

// digestedOtherwise adds, once for a layer, a gap about the files that could not
// be held against the lists of their packages, because of what came before them
// in the layer: who plants a sign of another package manager hides nothing by it.
func (b *builder) digestedOtherwise() {
	type few struct {
		list            string
		files, packages int
	}
	layers := make([]few, len(b.layers))
	for _, c := range b.checked {
		if c.otherwise == 0 {
			continue
		}
		of := &layers[c.in]
		if of.packages++; of.list == "" || c.List < of.list {
			of.list = c.List
		}
		of.files += c.otherwise
	}
	for i, of := range layers {
		if of.packages > 0 {
			b.newGap(sbom.GapUnverified, of.list, i, fmt.Sprintf("%d files of %d packages could not be held against the packages' lists, this one among them: "+
				"the digests that those name were not made, since the layer showed signs of a package manager that names others", of.files, of.packages))
		}
	}
}
