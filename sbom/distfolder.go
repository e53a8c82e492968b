package sbom

import (
	"path"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// MetadataFolder returns the name and version that the folder (or the file) of
// an installed Python distribution's metadata is called by, as
// "gradio-4.19.1.dist-info" or "six-1.16.0-py3.11.egg-info". The version is ""
// when it has none, as that of a development install; ok is false for a path
// that is not named like one.
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-dist-info-directory
func MetadataFolder(file string) (name, version string, ok bool) {
	stem, ok := metadataStem(file)
	if !ok || stem == "" {
		return "", "", false
	}
	name, version = stem, ""
	// A name has no hyphen there, except where old tools left it: then the
	// version is the last part.
	if i := strings.LastIndexByte(stem, '-'); i > 0 {
		name, version = stem[:i], stem[i+1:]
	}
	return name, version, pep508.ValidName(name)
}

// metadataStem is the folder's name without what only says that it is one.
func metadataStem(file string) (string, bool) {
	folder := path.Base(path.Dir(file))
	if strings.HasSuffix(file, ".egg-info") {
		folder = path.Base(file)
	} else if folder == "EGG-INFO" {
		folder = path.Base(path.Dir(path.Dir(file)))
	}
	for _, suffix := range []string{".dist-info", ".egg-info", ".egg"} {
		stem, found := strings.CutSuffix(folder, suffix)
		if !found {
			continue
		}
		if i := strings.LastIndex(stem, "-py"); i > 0 && suffix != ".dist-info" {
			// An egg's platform ("-linux-x86_64") follows the Python version.
			stem = stem[:i]
		}
		return stem, true
	}
	return "", false
}

// FolderAgrees reports whether the metadata at a path, which names a
// distribution and its version, stands in a folder that is called by them. A
// path that is called by nothing says nothing else.
func FolderAgrees(file, name, version string) bool {
	stem, ok := metadataStem(file)
	if !ok || stem == "" {
		return true
	}
	want := pep508.NormalizeName(name)
	if pep508.NormalizeName(stem) == want {
		return true
	}
	for i := range stem {
		if stem[i] == '-' && pep508.NormalizeName(stem[:i]) == want && sameVersion(stem[i+1:], version) {
			return true
		}
	}
	return false
}

// sameVersion compares the version in a folder's name, in which the tools put
// an underscore for what a file name cannot have.
func sameVersion(folder, version string) bool {
	if folder == version {
		return true
	}
	want, err := pep440.Parse(version)
	for _, text := range []string{folder, strings.ReplaceAll(folder, "_", "+"), strings.ReplaceAll(folder, "_", "-"), strings.ReplaceAll(folder, "_", "!")} {
		if got, e := pep440.Parse(text); e == nil && err == nil && got.Equal(want) {
			return true
		}
	}
	return strings.ReplaceAll(version, "-", "_") == strings.ReplaceAll(folder, "-", "_")
}
