package pep508

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// Filename is what the file name of a wheel or source distribution says.
type Filename struct {
	// Name is the project in normal form.
	Name string
	// Version is never the zero value.
	Version pep440.Version
	// Build is the build tag of a wheel ("1abc"), "" for none.
	Build string
	// Tags are the compatibility tags of a wheel, one for each combination
	// ("cp312-cp312-manylinux_2_17_x86_64"), sorted; nil for a source
	// distribution.
	Tags []string
}

// maxTags bounds the combinations of compatibility tags of one wheel. Real
// wheels have a dozen.
const maxTags = 1024

// ParseWheel reads the file name of a wheel, without a folder. The error is a
// *SyntaxError.
// https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
func ParseWheel(filename string) (Filename, error) {
	var f Filename
	stem, ok := strings.CutSuffix(filename, ".whl")
	if !ok {
		return f, nameError(filename, "", "expected a name that ends in .whl")
	}
	parts := strings.Split(stem, "-")
	if len(parts) != 5 && len(parts) != 6 {
		return f, nameError(filename, "", "expected NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl")
	}
	if !isEscapedName(parts[0]) {
		return f, nameError(filename, "", "expected a project name with '_' for '-'")
	}
	f.Name = NormalizeName(parts[0])
	version, err := pep440.Parse(strings.ReplaceAll(parts[1], "_", "-"))
	if err != nil {
		return Filename{}, nameError(filename, parts[0], "expected a version")
	}
	f.Version = version
	if len(parts) == 6 {
		if f.Build = parts[2]; f.Build == "" || f.Build[0] < '0' || f.Build[0] > '9' {
			return Filename{}, nameError(filename, parts[0]+"-"+parts[1], "expected a build tag that begins with a digit")
		}
	}
	if f.Tags = tags(parts[len(parts)-3:]); f.Tags == nil {
		return Filename{}, nameError(filename, strings.Join(parts[:len(parts)-3], "-"), "expected compatibility tags")
	}
	return f, nil
}

// ParseSdist reads the file name of a source distribution (.tar.gz, .zip),
// without a folder. The error is a *SyntaxError.
// https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name
func ParseSdist(filename string) (Filename, error) {
	stem, ok := strings.CutSuffix(filename, ".tar.gz")
	if !ok {
		stem, ok = strings.CutSuffix(filename, ".zip")
	}
	if !ok {
		return Filename{}, nameError(filename, "", "expected a name that ends in .tar.gz or .zip")
	}
	dash := strings.LastIndexByte(stem, '-')
	if dash < 1 {
		return Filename{}, nameError(filename, "", "expected NAME-VERSION")
	}
	version, err := pep440.Parse(stem[dash+1:])
	if err != nil {
		return Filename{}, nameError(filename, stem[:dash], "expected a version")
	}
	return Filename{Name: NormalizeName(stem[:dash]), Version: version}, nil
}

// nameError blames what comes after the part of filename before, and the dash.
func nameError(filename, before, reason string) error {
	column := 1
	if before != "" {
		column = min(len(before)+2, len(filename)+1)
	}
	return &SyntaxError{Column: column, Reason: reason}
}

// isEscapedName tells whether s is the name part of a wheel's file name: runs
// of '-', '_' and '.' have become one '_'. Old wheels have single dots, and
// some letters beyond ASCII, so pypa/packaging admits both.
func isEscapedName(s string) bool {
	if s == "" || strings.Contains(s, "__") {
		return false
	}
	for _, r := range s {
		if r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

// tags combines "py2.py3", "none", "any"; nil if a part is no tag.
func tags(parts []string) []string {
	var sets [3][]string
	combinations := 1
	for i, part := range parts {
		sets[i] = strings.Split(strings.ToLower(part), ".")
		combinations *= len(sets[i])
		if combinations > maxTags || slices.ContainsFunc(sets[i], func(tag string) bool { return !isTag(tag) }) {
			return nil
		}
	}
	all := make([]string, 0, combinations)
	for _, python := range sets[0] {
		for _, abi := range sets[1] {
			for _, platform := range sets[2] {
				all = append(all, python+"-"+abi+"-"+platform)
			}
		}
	}
	slices.SortFunc(all, cmp.Compare[string])
	return slices.Compact(all)
}

// isTag tells whether s is one compatibility tag: a letter, then letters,
// digits and '_'. https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
func isTag(s string) bool {
	if s == "" || '0' <= s[0] && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		if !isWord(s[i]) {
			return false
		}
	}
	return true
}
