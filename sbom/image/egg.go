package image

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// eggMetadata is the metadata in a zipped egg.
// https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html#zipfile
const eggMetadata = "EGG-INFO/PKG-INFO"

// parseEgg reads the metadata out of a zipped egg, and nothing else of it. An
// egg that has it twice is refused: who reads it takes one or the other.
func parseEgg(data []byte) (*packageFact, error) {
	// Each entry costs memory as soon as the directory is read.
	if n := bytes.Count(data, []byte("PK\x01\x02")); n > limit.EggEntries {
		return nil, fmt.Errorf("a zipped egg of %d files: %w of %d", n, limit.ErrTooLarge, limit.EggEntries)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, errors.New("a zipped egg that is no zip archive")
	}
	var found *zip.File
	for _, f := range archive.File {
		if f.Name != eggMetadata {
			continue
		}
		if found != nil {
			return nil, errors.New("a zipped egg with its metadata twice")
		}
		found = f
	}
	if found == nil {
		return nil, errors.New("a zipped egg without its metadata")
	}
	r, err := found.Open()
	if err != nil {
		return nil, errors.New("a zipped egg whose metadata cannot be read")
	}
	defer r.Close()
	text, err := limit.ReadAll(r, limit.EggMetadataBytes)
	if errors.Is(err, limit.ErrTooLarge) {
		return nil, fmt.Errorf("the metadata of a zipped egg: %w", err)
	}
	if err != nil {
		return nil, errors.New("a zipped egg whose metadata cannot be read")
	}
	return parseMetadata(text)
}

// parseEggLink returns the folder that a development install points to: the
// first line of its .egg-link, "" when that is no absolute path.
// https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html#egg-links
func parseEggLink(data []byte) string {
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "/") || len(line) > limit.PathBytes {
		return ""
	}
	return path.Clean(validText(line))
}

// eggLinks notes the project folders that development installs point to; one
// without metadata is a gap, for what is installed from it is not known.
func (b *builder) eggLinks() {
	b.developed = map[string]bool{}
	for p, f := range b.files {
		if f.Kind != kindEggLink {
			continue
		}
		folder, err := b.resolve(path.Clean("/" + f.Target))
		if err != nil || f.Target == "" || !b.hasProject(folder) {
			b.newGap(sbom.GapUnread, p, f.layer, "a development install of a folder that has no metadata")
			continue
		}
		b.developed[folder] = true
	}
}

// hasProject reports whether a folder of metadata is in folder.
func (b *builder) hasProject(folder string) bool {
	for dir := range b.dirs {
		if path.Dir(dir) == folder && b.hasMetadata(dir) {
			return true
		}
	}
	return false
}
