package image

import (
	"errors"
	"regexp"
	"strings"
)

// nameOK is a distribution name.
// https://packaging.python.org/en/latest/specifications/name-normalization/#name-format
var nameOK = regexp.MustCompile(`(?i)^[A-Z0-9]$|^[A-Z0-9][A-Z0-9._-]*[A-Z0-9]$`)

// parseMetadata reads Name and Version from the header of a METADATA or
// PKG-INFO file: lines of "Field: value" up to the first empty line, as the
// standard library's email parser takes them (the first of each name counts,
// and a line that is no field ends the header).
// https://packaging.python.org/en/latest/specifications/core-metadata/
func parseMetadata(data []byte) (*packageFact, error) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	var f packageFact
	for text != "" {
		end := strings.IndexAny(text, "\r\n")
		line := text
		if end < 0 {
			text = ""
		} else {
			line, text = text[:end], strings.TrimPrefix(text[end:], "\r")
			text = strings.TrimPrefix(text, "\n")
		}
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		field, value, found := strings.Cut(line, ":")
		if !found || strings.ContainsAny(field, " \t") {
			break
		}
		switch strings.ToLower(field) {
		case "name":
			f.Name = first(f.Name, value)
		case "version":
			f.Version = first(f.Version, value)
		}
	}
	switch {
	case !nameOK.MatchString(f.Name) || len(f.Name) > 255:
		return nil, errors.New("the metadata of an installed distribution names no valid project")
	case !debWord(f.Version):
		return nil, errors.New("the metadata of an installed distribution names no version")
	}
	return &f, nil
}

// first returns old, or value if there is none yet.
func first(old, value string) string {
	if old != "" {
		return old
	}
	return strings.TrimSpace(value)
}
