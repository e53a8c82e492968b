package pep508_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

func TestParse(t *testing.T) {
	r, err := pep508.Parse(`Requests [Socks, use_chardet.on.py3,socks] ( >= 2.8.1 , == 2.8.* ) ; python_version < "2.7" `)
	if err != nil {
		t.Fatal(err)
	}
	specifiers, err := pep440.ParseSpecifiers("==2.8.*,>=2.8.1")
	if err != nil {
		t.Fatal(err)
	}
	marker, err := pep508.ParseMarker("python_version<'2.7'")
	if err != nil {
		t.Fatal(err)
	}
	want := pep508.Requirement{
		Name:       "Requests",
		Extras:     []string{"socks", "use-chardet-on-py3"},
		Specifiers: specifiers,
		Marker:     marker,
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRequirementString(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"gradio", "gradio"},
		{" gradio\t", "gradio"},
		{"gradio\r\n", "gradio"},
		{"gradio==4.44.1", "gradio==4.44.1"},
		{"gradio >= 3 ,<5", "gradio<5,>=3"},
		{"gradio(>=3)", "gradio>=3"},
		{"gradio ()", "gradio"},
		{"gradio[]", "gradio"},
		{"gradio [ ]", "gradio"},
		{"gradio[OAuth,MCP]~=5.0", "gradio[mcp,oauth]~=5.0"},
		{"gradio>=3,", "gradio>=3"},
		{"gradio===4.0-custom_1", "gradio===4.0-custom_1"},
		{"gradio;os_name=='nt'", `gradio; os_name == "nt"`},
		{"gradio[mcp];os_name=='nt'", `gradio[mcp]; os_name == "nt"`},
		{"gradio>=1;os_name=='nt'", `gradio>=1; os_name == "nt"`},
		{"a@https://example.com/a;v=1.whl", "a @ https://example.com/a;v=1.whl"},
		{"a @ git+https://example.com/a.git@v1#egg=a ; os_name=='nt'", `a @ git+https://example.com/a.git@v1#egg=a ; os_name == "nt"`},
		{"a[x]@ file:///a.whl\t", "a[x] @ file:///a.whl"},
	} {
		r, err := pep508.Parse(tc.in)
		if err != nil || r.String() != tc.want {
			t.Errorf("Parse(%q) = %q, %v; want %q", tc.in, r, err, tc.want)
			continue
		}
		again, err := pep508.Parse(r.String())
		if diff := cmp.Diff(r, again); diff != "" || err != nil {
			t.Errorf("%q parsed again: %v (-want +got):\n%s", r, err, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tc := range []struct {
		in     string
		column int
	}{
		{"", 1},
		{"  ", 3},
		{"\ngradio", 1},
		{"-gradio", 1},
		{"gradio_", 7},
		{"grädio", 3},
		{"gradio 4.0", 8},
		{"gradio=4.0", 7},
		{"gradio>=", 7},
		{"gradio>=3,<x", 11},
		{"gradio>=3,, <4", 11},
		{"gradio,>=3", 7},
		{"gradio>=3 <4", 7},
		{"gradio>=3\n,<4", 7},
		{"gradio ~=4", 8},
		{"gradio(>=3", 7},
		{"gradio>=3)", 10},
		{"gradio[mcp", 7},
		{"gradio[mcp oauth]", 12},
		{"gradio[mcp,]", 12},
		{"gradio[,mcp]", 8},
		{"gradio[m@p]", 9},
		{"gradio @", 9},
		{"gradio @ ; os_name == 'nt'", 12},
		{"gradio @ https://a b", 20},
		{"gradio @ https://a\x00", 10},
		{"gradio>=3 @ https://a", 7},
		{"gradio;", 8},
		{"gradio; os_name", 16},
		{"gradio; os_name == 'nt", 20},
		{"gradio; os_name == 'nt' or", 27},
		{"gradio; os_name == 'nt' extra", 25},
		{"gradio; (os_name == 'nt'", 9},
		{"gradio\ngradio", 7},
	} {
		r, err := pep508.Parse(tc.in)
		var syntax *pep508.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Parse(%q) = %q, %v; want a SyntaxError", tc.in, r, err)
			continue
		}
		if syntax.Column != tc.column {
			t.Errorf("Parse(%q): %v; want column %d", tc.in, err, tc.column)
		}
		if diff := cmp.Diff(pep508.Requirement{}, r); diff != "" {
			t.Errorf("Parse(%q) gives something beside its error (-want +got):\n%s", tc.in, diff)
		}
	}
}

// TestErrorsKeepCredentials: errors reach reports, so they must not quote a URL.
func TestErrorsKeepCredentials(t *testing.T) {
	for _, in := range []string{
		"https://user:hunter2@example.com/a.whl",
		"git+https://user:hunter2@example.com/a",
		"a @ https://user:hunter2@example.com/a x",
		"a @ https://user:hunter2@example.com/a ; bad",
		"a == https://user:hunter2@example.com/a",
		"a >= 1, ==git+https://user:hunter2@example.com/a",
		"a; os_name == https://user:hunter2@example.com",
	} {
		_, err := pep508.Parse(in)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%q): %v", in, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		in, want string
		valid    bool
	}{
		{"Gradio_Client", "gradio-client", true},
		{"gradio-client", "gradio-client", true},
		{"a", "a", true},
		{"ruamel.yaml", "ruamel-yaml", true},
		{"a-_.b", "a-b", true},
		{"", "", false},
		{"-a", "-a", false},
		{"a-", "a-", false},
		{"a b", "a b", false},
		{"a--", "a-", false},
		{"ä", "ä", false},
		{"a\n", "a\n", false},
	} {
		if got := pep508.NormalizeName(tc.in); got != tc.want {
			t.Errorf("NormalizeName(%q) = %q, want %q", tc.in, got, tc.want)
		}
		if got := pep508.ValidName(tc.in); got != tc.valid {
			t.Errorf("ValidName(%q) = %v, want %v", tc.in, got, tc.valid)
		}
	}
}

func TestFilenames(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want pep508.Filename
	}{
		{"gradio-4.44.1-py3-none-any.whl", pep508.Filename{
			Name: "gradio", Version: pep440.MustParse("4.44.1"), Tags: []string{"py3-none-any"},
		}},
		{"Ruamel_Yaml-0.18_1-2b-cp312.cp311-abi3-linux_x86_64.whl", pep508.Filename{
			Name: "ruamel-yaml", Version: pep440.MustParse("0.18.post1"), Build: "2b",
			Tags: []string{"cp311-abi3-linux_x86_64", "cp312-abi3-linux_x86_64"},
		}},
		{"ruamel.yaml-0.18.tar.gz", pep508.Filename{Name: "ruamel-yaml", Version: pep440.MustParse("0.18")}},
		{"some-thing-1.0.zip", pep508.Filename{Name: "some-thing", Version: pep440.MustParse("1.0")}},
	} {
		parse := pep508.ParseSdist
		if strings.HasSuffix(tc.in, ".whl") {
			parse = pep508.ParseWheel
		}
		got, err := parse(tc.in)
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", tc.in, err, diff)
		}
	}
}

