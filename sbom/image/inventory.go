package image

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// inventory makes the components and gaps of a finished state.
func (s *state) inventory(name string) *Inventory {
	b := &builder{state: s, doc: &sbom.Document{Name: name}}
	b.release()
	b.debPackages()
	b.ownership()
	b.apkPackages()
	b.rpmPackages()
	b.eggLinks()
	b.linkedCopies()
	b.searched()
	b.languagePackages()
	b.condaPackages()
	b.claims()
	b.unexplained()
	b.programs()
	b.runtimes()
	b.runtimeLinks()
	b.extras()
	b.digestedOtherwise()
	b.fileGaps()
	b.linkGaps()
	b.missingMetadata()
	b.missingDatabase()
	b.unsupported()
	for _, g := range s.gaps {
		b.gap(g.facts.Gaps[g.at], "", g.layer)
	}
	b.doc.Normalize()
	return &Inventory{Document: b.doc, Distribution: b.distribution}
}

// builder makes an Inventory of a state.
type builder struct {
	*state
	doc          *sbom.Document
	distribution Distribution
	// installed maps the keys of dpkg's file lists ("name", "name:arch") to
	// the package.
	installed map[string]*debOwner
	owners    map[string][]claim
	// metadata has the files in each folder of Python metadata.
	metadata map[string][]string
	// developed are the folders of projects that development installs of old
	// point to.
	developed map[string]bool
	// linked are the metadata files of copies that links lead to from where
	// Python looks.
	linked map[string]bool
	// folders are those with copies, true for one that Python is told to look
	// into.
	folders map[string]bool
	// vendor is who built most packages of rpm's database.
	vendor string
	// checked are the packages whose lists were held against their files.
	checked []*checked
	// programPaths are those of the files with something compiled in, sorted, and
	// borne the packages that explain one of them, or another file that would
	// otherwise be a gap.
	programPaths []string
	borne        map[string]bearers
}

// gap adds g about the file at p, which layer i brought.
func (b *builder) gap(g sbom.Gap, p string, i int) {
	g.File, g.Layer = cmp.Or(p, g.File), b.layers[i]
	b.doc.Gaps = append(b.doc.Gaps, g)
}

func (b *builder) newGap(kind sbom.GapKind, p string, i int, reason string) {
	b.gap(sbom.NewGap(kind, "", 0, reason), p, i)
}

// at returns the file that a well-known path leads to.
func (b *builder) at(p string) (string, placed, bool) {
	real, err := b.resolve(p)
	if err != nil {
		return "", placed{}, false
	}
	f, ok := b.files[real]
	return real, f, ok
}

// release takes /etc/os-release before /usr/lib/os-release, as the
// specification says.
func (b *builder) release() {
	for _, p := range []string{etcRelease, usrRelease} {
		if _, f, ok := b.at(p); ok && f.Kind == kindRelease {
			b.distribution = newDistribution(f.Release)
			return
		}
	}
}

// debPackages adds the packages of dpkg's databases.
func (b *builder) debPackages() {
	b.installed = map[string]*debOwner{}
	d := b.distribution
	dpkg := strings.HasPrefix(d.Ecosystem, "Debian:") || strings.HasPrefix(d.Ecosystem, "Ubuntu:")
	source, layer := "", 0
	b.eachDeb(func(at string, from placed, p debPackage) {
		source, layer = at, from.layer
		since, known := b.debs[debKey{p.Name, p.Arch}]
		if !known || since.version != p.Version {
			since.layer = from.layer
		}
		b.own(at, p)
		c := b.debComponent(p, dpkg)
		c.Locations = []sbom.Location{{File: at, Line: p.Line, Layer: b.layers[since.layer]}}
		b.debEvidence(&c, at, p)
		b.doc.Components = append(b.doc.Components, c)
	})
	if source != "" && !dpkg {
		b.newGap(sbom.GapEcosystem, source, layer, fmt.Sprintf("Debian packages of %s, for which there is no advisory ecosystem", d.describe()))
	}
	if real, _, ok := b.at(dpkgStatus); !ok && real != dpkgStatus {
		b.newGap(sbom.GapUnread, dpkgStatus, len(b.layers)-1, "the package database is behind a link to a file that was not read")
	}
}

