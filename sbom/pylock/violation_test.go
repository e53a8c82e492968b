package pylock_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pep508"
)

func requirements(t testing.TB, texts ...string) []pep508.Requirement {
	t.Helper()
	var out []pep508.Requirement
	for _, text := range texts {
		q, err := pep508.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, q)
	}
	return out
}

func TestViolations(t *testing.T) {
	const lock = `version = 1
requires-python = ">=3.10, <3.13"
[[package]]
name = "Plain_Name"
version = "2.0"
[[package]]
name = "pre"
version = "3.0rc1"
[[package]]
name = "torch"
version = "2.7.1+cu128"
[[package]]
name = "numpy"
version = "1.26.4"
resolution-markers = ["python_version < '3.11'"]
[[package]]
name = "numpy"
version = "2.1.0"
resolution-markers = ["python_version >= '3.11'"]
[[package]]
name = "cpu"
version = "1"
resolution-markers = ["extra == 'extra-2-me-cpu'"]
[[package]]
name = "vcs"
version = "1.0"
source = { git = "https://github.com/o/vcs#0123456" }
[[package]]
name = "dynamic"
source = { git = "https://github.com/o/dynamic#0123456" }
[[package]]
name = "member"
version = "0.1"
source = { editable = "member" }
[[package]]
name = "odd"
version = "not a version"
`
	f := read("uv.lock", lock)
	py := func(version string) []pep508.Environment {
		return []pep508.Environment{pep508.NewEnvironment(version, "linux/amd64")}
	}
	for _, c := range []struct {
		requirement string
		envs        []pep508.Environment
		want        string // kind, applies, locked versions; "" for none
	}{
		{"plain.name>=2", nil, ""},
		{"plain.name>2", nil, "version true [2.0]"},
		{"plain-name", nil, ""},
		{"plain-name!=2.0.0", nil, "version true [2.0]"},
		{"absent", nil, "missing true []"},
		{"absent; python_version < '3'", nil, ""},
		{"absent; python_version >= '3.12'", nil, "missing true []"},
		{"absent; python_version >= '3.13'", nil, ""},
		{"absent; python_version >= '3.13'", py("3.14"), "missing true []"},
		{"absent; sys_platform == 'win32'", nil, "missing undecided []"},
		{"absent; sys_platform == 'win32'", py("3.12"), ""},
		{"absent; sys_platform == 'win32' and python_version < '3'", nil, ""},
		{"absent; extra == 'dev'", nil, "missing undecided []"},
		{"absent; extra == 'dev'", py("3.12"), ""},
		{"pre>=2", nil, ""},
		{"pre>=3", nil, "version true [3.0rc1]"},
		{"pre<3", nil, "version true [3.0rc1]"},
		{"torch==2.7.1", nil, ""},
		{"torch==2.7.1+cpu", nil, "version true [2.7.1+cu128]"},
		{"torch>2.7.1", nil, "version true [2.7.1+cu128]"},
		{"numpy<2", nil, "version true [2.1.0]"},
		{"numpy<2", py("3.10"), ""},
		{"numpy>=2", py("3.10"), "version true [1.26.4]"},
		{"numpy>=2; python_version >= '3.11'", nil, ""},
		{"numpy>=3", py(""), "version true [1.26.4 2.1.0]"},
		{"cpu>=1", py("3.12"), ""},
		{"vcs>=2", nil, "version true [1.0]"},
		{"vcs @ git+https://github.com/o/vcs", nil, ""},
		{"plain-name @ https://example.com/x.whl", nil, "source true [2.0]"},
		{"dynamic>=9", nil, ""},
		{"member>=9", nil, ""},
		{"member @ file:///member", nil, ""},
		{"odd", nil, ""},
		{"odd>=1", nil, "version true [not a version]"},
		{"odd===not", nil, "version true [not a version]"},
	} {
		got := ""
		for _, v := range f.Violations(requirements(t, c.requirement), c.envs...) {
			var locked []string
			for _, p := range v.Locked {
				locked = append(locked, p.Version)
			}
			got += fmt.Sprintf("%s %s %v", v.Kind, v.Applies, locked)
			if !strings.HasPrefix(v.String(), v.Requirement.Name) {
				t.Errorf("String %q does not begin with what is declared", v)
			}
		}
		if got != c.want {
			t.Errorf("%q in %v: %q, want %q", c.requirement, c.envs, got, c.want)
		}
	}
}

func TestViolationString(t *testing.T) {
	f := read("uv.lock", "version = 1\n[[package]]\nname = \"gradio\"\nversion = \"4.19.0\"\n")
	var got []string
	for _, v := range f.Violations(requirements(t, "gradio>=5", "mcp", "gradio @ https://bob:hunter2@h/gradio.whl")) {
		got = append(got, v.String())
	}
	want := []string{
		"gradio>=5 is declared, and the lock has 4.19.0",
		"mcp is declared, and the lock does not have it",
		"gradio @ https://h/gradio.whl is declared, and the lock has 4.19.0 from an index",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sentences (-want +got):\n%s", diff)
	}
}

// TestViolationsOfItself: a lock satisfies the manifest that it repeats.
func TestViolationsOfItself(t *testing.T) {
	f := read("uv.lock", uvLock)
	var all []pep508.Requirement
	for _, m := range f.Manifest {
		all = append(all, m.Requirement)
	}
	if got := f.Violations(all); len(all) == 0 || len(got) != 0 {
		t.Errorf("%d requirements, violations %v", len(all), got)
	}
}
