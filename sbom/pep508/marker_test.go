package pep508_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom/pep508"
)

func mustMarker(t testing.TB, s string) *pep508.Marker {
	t.Helper()
	m, err := pep508.ParseMarker(s)
	if err != nil {
		t.Fatalf("ParseMarker(%q): %v", s, err)
	}
	return m
}

func TestMarkerString(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`os_name=='nt'`, `os_name == "nt"`},
		{` "nt"  ==  os_name `, `"nt" == os_name`},
		{`('a"b' == os_name)`, `'a"b' == os_name`},
		{`'3.7' not   in python_version`, `"3.7" not in python_version`},
		{`'x'in os_name`, `"x" in os_name`},
		{`extra=='Foo__Bar'`, `extra == "foo-bar"`},
		{`"Foo.Bar"==extra`, `"foo-bar" == extra`},
		{`"Foo.Bar" in extras`, `"Foo.Bar" in extras`},
		{`python_implementation == "x" and os.name == "y"`, `platform_python_implementation == "x" and os_name == "y"`},
		{`sys.platform == "x" or platform.machine == "y"`, `sys_platform == "x" or platform_machine == "y"`},
		{`platform.version == "x" or platform.python_implementation == "y"`, `platform_version == "x" or platform_python_implementation == "y"`},
		{`os_name=='a' and(os_name=='b')or os_name=='c'`, `os_name == "a" and os_name == "b" or os_name == "c"`},
		{`os_name=='a' and (os_name=='b' or os_name=='c')`, `os_name == "a" and (os_name == "b" or os_name == "c")`},
		{`((os_name=='a' or os_name=='b')) and os_name=='c'`, `(os_name == "a" or os_name == "b") and os_name == "c"`},
		{`((os_name=='a' and (os_name=='b')))`, `os_name == "a" and os_name == "b"`},
	} {
		m := mustMarker(t, tc.in)
		if got := m.String(); got != tc.want {
			t.Errorf("ParseMarker(%q) prints %q, want %q", tc.in, got, tc.want)
		}
		if got := mustMarker(t, m.String()).String(); got != tc.want {
			t.Errorf("%q parsed again prints %q", tc.want, got)
		}
	}
}

func TestParseMarkerRefuses(t *testing.T) {
	for _, in := range []string{
		"", "os_name", "os_name ==", "== 'nt'", "os_name = 'nt'", "os_name == nt", "os_names == 'nt'", "'a' == 'b' or",
		"os_name == 'nt' and and os_name == 'nt'", "os_name == 'nt' && os_name == 'nt'", "os_name == 'nt' os_name == 'nt'",
		"()", "(os_name == 'nt'", "os_name == 'nt')", "os_name not 'nt'", "os_name notin 'nt'", "os_name == 'nt'and_",
		`os_name == "C:\\"`, "os_name == 'a\nb'", "os_name == 'nt' andos_name == 'nt'", "'x' inos_name",
		strings.Repeat("(", 100_000),
		strings.Repeat("(", limit.MarkerDepth+1) + "os_name == 'nt'" + strings.Repeat(")", limit.MarkerDepth+1),
	} {
		if m, err := pep508.ParseMarker(in); err == nil {
			t.Errorf("ParseMarker(%.60q) = %q, want an error", in, m)
		} else if m != nil {
			t.Errorf("ParseMarker(%.60q) gives a marker beside its error", in)
		}
	}
	deep := strings.Repeat("(", limit.MarkerDepth) + "os_name == 'nt'" + strings.Repeat(")", limit.MarkerDepth)
	if got := mustMarker(t, deep).String(); got != `os_name == "nt"` {
		t.Errorf("the deepest marker prints %q", got)
	}
	// Parentheses side by side are not nested.
	wide := "(os_name == 'nt')" + strings.Repeat(" or (os_name == 'nt')", 2*limit.MarkerDepth)
	mustMarker(t, wide)
}

// TestKleene has the truth tables: T, F and U are true, false and undecided.
func TestKleene(t *testing.T) {
	env := pep508.Environment{Values: map[pep508.Variable]string{pep508.OSName: "posix"}}
	text := map[string]string{
		"T": `os_name == "posix"`, "F": `os_name == "nt"`, "U": `sys_platform == "linux"`,
	}
	want := map[string]pep508.Truth{"T": pep508.True, "F": pep508.False, "U": pep508.Undecided}
	for _, row := range strings.Split("TT TT,TF FT,TU UT,FT FT,FF FF,FU FU,UT UT,UF FU,UU UU", ",") {
		a, b := text[row[:1]], text[row[1:2]]
		for i, join := range []string{" and ", " or "} {
			m := mustMarker(t, a+join+b)
			if got := m.Evaluate(env); got != want[row[3+i:4+i]] {
				t.Errorf("%q is %v, want %v", m, got, want[row[3+i:4+i]])
			}
		}
	}
}