// describe names the distribution for a person.
func (d Distribution) describe() string {
	if d.ID == "" {
		return "an unknown distribution (no os-release)"
	}
	return strings.TrimSpace(fmt.Sprintf("%q %s", d.ID, d.VersionID))
}

// qualifier is the "distro" qualifier of package URLs ("debian-12").
func (d Distribution) qualifier() string {
	if d.VersionID == "" {
		return d.ID
	}
	return d.ID + "-" + d.VersionID
}

// own notes p under the names that its file lists may have. A file of status.d
// is itself named like its list.
func (b *builder) own(at string, p debPackage) {
	who := &debOwner{name: p.Name, version: p.Version, source: cmp.Or(p.Source, p.Name), compiled: p.Compiled}
	if path.Dir(at) == dpkgStatusD {
		b.installed[path.Base(at)] = who
		return
	}
	b.installed[p.Name+":"+p.Arch] = who
	b.installed[p.Name] = who
}

func (b *builder) debComponent(p debPackage, dpkg bool) sbom.Component {
	d := b.distribution
	c := sbom.Component{
		Name: p.Name, Version: p.Version, Evidence: sbom.Installed,
		Source: p.Source, SourceVersion: p.SourceVersion,
	}
	if dpkg {
		c.Ecosystem = d.Ecosystem
	}
	source := p.Source
	if source != "" && p.SourceVersion != p.Version {
		source += "@" + p.SourceVersion
	}
	c.PURL = sbom.DebPURL(cmp.Or(d.ID, "debian"), p.Name, p.Version, p.Arch, d.qualifier(), source)
	return c
}

// languagePackages adds Python distributions and npm packages.
func (b *builder) languagePackages() {
	for p, f := range b.files {
		if f.Package == nil || f.Kind == kindConda || f.Kind == kindStore {
			continue
		}
		c := sbom.Component{
			Name: f.Package.Name, Version: f.Package.Version, Evidence: sbom.Installed,
			Locations: []sbom.Location{{File: p, Layer: b.layers[f.layer]}},
		}
		switch f.Kind {
		case kindPython, kindEgg:
			b.python(&c, p)
		case kindNPM:
			npm(&c, p)
		}
		if o := b.packageOwner(p, f); o != nil {
			c.Owner, c.Evidence = o.String(), sbom.OSOwned
		}
		if f.Kind == kindPython && metadataDir(path.Dir(p)) {
			if !b.evidence(&c, path.Join(path.Dir(p), "RECORD"), "") {
				b.unverified(p, f)
			}
		}
		b.doc.Components = append(b.doc.Components, c)
		if f.Kind != kindNPM {
			b.folderConflict(c, p, f.layer)
		}
	}
}

// folderConflict adds what the metadata's folder is called by when that is
// something else: one of the two was forged, and nobody can say which.
func (b *builder) folderConflict(c sbom.Component, p string, layer int) {
	folder := p
	if strings.HasSuffix(p, ".egg") {
		folder += "/" + eggMetadata
	}
	if sbom.FolderAgrees(folder, c.Name, c.Version) {
		return
	}
	b.newGap(sbom.GapConflict, p, layer, fmt.Sprintf("the metadata names %q %q, its folder something else", c.Name, c.Version))
	name, version, ok := sbom.MetadataFolder(folder)
	if !ok || version == "" {
		return
	}
	c.Name, c.Version, c.PURL = name, version, sbom.PyPIPURL(name, version)
	c.URL, c.Editable, c.Hashes, c.Owner, c.Evidence = "", false, nil, "", sbom.Installed
	b.doc.Components = append(b.doc.Components, c)
}

func (b *builder) python(c *sbom.Component, p string) {
	c.Ecosystem, c.PURL = "PyPI", sbom.PyPIPURL(c.Name, c.Version)
	if copied(p) && !b.linked[p] {
		c.Evidence = sbom.Claimed
	}
	if metadataDir(path.Dir(p)) {
		b.installation(c, path.Dir(p))
	}
	if project := path.Dir(path.Dir(p)); b.developed[project] && strings.HasSuffix(path.Dir(p), ".egg-info") {
		c.URL, c.Editable = (&url.URL{Scheme: "file", Path: project}).String(), true
	}
}

// fileGaps adds what could not be read of files.
func (b *builder) fileGaps() {
	for p, f := range b.files {
		for _, g := range f.Gaps {
			if f.Kind == kindNPM && fixture(p) {
				g.Kind = sbom.GapClaim // some are broken on purpose
			}
			b.gap(g, p, f.layer)
		}
	}
}

