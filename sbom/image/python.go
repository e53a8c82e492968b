package image

import (
	"encoding/json"
	"errors"
	"net/url"
	"path"
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

// directURL is where a distribution was installed from, if not from an index.
// https://packaging.python.org/en/latest/specifications/direct-url-data-structure/
type directURL struct {
	// URL is without credentials.
	URL string `json:"url"`
	// Commit is the commit of a VCS reference, "" for none.
	Commit   string `json:"commit,omitempty"`
	VCS      string `json:"vcs,omitempty"`
	Editable bool   `json:"editable,omitempty"`
}

func parseDirectURL(data []byte) (*directURL, error) {
	var raw struct {
		URL string `json:"url"`
		VCS struct {
			VCS    string `json:"vcs"`
			Commit string `json:"commit_id"`
		} `json:"vcs_info"`
		Dir struct {
			Editable bool `json:"editable"`
		} `json:"dir_info"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, errors.New("not a JSON object as the specification has it")
	}
	return &directURL{URL: withoutCredentials(raw.URL), VCS: raw.VCS.VCS, Commit: raw.VCS.Commit, Editable: raw.Dir.Editable}, nil
}

// withoutCredentials returns s without user name, password, query and fragment,
// and "" when it is not a URL, since then nobody can say what it holds.
func withoutCredentials(s string) string {
	u, err := url.Parse(validText(s))
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// reference returns the direct reference in the form that pip prints.
func (d *directURL) reference() string {
	if d.VCS == "" {
		return d.URL
	}
	ref := d.VCS + "+" + d.URL
	if d.Commit != "" {
		ref += "@" + d.Commit
	}
	return ref
}

// vendored reports whether the metadata directory at p is that of a copy inside
// another package (setuptools/_vendor), which Python does not list as installed.
func vendored(p string) bool {
	vendor := path.Dir(path.Dir(p))
	switch path.Base(path.Dir(path.Dir(vendor))) {
	case "site-packages", "dist-packages":
		return path.Base(vendor) == "_vendor"
	}
	return false
}

// parsePackageJSON reads name and version of an npm package.
// https://docs.npmjs.com/cli/configuring-npm/package-json
func parsePackageJSON(data []byte) (*packageFact, error) {
	var raw struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, errors.New("the package.json of an installed package is not JSON with a name and a version")
	}
	if !debWord(raw.Name) || !debWord(raw.Version) {
		return nil, errors.New("the package.json of an installed package names no package or no version")
	}
	return &packageFact{Name: raw.Name, Version: raw.Version}, nil
}
