package image

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// dropReplaced takes out the programs of lower layers that layer i wrote another
// file over, where no entry says so: the digests of its files do.
func (s *state) dropReplaced(i int, before map[string]placed) {
	for p, f := range s.files {
		if f.Program == nil || s.brought[p] || before[p].file != f.file {
			continue
		}
		n := s.tree.lookup(p)
		if c := s.tree.at(n).content; c != 0 && int(s.proof.at(c).layer) == i {
			s.dropSelf(n)
		}
	}
}

// bearers are the packages whose lists name a file with the digest that it has.
type bearers struct {
	// owner is the distribution's package, "name version", "" for none.
	owner string
	// built is true when the distribution itself built the owner, as far as
	// can be told.
	built bool
	// python is true when the RECORD of a Python distribution is among the
	// lists.
	python bool
}

// programs adds what was compiled into programs.
//
// A program that the distribution built is what its advisories are about,
// whatever it was built from: the modules are os-owned. One that somebody else
// put into a package of the distribution's kind is not, and its modules are
// matched. Neither is a gap when it does not tell: the package is there to be
// matched. A Rust library inside an installed Python distribution or npm package
// is a part of that package, and matched as such.
func (b *builder) programs() {
	var unknown []string
	compiled := 0
	for _, p := range b.programPaths {
		f, by := b.files[p], b.borne[p]
		if compiled += f.Program.count(); compiled > limit.ImageCompiled {
			b.newGap(sbom.GapTooLarge, p, f.layer, "more modules and crates in the programs of the image than are listed: from this one on, none are")
			break
		}
		b.goModules(p, f, by)
		b.crates(p, f, by)
		switch {
		case by.owner != "":
		case f.Program.TooLarge:
			b.newGap(sbom.GapTooLarge, p, f.layer, f.Program.Problem)
		case f.Program.Problem != "":
			b.newGap(sbom.GapUnsupported, p, f.layer, f.Program.Problem)
		case f.Program.Runtime != nil && f.Program.Runtime.Name == runtimeNode && f.Program.Runtime.Version != "":
			// The Rust in it is a part of Node. CPython has none.
		case f.Program.Rust && f.Program.Go == nil && !f.Program.Listed && !by.python && !b.inNodePackage(p):
			unknown = append(unknown, p)
		}
	}
	b.rustGaps(unknown)
}

// rustGaps adds a gap for each Rust program that does not tell its crates.
func (b *builder) rustGaps(paths []string) {
	for n, p := range paths {
		reason := "a Rust program without the list of its crates that cargo-auditable adds"
		if n == maxFolders {
			reason = fmt.Sprintf("%s, and %d more programs like it", reason, len(paths)-maxFolders-1)
		}
		b.newGap(sbom.GapUnsupported, p, b.files[p].layer, reason)
		if n == maxFolders {
			return
		}
	}
}

// goModules adds the modules of a Go program, and the standard library.
func (b *builder) goModules(p string, f placed, by bearers) {
	g := f.Program.Go
	if g == nil {
		return
	}
	standard := standardVersion(g.Version)
	b.compiled(p, f, by, sbom.Component{Name: "stdlib", Version: standard, Ecosystem: "Go", PURL: sbom.GoPURL("stdlib", standard)})
	if strings.HasPrefix(g.Path, "cmd/") && len(g.Modules) == 0 {
		// What Go's own tools are called in its advisories.
		// https://go.dev/doc/security/vuln/database#schema
		b.compiled(p, f, by, sbom.Component{Name: "toolchain", Version: standard, Ecosystem: "Go", PURL: sbom.GoPURL("toolchain", standard)})
	}
	for _, m := range g.Modules {
		version := m.Version
		b.compiled(p, f, by, sbom.Component{Name: m.Path, Version: version, Ecosystem: "Go", PURL: sbom.GoPURL(m.Path, version)})
	}
}

// crates adds the crates of a Rust program.
func (b *builder) crates(p string, f placed, by bearers) {
	for _, c := range f.Program.Crates {
		b.compiled(p, f, by, sbom.Component{Name: c.Name, Version: c.Version, Ecosystem: "crates.io", PURL: sbom.CratePURL(c.Name, c.Version)})
	}
}

// compiled adds one component of the program at p.
func (b *builder) compiled(p string, f placed, by bearers, c sbom.Component) {
	c.Evidence, c.Locations = sbom.Installed, []sbom.Location{{File: p, Layer: b.layers[f.layer]}}
	if by.owner != "" && by.built {
		c.Evidence, c.Owner = sbom.OSOwned, by.owner
	}
	b.doc.Components = append(b.doc.Components, c)
}

// bearers finds the packages whose lists name one of these files.
func (b *builder) bearers(at map[string]bool) map[string]bearers {
	names := map[string]bool{}
	for p := range at {
		names[path.Base(p)] = true
	}
	out := map[string]bearers{}
	if len(at) == 0 {
		return out
	}
	for _, c := range b.checked {
		list := b.proof.lists[[2]string{c.List, c.of}]
		if list.proof == nil {
			continue
		}
		list.each(func(l listed) {
			if !names[path.Base(l.Path)] {
				return
			}
			v, p := b.judge(list.Alg, l, list.layer)
			if v != same || !at[p] {
				return
			}
			by := out[p]
			if c.ecosystem == "PyPI" {
				by.python = true
			} else if built := b.built(c); by.owner == "" || built && !by.built {
				by.owner, by.built = c.Name+" "+c.Version, built
			}
			out[p] = by
		})
	}
	return out
}

// built reports whether the distribution itself built a package with programs of
// Go or Rust in it. Debian's and Ubuntu's say so; whoever else makes packages for
// them does not.
// Of rpm's, those are the distribution's that have the vendor that most have.
// For Alpine and its kind hardly anyone else makes packages.
func (b *builder) built(c *checked) bool {
	f := b.files[c.List]
	switch f.Kind {
	case kindSums:
		who := b.installed[ownerOf(c.List)]
		return who != nil && who.compiled
	case kindRPM:
		i := slices.IndexFunc(f.RPMs, func(p rpmPackage) bool { return p.id() == c.of })
		return i >= 0 && rpmBuilder(f.RPMs[i].Vendor) == b.vendor
	}
	return true
}

// rpmBuilder is who built a package of rpm with this vendor. openSUSE takes most
// of its packages from SUSE's enterprise distribution as they are.
// https://en.opensuse.org/Portal:Leap
func rpmBuilder(vendor string) string {
	if strings.HasPrefix(vendor, "SUSE L") { // SUSE LLC, SUSE Linux
		return "openSUSE"
	}
	return vendor
}

// rpmVendor is the builder that most of rpm's packages have.
func (b *builder) rpmVendor() string {
	count, most := map[string]int{}, ""
	b.eachRPM(func(_ string, _ placed, p *rpmPackage) { count[rpmBuilder(p.Vendor)]++ })
	for _, v := range slices.Sorted(maps.Keys(count)) {
		if count[v] > count[most] {
			most = v
		}
	}
	return most
}

// inNodePackage reports whether p is a file of a package in a node_modules
// folder that was read.
func (b *builder) inNodePackage(p string) bool {
	const folder = "/node_modules/"
	i := strings.LastIndex(p, folder)
	if i < 0 {
		return false
	}
	name, rest, _ := strings.Cut(p[i+len(folder):], "/")
	if strings.HasPrefix(name, "@") {
		scoped, _, _ := strings.Cut(rest, "/")
		name = path.Join(name, scoped)
	}
	f, ok := b.files[path.Join(p[:i+len(folder)], name, "package.json")]
	return ok && f.Kind == kindNPM && f.Package != nil
}
