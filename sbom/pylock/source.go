package pylock

import (
	"net/url"
	"path"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// pypiHosts are the hosts of PyPI: its index and its files, with the names that
// they had before. https://docs.pypi.org/api/
var pypiHosts = map[string]bool{"pypi.org": true, "pypi.python.org": true, "pypi.io": true, "files.pythonhosted.org": true}

// isPyPI reports whether a URL is PyPI's, and fetched so that nobody between
// could change it.
func isPyPI(raw string) bool {
	if strings.HasPrefix(raw, "https://files.pythonhosted.org/") || raw == "https://pypi.org/simple" {
		return true
	}
	u, err := url.Parse(raw)
	return err == nil && u.Scheme == "https" && u.User == nil && pypiHosts[u.Host]
}

// indexSource returns the source of a package of an index. artifacts are the
// URLs of its files, as far as the lock has them.
func indexSource(index string, artifacts ...string) Source {
	if index != "" && !isPyPI(index) {
		return Source{URL: safeURL(index)}
	}
	for _, a := range artifacts {
		if strings.Contains(a, "://") && !isPyPI(a) {
			return Source{URL: safeURL(a)}
		}
	}
	return Source{}
}

// archiveSource returns the source of one file, at a URL or a path.
func archiveSource(at string) Source { return Source{Kind: Archive, URL: safeURL(at)} }

// folderSource returns the source of a folder, at a path or a file URL.
func folderSource(at string) Source { return Source{Kind: Folder, URL: safeURL(at)} }

// vcsSource returns the source of a repository at a commit, or at what the lock
// has in its place. A query and a fragment, in which uv keeps them, are cut off.
func vcsSource(system, at, commit, reference string) Source {
	at, _, _ = strings.Cut(at, "#")
	at, _, _ = strings.Cut(at, "?")
	out := safeURL(at)
	if !strings.HasPrefix(out, system+"+") {
		out = system + "+" + out
	}
	if commit == "" {
		commit = reference
	}
	if commit != "" {
		out += "@" + sbom.RedactText(commit)
	}
	return Source{Kind: VCS, URL: safeURL(out)}
}

func safeURL(raw string) string {
	safe, _ := sbom.RedactURL(raw)
	return safe
}

// archiveSuffixes are the file names by which an archive is known from a
// folder.
// https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name
var archiveSuffixes = []string{".whl", ".zip", ".gz", ".tgz", ".bz2", ".xz", ".tar"}

// pathSource returns the source of a local path and whether it is a folder.
func pathSource(at string) (s Source, own bool) {
	for _, suffix := range archiveSuffixes {
		if strings.HasSuffix(strings.ToLower(path.Base(at)), suffix) {
			return archiveSource(at), false
		}
	}
	return folderSource(at), true
}