func TestEvaluate(t *testing.T) {
	env := pep508.NewEnvironment("3.12.4", "linux/amd64").With(pep508.PlatformRelease, "6.1.0-13-amd64")
	env.Extras = []string{"MCP", "o_auth"}
	env.DependencyGroups = []string{"Lint"}
	for _, tc := range []struct {
		marker string
		want   pep508.Truth
	}{
		{`python_version < "3.9"`, pep508.False}, // by versions; as text it would be true
		{`python_version >= "3.9"`, pep508.True},
		{`"3.9" <= python_version`, pep508.True},
		{`python_version in "3.11 3.12"`, pep508.True},
		{`python_version == "3.*"`, pep508.True},
		{`python_version ~= "3.8"`, pep508.True},
		{`python_version > "3.8,<4"`, pep508.False}, // not one clause: text
		{`python_full_version > "3.12"`, pep508.True},
		{`implementation_name == "cpython"`, pep508.True},
		{`sys_platform != "win32"`, pep508.True},
		{`platform_machine in "x86_64 aarch64"`, pep508.True},
		{`platform_release >= "6"`, pep508.False}, // no version: satisfies no clause
		{`platform_version == "1"`, pep508.Undecided},
		{`platform_system ~= "Linux"`, pep508.Undecided},
		{`os_name > "a"`, pep508.False},
		{`extra == "mcp"`, pep508.False},
		{`"mcp" in extras`, pep508.True},
		{`"O.Auth" in extras`, pep508.True},
		{`"oauth" not in extras`, pep508.True},
		{`"mcp" not in extras`, pep508.False},
		{`"mcp" == extras`, pep508.Undecided},
		{`"mcp" <= extras`, pep508.Undecided},
		{`extras in "mcp"`, pep508.Undecided},
		{`"dev" in dependency_groups`, pep508.False},
		{`"lint" in dependency_groups`, pep508.True},
		{`"lint" in extras`, pep508.False},
		{`os_name == sys_platform`, pep508.False},
		{`"a" == "a"`, pep508.True},
	} {
		if got := mustMarker(t, tc.marker).Evaluate(env); got != tc.want {
			t.Errorf("%q is %v, want %v", tc.marker, got, tc.want)
		}
	}
}

func TestEvaluateExtra(t *testing.T) {
	m := mustMarker(t, `extra == "Dev_Tools"`)
	for _, tc := range []struct {
		env  pep508.Environment
		want pep508.Truth
	}{
		{pep508.Environment{}.With(pep508.Extra, "DEV-tools"), pep508.True},
		{pep508.Environment{}, pep508.Undecided},
		{pep508.NewEnvironment("", ""), pep508.False},
		{pep508.NewEnvironment("", "").With(pep508.Extra, "dev.tools"), pep508.True},
		{pep508.NewEnvironment("", "").With(pep508.Extra, "dev"), pep508.False},
	} {
		if got := m.Evaluate(tc.env); got != tc.want {
			t.Errorf("%q in %v is %v, want %v", m, tc.env, got, tc.want)
		}
	}
}

// TestEvaluatePrerelease: the interpreter may be a pre-release itself.
func TestEvaluatePrerelease(t *testing.T) {
	env := pep508.NewEnvironment("3.13.0rc1", "linux/amd64")
	for marker, want := range map[string]pep508.Truth{
		`python_full_version >= "3.12"`: pep508.True,
		`python_full_version < "3.13"`:  pep508.False,
		`python_version >= "3.13"`:      pep508.True,
	} {
		if got := mustMarker(t, marker).Evaluate(env); got != want {
			t.Errorf("%q is %v, want %v", marker, got, want)
		}
	}
}

