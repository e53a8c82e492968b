package catalog

import (
	"regexp"
	"strings"
)

// indexYarnLock indexes a yarn.lock of either format: entries begin in the
// first column and have their version indented by two blanks.
// https://github.com/yarnpkg/yarn/blob/master/src/lockfile/stringify.js
func indexYarnLock(data []byte) (lockIndex, error) {
	var index lockIndex
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			if line == "__metadata:" || !strings.HasSuffix(line, ":") {
				continue
			}
			index = append(index, lockEntry{names: yarnNames(line), line: number, own: strings.Contains(line, "@workspace:")})
		case len(index) > 0:
			yarnField(&index[len(index)-1], line)
		}
	}
	return index, nil
}

// yarnNames returns the names that an entry's key "a@^1, alias@npm:b@^2:"
// gives the package.
func yarnNames(key string) []string {
	first, _, _ := strings.Cut(strings.Trim(strings.TrimSuffix(key, ":"), `"`), ", ")
	first = strings.Trim(first, `"`)
	var names []string
	for {
		at := strings.IndexByte(first[min(1, len(first)):], '@')
		if at < 0 {
			return append(names, first)
		}
		names = append(names, first[:at+1])
		rest := first[at+2:]
		alias, ok := strings.CutPrefix(rest, "npm:")
		if !ok || !strings.Contains(alias, "@") {
			return names
		}
		first = alias
	}
}

// registryName matches the package in the address of a registry's archive.
var registryName = regexp.MustCompile(`^"https://[^/]+/(.+?)/-/`)

// yarnField takes a line of an entry: its version, or the name that the
// address of its archive adds.
func yarnField(e *lockEntry, line string) {
	if len(line) < 3 || !strings.HasPrefix(line, "  ") || line[2] == ' ' {
		return
	}
	field, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch strings.TrimSuffix(field, ":") {
	case "version":
		e.version = strings.Trim(value, ` "`)
	case "resolved":
		if m := registryName.FindStringSubmatch(value); m != nil {
			e.names = append(e.names, m[1])
		}
	}
}
