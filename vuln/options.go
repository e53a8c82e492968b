package vuln

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// Options are what a caller of MatchWith may set. The zero value is right when
// nothing is known of where the packages will be installed.
type Options struct {
	// Environments are the places for which requirements are judged. None
	// means DefaultEnvironments, and that a line which its marker keeps out of
	// all of them is judged for "another platform".
	Environments []Environment
	// Known has, by package name of PyPI, every version that an installer can
	// take: what an index has told, yanked releases left out. A package that
	// is in it has no other versions; of one that is not, only those are known
	// that advisories and locks name. ReadKnown reads it from a file.
	Known map[string][]string
	// Now is the time that is judged for: an advisory with a later date of
	// withdrawal is not withdrawn yet. (A record's own modified date says
	// nothing about that: most that are withdrawn were not modified after.)
	// The zero time believes every date.
	Now time.Time
}

// Environment is a place where packages are installed.
type Environment struct {
	// Name is what findings call it: "Python 3.12 on linux/amd64".
	Name string
	// Markers is what is known of it.
	Markers pep508.Environment
}

// NewEnvironment returns CPython of a version ("3.12") on a platform as images
// name it ("linux/amd64").
func NewEnvironment(python, platform string) Environment {
	return Environment{Name: "Python " + python + " on " + platform, Markers: pep508.NewEnvironment(python, platform)}
}

// supported are the versions of Python that got security fixes in November
// 2026. https://devguide.python.org/versions/
var supported = [...]string{"3.10", "3.11", "3.12", "3.13", "3.14"}

// DefaultEnvironments are all supported versions of Python on linux/amd64.
func DefaultEnvironments() []Environment {
	out := make([]Environment, len(supported))
	for i, python := range supported {
		out[i] = NewEnvironment(python, "linux/amd64")
	}
	return out
}

// elsewhere names the environments of otherPlatforms.
const elsewhere = "another platform"

// otherPlatforms are all supported versions of Python where nothing is known
// of the platform, nor which implementation it is (PyPy).
func otherPlatforms() []Environment {
	out := make([]Environment, len(supported))
	for i, python := range supported {
		markers := pep508.NewEnvironment(python, "")
		delete(markers.Values, pep508.ImplementationName)
		delete(markers.Values, pep508.PlatformPythonImplementation)
		out[i] = Environment{Name: elsewhere, Markers: markers}
	}
	return out
}

// ReadKnown reads what an index has told about PyPI packages, as Options.Known
// wants it: a JSON object of lists of versions by package name,
//
//	{"pillow": ["11.3.0", "12.0.0"]}
//
// Names that are one in normal form are joined. A text that is no PEP 440
// version stays in the list and is passed over in matching, as installers do.
func ReadKnown(r io.Reader) (map[string][]string, error) {
	data, err := limit.ReadAll(r, limit.ManifestBytes)
	if err != nil {
		return nil, fmt.Errorf("reading known versions: %w", err)
	}
	var raw map[string][]string
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("reading known versions: %w", err)
	}
	if raw == nil {
		return nil, fmt.Errorf("reading known versions: %.40q is no JSON object", data)
	}
	out := make(map[string][]string, len(raw))
	for name, versions := range raw {
		if !pep508.ValidName(name) {
			return nil, fmt.Errorf("reading known versions: %.80q is no package name", name)
		}
		if versions == nil {
			return nil, fmt.Errorf("reading known versions: %q has no list", name)
		}
		key := sbom.NormalName(pypi, name)
		out[key] = append(append([]string{}, out[key]...), versions...)
	}
	return out, nil
}