// counts reports whether it would hide a package if a file of this kind were
// not read. File lists and direct URLs only add to what is known.
func (k kind) counts() bool {
	switch k {
	case kindNone, kindRelease, kindList, kindSums, kindDirectURL, kindModule, kindBeside, kindSystem, kindClaims, kindVendor, kindStore, kindPath:
		return false
	}
	_, known := unsupported[k]
	return !known
}

// linkGaps adds the package metadata that is only a link to something that was
// not read. A link to metadata that was read is a second name for it.
func (b *builder) linkGaps() {
	top := len(b.layers) - 1
	for n := range b.tree.all(heldLink) {
		p := b.tree.path(n)
		k := kindOf(p)
		if p == dpkgStatus || !(k.counts() || k.claims() || metadataDir(p)) {
			continue
		}
		real, err := b.resolve(p)
		_, read := b.files[real]
		if err != nil || (!read && !b.hasMetadata(real)) {
			b.newGap(k.gapKind(sbom.GapUnread), p, top, "package metadata behind a link to something that was not read")
		}
	}
	for p, i := range b.hard {
		if k := kindOf(p); k.counts() || k.claims() {
			b.newGap(k.gapKind(sbom.GapUnread), p, i, "package metadata that is a hard link to a file that was not read")
		}
	}
}

func (b *builder) hasMetadata(dir string) bool {
	for _, name := range []string{"METADATA", "PKG-INFO"} {
		p := path.Join(dir, name)
		_, file := b.files[p]
		_, link := b.link(p)
		_, hard := b.hard[p]
		if file || link || hard {
			return true
		}
	}
	return false
}

// missingMetadata adds the metadata folders whose metadata is gone: the package
// may well be there still.
func (b *builder) missingMetadata() {
	for dir, i := range b.dirs {
		if metadataDir(dir) && !b.hasMetadata(dir) {
			b.newGap(sbom.GapUnparsed, dir, i, "an installed distribution without its METADATA or PKG-INFO")
		}
	}
}

// missingDatabase adds a gap when the database of a distribution's packages is
// gone, as some do to make an image smaller: the packages are there still.
func (b *builder) missingDatabase() {
	for _, f := range b.files {
		switch f.Kind {
		case kindAPK:
			if len(f.APKs) > 0 {
				return
			}
		case kindRPM, kindRPMList:
			if len(f.RPMs) > 0 {
				return
			}
		case "apk-database", "rpm-database", "pacman", "portage", "opkg", "xbps":
			return
		case kindStatusD:
			if len(f.Debs) > 0 {
				return
			}
		}
	}
	if _, f, ok := b.at(dpkgStatus); ok && len(f.Debs) > 0 || b.hasStore() {
		return
	}
	for _, p := range []string{etcRelease, usrRelease} {
		if real, f, ok := b.at(p); ok && f.Kind == kindRelease {
			b.newGap(sbom.GapUnread, real, f.layer, fmt.Sprintf("an image of %s without the database of its packages", b.distribution.describe()))
			return
		}
	}
	for _, p := range slices.Sorted(maps.Keys(b.files)) {
		if f := b.files[p]; f.Kind == kindList || f.Kind == kindSums {
			b.newGap(sbom.GapUnread, dpkgStatus, f.layer, "dpkg's file lists are there, and its database is not")
			return
		}
	}
	if p, i := b.system(); p != "" {
		b.newGap(sbom.GapUnread, p, i, "a distribution's shell or C library is there, and neither os-release nor a database of packages")
	}
}

// system returns the first of the files that only a distribution brings, and
// its layer; "" when there is none, as in an image of one static program.
func (b *builder) system() (string, int) {
	at := map[string]int{}
	for p, f := range b.files {
		if f.Kind == kindSystem {
			at[p] = f.layer
		}
	}
	for n := range b.tree.all(heldLink) {
		if p := b.tree.path(n); kindOf(p) == kindSystem {
			at[p] = len(b.layers) - 1
		}
	}
	for p, i := range b.hard {
		if kindOf(p) == kindSystem {
			at[p] = i
		}
	}
	if len(at) == 0 {
		return "", 0
	}
	first := slices.Min(slices.Collect(maps.Keys(at)))
	return first, at[first]
}
