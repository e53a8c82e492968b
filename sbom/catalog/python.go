package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/anchore/syft/syft/pkg"
	"github.com/anchore/syft/syft/pkg/cataloger/python"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Python returns the installed Python distributions below the roots of fsys,
// "." if none is given: those whose metadata is a "*.dist-info/METADATA", a
// "*.egg-info/PKG-INFO", a file "*.egg-info" or an "EGG-INFO/PKG-INFO". Their
// evidence is installed and their locations are the metadata files' paths in
// fsys. What cannot be read is a gap; the error is only that of ctx.
//
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/
func Python(ctx context.Context, fsys fs.FS, roots ...string) (*sbom.Document, error) {
	if len(roots) == 0 {
		roots = []string{"."}
	}
	p := &pythonReader{fsys: fsys, doc: &sbom.Document{}}
	for _, root := range roots {
		if err := p.walk(ctx, root); err != nil {
			return nil, err
		}
	}
	p.doc.Normalize()
	return p.doc, nil
}

// IsPythonMetadata reports whether a path is the metadata file of an installed
// distribution, so that a caller can tell which files Python reads.
func IsPythonMetadata(name string) bool {
	dir, base := path.Split(name)
	dir = strings.ToLower(strings.TrimSuffix(dir, "/"))
	switch {
	case base == "METADATA":
		return strings.HasSuffix(dir, "dist-info")
	case base == "PKG-INFO":
		return strings.HasSuffix(dir, "egg-info")
	}
	return strings.HasSuffix(base, ".egg-info")
}

type pythonReader struct {
	fsys    fs.FS
	doc     *sbom.Document
	entries int
}

func (p *pythonReader) gap(kind sbom.GapKind, name, format string, args ...any) {
	p.doc.Gaps = append(p.doc.Gaps, sbom.NewGap(kind, name, 0, fmt.Sprintf(format, args...)))
}

// walk reads every distribution below root.
func (p *pythonReader) walk(ctx context.Context, root string) error {
	return fs.WalkDir(p.fsys, root, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			p.gap(sbom.GapUnread, name, "%v", sbom.WithoutPath(err))
			return nil
		}
		if p.entries++; p.entries > limit.TreeFiles {
			p.gap(sbom.GapTooLarge, root, "more than %d directory entries", limit.TreeFiles)
			return fs.SkipAll
		}
		switch {
		case d.IsDir():
			p.directory(name)
		case IsPythonMetadata(name):
			p.distribution(ctx, name)
		case strings.HasSuffix(name, ".egg"):
			p.gap(sbom.GapUnsupported, name, "an egg in one file is not read")
		}
		return nil
	})
}

// directory makes a gap of a metadata directory without metadata: something is
// installed, and nothing says what.
func (p *pythonReader) directory(name string) {
	want := ""
	switch {
	case strings.HasSuffix(name, ".dist-info"):
		want = "METADATA"
	case strings.HasSuffix(name, ".egg-info"), path.Base(name) == "EGG-INFO":
		want = "PKG-INFO"
	default:
		return
	}
	if _, err := fs.Stat(p.fsys, path.Join(name, want)); errors.Is(err, fs.ErrNotExist) {
		p.gap(sbom.GapUnparsed, name, "the distribution has no %s", want)
	}
}

// distribution reads one distribution by its metadata file.
func (p *pythonReader) distribution(ctx context.Context, name string) {
	data, err := sbom.ReadFile(p.fsys, name, limit.LayerFileBytes)
	if err != nil {
		p.gap(sbom.UnreadKind(err), name, "%v", err)
		return
	}
	r := &resolver{name: name, files: map[string][]byte{name: header(data)}}
	if strings.HasSuffix(path.Dir(name), "-info") {
		p.beside(r, "direct_url.json")
	}
	found, _, err := python.NewInstalledPackageCataloger().Catalog(ctx, r)
	if err != nil {
		p.gap(sbom.GapUnparsed, name, "%s", sbom.RedactText(err.Error()))
	}
	if len(found) == 0 && err == nil && !isInterpreter(name) {
		p.gap(sbom.GapUnparsed, name, "the metadata names no project")
	}
	for i := range found {
		p.add(name, &found[i])
	}
}

