package image

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/rpmdb"
)

// The folders that rpm's database is in: rpm's own, that of Fedora and SUSE, to
// which the first is then a link, and that of OSTree's images.
// https://fedoraproject.org/wiki/Changes/RelocateRPMToUsr
var rpmFolders = [...]string{"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"}

// The names of the database in the three formats.
var rpmNames = [...]string{"rpmdb.sqlite", "Packages.db", "Packages"}

// rpmManifest is what an image of Azure Linux has that has no database, so that
// it can be seen what is in it.
// https://github.com/microsoft/azurelinux/blob/3.0/toolkit/docs/how_it_works/5_misc.md#rpm-manifest-file
const rpmManifest = "/var/lib/rpmmanifest/container-manifest-2"

// rpmKind knows rpm's databases, and the files in which SQLite keeps what is
// not in the database yet. https://www.sqlite.org/tempfiles.html
func rpmKind(dir, base string) kind {
	if path.Join(dir, base) == rpmManifest {
		return kindRPMList
	}
	if !slices.Contains(rpmFolders[:], dir) {
		return kindNone
	}
	switch {
	case slices.Contains(rpmNames[:], base):
		return kindRPM
	case base == "rpmdb.sqlite-wal", base == "rpmdb.sqlite-journal":
		return kindRPMLog
	}
	return kindNone
}

// rpmPackage is one package of rpm's database, with the files that it owns. The
// Version is as advisories write it, "epoch:version-release".
type rpmPackage struct {
	debPackage
	// SourceRPM is the source package's file name.
	SourceRPM string `json:"source_rpm,omitempty"`
	// Vendor is who built it, in the vendor's own words.
	Vendor string `json:"vendor,omitempty"`
	// Module is the label of the module that it is of.
	Module string `json:"module,omitempty"`
	// Projects are the Python projects that it says it is.
	Projects []string `json:"projects,omitempty"`
	// Owned are the paths that kindOf knows, with the digest that rpm noted.
	Owned []ownedPath `json:"owned,omitempty"`
	// files are all that were digested, for the layer's proofs.
	files listing
}

// id tells the packages of a database apart: rpm installs several versions of
// some, and several architectures of most.
func (p *rpmPackage) id() string { return p.Name + "-" + p.Version + "." + p.Arch }

// rpm reads rpm's database, of size bytes.
func (w *walker) rpm(f *file, p string, size int64, content io.Reader) error {
	if size > limit.RPMDatabaseBytes || w.logical+size > limit.LayerBytes {
		f.Gaps = append(f.Gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, "an rpm database that is larger than the bound"))
		return nil
	}
	w.logical += size
	store, err := pack(content, size)
	if err != nil {
		return err
	}
	defer store.close()
	db := rpmdb.Read(store, size, func(pkg *rpmdb.Package) { f.RPMs = append(f.RPMs, newRPM(pkg)) })
	f.Gaps = db.Gaps
	sourceEpochs(f.RPMs)
	for i := range f.RPMs {
		if pkg := &f.RPMs[i]; pkg.files.lines.Count > 0 {
			w.sums.list(p, pkg.id(), pkg.files)
			pkg.files = listing{}
		}
	}
	return nil
}

// parseRPMManifest reads the list of packages that stands in the place of a
// database: a line for each, of ten columns parted by tabs. What rpm does not
// know is "(none)". The gaps have kind, line and reason.
func parseRPMManifest(data []byte) (pkgs []rpmPackage, gaps []sbom.Gap) {
	n := 0
	for line := range strings.Lines(strings.ToValidUTF8(string(data), "\ufffd")) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		f := strings.Split(line, "\t")
		for i := range f {
			if f[i] == "(none)" {
				f[i] = ""
			}
		}
		if len(f) < 10 || !manifestRow(f) {
			gaps = append(gaps, sbom.NewGap(sbom.GapUnparsed, "", n, "a line of the list of rpm packages is not one of a package"))
			continue
		}
		name, evr, epoch, arch, source := f[0], f[1], f[8], f[7], f[9]
		if name == "gpg-pubkey" && arch == "" {
			continue // a public key
		}
		if epoch != "" && epoch != "0" {
			evr = epoch + ":" + evr
		}
		p := rpmPackage{SourceRPM: source}
		p.debPackage = debPackage{Name: name, Version: evr, Arch: arch, Line: n}
		p.source()
		pkgs = append(pkgs, p)
	}
	sourceEpochs(pkgs)
	return pkgs, gaps
}

// manifestRow reports whether the columns that are read can be what they are
// said to be.
func manifestRow(f []string) bool {
	_, err := strconv.ParseUint(cmp.Or(f[8], "0"), 10, 32)
	return err == nil && debWord(f[0]) && debWord(f[1]) && !strings.Contains(f[1], ":") &&
		(f[7] == "" || debWord(f[7])) && (f[9] == "" || debWord(f[9]))
}