func TestFilenameErrors(t *testing.T) {
	many := strings.Repeat("py3.", 40) + "py3"
	for _, tc := range []struct {
		in     string
		column int
	}{
		{"gradio-4.44.1.egg", 1},
		{"gradio-4.44.1-py3-none.whl", 1},
		{"gra__dio-4.44.1-py3-none-any.whl", 1},
		{"../x-1-py3-none-any.whl", 1},
		{"gradio-latest-py3-none-any.whl", 8},
		{"gradio-1-x2-py3-none-any.whl", 10},
		{"gradio-1--py3-none-any.whl", 10},
		{"gradio-1-py3-none-.whl", 10},
		{"gradio-1-py3-no ne-any.whl", 10},
		{"gradio-1-" + many + "-" + many + "-any.whl", 10},
	} {
		for _, parse := range []func(string) (pep508.Filename, error){pep508.ParseWheel, pep508.ParseSdist} {
			f, err := parse(tc.in)
			var syntax *pep508.SyntaxError
			if !errors.As(err, &syntax) || f.Name != "" {
				t.Errorf("%.60q = %v, %v; want a SyntaxError", tc.in, f, err)
			}
		}
		_, err := pep508.ParseWheel(tc.in)
		var syntax *pep508.SyntaxError
		if errors.As(err, &syntax) && syntax.Column != tc.column {
			t.Errorf("%.60q: %v, want column %d", tc.in, err, tc.column)
		}
	}
}
