package report

import (
	"fmt"
	"path"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// leastPlace is how many columns a place has at least: "os-owned (layer" and the
// twelve digits of a digest.
const leastPlace = 32

// places says where a package was found: first what a person can edit, then
// where it is installed. room is how many columns there are; what does not fit
// is counted, and of one path that does not fit the end is kept: then fits is
// false. Verbose output names every place in full.
func (t *text) places(seen []seen, room int) (words string, fits bool) {
	var parts []string
	told := map[string]bool{}
	for _, s := range seen {
		if p := t.placed(s); !told[p] {
			told[p] = true
			parts = append(parts, p)
		}
	}
	out := strings.Join(parts, ", ")
	if t.opts.Verbose || len(parts) == 0 || cells(out) <= room {
		return out, cells(out) <= room
	}
	// A place takes a column at least, so that no more than room fit.
	for n := min(len(parts), max(room, 1)); n > 0; n-- {
		out = brief(parts[:n])
		if rest := len(parts) - n; rest > 0 {
			out += fmt.Sprintf(" and %d more", rest)
		}
		if cells(out) <= room {
			return out, true
		}
	}
	return keepEnd(out, max(room, leastPlace)), false
}

// brief joins places, and says "layer" for those after the first that are
// "installed (layer ...)", or another grade of evidence.
func brief(parts []string) string {
	out := parts[0]
	for _, p := range parts[1:] {
		for _, grade := range []sbom.Evidence{sbom.Installed, sbom.Verified, sbom.OSOwned} {
			if layer, ok := strings.CutPrefix(p, string(grade)+" ("); ok {
				p = strings.TrimSuffix(layer, ")")
			}
		}
		out += ", " + p
	}
	return out
}

// placed is one place on a part of a line. The path of the metadata of an
// installed package is told only to those who want everything: the package and
// its version say as much. That of a program that it was compiled into is told.
func (t *text) placed(s seen) string {
	file, layer := s.location.File, s.location.Layer
	if s.graded && layer != "" && !s.compiled && !t.opts.Verbose && (s.evidence == sbom.Verified || s.evidence == sbom.OSOwned) {
		return string(s.evidence) + " (layer " + t.layer(layer) + ")"
	}
	if t.opts.Verbose || s.evidence != sbom.Installed && s.evidence != sbom.Verified {
		out := t.clean(place(file, s.location.Line))
		if layer != "" {
			out += " (layer " + t.layer(layer) + ")"
		}
		return out
	}
	if s.compiled {
		return t.clean(file)
	}
	if layer != "" {
		return "installed (layer " + t.layer(layer) + ")"
	}
	if dir := installDir(file); dir != "" {
		return "installed in " + t.clean(dir)
	}
	return "installed (" + t.clean(place(file, s.location.Line)) + ")"
}

// installDir is the folder that a Python distribution is installed in, "" when
// file is not the metadata of one.
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/
func installDir(file string) string {
	dir := path.Dir(file)
	if strings.HasSuffix(dir, ".dist-info") || strings.HasSuffix(dir, ".egg-info") {
		return path.Dir(dir)
	}
	if strings.HasSuffix(file, ".egg-info") {
		return dir
	}
	return ""
}

// layer keeps twelve hexadecimal digits of a layer's digest and drops the
// algorithm, which is always the same.
func (t *text) layer(digest string) string {
	return t.word(strings.TrimPrefix(shortDigest(digest), "sha256:"))
}

// place is "file:line", or the file alone.
func place(file string, line int) string {
	if line > 0 {
		return fmt.Sprintf("%s:%d", file, line)
	}
	return file
}

// keepEnd cuts a text to n columns at its beginning.
func keepEnd(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return "..." + string(runes[len(runes)-max(n-3, 0):])
}

// keepEnds cuts a text to n columns in its middle.
func keepEnds(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	half := (n - 3) / 2
	return string(runes[:n-3-half]) + "..." + string(runes[len(runes)-half:])
}
