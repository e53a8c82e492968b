package catalog

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/anchore/syft/syft/pkg"
	"github.com/anchore/syft/syft/pkg/cataloger/javascript"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// npmLocks are the lock files that are read: the name by which syft knows the
// format, and our own index of it.
var npmLocks = map[string]struct {
	as    string
	index func(data []byte) (lockIndex, error)
}{
	"package-lock.json": {"package-lock.json", indexPackageLock},
	// A shrinkwrap is a package-lock that is published with its package.
	// https://docs.npmjs.com/cli/v11/configuring-npm/npm-shrinkwrap-json
	"npm-shrinkwrap.json": {"package-lock.json", indexPackageLock},
	"yarn.lock":           {"yarn.lock", indexYarnLock},
	"pnpm-lock.yaml":      {"pnpm-lock.yaml", indexPnpmLock},
}

// lockIndex is what we read of a lock file ourselves: which entries it has and
// where, so that an entry that syft leaves out is noticed.
type lockIndex []lockEntry

// lockEntry is one entry of a lock file.
type lockEntry struct {
	// names are those under which the cataloger may report the entry.
	names   []string
	version string
	// line counts from 1.
	line int
	// own is true for the audited project itself and for members of its
	// workspace, which are no dependencies.
	own bool
	// dev is true when only development needs it.
	dev bool
	// source is where it is from if that is no registry, "" else.
	source string
}

// Reads reports whether Folder has a reader for a file of that path.
func Reads(name string) bool {
	_, lock := npmLocks[path.Base(name)]
	return lock || IsPythonMetadata(name)
}

// Folder returns what the npm, yarn and pnpm locks among files say (evidence
// locked) and the installed Python distributions (evidence installed). Other
// files are passed over: see Reads. What cannot be read is a gap; the error is
// only that of ctx.
func Folder(ctx context.Context, fsys fs.FS, files []string) (*sbom.Document, error) {
	p := &pythonReader{fsys: fsys, doc: &sbom.Document{}}
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, lock := npmLocks[path.Base(name)]; lock {
			readLock(ctx, fsys, name, p.doc)
		} else if IsPythonMetadata(name) {
			p.distribution(ctx, name)
		}
	}
	p.doc.Normalize()
	return p.doc, nil
}

// readLock reads one lock file into doc.
func readLock(ctx context.Context, fsys fs.FS, name string, doc *sbom.Document) {
	gap := func(kind sbom.GapKind, line int, format string, args ...any) {
		doc.Gaps = append(doc.Gaps, sbom.NewGap(kind, name, line, fmt.Sprintf(format, args...)))
	}
	data, err := sbom.ReadFile(fsys, name, limit.ManifestBytes)
	if err != nil {
		gap(sbom.UnreadKind(err), 0, "%v", err)
		return
	}
	format := npmLocks[path.Base(name)]
	index, err := format.index(data)
	if err != nil {
		gap(sbom.GapUnparsed, 0, "%s", sbom.RedactText(err.Error()))
		return
	}
	if format.as == "pnpm-lock.yaml" {
		data = trimPnpmEntries(trimPnpmLock(data))
	}
	// Under its plain name, because the cataloger passes over node_modules.
	r := &resolver{name: format.as, files: map[string][]byte{format.as: data}}
	// Development's dependencies run on the machines that build.
	config := javascript.DefaultCatalogerConfig().WithIncludeDevDependencies(true).WithSearchRemoteLicenses(false)
	found, _, err := javascript.NewLockCataloger(config).Catalog(ctx, r)
	switch {
	case err != nil:
		gap(sbom.GapUnparsed, 0, "%s", sbom.RedactText(err.Error()))
	case len(found) == 0:
		gap(sbom.GapUnparsed, 0, "the lock names no package")
	}
	components, missing := index.components(name, found)
	for _, e := range missing {
		gap(sbom.GapUnparsed, e.line, "the entry of %q could not be read", sbom.RedactText(e.names[0]))
	}
	for _, c := range components {
		if c.Version == "" {
			gap(sbom.GapUnversioned, c.Locations[0].Line, "%q is not from a registry: %s", c.Name, c.URL)
			doc.Gaps[len(doc.Gaps)-1].Package = c.Name
		}
	}
	doc.Components = append(doc.Components, components...)
}

// components joins what the cataloger found with the index, and returns the
// entries of the index that it did not find.
func (x lockIndex) components(file string, found []pkg.Package) (out []sbom.Component, missing []lockEntry) {
	type key struct{ name, version string }
	entries := map[key][]int{}
	for i, e := range x {
		for _, n := range e.names {
			entries[key{n, e.version}] = append(entries[key{n, e.version}], i)
		}
	}
	seen := make([]bool, len(x))
	for i := range found {
		var at *lockEntry
		for _, j := range entries[key{found[i].Name, found[i].Version}] {
			seen[j] = true
			if at == nil || at.own {
				at = &x[j]
			}
		}
		switch {
		case at == nil:
			out = append(out, npmComponent(file, &found[i], &lockEntry{}))
		case !at.own:
			out = append(out, npmComponent(file, &found[i], at))
		}
	}
	for i, e := range x {
		if !seen[i] && !e.own {
			missing = append(missing, e)
		}
	}
	return out, missing
}

// npmComponent returns one package of a lock. A version that is none (a URL or
// a path, as older formats have there) becomes the component's URL.
func npmComponent(file string, p *pkg.Package, at *lockEntry) sbom.Component {
	c := sbom.Component{
		Name: p.Name, Version: p.Version, Ecosystem: "npm", Evidence: sbom.Locked,
		Locations: []sbom.Location{{File: file, Line: at.line}}, Hashes: npmHashes(p.Metadata),
	}
	source := at.source
	if p.Version == "" || p.Version[0] < '0' || p.Version[0] > '9' {
		source = cmp.Or(source, p.Version)
		c.Version = ""
	}
	c.URL, _ = sbom.RedactURL(source)
	c.PURL = sbom.NPMPURL(c.Name, c.Version)
	if at.dev {
		c.Scope = "dev"
	}
	return c
}

// npmHashes returns a lock's integrity as "algorithm:hex" digests, sorted.
// https://www.w3.org/TR/SRI/#the-integrity-attribute
func npmHashes(metadata any) []string {
	integrity := ""
	switch m := metadata.(type) {
	case pkg.NpmPackageLockEntry:
		integrity = m.Integrity
	case pkg.YarnLockEntry:
		integrity = m.Integrity
	case pkg.PnpmLockEntry:
		integrity = m.Resolution.Integrity
	}
	var out []string
	for word := range strings.FieldsSeq(integrity) {
		algorithm, digest, _ := strings.Cut(word, "-")
		digest, _, _ = strings.Cut(digest, "?")
		switch algorithm {
		case "sha1", "sha256", "sha384", "sha512":
			// Anything else, as yarn 2's checksum of its own archive, says
			// nothing about the package.
			if raw, err := base64.StdEncoding.DecodeString(digest); err == nil && len(raw) > 0 {
				out = append(out, algorithm+":"+hex.EncodeToString(raw))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
