package sbom

import (
	"cmp"
	"slices"
	"strings"
)

// Files is what came of holding the files of an installed package against the
// list that came with it: RECORD of a Python distribution, md5sums of dpkg, the
// database of apk. Who can write the files can write the list: it tells what was
// altered afterwards, not whether the list is the one that was published.
type Files struct {
	// Name, Version and PURL are those of the package's component.
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	// List is the list's path inside the image.
	List string `json:"list"`
	// Checked is how many files the list names with a digest that could be
	// checked, whatever came of it.
	Checked int `json:"checked"`
	// Altered are files whose content has another digest, or that are no
	// regular files any more; Missing are not there; Extra are in the package's
	// folder and in no list. All are absolute, sorted, and at most FilesNamed.
	Altered []string `json:"altered,omitempty"`
	Missing []string `json:"missing,omitempty"`
	Extra   []string `json:"extra,omitempty"`
	// Starts are the files that Python runs at every start and that are in no
	// package's list, likewise. They are no package's: then Name is "" and List
	// the folder that they are in.
	Starts []string `json:"starts,omitempty"`
	// Unnamed is how many more there are. Those of the topmost layers are named
	// first.
	Unnamed int `json:"unnamed,omitempty"`
	// Locations are the named files, sorted by path, each with the layer that
	// made it what it is: that brought it, or a link which leads there, or the
	// list that it does not agree with, or that removed it; the topmost of them.
	Locations []Location `json:"locations,omitempty"`
}

// LayerOf returns the digest of the layer of a file that is named, "" when it is
// not known.
func (f *Files) LayerOf(p string) string { return LayerOf(f.Locations, p) }

// LayerOf returns the digest of the layer of the file at p among locations that
// are sorted by path, "" when none is about it.
func LayerOf(locations []Location, p string) string {
	i, found := slices.BinarySearchFunc(locations, p, func(l Location, p string) int { return strings.Compare(l.File, p) })
	if !found {
		return ""
	}
	return locations[i].Layer
}

// FilesNamed is how many files each list of Files names at most.
const FilesNamed = 100

// Sound reports whether nothing is altered, missing, extra or run unlisted.
func (f *Files) Sound() bool {
	return len(f.Altered) == 0 && len(f.Missing) == 0 && len(f.Extra) == 0 && len(f.Starts) == 0
}

// CompareFiles orders by list and package.
func CompareFiles(a, b Files) int {
	return cmp.Or(strings.Compare(a.List, b.List), strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version))
}

// sortFiles sorts, each list of a package once.
func sortFiles(in []Files) []Files {
	slices.SortFunc(in, CompareFiles)
	return slices.CompactFunc(in, func(a, b Files) bool { return CompareFiles(a, b) == 0 })
}
