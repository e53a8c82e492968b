package image

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// debPackage is one installed package of a dpkg status file.
type debPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch,omitempty"`
	// Source and SourceVersion are both "" when they equal Name and Version.
	Source        string `json:"source,omitempty"`
	SourceVersion string `json:"source_version,omitempty"`
	// Compiled is true when the package says that it was built with the
	// distribution's Go or Rust.
	Compiled bool `json:"compiled,omitempty"`
	// Line is where its paragraph begins, from 1.
	Line int `json:"line,omitempty"`
}

// parseStatus reads dpkg's status file, or one file of status.d, whose
// paragraphs have no Status field because all of them are installed. The gaps
// have kind, line and reason. An error is one of reading r.
//
// The grammar is that of Debian control files: paragraphs separated by empty
// lines, "Field: value" lines, continuation lines that begin with a space or
// a tab, field names in any case.
// https://www.debian.org/doc/debian-policy/ch-controlfields.html
func parseStatus(r io.Reader) (pkgs []debPackage, gaps []sbom.Gap, err error) {
	p := statusParser{fields: map[string]string{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), limit.LineBytes)
	for lines.Scan() {
		p.line++
		p.feed(lines.Text())
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		p.gap(sbom.GapTooLarge, p.line+1, "a line is longer than the bound: the rest of the file was not read")
	} else if err != nil {
		return nil, nil, err
	}
	p.end()
	return p.pkgs, p.gaps, nil
}

type statusParser struct {
	line, first int // current line, first line of the paragraph (0: none)
	fields      map[string]string
	broken      string // why the paragraph cannot be trusted, "" if it can
	pkgs        []debPackage
	gaps        []sbom.Gap
}

func (p *statusParser) gap(kind sbom.GapKind, line int, reason string) {
	p.gaps = append(p.gaps, sbom.NewGap(kind, "", line, reason))
}

func (p *statusParser) feed(line string) {
	line = strings.TrimSuffix(line, "\r")
	if strings.TrimSpace(line) == "" {
		p.end()
		return
	}
	if p.first == 0 {
		p.first = p.line
	}
	if line[0] == ' ' || line[0] == '\t' || line[0] == '#' {
		return
	}
	name, value, found := strings.Cut(line, ":")
	if !found || name == "" || strings.ContainsAny(name, " \t") {
		p.broken = "a line of the package database is not a field"
		return
	}
	name, value = strings.ToLower(name), strings.ToValidUTF8(strings.TrimSpace(value), "\ufffd")
	switch name {
	case "package", "status", "version", "architecture", "source", "built-using", "static-built-using", "x-cargo-built-using":
		if old, twice := p.fields[name]; twice && old != value {
			p.broken = "a field of the package database is given twice"
		}
		p.fields[name] = value
	}
}

// end closes a paragraph.
func (p *statusParser) end() {
	defer func() {
		p.first, p.broken = 0, ""
		clear(p.fields)
	}()
	if p.first == 0 {
		return
	}
	name, version := p.fields["package"], p.fields["version"]
	if p.broken != "" {
		p.gap(sbom.GapUnparsed, p.first, p.broken)
	}
	if !onDisk(p.fields["status"]) {
		return
	}
	if !debWord(name) || !debWord(version) {
		p.gap(sbom.GapUnparsed, p.first, "an installed package without a usable name or version")
		return
	}
	pkg := debPackage{Name: name, Version: version, Arch: p.fields["architecture"], Line: p.first}
	pkg.Source, pkg.SourceVersion = debSource(p.fields["source"], name, version)
	pkg.Compiled = slices.ContainsFunc([]string{"built-using", "static-built-using", "x-cargo-built-using"}, func(f string) bool { return builtWith(p.fields[f]) })
	p.pkgs = append(p.pkgs, pkg)
}

// builtWith reports whether a field that names the sources of what a package has
// in it names Debian's Go ("golang-1.19 (= 1.19.8-2)") or Rust ("rustc (=
// 1.63.0+dfsg1-2)"), as for all programs that Debian builds with them.
//
//	https://go-team.pages.debian.net/packaging.html
//	https://www.debian.org/doc/debian-policy/ch-relationships.html#additional-source-packages-used-to-build-the-binary-built-using
func builtWith(field string) bool {
	for one := range strings.SplitSeq(field, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(one), " ")
		if strings.HasPrefix(name, "golang-1.") || name == "rustc" || strings.HasPrefix(name, "rustc-1.") {
			return true
		}
	}
	return false
}

// onDisk reports whether a package in this state has files on disk. The field
// has three words: what is wanted, an error flag, the state. Everything but
// the two states without files counts, unknown ones included.
// https://man7.org/linux/man-pages/man1/dpkg.1.html (PACKAGE STATES)
func onDisk(status string) bool {
	words := strings.Fields(status)
	if len(words) != 3 {
		return true
	}
	return words[2] != "not-installed" && words[2] != "config-files"
}

// debWord reports whether s can be a package name or version at all.
func debWord(s string) bool {
	return s != "" && len(s) <= 512 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd })
}

// debSource reads a Source field, "name" or "name (version)". A field that is
// absent means that the source is called like the package.
// https://www.debian.org/doc/debian-policy/ch-controlfields.html#source
func debSource(field, name, version string) (source, sourceVersion string) {
	source, rest, _ := strings.Cut(field, "(")
	source = strings.TrimSpace(source)
	sourceVersion = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), ")"))
	if source == "" {
		source = name
	}
	if sourceVersion == "" {
		sourceVersion = version
	}
	if source == name && sourceVersion == version {
		return "", ""
	}
	return source, sourceVersion
}

// parseFileList reads a .list file (a path a line) or a .md5sums file (digest,
// two spaces, a path without the leading slash) and keeps the paths that
// kindOf knows.
// https://man7.org/linux/man-pages/man5/deb-md5sums.5.html
func parseFileList(data []byte, sums bool) []ownedPath {
	var owned []ownedPath
	for line := range bytes.Lines(data) {
		text, sum := strings.TrimRight(string(line), "\r\n"), ""
		if sums {
			var found bool
			if sum, text, found = strings.Cut(text, " "); !found {
				continue
			}
			text = strings.TrimPrefix(strings.TrimLeft(text, " "), "*")
		}
		if text == "" {
			continue
		}
		if p := path.Clean("/" + validText(text)); kindOf(p) != kindNone {
			owned = append(owned, ownedPath{Path: p, MD5: strings.ToLower(validText(sum))})
		}
	}
	return owned
}
