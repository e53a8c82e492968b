package pyreq

import (
	"net/url"
	"path"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// bareVCS are the version control systems that pip knows.
// https://pip.pypa.io/en/stable/topics/vcs-support/
var bareVCS = map[string]bool{"git": true, "hg": true, "svn": true, "bzr": true}

// isVCS reports whether a scheme in lower case is one like "git+https".
func isVCS(scheme string) bool {
	system, _, ok := strings.Cut(scheme, "+")
	return ok && bareVCS[system]
}

// isURL reports whether pip takes a requirement for a URL.
func isURL(text string) bool {
	scheme, _, ok := strings.Cut(text, ":")
	if !ok {
		return false
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "http", "https", "file", "ftp", "ssh", "git", "hg", "bzr", "sftp", "svn":
		return true
	}
	return isVCS(scheme)
}

// archiveSuffixes are the file names by which pip knows an archive.
// https://pip.pypa.io/en/stable/cli/pip_install/#description
var archiveSuffixes = []string{
	".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz", ".tar.lzma",
}

func isArchive(name string) bool {
	name = strings.ToLower(name)
	for _, suffix := range archiveSuffixes {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// isPath reports whether a requirement without its marker is a local path: it
// begins with a dot or has a slash, or it is the name of an archive, and it is
// not "name @ URL".
func isPath(text string) bool {
	p, _ := cutExtras(strings.TrimSpace(text))
	if !looksLikePath(p) && (!isArchive(p) || strings.ContainsFunc(p, isSpace)) {
		return false
	}
	left, _, at := strings.Cut(text, "@")
	return !at || looksLikePath(left)
}

// looksLikePath leaves out names with white space, which pip allows if such a
// file exists: here they are far more often two things on one line.
func looksLikePath(text string) bool {
	return (strings.HasPrefix(text, ".") || strings.Contains(text, "/")) && !strings.ContainsFunc(text, isSpace)
}

// cutExtras cuts "[extra,...]" off the end of a path.
func cutExtras(text string) (p, extras string) {
	if i := strings.LastIndexByte(text, '['); i > 0 && strings.HasSuffix(text, "]") {
		return strings.TrimSpace(text[:i]), text[i:]
	}
	return text, ""
}

// linkFile returns the last path segment of a link, unescaped for a URL.
func linkFile(link string) string {
	link, _, _ = strings.Cut(link, "#")
	if at := strings.Index(link, "://"); at >= 0 || strings.HasPrefix(link, "file:") {
		link, _, _ = strings.Cut(link[at+1:], "?")
		if plain, err := url.PathUnescape(link); err == nil {
			link = plain
		}
	}
	return path.Base(link)
}

// wheelName returns project, as it is spelled there, and version of a wheel's
// file name.
func wheelName(file string) (name, version string, ok bool) {
	wheel, err := pep508.ParseWheel(file)
	if err != nil {
		return "", "", false
	}
	name, _, _ = strings.Cut(file, "-")
	return name, wheel.Version.String(), true
}

// sdistName returns the project of a source archive's file name. The version
// behind it is not told apart reliably enough to match advisories with.
// https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name
func sdistName(file string) (name string, ok bool) {
	for _, suffix := range archiveSuffixes[1:] {
		stem, found := strings.CutSuffix(file, suffix)
		at := strings.LastIndexByte(stem, '-')
		if !found || at <= 0 {
			continue
		}
		if _, err := pep440.Parse(stem[at+1:]); err == nil {
			return stem[:at], true
		}
	}
	return "", false
}