// source takes the source package out of the name of its file.
func (p *rpmPackage) source() {
	if name, version, release := sbom.CutSourceRPM(p.SourceRPM); name != "" {
		p.Source, p.SourceVersion = name, version+"-"+release
	}
}

// pythonProvide is what a package provides that is a Python project.
// https://docs.fedoraproject.org/en-US/packaging-guidelines/Python/#_automatically_generated_provides
var pythonProvide = regexp.MustCompile(`^python[0-9.]*dist\(([A-Za-z0-9._-]+)\)$`)

func newRPM(p *rpmdb.Package) rpmPackage {
	out := rpmPackage{SourceRPM: p.SourceRPM, Module: p.Module, Vendor: p.Vendor}
	out.debPackage = debPackage{Name: p.Name, Version: p.EVR(), Arch: p.Arch}
	out.source()
	for provided := range p.Provides() {
		if m := pythonProvide.FindStringSubmatch(provided); m != nil {
			out.Projects = append(out.Projects, pep508.NormalizeName(m[1]))
		}
	}
	slices.Sort(out.Projects)
	out.Projects = slices.Compact(out.Projects)
	out.files.alg = map[rpmdb.Algorithm]algorithm{rpmdb.MD5: algMD5, rpmdb.SHA1: algSHA1, rpmdb.SHA256: algSHA256}[p.Algorithm()]
	if out.files.alg == "" {
		return out // a digest that nothing else has: the package stays installed
	}
	for f := range p.Files() {
		at := path.Clean("/" + validText(f.Path))
		if kindOf(at) != kindNone {
			out.Owned = append(out.Owned, newOwned(at, out.files.alg, f.Digest))
		}
		if distribution, _ := wanted(at); distribution && !f.Config {
			out.files.add(at, f.Digest)
		}
	}
	return out
}

func newOwned(at string, alg algorithm, digest []byte) ownedPath {
	o, sum := ownedPath{Path: at}, hex.EncodeToString(digest)
	switch alg {
	case algMD5:
		o.MD5 = sum
	case algSHA1:
		o.SHA1 = sum
	case algSHA256:
		o.SHA256 = sum
	}
	return o
}

// sourceEpochs completes the versions of source packages. The name of a source
// package's file has no epoch; it is that of the package that is called like it
// or else of one that has its version and release, and as long as there is none
// the package's own.
func sourceEpochs(pkgs []rpmPackage) {
	epochs, named := map[string]string{}, map[string]bool{}
	for i := range pkgs {
		p := &pkgs[i]
		epoch, version := cutEpoch(p.Version)
		if old, known := epochs[p.SourceRPM]; version != p.SourceVersion || named[p.SourceRPM] || known && p.Name != p.Source && old <= epoch {
			continue
		}
		epochs[p.SourceRPM], named[p.SourceRPM] = epoch, p.Name == p.Source
	}
	for i := range pkgs {
		p := &pkgs[i]
		if p.Source == "" {
			continue
		}
		epoch, known := epochs[p.SourceRPM]
		if !known {
			epoch, _ = cutEpoch(p.Version)
		}
		if epoch != "" {
			p.SourceVersion = epoch + ":" + p.SourceVersion
		}
		if p.Source == p.Name && p.SourceVersion == p.Version {
			p.Source, p.SourceVersion = "", ""
		}
	}
}

// cutEpoch parts "epoch:version"; the epoch is "" when there is none.
func cutEpoch(evr string) (epoch, version string) {
	if epoch, version, found := strings.Cut(evr, ":"); found {
		return epoch, version
	}
	return "", evr
}

// eachRPM calls f for every package of rpm's databases. An image may have more
// than one, as after a move: one package that is in both counts once.
func (s *state) eachRPM(f func(at string, from placed, p *rpmPackage)) {
	var files []string
	seen := map[string]bool{}
	for _, known := range s.rpmDatabases() {
		at, err := s.resolve(known)
		file, ok := s.files[at]
		if err != nil || !ok || slices.Contains(files, at) {
			continue
		}
		files = append(files, at)
		for i := range file.RPMs {
			if p := &file.RPMs[i]; !seen[p.id()] {
				seen[p.id()] = true
				f(at, file, p)
			}
		}
	}
}

// rpmDatabases are the paths that a database may be at.
func (s *state) rpmDatabases() []string {
	var out []string
	for _, dir := range rpmFolders {
		for _, name := range rpmNames {
			out = append(out, path.Join(dir, name))
		}
	}
	return append(out, rpmManifest)
}

