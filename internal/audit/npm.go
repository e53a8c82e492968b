package audit

import (
	"encoding/json"
	"io/fs"
	"path"
	"slices"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/catalog"
)

// packageJSON is what of a package.json says that npm installs something.
// https://docs.npmjs.com/cli/configuring-npm/package-json
type packageJSON struct {
	Dependencies         map[string]any `json:"dependencies"`
	DevDependencies      map[string]any `json:"devDependencies"`
	OptionalDependencies map[string]any `json:"optionalDependencies"`
	PeerDependencies     map[string]any `json:"peerDependencies"`
	Workspaces           any            `json:"workspaces"`
}

func (p *packageJSON) namesPackages() bool {
	return len(p.Dependencies)+len(p.DevDependencies)+len(p.OptionalDependencies)+len(p.PeerDependencies) > 0
}

// npmGaps are what npm installs and no lock tells of: a package.json without a
// lock, and installed packages without one.
func npmGaps(f *Folder, found *tree) []sbom.Gap {
	var gaps []sbom.Gap
	for _, name := range found.files[npmManifest] {
		manifest, readable := readPackageJSON(f.FS, name)
		if (!readable || manifest.namesPackages()) && !locked(f.FS, path.Dir(name), found.files[catalogued]) {
			gaps = append(gaps, sbom.NewGap(sbom.GapUnsupported, name, 0, "package.json has no lock: what npm installs is not known"))
		}
	}
	for _, name := range found.nodeModules {
		if !locked(f.FS, path.Dir(name), found.files[catalogued]) {
			gaps = append(gaps, sbom.NewGap(sbom.GapUnsupported, name, 0, "installed npm packages without a lock beside them are not read"))
		}
	}
	return gaps
}

// locked reports whether a lock speaks for a folder: one in it, or one above it
// of a workspace.
func locked(fsys fs.FS, folder string, catalogued []string) bool {
	for dir := folder; ; dir = path.Dir(dir) {
		has := slices.ContainsFunc(catalogued, func(lock string) bool {
			return path.Dir(lock) == dir && !catalog.IsPythonMetadata(lock)
		})
		if has && (dir == folder || isWorkspace(fsys, dir)) {
			return true
		}
		if dir == "." || dir == "/" {
			return false
		}
	}
}

// isWorkspace reports whether the folder's lock is for folders below it too.
func isWorkspace(fsys fs.FS, dir string) bool {
	if _, err := fs.Stat(fsys, path.Join(dir, "pnpm-workspace.yaml")); err == nil {
		return true
	}
	manifest, readable := readPackageJSON(fsys, path.Join(dir, "package.json"))
	return readable && manifest.Workspaces != nil
}

func readPackageJSON(fsys fs.FS, name string) (*packageJSON, bool) {
	src, gap := readManifest(fsys, name)
	if gap != nil {
		return nil, false
	}
	out := new(packageJSON)
	return out, json.Unmarshal(src, out) == nil
}