// TestEvaluateSeries: a full version of which only the series is known.
func TestEvaluateSeries(t *testing.T) {
	env := pep508.NewEnvironment("3.12", "linux/amd64")
	for _, tc := range []struct {
		marker string
		want   pep508.Truth
	}{
		{`python_full_version >= "3.9"`, pep508.True},
		{`python_full_version < "3.12"`, pep508.False},
		{`python_full_version < "3.12.1"`, pep508.Undecided},
		{`python_full_version >= "3.12"`, pep508.Undecided}, // 3.12.0rc1 is in the series
		{`python_full_version == "3.12.*"`, pep508.True},
		{`python_full_version != "3.11.4"`, pep508.True},
		{`python_full_version in "3.12.1"`, pep508.Undecided},
		{`"3.9" <= python_full_version`, pep508.Undecided},
		{`python_full_version >= "odd"`, pep508.Undecided},
		{`implementation_version >= "3.9"`, pep508.Undecided},
	} {
		if got := mustMarker(t, tc.marker).Evaluate(env); got != tc.want {
			t.Errorf("%q is %v, want %v", tc.marker, got, tc.want)
		}
	}
}

func TestNewEnvironment(t *testing.T) {
	for _, tc := range []struct {
		python, platform string
		want             map[pep508.Variable]string
	}{
		{"3.13.0rc1", "linux/arm64/v8", map[pep508.Variable]string{
			"python_version": "3.13", "python_full_version": "3.13.0rc1", "implementation_version": "3.13.0rc1",
			"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64",
		}},
		{"3.9", "windows/amd64", map[pep508.Variable]string{
			"python_version": "3.9",
			"os_name":        "nt", "sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64",
		}},
		{"3", "linux/mips", map[pep508.Variable]string{
			"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux",
		}},
		{"latest", "plan9/amd64", map[pep508.Variable]string{}},
	} {
		tc.want["implementation_name"], tc.want["platform_python_implementation"], tc.want["extra"] = "cpython", "CPython", ""
		want := pep508.Environment{Values: tc.want, Extras: []string{}, DependencyGroups: []string{}}
		if diff := cmp.Diff(want, pep508.NewEnvironment(tc.python, tc.platform)); diff != "" {
			t.Errorf("NewEnvironment(%q, %q) (-want +got):\n%s", tc.python, tc.platform, diff)
		}
	}
}

func TestWithCopies(t *testing.T) {
	env := pep508.NewEnvironment("3.12", "")
	env.With(pep508.Extra, "dev")
	if got := env.Values[pep508.Extra]; got != "" {
		t.Errorf("With changed the environment it was called on: extra is %q", got)
	}
}

// TestUnknownSets: nil is unknown, empty is none.
func TestUnknownSets(t *testing.T) {
	for _, text := range []string{`"a" in extras`, `"a" not in dependency_groups`} {
		m := mustMarker(t, text)
		if got := m.Evaluate(pep508.Environment{}); got != pep508.Undecided {
			t.Errorf("%q of an unknown set is %v", m, got)
		}
	}
	none := pep508.Environment{Extras: []string{}}
	if got := mustMarker(t, `"a" in extras`).Evaluate(none); got != pep508.False {
		t.Errorf("an extra is in the empty set: %v", got)
	}
	// Nothing is known of the series either.
	if got := mustMarker(t, `python_full_version > "3"`).Evaluate(none); got != pep508.Undecided {
		t.Errorf("an unknown Python is above 3: %v", got)
	}
}

func TestNilMarker(t *testing.T) {
	var m *pep508.Marker
	if m.String() != "" || m.Evaluate(pep508.Environment{}) != pep508.True || m.Variables() != nil {
		t.Error("the nil marker is not true everywhere")
	}
	n := mustMarker(t, `os_name == "nt" or extra == "a"`)
	if !m.And(n).Equal(n) || !n.And(m).Equal(n) || m.Equal(n) {
		t.Error("And with nil is not the other marker")
	}
}

func TestMarkerAnd(t *testing.T) {
	m := mustMarker(t, `os_name == "nt" or extra == "a"`)
	got := m.And(mustMarker(t, `python_version < "3"`))
	if want := `(os_name == "nt" or extra == "a") and python_version < "3"`; got.String() != want {
		t.Errorf("And prints %q, want %q", got, want)
	}
	if want := `os_name == "nt" or extra == "a"`; m.String() != want {
		t.Errorf("And changed its receiver to %q", m)
	}
	if diff := cmp.Diff([]pep508.Variable{"extra", "os_name", "python_version"}, got.Variables()); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func TestTruthString(t *testing.T) {
	var zero pep508.Truth
	if diff := cmp.Diff([]string{"undecided", "true", "false"},
		[]string{zero.String(), pep508.True.String(), pep508.False.String()}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
