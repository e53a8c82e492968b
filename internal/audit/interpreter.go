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

// imageInterpreters are the Pythons of an image: those that were found, and those
// that have packages installed, by the folder of each, where the interpreter
// beside it was not found. A Python that the distribution packages is kept up by
// the distribution, whatever its series, and judged with the distribution's data.
func imageInterpreters(components []sbom.Component) []python.Interpreter {
	packaged := map[string]bool{}
	for i := range components {
		if c := &components[i]; c.Ecosystem != "PyPI" {
			packaged[c.Name] = true
		}
	}
	out, found := foundInterpreters(components)
	for i := range components {
		c := &components[i]
		if c.Ecosystem != "PyPI" || c.Evidence != sbom.Installed && c.Evidence != sbom.Verified {
			continue
		}
		for _, at := range c.Locations {
			m := pythonHome.FindStringSubmatch(at.File)
			if m != nil && at.Layer != "" && !packaged["python"+m[2]] && !found[path.Dir(path.Dir(m[1]))+" "+m[2]] {
				out = append(out, python.Interpreter{Version: m[2], File: m[1]})
			}
		}
	}
	return out
}

// foundInterpreters are the Pythons that are components themselves, each once, at
// its first place, and the folders with a version of each that is in its bin or
// lib ("/usr/local 3.11").
func foundInterpreters(components []sbom.Component) (out []python.Interpreter, at map[string]bool) {
	at = map[string]bool{}
	for i := range components {
		c := &components[i]
		if sbom.RuntimeOf(c) == "" || c.Name != "python" || c.Evidence == sbom.Claimed || len(c.Locations) == 0 || c.Locations[0].Layer == "" {
			continue
		}
		out = append(out, python.Interpreter{Version: c.Version, File: c.Locations[0].File})
		series := c.Version
		if parts := strings.SplitN(c.Version, ".", 3); len(parts) == 3 {
			series = parts[0] + "." + parts[1]
		}
		for _, l := range c.Locations {
			at[path.Dir(path.Dir(l.File))+" "+series] = true
		}
	}
	return out, at
}
