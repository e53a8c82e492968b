package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy/deploy"
	"github.com/tallyman/tallyman/policy/workflow"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/catalog"
	"github.com/tallyman/tallyman/sbom/pylock"
	"github.com/tallyman/tallyman/sbom/pyproject"
	"github.com/tallyman/tallyman/sbom/space"
)

// fileKind says which reader a file is for.
type fileKind int

const (
	notManifest fileKind = iota
	requirementFile
	dockerFile
	composeFile
	npmManifest
	lockFile
	projectFile   // pyproject.toml, setup.py and their kin
	scriptFile    // *.py, which may carry its own requirements (PEP 723)
	catalogued    // by syft: npm locks, installed Python distributions
	unsupported   // a manifest without a reader
	spaceReadme   // README.md, whose front matter may configure a Space
	spacePackages // packages.txt, which a Space's README makes sense of
	foreignRules  // settings of an auditor, which do not configure us
	workflowFile  // .github/workflows/*.yml
	pythonVersion // .python-version, which says which Python runs
)

// tree is what walking a folder found, each list sorted.
type tree struct {
	files map[fileKind][]string
	gaps  []sbom.Gap
	seen  int
	// folders are those walked, links the symbolic links to folders, and
	// nodeModules the folders of installed npm packages, which are not walked.
	folders, links, nodeModules []string
	// yaml are the files of YAML that are no manifest by their name.
	yaml []string
	// json are the files of JSON, likewise.
	json []string
	// leftOut are the manifests that --include and --exclude leave out.
	leftOut []string
	// ignored are the manifests, and the folders with a slash behind them, that
	// git ignores and does not track; ignore knows them, nil for none.
	ignored []string
	ignore  *gitIgnore
}

// skippedFolders are not looked into: version control, caches, and installed
// npm packages, for which the lock beside them speaks.
var skippedFolders = []string{".git", ".hg", ".svn", "node_modules", "__pycache__", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache"}

// walk lists the manifests of a folder. It follows no link.
func walk(ctx context.Context, f *Folder) (*tree, error) {
	t := &tree{files: map[fileKind][]string{}, ignore: newGitIgnore(f)}
	if f.File != "" {
		kind := classify(f.File)
		if kind == notManifest {
			kind = requirementFile
		}
		t.files[kind] = []string{f.File}
		return t, nil
	}
	err := fs.WalkDir(f.FS, f.Dir, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return t.visit(f, name, d, err)
	})
	t.followed(f.FS)
	if errors.Is(err, limit.ErrTooLarge) {
		t.gaps = append(t.gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, err.Error()))
		err = nil
	}
	return t, err
}

func (t *tree) visit(f *Folder, name string, d fs.DirEntry, err error) error {
	if err != nil {
		if name == f.Dir {
			return err
		}
		t.gaps = append(t.gaps, sbom.NewGap(sbom.GapUnread, name, 0, "the folder cannot be listed: "+sbom.WithoutPath(err).Error()))
		return nil
	}
	if t.seen++; t.seen > limit.TreeFiles {
		return fmt.Errorf("more than %d files: %w", limit.TreeFiles, limit.ErrTooLarge)
	}
	if name == f.Dir {
		t.folders = append(t.folders, name)
		return nil
	}
	below := relative(f.Dir, name)
	if d.IsDir() {
		return t.visitFolder(f, name, below)
	}
	kind := classify(name)
	if !f.selects(below) {
		if kind != notManifest && kind != foreignRules {
			t.leftOut = append(t.leftOut, name)
		}
		return nil
	}
	if kind != notManifest && t.ignore.ignores(name, false) {
		t.ignored = append(t.ignored, name)
		return nil
	}
	if d.Type()&fs.ModeSymlink != 0 && !t.visitLink(f, name, kind) {
		return nil
	}
	if d.Type()&^fs.ModeSymlink != 0 {
		if kind != notManifest {
			t.gaps = append(t.gaps, sbom.NewGap(sbom.GapUnread, name, 0, "it is a device, a pipe or a socket, and no file"))
		}
		return nil
	}
	if kind == foreignRules && slices.Contains(f.Honoured, name) {
		return nil
	}
	switch {
	case kind != notManifest:
		t.files[kind] = append(t.files[kind], name)
	case (deploy.IsYAML(name) || deploy.IsKustomization(name)) && !t.ignore.ignores(name, false):
		t.yaml = append(t.yaml, name)
	case deploy.IsJSON(name) && !t.ignore.ignores(name, false):
		t.json = append(t.json, name)
	}
	return nil
}

func (t *tree) visitFolder(f *Folder, name, below string) error {
	if f.excludes(below) {
		t.leftOut = append(t.leftOut, name)
		return fs.SkipDir
	}
	if path.Base(name) == "node_modules" {
		t.nodeModules = append(t.nodeModules, name)
	}
	if slices.Contains(skippedFolders, path.Base(name)) {
		return fs.SkipDir
	}
	if t.ignore.ignores(name, true) {
		t.ignored = append(t.ignored, name+"/")
		return fs.SkipDir
	}
	t.ignore.enter(name)
	t.folders = append(t.folders, name)
	if strings.Count(below, "/") >= limit.TreeDepth {
		t.gaps = append(t.gaps, sbom.NewGap(sbom.GapTooLarge, name, 0, fmt.Sprintf("folders nest deeper than %d", limit.TreeDepth)))
		return fs.SkipDir
	}
	return nil
}

