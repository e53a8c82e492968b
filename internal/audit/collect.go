package audit

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy/deploy"
	"github.com/tallyman/tallyman/policy/dockerfile"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/policy/python"
	"github.com/tallyman/tallyman/policy/workflow"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/catalog"
	dockerfilereader "github.com/tallyman/tallyman/sbom/dockerfile"
	"github.com/tallyman/tallyman/sbom/pyproject"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// source is what a folder gives: its inventory and its lint findings.
type source struct {
	docs []*sbom.Document
	lint []lint.Finding
	// linted is how many files a lint rule looked at.
	linted int
	// requirements and projects are what was read, by path.
	requirements map[string]*pyreq.File
	projects     map[string]*pyproject.File
	// dockerfiles are those read, by path.
	dockerfiles map[string]*dockerfilereader.File
	// spaceFiles are the files that a Space's README led to.
	spaceFiles []string
	// asked are the requirement files that a Dockerfile installs from and that
	// the folder has under a name that we would not look at.
	asked []string
	// pythons are the Pythons that the folder says it runs on ("3.12"), and
	// requires the specifiers that its projects put on them.
	pythons, requires []string
	// interpreters are the places that say which Python runs.
	interpreters []python.Interpreter
	// leftOut are the manifests that --include and --exclude keep out.
	leftOut []string
	// ignored are the paths that git ignores and does not track.
	ignored []string
	// demo are the files that name packages for a demo only, see demos.
	demo map[string]bool
	// built are the folders that compose files build images from.
	built []built
	// named are the places that name an image, if they were asked for.
	named []placed
	// develop are the folders whose development is installed, see developed.
	develop []string
}

// collect reads every manifest of a folder, each once.
func (a *Auditor) collect(ctx context.Context, f *Folder) (*source, error) {
	found, err := walk(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("listing %q: %w", f.Dir, err)
	}
	s := &source{
		docs:         []*sbom.Document{{Gaps: found.gaps}},
		requirements: map[string]*pyreq.File{}, projects: map[string]*pyproject.File{},
		dockerfiles: map[string]*dockerfilereader.File{},
	}
	s.leftOut, s.ignored = found.leftOut, found.ignored
	if err := s.readDockerfiles(ctx, a, f, found); err != nil {
		return nil, err
	}
	names := slices.Compact(slices.Sorted(slices.Values(slices.Concat(found.files[requirementFile], s.asked))))
	if err := s.readRequirements(ctx, a.Enable, f, names); err != nil {
		return nil, err
	}
	check := func(name string, src []byte) ([]lint.Finding, []sbom.Gap) {
		return workflow.Check(name, src, a.Enable...)
	}
	compose := func(name string, src []byte) ([]lint.Finding, []sbom.Gap) {
		s.built = append(s.built, built{name, deploy.Builds(name, src)})
		return deploy.CheckCompose(name, src)
	}
	if err := s.judge(ctx, f, found.files[composeFile], compose); err != nil {
		return nil, err
	}
	if err := s.judge(ctx, f, found.files[workflowFile], check); err != nil {
		return nil, err
	}
	if err := s.readProjects(ctx, a.Enable, f, found); err != nil {
		return nil, err
	}
	if slices.Contains(a.Stages, StageSBOM) {
		s.unknownToPip()
	}
	s.readSpaces(a.Now, a.Enable, f, found.files[spaceReadme])
	s.readLocks(f, found.files[lockFile])
	if files := found.files[catalogued]; len(files) > 0 {
		doc, err := catalog.Folder(ctx, f.FS, files)
		if err != nil {
			return nil, fmt.Errorf("reading npm locks and installed distributions: %w", err)
		}
		s.docs = append(s.docs, doc)
	}
	if a.Images {
		if err := s.readImages(ctx, f, found); err != nil {
			return nil, err
		}
	}
	s.docs = append(s.docs, &sbom.Document{Gaps: s.unread(f, found)})
	s.lint = append(s.lint, python.CheckInterpreters(a.Now, s.interpreters)...)
	s.demo = s.demos(f)
	s.develop = s.developed(f)
	s.rebase(f)
	return s, nil
}

// broughtIn takes the files off the list of what is left out that were read all
// the same, because a RUN installs them or another file includes them.
func (s *source) broughtIn(files []*pyreq.File) {
	read := map[string]bool{}
	for _, file := range files {
		read[file.Name] = true
		for _, entry := range file.Entries {
			read[entry.File] = true
		}
	}
	s.leftOut = slices.DeleteFunc(s.leftOut, func(name string) bool { return read[name] })
}

// leftOutNote names what was left out, and the flags that did it.
func (s *source) leftOutNote(f *Folder) string {
	by := "--include and --exclude"
	switch {
	case len(f.Exclude) == 0:
		by = "--include"
	case len(f.Include) == 0:
		by = "--exclude"
	}
	return by + " left out " + strings.Join(s.leftOut, ", ")
}

// readRequirements reads each requirement file once: one that another file
// includes counts where it is included, as a requirement or as a constraint.
// Where all of them together are too large, what was read stays, with the gap.
func (s *source) readRequirements(ctx context.Context, enable []string, f *Folder, names []string) error {
	included := map[string]bool{}
	var read []*pyreq.File
	reader := pyreq.NewReader(f.FS, pyreq.Options{})
	for _, name := range names {
		file, err := reader.Read(ctx, name)
		if err != nil {
			return err
		}
		for _, entry := range file.Entries {
			// A file that only constrains says nothing about what it names being
			// installed: it is read for itself as well.
			if entry.File != name && !entry.Constraint {
				included[entry.File] = true
			}
		}
		if read = append(read, file); reader.Full() {
			break
		}
	}
	s.broughtIn(read)
	circles := newCircles(read)
	for i, file := range read {
		cut := reader.Full() && i == len(read)-1 // it has the gap
		if included[file.Name] && !cut && !circles.onlyOwn(i) {
			continue
		}
		s.requirements[file.Name] = file
		s.docs = append(s.docs, file.Document())
		s.lint = append(s.lint, python.Check(file, enable...)...)
		s.linted++
	}
	return nil
}

