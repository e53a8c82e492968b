package catalog

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// indexPnpmLock indexes the "packages" of a pnpm-lock.yaml, in the layout that
// pnpm writes: a key of two blanks' indentation an entry. A lock in another
// layout has an empty index, so that its packages are kept without lines.
// https://github.com/pnpm/spec/blob/master/lockfile/9.0.md
func indexPnpmLock(data []byte) (lockIndex, error) {
	var index lockIndex
	inside, separator := false, "@"
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			inside = line == "packages:"
			if v, ok := strings.CutPrefix(line, "lockfileVersion:"); ok {
				separator = pnpmSeparator(strings.Trim(v, ` '"`))
			}
		case inside && len(line) > 2 && strings.HasPrefix(line, "  ") && line[2] != ' ' && line[2] != '#':
			index = append(index, pnpmEntry(pnpmKey(line), separator, number))
		}
	}
	return index, nil
}

// pnpmSeparator returns what stands between name and version in a key: "/"
// before format 6, "@" since.
func pnpmSeparator(version string) string {
	if v, err := strconv.ParseFloat(version, 64); err == nil && v < 6 {
		return "/"
	}
	return "@"
}

// pnpmKey returns the key of a line of "packages".
func pnpmKey(line string) string {
	key := strings.TrimSpace(line)
	if quote := key[0]; quote == '\'' || quote == '"' {
		if end := strings.LastIndexByte(key, quote); end > 0 {
			return key[1:end]
		}
	}
	key, _, _ = strings.Cut(key, ": ")
	return strings.TrimSuffix(key, ":")
}

// pnpmEntry splits "@scope/name@1.0.0(peer@2)", or "/@scope/name/1.0.0_peer@2"
// of old. What cannot be split has no version, so that it counts as missing.
func pnpmEntry(key, separator string, line int) lockEntry {
	key, _, _ = strings.Cut(strings.TrimPrefix(key, "/"), "(")
	at := strings.LastIndex(key, separator)
	if at <= 0 {
		return lockEntry{names: []string{key}, line: line}
	}
	version := key[at+1:]
	if separator == "/" && version != "" && version[0] >= '0' && version[0] <= '9' {
		version, _, _ = strings.Cut(version, "_")
	}
	return lockEntry{names: []string{key[:at]}, version: version, line: line}
}

// plainKey matches a top-level line of the layout that pnpm writes.
var plainKey = regexp.MustCompile(`^[A-Za-z]+:( |$)`)

// trimPnpmLock removes the sections that say nothing about which packages
// there are: who asks for which, which is most of the file and of the time to
// parse it. A lock with any top-level line that pnpm would not write comes
// back whole, because its sections may not be what they look like.
func trimPnpmLock(data []byte) []byte {
	out := make([]byte, 0, len(data))
	keep := true
	for line := range bytes.Lines(data) {
		switch text := bytes.TrimRight(line, "\r\n"); {
		case len(text) == 0 || text[0] == ' ' || text[0] == '#':
		case string(text) == "---":
			keep = true
		case plainKey.Match(text):
			section := string(text[:bytes.IndexByte(text, ':')])
			keep = section != "importers" && section != "snapshots"
		default:
			return data
		}
		if keep {
			out = append(out, line...)
		}
	}
	return out
}