// visitLink looks at a symbolic link and reports whether it is a file to read.
func (t *tree) visitLink(f *Folder, name string, kind fileKind) bool {
	info, err := fs.Stat(f.FS, name)
	switch {
	case err == nil && info.IsDir():
		t.links = append(t.links, name)
		return false
	case err == nil:
		return info.Mode().IsRegular()
	case errors.Is(err, fs.ErrNotExist) && kind == notManifest:
		return false
	}
	t.gaps = append(t.gaps, sbom.NewGap(sbom.GapUnread, name, 0, "a symbolic link that leads out of the tree or nowhere: "+sbom.WithoutPath(err).Error()))
	return false
}

// followed makes a gap of each symbolic link to a folder. It hides nothing when
// the folder itself is walked.
func (t *tree) followed(fsys fs.FS) {
	for _, link := range t.links {
		target, err := fs.Stat(fsys, link)
		walked := err == nil && slices.ContainsFunc(t.folders, func(name string) bool {
			info, err := fs.Stat(fsys, name)
			return err == nil && os.SameFile(info, target)
		})
		if walked {
			t.gaps = append(t.gaps, sbom.NewGap(sbom.GapLink, link, 0, "a symbolic link to a folder that is walked itself"))
		} else {
			t.gaps = append(t.gaps, sbom.NewGap(sbom.GapUnread, link, 0, "a symbolic link to a folder that is not audited"))
		}
	}
}

// selects reports whether --include and --exclude leave the file in.
func (f *Folder) selects(below string) bool {
	if f.excludes(below) {
		return false
	}
	return len(f.Include) == 0 || matchAny(f.Include, below)
}

func (f *Folder) excludes(below string) bool { return matchAny(f.Exclude, below) }

func matchAny(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, _ := doublestar.Match(glob, name) // cli checked the pattern
		if !ok && !strings.Contains(glob, "/") {
			ok, _ = doublestar.Match(glob, path.Base(name))
		}
		return ok
	})
}

// IsManifest reports whether a file is read for what its name says it is. Any
// other file that a user names is read as a requirement file.
func IsManifest(name string) bool { return classify(name) != notManifest }

// classify tells from a file's name which reader it is for.
func classify(name string) fileKind {
	base := path.Base(name)
	lower := strings.ToLower(base)
	dir := path.Base(path.Dir(name))
	switch {
	case catalog.IsPythonMetadata(name):
		return catalogued
	case inEnvironment(name):
		return notManifest // what a package brings along is not this application's
	case workflow.IsWorkflow(name):
		return workflowFile
	case catalog.Reads(name):
		return catalogued
	case base == "package.json":
		return npmManifest
	case isRequirements(lower, dir):
		return requirementFile
	case isDockerfile(base):
		return dockerFile
	case deploy.IsCompose(base):
		return composeFile
	case pylock.Reads(base):
		return lockFile
	case strings.HasSuffix(base, ".py") && base != "setup.py":
		return scriptFile
	case pyproject.Reads(base):
		return projectFile
	case slices.Contains(unsupportedManifests, base):
		return unsupported
	case base == "packages.txt":
		return spacePackages
	case space.Reads(base):
		return spaceReadme
	case slices.Contains(foreignSettings, base):
		return foreignRules
	case base == ".python-version":
		return pythonVersion
	}
	return notManifest
}

var (
	// unsupportedManifests name dependencies in a way that has no reader yet.
	unsupportedManifests = []string{
		"bun.lock", "bun.lockb", "deno.lock", "conda-lock.yml", "pixi.lock", "pixi.toml",
		"go.mod", "Cargo.lock", "Gemfile.lock", "composer.lock",
	}

	// foreignSettings configure auditors. Found in a tree that the user does
	// not stand in, they configure nothing and are listed.
	foreignSettings = []string{"tallyman.yaml", ".hadolint.yaml", ".hadolint.yml", "osv-scanner.toml", ".trivyignore", ".trivyignore.yaml", ".grype.yaml"}
)

func isRequirements(lower, dir string) bool {
	if !strings.HasSuffix(lower, ".txt") && !strings.HasSuffix(lower, ".in") {
		return false
	}
	stem := strings.TrimSuffix(strings.TrimSuffix(lower, ".txt"), ".in")
	return strings.HasPrefix(stem, "requirements") || strings.HasSuffix(stem, "requirements") || strings.ToLower(dir) == "requirements"
}

func isDockerfile(base string) bool {
	if strings.HasSuffix(base, ".dockerignore") {
		return false
	}
	lower := strings.ToLower(base)
	for _, name := range []string{"dockerfile", "containerfile"} {
		rest, ok := strings.CutPrefix(lower, name)
		if ok && (rest == "" || strings.ContainsAny(rest[:1], ".-_")) || strings.HasSuffix(lower, "."+name) {
			return true
		}
	}
	return false
}

// inEnvironment reports whether the file lies among the installed packages of a
// Python environment: lib/python3.12/site-packages, Lib/site-packages. A folder
// of that name elsewhere is one like any other.
// https://docs.python.org/3/library/venv.html#how-venvs-work
func inEnvironment(name string) bool {
	parts := strings.Split(path.Dir(name), "/")
	for i, part := range parts {
		if part != "site-packages" && part != "dist-packages" || i == 0 {
			continue
		}
		if parts[i-1] == "Lib" || i > 1 && strings.HasPrefix(parts[i-1], "python3") && strings.HasPrefix(parts[i-2], "lib") {
			return true
		}
	}
	return false
}

// relative returns name as seen from dir; both are below one root.
func relative(dir, name string) string {
	if dir == "." {
		return name
	}
	if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
		return rest
	}
	up := ""
	for dir != "." {
		dir, up = path.Dir(dir), up+"../"
		if dir == "." {
			return up + name
		}
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			return up + rest
		}
	}
	return up + name
}
