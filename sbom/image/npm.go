package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// packageJSON is what is read of a package.json.
// https://docs.npmjs.com/cli/configuring-npm/package-json
type packageJSON struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Private is anything that a careless hand may have written.
	Private any `json:"private"`
}

// parsePackageJSON reads name and version of an npm package. Both are nil for a
// folder that is no package of a registry: one that says that it is private and
// names no version, and one whose package.json only says how its modules are
// loaded.
func parsePackageJSON(data []byte) (*packageFact, error) {
	var raw packageJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, errors.New("the package.json of an installed package is not JSON with a name and a version")
	}
	if private, _ := raw.Private.(bool); private && raw.Version == "" || onlyLoads(data) {
		return nil, nil
	}
	if !debWord(raw.Name) || !debWord(raw.Version) {
		return nil, errors.New("the package.json of an installed package names no package or no version")
	}
	return &packageFact{Name: raw.Name, Version: raw.Version}, nil
}

// onlyLoads reports whether a package.json has no other fields than those by
// which Node and bundlers find modules, as a folder of a package has it that
// holds modules of another type.
// https://nodejs.org/api/packages.html#type
func onlyLoads(data []byte) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil || len(fields) == 0 {
		return false
	}
	for name := range fields {
		if !slices.Contains([]string{"type", "main", "module", "browser", "types", "typings", "exports", "imports", "sideEffects", "private"}, name) {
			return false
		}
	}
	return true
}

// nodePackage reports whether dir is node_modules/NAME or node_modules/@SCOPE/NAME.
func nodePackage(dir string) bool {
	parent := path.Dir(dir)
	if strings.HasPrefix(path.Base(parent), "@") {
		parent = path.Dir(parent)
	}
	return path.Base(parent) == "node_modules" && !strings.HasPrefix(path.Base(dir), ".") && !strings.HasPrefix(path.Base(dir), "@")
}

// fixture reports whether the npm package at p is a file of another package's
// tests or examples: `npm ls` does not list it, and nothing of the application
// loads it.
func fixture(p string) bool {
	_, rest, _ := strings.Cut(p, "/node_modules/")
	for {
		in, below, more := strings.Cut(rest, "/node_modules/")
		if !more {
			return false
		}
		parts := strings.Split(in, "/")
		own := 1
		if strings.HasPrefix(in, "@") {
			own = 2
		}
		for _, folder := range parts[min(own, len(parts)):] {
			switch folder {
			case "test", "tests", "__tests__", "fixture", "fixtures", "__fixtures__", "testdata", "spec", "mocks", "__mocks__", "example", "examples", "benchmark", "benchmarks":
				return true
			}
		}
		rest = below
	}
}

// inStore reports whether dir is one in which pnpm keeps files by the digest of
// their content, and from which it links them into node_modules.
// https://pnpm.io/symlinked-node-modules-structure
func inStore(dir string) bool {
	files := path.Dir(dir)
	version := path.Base(path.Dir(files))
	return len(path.Base(dir)) == 2 && path.Base(files) == "files" && strings.HasPrefix(version, "v") && path.Base(path.Dir(path.Dir(files))) == "store"
}

// store keeps of a file of pnpm's store what a later hard link to it needs when
// it is a package.json. The store itself installs nothing, so anything else in
// it is nothing to us.
func (w *walker) store(p string, size int64, content io.Reader) error {
	if size > limit.StoreFileBytes || w.kept+size > limit.LayerKeptBytes {
		return nil // a hard link to it will find nothing, and be a gap
	}
	var first [1]byte
	if _, err := io.ReadFull(content, first[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	if first[0] != '{' {
		return nil
	}
	rest, err := limit.ReadAll(content, limit.StoreFileBytes)
	if err != nil {
		return err
	}
	data := append(first[:], rest...)
	if !bytes.Contains(data, []byte(`"version"`)) {
		return nil
	}
	f := &file{Kind: kindStore}
	if f.Package, err = parsePackageJSON(data); err != nil || f.Package == nil {
		return nil
	}
	f.digests(data)
	w.kept += int64(len(data))
	w.add(entry{Path: p, Type: entryFile, File: f})
	return nil
}

// linkedAs returns what a file is under another name, nil when it is nothing
// there.
func (f *file) linkedAs(k kind) *file {
	switch {
	case f.Kind == k || f.Program != nil:
		return f
	case f.Kind == kindStore && k == kindNPM:
		linked := *f
		linked.Kind = kindNPM
		return &linked
	}
	return nil
}

// npm makes c the component of an npm package.
func npm(c *sbom.Component, p string) {
	c.Ecosystem, c.PURL = "npm", sbom.NPMPURL(c.Name, c.Version)
	if fixture(p) {
		c.Evidence = sbom.Claimed
	}
}
