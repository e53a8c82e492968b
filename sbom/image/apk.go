package image

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// The two places of apk's database; images whose /lib is a folder of /usr have
// it in the second, by either name.
// https://wiki.alpinelinux.org/wiki/Apk_spec#Installed_Database_V2
var apkDatabases = [...]string{"/lib/apk/db/installed", "/usr/lib/apk/db/installed"}

// apkPackage is one package of apk's database, with the files that it owns.
type apkPackage struct {
	debPackage
	// Owned are the paths that kindOf knows, with the SHA-1 that apk noted.
	Owned []ownedPath `json:"owned,omitempty"`
	// files are all that were digested, for the layer's proofs.
	files listing
}

// parseAPK reads apk's database of installed packages: paragraphs separated by
// empty lines, of lines "X:value" whose letter's case counts. P is the name, V
// the version, A the architecture, o the origin, which is Alpine's word for the
// source package. F names a folder, R a file in the folder that was named last,
// Z the checksum of the file that was named last. The gaps have kind, line and
// reason.
// https://wiki.alpinelinux.org/wiki/Apk_spec#Installed_Database_V2
func parseAPK(data []byte) (pkgs []apkPackage, gaps []sbom.Gap) {
	p := apkParser{fields: map[byte]string{}, files: listing{alg: algSHA1}}
	for line := range bytes.Lines(data) {
		p.line++
		if len(line) > limit.LineBytes {
			p.gap(sbom.GapTooLarge, p.line, "a line is longer than the bound: the rest of the file was not read")
			break
		}
		p.feed(strings.TrimRight(string(line), "\r\n"))
	}
	p.end()
	return p.pkgs, p.gaps
}

type apkParser struct {
	line, first int // current line, first line of the paragraph (0: none)
	fields      map[byte]string
	broken      string // why the paragraph cannot be trusted, "" if it can
	dir, file   string // those named last; file is "" when it is not kept
	owned       []ownedPath
	files       listing
	pkgs        []apkPackage
	gaps        []sbom.Gap
}

func (p *apkParser) gap(kind sbom.GapKind, line int, reason string) {
	p.gaps = append(p.gaps, sbom.NewGap(kind, "", line, reason))
}

func (p *apkParser) feed(line string) {
	if strings.TrimSpace(line) == "" {
		p.end()
		return
	}
	if p.first == 0 {
		p.first = p.line
	}
	if len(line) < 2 || line[1] != ':' {
		p.broken = "a line of the package database is not a field"
		return
	}
	letter, value := line[0], line[2:]
	switch letter {
	case 'P', 'V', 'A', 'o':
		value = strings.ToValidUTF8(strings.TrimSpace(value), "\ufffd")
		if old, twice := p.fields[letter]; twice && old != value {
			p.broken = "a field of the package database is given twice"
		}
		p.fields[letter] = value
	case 'F':
		p.dir, p.file = value, ""
	case 'R':
		p.file = path.Join("/", p.dir, validText(value))
	case 'Z':
		p.checksum(value)
	}
}

// checksum notes the checksum of the file that was named last.
func (p *apkParser) checksum(value string) {
	sum := apkSHA1(value)
	if sum == nil || p.file == "" {
		return
	}
	if kindOf(p.file) != kindNone {
		p.owned = append(p.owned, ownedPath{Path: p.file, SHA1: hex.EncodeToString(sum)})
	}
	if distribution, _ := wanted(p.file); distribution {
		p.files.add(p.file, sum)
	}
	p.file = ""
}

// apkSHA1 returns the digest of a checksum as apk writes it, "Q1" and the base64
// of a SHA-1; nil for any other.
func apkSHA1(value string) []byte {
	text, found := strings.CutPrefix(value, "Q1")
	sum, err := base64.StdEncoding.DecodeString(text)
	if !found || err != nil || len(sum) != 20 {
		return nil
	}
	return sum
}

// end closes a paragraph.
func (p *apkParser) end() {
	defer func() {
		p.first, p.broken, p.dir, p.file, p.owned, p.files = 0, "", "", "", nil, listing{alg: algSHA1}
		clear(p.fields)
	}()
	if p.first == 0 {
		return
	}
	name, version := p.fields['P'], p.fields['V']
	if p.broken != "" {
		p.gap(sbom.GapUnparsed, p.first, p.broken)
	}
	if !debWord(name) || !debWord(version) {
		p.gap(sbom.GapUnparsed, p.first, "an installed package without a usable name or version")
		return
	}
	pkg := apkPackage{Owned: p.owned, files: p.files}
	pkg.debPackage = debPackage{Name: name, Version: version, Arch: p.fields['A'], Line: p.first}
	if origin := p.fields['o']; debWord(origin) && origin != name {
		pkg.Source, pkg.SourceVersion = origin, version
	}
	p.pkgs = append(p.pkgs, pkg)
}

// eachAPK calls f for every package of apk's databases.
func (s *state) eachAPK(f func(at string, from placed, p apkPackage)) {
	var seen []string
	for _, known := range apkDatabases {
		at, err := s.resolve(known)
		file, ok := s.files[at]
		if err != nil || !ok || slices.Contains(seen, at) {
			continue
		}
		seen = append(seen, at)
		for _, p := range file.APKs {
			f(at, file, p)
		}
	}
}

// apkPackages adds the packages of apk's databases and notes what they own.
func (b *builder) apkPackages() {
	d := b.distribution
	family, _, _ := strings.Cut(d.Ecosystem, ":")
	known := slices.Contains([]string{"Alpine", "Wolfi", "Chainguard"}, family)
	source, layer := "", 0
	b.eachAPK(func(at string, from placed, p apkPackage) {
		source, layer = at, from.layer
		since, is := b.debs[debKey{apkKey + p.Name, p.Arch}]
		if !is || since.version != p.Version {
			since.layer = from.layer
		}
		c := sbom.Component{
			Name: p.Name, Version: p.Version, Evidence: sbom.Installed, Source: p.Source, SourceVersion: p.SourceVersion,
			PURL:      sbom.APKPURL(d.ID, p.Name, p.Version, p.Arch, d.qualifier(), p.Source),
			Locations: []sbom.Location{{File: at, Line: p.Line, Layer: b.layers[since.layer]}},
		}
		if known {
			c.Ecosystem = d.Ecosystem
		}
		b.evidence(&c, at, p.Name)
		b.doc.Components = append(b.doc.Components, c)
		b.ownAPK(p)
	})
	if source != "" && !known {
		b.newGap(sbom.GapEcosystem, source, layer, fmt.Sprintf("Alpine packages of %s, for which there is no advisory ecosystem", d.describe()))
	}
}

// ownAPK notes the files of p, by the paths that links lead to.
func (b *builder) ownAPK(p apkPackage) {
	who := &debOwner{name: p.Name, version: p.Version, source: p.Name, apk: true}
	if p.Source != "" {
		who.source = p.Source
	}
	for _, o := range p.Owned {
		if at, err := b.resolveParent(o.Path); err == nil && len(b.owners[at]) < maxClaims {
			b.owners[at] = append(b.owners[at], claim{by: who, sha1: o.SHA1})
		}
	}
}

// apkFolder reports whether Alpine's own packages keep Python modules there;
// pip's own go to /usr/lib as well, which is why a checksum is asked for.
func apkFolder(p string) bool {
	rest, ok := strings.CutPrefix(p, "/usr/lib/python3")
	_, rest, below := strings.Cut(rest, "/")
	return ok && below && strings.HasPrefix(rest, "site-packages/")
}