// circles knows which requirement files include which.
type circles struct {
	read []*pyreq.File
	// by lists the indices of the files that read a file.
	by map[string][]int
}

func newCircles(read []*pyreq.File) *circles {
	c := &circles{read: read, by: map[string][]int{}}
	for i, file := range read {
		for _, name := range file.Files {
			c.by[name] = append(c.by[name], i)
		}
	}
	return c
}

// onlyOwn reports whether file i is only included by files that it includes
// itself, so that leaving it out would lose the whole circle.
func (c *circles) onlyOwn(i int) bool {
	own := map[string]bool{}
	for _, name := range c.read[i].Files {
		own[name] = true
	}
	return !slices.ContainsFunc(c.by[c.read[i].Name], func(j int) bool { return j != i && !own[c.read[j].Name] })
}

func (s *source) readDockerfiles(ctx context.Context, a *Auditor, f *Folder, found *tree) error {
	for _, name := range found.files[dockerFile] {
		if err := ctx.Err(); err != nil {
			return err
		}
		src, gap := readManifest(f.FS, name)
		if gap != nil {
			s.docs = append(s.docs, &sbom.Document{Gaps: []sbom.Gap{*gap}})
			continue
		}
		file := dockerfilereader.Parse(name, src)
		s.dockerfiles[name] = file
		s.docs = append(s.docs, file.Document())
		s.pythons = append(s.pythons, file.PythonVersions()...)
		s.runsOn(file)
		if slices.Contains(a.Stages, StageSBOM) {
			s.lookUp(f, found, name, file.Requirements())
			s.ownProjects(found, name, file.Projects())
		}
		opts := dockerfile.Options{Enable: a.Enable, Pragmas: f.Own}
		s.lint = append(s.lint, dockerfile.Check(file, opts)...)
		s.docs = append(s.docs, &sbom.Document{Gaps: dockerfile.Ignored(file, opts)})
		s.linted++
	}
	return nil
}

// judge lints files that name no component: what check finds, and what it could
// not read.
func (s *source) judge(ctx context.Context, f *Folder, names []string, check func(name string, src []byte) ([]lint.Finding, []sbom.Gap)) error {
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		src, gap := readManifest(f.FS, name)
		if gap != nil {
			s.docs = append(s.docs, &sbom.Document{Gaps: []sbom.Gap{*gap}})
			continue
		}
		findings, gaps := check(name, src)
		s.lint = append(s.lint, findings...)
		s.docs = append(s.docs, &sbom.Document{Gaps: gaps})
		s.linted++
	}
	return nil
}

// readManifest reads one file below the boundary, bounded.
func readManifest(fsys fs.FS, name string) ([]byte, *sbom.Gap) {
	src, err := sbom.ReadFile(fsys, name, limit.ManifestBytes)
	if err != nil {
		gap := sbom.NewGap(sbom.UnreadKind(err), name, 0, err.Error())
		return nil, &gap
	}
	return src, nil
}

// unread lists the manifests that are seen and have no reader, and the
// settings of auditors that were found and are not in force.
func (s *source) unread(f *Folder, found *tree) []sbom.Gap {
	var gaps []sbom.Gap
	for _, name := range found.files[unsupported] {
		gaps = append(gaps, sbom.NewGap(sbom.GapUnsupported, name, 0, path.Base(name)+" is not read yet: what it names is not audited"))
	}
	gaps = append(gaps, npmGaps(f, found)...)
	for _, name := range found.files[spacePackages] {
		if !slices.Contains(s.spaceFiles, name) {
			gaps = append(gaps, sbom.NewGap(sbom.GapUnsupported, name, 0, "packages.txt is read beside the README of a Hugging Face Space, and there is none"))
		}
	}
	for _, name := range found.files[foreignRules] {
		if f.Own && path.Base(name) != "tallyman.yaml" {
			continue
		}
		gaps = append(gaps, sbom.NewGap(sbom.GapIgnoredConfig, name, 0, "settings found in what is audited are not honoured"))
	}
	return gaps
}

// rebase makes every path relative to the audited folder, as the user sees it.
func (s *source) rebase(f *Folder) {
	dir := f.folderOf()
	for _, d := range s.docs {
		for i := range d.Gaps {
			if d.Gaps[i].File != "" {
				d.Gaps[i].File = relative(dir, d.Gaps[i].File)
			}
		}
		for i := range d.Components {
			for j := range d.Components[i].Locations {
				l := &d.Components[i].Locations[j]
				l.File = relative(dir, l.File)
			}
		}
		for i, files := range d.Together {
			d.Together[i] = slices.Clone(files)
			for j := range files {
				d.Together[i][j] = relative(dir, files[j])
			}
		}
	}
	for i := range s.leftOut {
		s.leftOut[i] = relative(dir, s.leftOut[i])
	}
	for i := range s.ignored {
		s.ignored[i] = relative(dir, s.ignored[i])
	}
	for i := range s.lint {
		s.lint[i].File = relative(dir, s.lint[i].File)
		s.lint[i].SuppressedBy = relative(dir, s.lint[i].SuppressedBy)
	}
}
