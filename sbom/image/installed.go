package image

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// installerOK is the one word that INSTALLER holds.
var installerOK = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// parseInstaller returns the tool that an INSTALLER file names, "" when it holds
// anything but one word.
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-installer-file
func parseInstaller(data []byte) string {
	word := strings.TrimSpace(string(data))
	if !installerOK.MatchString(word) || sbom.RedactText(word) != word {
		return ""
	}
	return word
}

// directURL is where a distribution was installed from, if not from an index.
// https://packaging.python.org/en/latest/specifications/direct-url-data-structure/
type directURL struct {
	// URL is without credentials.
	URL string `json:"url"`
	// Subdirectory is where the project is in what the URL names, "" for its
	// top.
	Subdirectory string `json:"subdirectory,omitempty"`
	// Commit is the commit of a VCS reference, "" for none.
	Commit   string `json:"commit,omitempty"`
	VCS      string `json:"vcs,omitempty"`
	Editable bool   `json:"editable,omitempty"`
	// Hashes are the digests of the archive, as in sbom.Component.
	Hashes []string `json:"hashes,omitempty"`
}

// archiveInfo is the part of direct_url.json about an archive. Hash is the older
// form of Hashes, "algorithm=hex".
type archiveInfo struct {
	Hash   string            `json:"hash"`
	Hashes map[string]string `json:"hashes"`
}

func parseDirectURL(data []byte) (*directURL, error) {
	var raw struct {
		URL          string `json:"url"`
		Subdirectory string `json:"subdirectory"`
		VCS          struct {
			VCS    string `json:"vcs"`
			Commit string `json:"commit_id"`
		} `json:"vcs_info"`
		Archive archiveInfo `json:"archive_info"`
		Dir     struct {
			Editable bool `json:"editable"`
		} `json:"dir_info"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, errors.New("not a JSON object as the specification has it")
	}
	d := &directURL{URL: withoutCredentials(raw.URL), Editable: raw.Dir.Editable, Hashes: raw.Archive.digests()}
	if d.URL == "" {
		return nil, errors.New("a distribution that was installed from a URL, which is none")
	}
	if raw.Subdirectory != "" {
		d.Subdirectory = path.Clean("/" + plain(raw.Subdirectory))[1:]
	}
	d.VCS, d.Commit = plain(raw.VCS.VCS), plain(raw.VCS.Commit)
	return d, nil
}

// plain is a word out of a file of the image that goes into a reference: text,
// and no token.
func plain(s string) string { return sbom.RedactText(validText(s)) }

// digests returns what the archive is said to have been, sorted.
func (a archiveInfo) digests() []string {
	sizes := map[string]int{"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
	var out []string
	add := func(algorithm, value string) {
		raw, err := hex.DecodeString(value)
		if size := sizes[algorithm]; err == nil && size > 0 && size == len(raw) {
			out = append(out, algorithm+":"+hex.EncodeToString(raw))
		}
	}
	for algorithm, value := range a.Hashes {
		add(algorithm, value)
	}
	algorithm, value, _ := strings.Cut(a.Hash, "=")
	add(algorithm, value)
	slices.Sort(out)
	return slices.Compact(out)
}

// withoutCredentials returns s without user name, password, query, fragment and
// tokens, and "" when it is not a URL, since then nobody can say what it holds.
func withoutCredentials(s string) string {
	u, err := url.Parse(validText(s))
	if err != nil || u.Scheme == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	safe := sbom.RedactText(u.String())
	if !strings.HasPrefix(safe, u.Scheme+":") {
		return "***" // all of it looks like a secret
	}
	return safe
}

// reference returns the direct reference in the form that pip prints.
func (d *directURL) reference() string {
	ref := d.URL
	if d.VCS != "" {
		ref = d.VCS + "+" + ref
		if d.Commit != "" {
			ref += "@" + d.Commit
		}
	}
	if d.Subdirectory != "" {
		ref += (&url.URL{Fragment: "subdirectory=" + d.Subdirectory}).String()
	}
	return ref
}

// installation adds to the component of the distribution whose metadata is in
// dir what the files beside it say of how it came there.
func (b *builder) installation(c *sbom.Component, dir string) {
	if f, ok := b.files[path.Join(dir, "INSTALLER")]; ok {
		c.Installer = f.Installer
	}
	_, c.Requested = b.files[path.Join(dir, "REQUESTED")]
	if f, ok := b.files[path.Join(dir, "direct_url.json")]; ok && f.Direct != nil {
		c.URL, c.Editable, c.Hashes = f.Direct.reference(), f.Direct.Editable, f.Direct.Hashes
	}
}
