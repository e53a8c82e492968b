package pylock

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// reader is the state of one Read.
type reader struct {
	file *File
	// markers are those parsed before: a lock repeats a few of them often.
	markers map[string]*pep508.Marker
	// versions counts the entries of each name.
	versions map[string]int
	// steps are how many were spent, see limit.LockSteps.
	steps int
	// full is true once there were more packages than limit.LockPackages.
	full bool
}

// spend notes work that grows faster than the file, and reports whether there
// is enough left to do it.
func (r *reader) spend(steps int) bool {
	if r.steps > limit.LockSteps {
		return false
	}
	r.steps += steps
	if r.steps > limit.LockSteps {
		r.gap(sbom.GapTooLarge, 0, "", "the parts of the lock refer to one another more often than %d times: digests and scopes are not all read", limit.LockSteps)
		return false
	}
	return true
}

// maxReason bounds the text of a gap, in bytes: it may quote the file.
const maxReason = 400

func (r *reader) gap(kind sbom.GapKind, line int, pkg, format string, args ...any) {
	reason := sbom.RedactText(fmt.Sprintf(format, args...))
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "..."
	}
	g := sbom.NewGap(kind, r.file.Name, line, reason)
	if pep508.ValidName(pkg) {
		g.Package = sbom.RedactText(pep508.NormalizeName(pkg))
	}
	r.file.Gaps = append(r.file.Gaps, g)
}

// load returns the text of a file without its byte order mark.
func load(fsys fs.FS, name string) ([]byte, error) {
	data, err := sbom.ReadFile(fsys, name, limit.ManifestBytes)
	if err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(data, []byte("\ufeff")), nil
}

// add keeps a package, or makes a gap of one that cannot be named.
func (r *reader) add(p Package) {
	p.Name, p.Version = sbom.RedactText(p.Name), sbom.RedactText(p.Version)
	if !pep508.ValidName(p.Name) {
		r.gap(sbom.GapUnparsed, p.Line, "", "%q is not the name of a package", p.Name)
		return
	}
	if !r.room(&p) {
		return
	}
	switch {
	case p.Own && r.outside(p.Source.URL):
		r.gap(sbom.GapInclude, p.Line, p.Name, "the folder %q of package %q lies outside of what is audited", p.Source.URL, p.Name)
	case !p.Own && p.Version == "":
		r.gap(sbom.GapUnversioned, p.Line, p.Name, "the lock has no version for %q", p.Name)
	}
	slices.Sort(p.Scopes)
	p.Scopes = slices.Compact(p.Scopes)
	slices.Sort(p.Hashes)
	p.Hashes = slices.Compact(p.Hashes)
	r.file.Packages = append(r.file.Packages, p)
}

// room reports whether the bounds leave room for one package more.
func (r *reader) room(p *Package) bool {
	name := pep508.NormalizeName(p.Name)
	r.versions[name]++
	switch {
	case len(r.file.Packages) >= limit.LockPackages:
		if !r.full {
			r.full = true
			r.gap(sbom.GapTooLarge, p.Line, "", "from here on the lock's packages are not read: there are more than %d", limit.LockPackages)
		}
		return false
	case r.versions[name] > limit.LockVersions:
		if r.versions[name] == limit.LockVersions+1 {
			r.gap(sbom.GapTooLarge, p.Line, p.Name, "the lock has more than %d entries for %q", limit.LockVersions, p.Name)
		}
		return false
	}
	return true
}

// outside reports whether a folder that the lock names lies outside the root.
func (r *reader) outside(folder string) bool {
	folder = strings.ReplaceAll(strings.TrimPrefix(folder, "file://"), `\`, "/")
	if path.IsAbs(folder) || strings.Contains(folder, ":") {
		return true
	}
	at := path.Join(path.Dir(r.file.Name), folder)
	return at == ".." || strings.HasPrefix(at, "../")
}

// marker parses a marker. One that cannot be parsed is a gap, and the package
// then counts everywhere.
func (r *reader) marker(text string, line int, pkg string) *pep508.Marker {
	if text == "" {
		return nil
	}
	if m, ok := r.markers[text]; ok {
		return m
	}
	m, err := pep508.ParseMarker(sbom.RedactText(text))
	if err != nil {
		r.gap(sbom.GapUnparsed, line, pkg, "the marker of %q: %v", pkg, err)
		return nil
	}
	r.markers[text] = m
	return m
}

// anyMarker returns the marker that is true where one of texts is.
func (r *reader) anyMarker(texts []string, line int, pkg string) *pep508.Marker {
	if len(texts) == 0 || slices.Contains(texts, "") {
		return nil
	}
	return r.marker("("+strings.Join(texts, ") or (")+")", line, pkg)
}

// digest checks one "algorithm:hex" digest and notes a package's first that is
// none.
func (r *reader) digests(in []string, line int, pkg string) []string {
	if !r.spend(len(in)) {
		return nil
	}
	var out []string
	told := false
	for _, text := range in {
		algorithm, value, ok := strings.Cut(text, ":")
		if ok && isDigest(algorithm, value) {
			out = append(out, algorithm+":"+strings.ToLower(value))
		} else if text != "" && !told {
			told = true
			r.gap(sbom.GapUnparsed, line, pkg, "a digest of %q is not an algorithm and hexadecimal digits", pkg)
		}
	}
	return out
}

func isDigest(algorithm, value string) bool {
	const algorithmBytes = 16
	return algorithm != "" && len(algorithm) <= algorithmBytes &&
		strings.Trim(algorithm, "abcdefghijklmnopqrstuvwxyz0123456789_-") == "" &&
		len(value) >= 32 && len(value) <= 128 && len(value)%2 == 0 && isHex(value)
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// names normalises extras and groups and leaves out what is none.
func names(in []string) []string {
	var out []string
	for _, name := range in {
		if name = sbom.RedactText(name); pep508.ValidName(name) {
			out = append(out, pep508.NormalizeName(name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// major returns the first number of a format's version.
func major(version string) string {
	first, _, _ := strings.Cut(version, ".")
	return first
}

// format notes the version of the format and makes a gap of one that this
// program does not know: what it reads may then not be all.
func (r *reader) format(version string, known ...string) {
	r.file.FormatVersion = sbom.RedactText(version)
	switch {
	case version == "":
		r.gap(sbom.GapUnparsed, 0, "", "the file does not say which version of the lock format it has")
	case !slices.Contains(known, major(version)):
		r.gap(sbom.GapUnsupported, 0, "", "version %q of the lock format is not known", version)
	}
}
