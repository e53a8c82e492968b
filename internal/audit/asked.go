package audit

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/catalog"
	dockerfilereader "github.com/tallyman/tallyman/sbom/dockerfile"
	"github.com/tallyman/tallyman/sbom/pyproject"
)

// lookUp finds the files that a Dockerfile's RUN installs from (pip install -r
// FILE). One that the folder has is audited whatever its name; one that it does
// not have hides what is installed from it.
func (s *source) lookUp(f *Folder, found *tree, dockerfile string, asked []string) {
	for _, name := range asked {
		file, ok := inContext(f, dockerfile, name)
		switch {
		case !ok:
			s.docs = append(s.docs, &sbom.Document{Gaps: []sbom.Gap{sbom.NewGap(sbom.GapInclude, dockerfile, 0,
				fmt.Sprintf("RUN installs from %q, and the folder has no such file", name))}})
		case found.has(file), slices.Contains(s.asked, file), catalog.Reads(file):
		default:
			s.asked = append(s.asked, file)
		}
	}
}

// ownProjects makes a gap of each line of a Dockerfile that installs the project
// of the folder ("pip install ."), when no manifest that the walk found could
// be that project's: beside the Dockerfile, above it, or below it.
func (s *source) ownProjects(found *tree, dockerfile string, projects []dockerfilereader.Project) {
	if len(projects) == 0 || found.hasProject(path.Dir(dockerfile)) {
		return
	}
	doc := &sbom.Document{}
	for _, p := range projects {
		doc.Gaps = append(doc.Gaps, sbom.NewGap(sbom.GapInclude, dockerfile, p.Line,
			fmt.Sprintf("%q installs a project, and no manifest of one is audited (pyproject.toml, setup.cfg, setup.py, a lock)", p.By)))
	}
	s.docs = append(s.docs, doc)
}

// unknownToPip makes a gap of each line of a Dockerfile that has pip install a
// project whose own constraints or overrides are for uv or PDM: pip installs
// what they rule out.
func (s *source) unknownToPip() {
	doc := &sbom.Document{}
	for _, name := range sortedKeys(s.dockerfiles) {
		for _, p := range s.dockerfiles[name].Projects() {
			if !strings.HasPrefix(p.By, "pip ") {
				continue
			}
			for _, manifest := range sortedKeys(s.projects) {
				own, dir := path.Dir(manifest), path.Dir(name)
				if line := narrowedAt(s.projects[manifest]); line > 0 && (within(own, dir) || within(dir, own)) {
					doc.Gaps = append(doc.Gaps, sbom.NewGap(sbom.GapDynamic, name, p.Line,
						fmt.Sprintf("%q does not know of the constraints and overrides in %s:%d, which are for another installer", p.By, manifest, line)))
				}
			}
		}
	}
	s.docs = append(s.docs, doc)
}

// narrowedAt is the line of the first constraint or override of a project, 0
// for none.
func narrowedAt(f *pyproject.File) int {
	for _, q := range f.Requirements {
		if q.Override || q.Constraint {
			return q.Line
		}
	}
	return 0
}

// hasProject reports whether a project's manifest or lock is in the folder, or
// in one above or below it.
func (t *tree) hasProject(dir string) bool {
	return slices.ContainsFunc(slices.Concat(t.files[projectFile], t.files[lockFile]), func(name string) bool {
		own := path.Dir(name)
		return within(own, dir) || within(dir, own)
	})
}

// within reports whether a folder is another one or lies in it.
func within(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

// has reports whether the walk found the file and some reader is for it.
func (t *tree) has(name string) bool {
	for kind, names := range t.files {
		if kind != unsupported && slices.Contains(names, name) {
			return true
		}
	}
	return false
}

// inContext finds the file that a name inside the image is copied from: the
// same path, or the end of it, below the Dockerfile's folder or a folder above
// it. Where COPY puts a file is the Dockerfile's business; that a file of this
// name is in the folder is what we can know.
func inContext(f *Folder, dockerfile, name string) (string, bool) {
	return find(f, dockerfile, name, fs.FileMode.IsRegular)
}

// folderInContext is inContext of a folder.
func folderInContext(f *Folder, dockerfile, name string) (string, bool) {
	return find(f, dockerfile, name, fs.FileMode.IsDir)
}

func find(f *Folder, dockerfile, name string, is func(fs.FileMode) bool) (string, bool) {
	tail := strings.TrimLeft(path.Clean("/"+strings.ReplaceAll(name, "\\", "/")), "/")
	for ; tail != "" && tail != "."; _, tail, _ = strings.Cut(tail, "/") {
		for dir := path.Dir(dockerfile); ; dir = path.Dir(dir) {
			candidate := path.Join(dir, tail)
			if info, err := fs.Stat(f.FS, candidate); err == nil && is(info.Mode()) {
				return candidate, true
			}
			if dir == f.Dir || dir == "." {
				break
			}
		}
	}
	return "", false
}
