package pep508

import (
	"maps"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// Variable is the name of a marker variable.
type Variable string

// The variables of the specification, section "Environment Markers".
const (
	OSName                       Variable = "os_name"
	SysPlatform                  Variable = "sys_platform"
	PlatformMachine              Variable = "platform_machine"
	PlatformPythonImplementation Variable = "platform_python_implementation"
	PlatformRelease              Variable = "platform_release"
	PlatformSystem               Variable = "platform_system"
	PlatformVersion              Variable = "platform_version"
	PythonVersion                Variable = "python_version"
	PythonFullVersion            Variable = "python_full_version"
	ImplementationName           Variable = "implementation_name"
	ImplementationVersion        Variable = "implementation_version"
	// Extra is the one extra that the requirement is looked at for.
	Extra Variable = "extra"
	// Extras and DependencyGroups are sets, for use in lock files
	// (https://packaging.python.org/en/latest/specifications/pylock-toml/).
	Extras           Variable = "extras"
	DependencyGroups Variable = "dependency_groups"
)

// variable returns the variable that is written so. The names with dots and
// python_implementation are from before PEP 508; setuptools still writes them.
func variable(name string) (Variable, bool) {
	switch v := Variable(name); v {
	case OSName, SysPlatform, PlatformMachine, PlatformPythonImplementation, PlatformRelease,
		PlatformSystem, PlatformVersion, PythonVersion, PythonFullVersion, ImplementationName,
		ImplementationVersion, Extra, Extras, DependencyGroups:
		return Variable(strings.Clone(name)), true
	}
	switch name {
	case "os.name":
		return OSName, true
	case "sys.platform":
		return SysPlatform, true
	case "platform.version":
		return PlatformVersion, true
	case "platform.machine":
		return PlatformMachine, true
	case "platform.python_implementation", "python_implementation":
		return PlatformPythonImplementation, true
	}
	return "", false
}

// Environment is what is known of the place where a requirement is looked at.
// The zero value knows nothing: every comparison is Undecided.
type Environment struct {
	// Values are the variables other than the two sets. One that is missing is
	// unknown. An empty Extra means that no extra is asked for.
	Values map[Variable]string
	// Extras and DependencyGroups are the two sets. nil is unknown; empty but
	// not nil is none.
	Extras, DependencyGroups []string
}

// With returns a copy of e in which variable v has the value.
func (e Environment) With(v Variable, value string) Environment {
	values := maps.Clone(e.Values)
	if values == nil {
		values = make(map[Variable]string, 1)
	}
	values[v] = value
	e.Values = values
	return e
}

// NewEnvironment describes CPython of a version ("3.12", "3.12.4", "" for
// unknown) on a platform as images name it ("linux/amd64", "linux/arm64/v8",
// "windows/amd64", "" for unknown). No extra is asked for. What does not follow
// from the two stays unknown: the kernel's release and version always, the full
// version when python has fewer than three numbers, and everything about a
// version or platform that is not recognised.
func NewEnvironment(python, platform string) Environment {
	values := map[Variable]string{
		ImplementationName:           "cpython",
		PlatformPythonImplementation: "CPython",
		Extra:                        "",
	}
	if v, err := pep440.Parse(python); err == nil {
		setPython(values, v)
	}
	system, machine, _ := strings.Cut(platform, "/")
	if s, ok := systems[system]; ok {
		values[OSName], values[SysPlatform], values[PlatformSystem] = s.os, s.sys, s.system
		if m, ok := s.machines[machine]; ok {
			values[PlatformMachine] = m
		}
	}
	return Environment{Values: values, Extras: []string{}, DependencyGroups: []string{}}
}

func setPython(values map[Variable]string, v pep440.Version) {
	release := v.Parts().Release
	if len(release) >= 2 {
		values[PythonVersion] = strings.Join(release[:2], ".")
	}
	if len(release) >= 3 {
		values[PythonFullVersion] = v.String()
		values[ImplementationVersion] = v.String()
	}
}

// system is how Python names an operating system, and the machines on it by
// the architecture (and variant) of the OCI image specification.
type system struct {
	os, sys, system string
	machines        map[string]string
}

var systems = map[string]system{
	"linux": {"posix", "linux", "Linux", map[string]string{
		"amd64": "x86_64", "arm64": "aarch64", "arm64/v8": "aarch64", "386": "i686",
		"arm/v6": "armv6l", "arm/v7": "armv7l", "ppc64le": "ppc64le", "s390x": "s390x",
		"riscv64": "riscv64", "loong64": "loongarch64",
	}},
	"darwin": {"posix", "darwin", "Darwin", map[string]string{
		"amd64": "x86_64", "arm64": "arm64",
	}},
	"windows": {"nt", "win32", "Windows", map[string]string{
		"amd64": "AMD64", "arm64": "ARM64", "386": "x86",
	}},
}

// set returns the set that v names, normalised, and whether it is known.
func (e Environment) set(v Variable) ([]string, bool) {
	names := e.Extras
	if v == DependencyGroups {
		names = e.DependencyGroups
	}
	normal := make([]string, 0, len(names))
	for _, name := range names {
		normal = append(normal, NormalizeName(name))
	}
	slices.Sort(normal)
	return normal, names != nil
}
