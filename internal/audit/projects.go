package audit

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/policy/dockerfile"
	"github.com/tallyman/tallyman/policy/drift"
	"github.com/tallyman/tallyman/policy/python"
	"github.com/tallyman/tallyman/policy/space"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pylock"
	"github.com/tallyman/tallyman/sbom/pyproject"
	"github.com/tallyman/tallyman/sbom/pyreq"
	spacereader "github.com/tallyman/tallyman/sbom/space"
)

// readProjects reads project metadata, the requirements that scripts carry, and
// .python-version.
func (s *source) readProjects(ctx context.Context, enable []string, f *Folder, found *tree) error {
	for _, name := range slices.Concat(found.files[projectFile], found.files[scriptFile]) {
		if err := ctx.Err(); err != nil {
			return err
		}
		file := pyproject.Read(f.FS, name)
		doc := file.Document()
		if strings.HasSuffix(name, ".py") && len(doc.Components)+len(doc.Gaps) == 0 {
			continue
		}
		s.projects[name] = file
		s.docs = append(s.docs, doc)
		s.lint = append(s.lint, python.Check(file.Pip(), enable...)...)
		s.linted++
		if file.RequiresPython != "" {
			s.requires = append(s.requires, file.RequiresPython)
			s.interpreters = append(s.interpreters, python.Interpreter{Specifier: file.RequiresPython, File: name, Line: file.RequiresPythonLine})
		}
	}
	s.readPythonVersions(f, found.files[pythonVersion])
	return nil
}

// readSpaces reads what a Hugging Face Space's README asks for.
func (s *source) readSpaces(asOf time.Time, enable []string, f *Folder, names []string) {
	for _, name := range names {
		read := spacereader.Read(f.FS, name)
		if read == nil {
			continue
		}
		s.spaceFiles = append(s.spaceFiles, read.Files...)
		for _, name := range read.Requirements {
			if file := s.requirements[name]; file != nil {
				read.Requirements = file.Files
			}
		}
		s.docs = append(s.docs, read.Document())
		beside := space.Beside{Requirements: s.requirementFiles(), Dockerfile: s.dockerfiles[path.Join(path.Dir(name), "Dockerfile")], AsOf: asOf}
		found := space.Check(read, beside, enable...)
		if beside.Dockerfile != nil && f.Own {
			dockerfile.Suppress(beside.Dockerfile, found)
		}
		s.lint = append(s.lint, found...)
		s.linted++
		if read.PythonVersion != "" {
			s.pythons = append(s.pythons, read.PythonVersion)
		}
	}
}

// requirementFiles are the requirement files and projects read, by path.
func (s *source) requirementFiles() []*pyreq.File {
	var out []*pyreq.File
	for _, name := range sortedKeys(s.requirements) {
		out = append(out, s.requirements[name])
	}
	for _, name := range sortedKeys(s.projects) {
		out = append(out, s.projects[name].Pip(""))
	}
	return out
}

// readLocks reads locks and holds each against the manifest that it locks.
func (s *source) readLocks(f *Folder, names []string) {
	for _, name := range names {
		lock := pylock.Read(f.FS, name)
		s.docs = append(s.docs, lock.Document())
		if project := s.projects[pylock.ManifestName(name)]; project != nil {
			var reqs []pep508.Requirement
			var lines []int
			for _, r := range project.Requirements {
				if r.Scope == "" && !r.Own && !r.Constraint && !r.Override && r.Requirement.Name != "" {
					reqs, lines = append(reqs, r.Requirement), append(lines, r.Line)
				}
			}
			s.lint = append(s.lint, drift.CheckLock(lock, project.Name, reqs, lines)...)
			s.linted++
		}
	}
}

// inventory joins what was read, for comparison with an image.
func (s *source) inventory() *sbom.Document { return sbom.Merge("", s.docs...) }

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
