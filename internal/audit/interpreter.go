package audit

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/python"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

// runsOn notes which Python the base images of a Dockerfile have.
func (s *source) runsOn(file *dockerfile.File) {
	for _, base := range file.PythonBases() {
		s.interpreters = append(s.interpreters, python.Interpreter{Version: base.Version, File: file.Name, Line: base.Line, Stage: base.Stage})
	}
}

// readPythonVersions reads .python-version: that of the audited folder says what
// requirements are judged for, that of any folder which Python runs there.
// https://github.com/pyenv/pyenv#understanding-python-version-selection
func (s *source) readPythonVersions(f *Folder, names []string) {
	own := path.Join(f.Dir, ".python-version")
	names = append(slices.Clone(names), own)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		src, gap := readManifest(f.FS, name)
		if gap != nil {
			continue
		}
		for n, line := range strings.Split(string(src[:min(len(src), 1024)]), "\n") {
			version := strings.TrimSpace(line)
			if version == "" || strings.HasPrefix(version, "#") {
				continue
			}
			s.interpreters = append(s.interpreters, python.Interpreter{Version: version, File: name, Line: n + 1})
			if name == own {
				s.pythons = append(s.pythons, version)
			}
			break // the others are for who asks for them by name
		}
	}
}

// pythonHome matches the folder of the packages of one Python.
// https://docs.python.org/3/library/site.html
var pythonHome = regexp.MustCompile(`^(.*/lib/python(3\.[0-9]{1,3}))/site-packages/`)

// imageInterpreters are the Pythons that have packages installed in an image, by
// the folder of each. A Python that the distribution packages is kept up by the
// distribution, whatever its series, and judged with the distribution's data.
func imageInterpreters(components []sbom.Component) []python.Interpreter {
	packaged := map[string]bool{}
	for i := range components {
		if c := &components[i]; c.Ecosystem != "PyPI" {
			packaged[c.Name] = true
		}
	}
	var out []python.Interpreter
	for i := range components {
		c := &components[i]
		if c.Ecosystem != "PyPI" || c.Evidence != sbom.Installed && c.Evidence != sbom.Verified {
			continue
		}
		for _, at := range c.Locations {
			m := pythonHome.FindStringSubmatch(at.File)
			if m != nil && at.Layer != "" && !packaged["python"+m[2]] {
				out = append(out, python.Interpreter{Version: m[2], File: m[1]})
			}
		}
	}
	return out
}
