package pep508_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pep508"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`Requests [Socks,use_chardet] (>=2.8.1, ==2.8.*) ; python_version < "2.7" and extra == 'a.b'`,
		"a @ git+https://example.com/a.git@v1#egg=a ; os_name=='nt'",
		"gradio===4.0-x,", "a[]", "a();'b' in extras",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := pep508.Parse(s)
		if err != nil {
			return
		}
		if !pep508.ValidName(r.Name) {
			t.Fatalf("%q has the name %q", s, r.Name)
		}
		again, err := pep508.Parse(r.String())
		if diff := cmp.Diff(r, again); err != nil || diff != "" {
			t.Fatalf("%q prints as %q: %v (-want +got):\n%s", s, r, err, diff)
		}
	})
}

func FuzzMarker(f *testing.F) {
	for _, s := range []string{
		`(os_name == 'a' or "b" not in python_version) and (extra === "c")`,
		`((python_full_version ~= '3.8.1')) or platform_release >= "6" and 'x"' == os.name`,
		`"dev" in dependency_groups and implementation_version < "3.9rc1"`,
	} {
		f.Add(s, "3.12.1", "linux/amd64")
	}
	f.Fuzz(func(t *testing.T, s, python, platform string) {
		m, err := pep508.ParseMarker(s)
		if err != nil {
			return
		}
		again, err := pep508.ParseMarker(m.String())
		if err != nil || !again.Equal(m) {
			t.Fatalf("%q prints as %q, which is %q, %v", s, m, again, err)
		}
		full := pep508.NewEnvironment(python, platform)
		answer := m.Evaluate(full)
		if again.Evaluate(full) != answer {
			t.Fatalf("%q is %v, but printed and parsed it is not", m, answer)
		}
		// Who knows less is never told the opposite.
		for v := range full.Values {
			less := full.With(v, "")
			delete(less.Values, v)
			if got := m.Evaluate(less); got != answer && got != pep508.Undecided && answer != pep508.Undecided {
				t.Fatalf("%q is %v in %v, but %v without %s", m, answer, full, got, v)
			}
		}
		if m.And(again).Evaluate(full) != answer {
			t.Fatalf("%q and itself is not %v", m, answer)
		}
	})
}

func FuzzFilename(f *testing.F) {
	f.Add("some_PACKAGE-1.0-1abc-py2.py3-none-any.whl")
	f.Add("gradio-4.44.1.tar.gz")
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (pep508.Filename, error){pep508.ParseWheel, pep508.ParseSdist} {
			got, err := parse(s)
			if (err == nil) != (got.Name != "" && got.Version.IsValid()) {
				t.Fatalf("%q is %v with %v", s, got, err)
			}
			if err == nil && pep508.NormalizeName(got.Name) != got.Name {
				t.Fatalf("%q has the name %q, which is not normal", s, got.Name)
			}
		}
	})
}