// beside lets the cataloger see another file of the same distribution.
func (p *pythonReader) beside(r *resolver, base string) {
	name := path.Join(path.Dir(r.name), base)
	data, err := sbom.ReadFile(p.fsys, name, limit.ManifestBytes)
	switch {
	case err == nil:
		r.files[name] = data
	case !errors.Is(err, fs.ErrNotExist):
		p.gap(sbom.UnreadKind(err), name, "%v", err)
	}
}

// isInterpreter reports whether a file is the metadata of the interpreter
// itself, as Debian's "Python-3.11.egg-info", which is no package.
func isInterpreter(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "Python-") && strings.HasSuffix(base, ".egg-info")
}

// add keeps one distribution.
func (p *pythonReader) add(name string, found *pkg.Package) {
	c := sbom.Component{
		Name: found.Name, Version: found.Version, Ecosystem: "PyPI", PURL: sbom.PyPIPURL(found.Name, found.Version),
		Evidence: sbom.Installed, Locations: []sbom.Location{{File: name}},
	}
	if m, ok := found.Metadata.(pkg.PythonPackage); ok {
		// The cataloger normalises the name; we keep the spelling.
		c.Name = m.Name
		if d := m.DirectURLOrigin; d != nil {
			c.URL, _ = sbom.RedactURL(directURL(d))
		}
	}
	if c.Version == "" {
		p.gap(sbom.GapUnversioned, name, "the metadata of %q names no version", c.Name)
		p.doc.Gaps[len(p.doc.Gaps)-1].Package = c.NormalName()
	}
	p.doc.Components = append(p.doc.Components, c)
	if c.Version != "" && !sbom.FolderAgrees(name, c.Name, c.Version) {
		p.conflict(name, c)
	}
}

// conflict adds what the metadata's folder is called by when that is something
// else: one of the two was forged, and nobody can say which.
func (p *pythonReader) conflict(name string, c sbom.Component) {
	p.gap(sbom.GapConflict, name, "the metadata names %q %q, its folder something else", c.Name, c.Version)
	folder, version, ok := sbom.MetadataFolder(name)
	if !ok || version == "" {
		return
	}
	c.Name, c.Version, c.URL, c.PURL = folder, version, "", sbom.PyPIPURL(folder, version)
	p.doc.Components = append(p.doc.Components, c)
}

// directURL is where a distribution was installed from, in the form in which a
// requirement names it.
// https://packaging.python.org/en/latest/specifications/direct-url/
func directURL(d *pkg.PythonDirectURLOriginInfo) string {
	if d.VCS == "" {
		return d.URL
	}
	out := d.VCS + "+" + d.URL
	if d.CommitID != "" {
		out += "@" + d.CommitID
	}
	return out
}

// lineEnds are the line ends that Python's email parser knows.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\ufeff", "")

// header returns the header of a metadata file as the cataloger must see it to
// say what Python says: of each of Name and Version the first counts, where
// the cataloger would take the last. The licence fields are left out, because
// their values, at times whole texts, would start a licence scanner.
//
// https://packaging.python.org/en/latest/specifications/core-metadata/
func header(data []byte) []byte {
	var out strings.Builder
	seen := map[string]bool{}
	skipping := false
	for line := range strings.Lines(lineEnds.Replace(string(data))) {
		if line == "\n" {
			break // the description follows, which no one reads
		}
		if line[0] != ' ' && line[0] != '\t' {
			field, _, _ := strings.Cut(line, ":")
			field = strings.ToLower(strings.TrimSpace(field))
			skipping = strings.HasPrefix(field, "license") || (field == "name" || field == "version") && seen[field]
			seen[field] = true
		}
		if !skipping {
			out.WriteString(line)
		}
	}
	return []byte(out.String())
}