// rpmFamilies are the distributions of rpm packages that sbom.ReleaseEcosystem
// knows.
var rpmFamilies = [...]string{"AlmaLinux", "Rocky Linux", "Azure Linux", "Mageia", "openEuler", "openSUSE", "Photon OS"}

// rpmPackages adds the packages of rpm's databases and notes what they own.
func (b *builder) rpmPackages() {
	d := b.distribution
	family, _, _ := strings.Cut(d.Ecosystem, ":")
	known := slices.Contains(rpmFamilies[:], family)
	b.vendor = b.rpmVendor()
	source, layer := "", 0
	b.eachRPM(func(at string, from placed, p *rpmPackage) {
		source, layer = at, from.layer
		since, is := b.debs[debKey{rpmKey + p.id(), p.Arch}]
		if !is {
			since.layer = from.layer
		}
		epoch, version := cutEpoch(p.Version)
		sourceEpoch, _ := cutEpoch(cmp.Or(p.SourceVersion, p.Version))
		c := sbom.Component{
			Name: p.Name, Version: p.Version, Evidence: sbom.Installed, Source: p.Source, SourceVersion: p.SourceVersion,
			PURL:      sbom.RPMPURL(d.ID, p.Name, version, sbom.RPMQualifiers{Epoch: epoch, Arch: p.Arch, Distro: d.qualifier(), SourceRPM: p.SourceRPM, SourceEpoch: sourceEpoch, Module: p.Module}),
			Locations: []sbom.Location{{File: at, Line: p.Line, Layer: b.layers[since.layer]}},
		}
		if known {
			c.Ecosystem = d.Ecosystem
		}
		b.evidence(&c, at, p.id())
		b.doc.Components = append(b.doc.Components, c)
		b.ownRPM(p)
	})
	if source != "" && !known {
		reason := fmt.Sprintf("rpm packages of %s, for which there is no advisory ecosystem", d.describe())
		if why := sbom.WhyNoEcosystem(d.ID); why != "" {
			reason += ": " + why
		}
		b.newGap(sbom.GapEcosystem, source, layer, reason)
	}
	b.rpmElsewhere()
}

// olderManifest reports whether p is the list in the form that came before that
// of rpmManifest, which was read.
func (b *builder) olderManifest(p string) bool {
	_, newer, ok := b.at(rpmManifest)
	return ok && len(newer.RPMs) > 0 && path.Dir(p) == path.Dir(rpmManifest)
}

// rpmElsewhere adds a gap for each way to the database that leads to where
// nothing was read.
func (b *builder) rpmElsewhere() {
	read := map[string]bool{}
	for _, known := range b.rpmDatabases() {
		at, err := b.resolve(known)
		if _, there := b.files[at]; there && err == nil || rpmKind(path.Dir(at), path.Base(at)) != kindNone && err == nil {
			continue
		}
		if dir := path.Dir(known); !read[dir] {
			read[dir] = true
			b.newGap(sbom.GapUnread, dir, len(b.layers)-1, "the place of the package database is a link to where nothing was read")
		}
	}
}

// ownRPM notes the files of p, by the paths that links lead to, if it is one of
// the distribution's own packages: EPEL's are not, nor is what a vendor builds
// of its application, whose Python projects rpm provides all the same.
func (b *builder) ownRPM(p *rpmPackage) {
	if rpmBuilder(p.Vendor) != b.vendor {
		return // a third party's, of which the distribution's advisories know nothing
	}
	who := &debOwner{name: p.Name, version: p.Version, source: cmp.Or(p.Source, p.Name), rpm: true, projects: p.Projects}
	for _, o := range p.Owned {
		if at, err := b.resolveParent(o.Path); err == nil && len(b.owners[at]) < maxClaims {
			b.owners[at] = append(b.owners[at], claim{by: who, md5: o.MD5, sha1: o.SHA1, sha256: o.SHA256})
		}
	}
}

// rpmFolder reports whether distributions of rpm packages keep Python modules
// there; a "sudo pip install" may have put something there as well, which is why
// a digest is asked for.
// https://docs.fedoraproject.org/en-US/packaging-guidelines/Python/#_macros
func rpmFolder(p string) bool {
	rest, ok := strings.CutPrefix(p, "/usr/lib64/python")
	if !ok {
		rest, ok = strings.CutPrefix(p, "/usr/lib/python")
	}
	_, rest, below := strings.Cut(rest, "/")
	return ok && below && strings.HasPrefix(rest, "site-packages/")
}

// rpmPython is what distributions of rpm packages put before the name of a Python
// package: "python3-", and the version where there are several ("python39-",
// "python3.11-", "python311-").
// https://docs.fedoraproject.org/en-US/packaging-guidelines/Python/#_naming
var rpmPython = regexp.MustCompile(`^(?:platform-)?python[0-9.]*-`)
