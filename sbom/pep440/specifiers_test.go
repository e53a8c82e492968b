package pep440_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pep440"
)

func mustSpecifiers(t testing.TB, s string) pep440.Specifiers {
	t.Helper()
	specifiers, err := pep440.ParseSpecifiers(s)
	if err != nil {
		t.Fatal(err)
	}
	return specifiers
}

func TestContains(t *testing.T) {
	for _, tc := range []struct {
		specifiers  string
		in, without []string
	}{
		{"", []string{"0.dev0", "1", "99!1"}, nil},
		{">=3,<5", []string{"3", "3.0.0", "4.99", "3+x"}, []string{"3rc1", "5", "5.dev0", "5a1"}},
		// "Exclusive ordered comparison".
		{">1.7", []string{"1.7.1", "1.7.0.1.dev0"}, []string{"1.7", "1.7.0.post1", "1.7+x", "1.7.0"}},
		{">1.7.post2", []string{"1.7.1", "1.7.0.post3", "1.7.post3.dev0"}, []string{"1.7.0", "1.7.post2", "1.7.post2+x"}},
		{">1a1", []string{"1a2.dev0", "1", "1.post1"}, []string{"1a1", "1a1+x", "1a1.post1"}},
		{"<1.7", []string{"1.6", "1.6rc1"}, []string{"1.7.dev0", "1.7a1.post1", "1.7rc1"}},
		{"<1.7rc1", []string{"1.7a1", "1.7rc1.dev0"}, []string{"1.7rc1", "1.7"}},
		{"<1.7.post1", []string{"1.7", "1.7rc1", "1.7.post0", "1.7+x"}, []string{"1.7.post1.dev0", "1.7.post1"}},
		// "Inclusive ordered comparison": locals of candidates do not count.
		{"<=1.7", []string{"1.7", "1.7+x", "1.7rc1"}, []string{"1.7.post0.dev0", "1.7.1"}},
		{">=1.7", []string{"1.7+x", "1.7.post1"}, []string{"1.7rc1"}},
		// "Version matching".
		{"==1.1", []string{"1.1", "1.1.0", "1.1+x"}, []string{"1.1.post1", "1.1a1", "1.1.1"}},
		{"==1.1+x", []string{"1.1+x", "1.1.0+X"}, []string{"1.1", "1.1+x.1"}},
		{"==1.1.*", []string{"1.1", "1.1.dev0", "1.1a1", "1.1.post1", "1.1.0.9", "1.1+x"}, []string{"1.10", "1", "1.2.dev0", "1!1.1"}},
		{"==1.0.*", []string{"1", "1a1", "1.0.5"}, []string{"1.1.dev0", "0.9"}},
		{"!=1.1", []string{"1.1.post1", "1.1a1"}, []string{"1.1", "1.1.0+x"}},
		{"!=1.1.*", []string{"1", "1.2.dev0"}, []string{"1.1a1", "1.1.post1"}},
		// "Compatible release".
		{"~=2.2", []string{"2.2", "2.10", "2.2.post3", "2.2+x"}, []string{"2.2a1", "3.dev0", "2.1"}},
		{"~=1.4.5a4", []string{"1.4.5a4", "1.4.5", "1.4.9"}, []string{"1.4.5a3", "1.5.dev0"}},
		{"~=2.2.0", []string{"2.2", "2.2.7"}, []string{"2.3"}},
		// "Arbitrary equality" is about text.
		{"===1.0", []string{"1.0"}, []string{"1", "1.0.0", "1.0+x"}},
		{"===1.0.RC1", nil, []string{"1.0rc1"}},
		{"===1.0RC1", []string{"1.0rc1"}, nil},
		{"===foobar", nil, []string{"1"}},
		{"===", nil, []string{"1"}},
		{"==1!1", []string{"1!1.0"}, []string{"1"}},
		{">=18446744073709551616", []string{"18446744073709551616", "1!0"}, []string{"18446744073709551615"}},
	} {
		s := mustSpecifiers(t, tc.specifiers)
		set := s.Set()
		check := func(text string, want bool) {
			v := pep440.MustParse(text)
			if got := s.Contains(v, pep440.PrereleasesAllowed); got != want {
				t.Errorf("%q contains %q: %v, want %v", s, v, got, want)
			}
			if got := set.Contains(v); got != want {
				t.Errorf("set %v of %q contains %q: %v, want %v", set, s, v, got, want)
			}
		}
		for _, v := range tc.in {
			check(v, true)
		}
		for _, v := range tc.without {
			check(v, false)
		}
	}
}

func TestSpecifiersText(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{" , ,", ""},
		{" >= 3 ,\t< 5", "<5,>=3"},
		{"!=1.0,~=1.0,==1.0.*", "!=1.0,==1.0.*,~=1.0"},
		{"==1.0,==1.0,==1.0.0", "==1.0,==1.0.0"},
		{">=V1.0-ALPHA", ">=V1.0-ALPHA"},
		{"===fOO", "===fOO"},
		{"==1.4.1,==1.4-1,==1.4.*,==1.4", "==1.4,==1.4-1,==1.4.*,==1.4.1"},
		{"==v1,===1,==1,<=1,<v1,<1", "<1,<=1,<v1,==1,===1,==v1"},
		{"=== 1.0", "===1.0"},
	} {
		s, err := pep440.ParseSpecifiers(tc.in)
		if err != nil || s.String() != tc.want {
			t.Errorf("ParseSpecifiers(%q) = %q, %v; want %q", tc.in, s, err, tc.want)
		}
		if again := mustSpecifiers(t, s.String()); !again.Equal(s) {
			t.Errorf("%q parsed again is %q", s, again)
		}
		if s.IsEmpty() != (tc.want == "") {
			t.Errorf("%q is empty: %v", s, s.IsEmpty())
		}
	}
}

func TestSpecifiersRefuses(t *testing.T) {
	for _, in := range []string{
		"3", "=3", ">", ">=", "~=", "==", "==*", "~=1", "~=1.*", ">=1.*", ">=1+x", "~=1.0+x", "<=1+x", ">1+x", "<1+x",
		"==1.0a1.*", "==1.0.post1.*", "==1+x.*", "==1.*.*", "==1.*a", "==1.0.*.post1", ">=1 <2", "=== a b", "===a;b",
		"===a)", "=>1", "><1", "==1,latest", "^1.2", ">=1;",
	} {
		s, err := pep440.ParseSpecifiers(in)
		if !errors.Is(err, pep440.ErrInvalid) {
			t.Errorf("ParseSpecifiers(%q) = %q, %v; want ErrInvalid", in, s, err)
		}
	}
}

func TestPin(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"==4.19.0", "4.19.0"},
		{"==V4.19.0-RC1", "4.19.0rc1"},
		{"===1.0", "1.0"},
		{"==1.0+cu118", "1.0+cu118"},
		{"", ""},
		{"==1.*", ""},
		{"===foobar", ""},
		{"==1.0,==1.0", "1.0"},
		{"==1.0,!=1.1", ""},
		{">=1", ""},
		{"~=1.0", ""},
		{"!=1.0", ""},
	} {
		v, ok := mustSpecifiers(t, tc.in).Pin()
		if v.String() != tc.want || ok != (tc.want != "") {
			t.Errorf("%q pins %q, %v; want %q", tc.in, v, ok, tc.want)
		}
	}
}

// TestFilter has the cases of "Handling of pre-releases".
func TestFilter(t *testing.T) {
	for _, tc := range []struct {
		specifiers string
		pre        pep440.Prereleases
		in, want   []string
	}{
		{">=1", pep440.PrereleasesDefault, []string{"2a1", "1", "0.9"}, []string{"1"}},
		{">=1", pep440.PrereleasesDefault, []string{"2a1", "0.9"}, []string{"2a1"}},
		{">=1a1", pep440.PrereleasesDefault, []string{"2a1", "1", "1.dev0"}, []string{"2a1", "1"}},
		{"!=1a1", pep440.PrereleasesDefault, []string{"2a1", "1"}, []string{"1"}},
		{"===1a1", pep440.PrereleasesDefault, []string{"1a1", "1"}, []string{"1a1"}},
		{"", pep440.PrereleasesDefault, []string{"2a1", "1"}, []string{"1"}},
		{">=1", pep440.PrereleasesAllowed, []string{"2a1", "1"}, []string{"2a1", "1"}},
		{">=1a1", pep440.PrereleasesExcluded, []string{"2a1", "1"}, []string{"1"}},
		{">=2", pep440.PrereleasesExcluded, []string{"2.1.dev0"}, nil},
	} {
		var in []pep440.Version
		for _, s := range tc.in {
			in = append(in, pep440.MustParse(s))
		}
		var got []string
		for _, v := range mustSpecifiers(t, tc.specifiers).Filter(in, tc.pre) {
			got = append(got, v.String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q of %v, rule %d (-want +got):\n%s", tc.specifiers, tc.in, tc.pre, diff)
		}
	}
}

func TestContainsText(t *testing.T) {
	for _, tc := range []struct {
		specifiers, text string
		want             bool
	}{
		{"===FooBar", "foobar", true},
		{"===foobar,===FOOBAR", "foobar", true},
		{"===foobar", "foo", false},
		{"===foobar,>=1", "foobar", false},
		{"!=1", "foobar", false},
		{"", "foobar", true},
		{"==1.*", " v1.5 ", true},
	} {
		if got := mustSpecifiers(t, tc.specifiers).ContainsText(tc.text, pep440.PrereleasesAllowed); got != tc.want {
			t.Errorf("%q contains the text %q: %v, want %v", tc.specifiers, tc.text, got, tc.want)
		}
	}
}

func TestSpecifiersMarshal(t *testing.T) {
	s := mustSpecifiers(t, ">=3, <5")
	text, err := s.MarshalText()
	if err != nil || string(text) != "<5,>=3" {
		t.Errorf("MarshalText gives %q, %v", text, err)
	}
	var again pep440.Specifiers
	if err := again.UnmarshalText(text); err != nil || !again.Equal(s) {
		t.Errorf("UnmarshalText gives %q, %v", again, err)
	}
	if err := again.UnmarshalText([]byte("latest")); !errors.Is(err, pep440.ErrInvalid) || !again.Equal(s) {
		t.Errorf("UnmarshalText of what is no specifier gives %q, %v", again, err)
	}
}

// TestZeroClause: a clause that nobody parsed admits nothing.
func TestZeroClause(t *testing.T) {
	for _, c := range []pep440.Clause{{}, {Operator: pep440.Matching}, {Operator: "~"}} {
		if c.Contains(pep440.MustParse("1")) || !c.Set().IsEmpty() {
			t.Errorf("the clause %q admits something", c)
		}
	}
}

func TestClauses(t *testing.T) {
	got := mustSpecifiers(t, "==1.4.*, >= 1.0-a1, ===odd").Clauses()
	want := []pep440.Clause{
		{Operator: pep440.Matching, Text: "1.4", Version: pep440.MustParse("1.4"), Wildcard: true},
		{Operator: pep440.Arbitrary, Text: "odd"},
		{Operator: pep440.GreaterOrEqual, Text: "1.0-a1", Version: pep440.MustParse("1.0a1")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clauses (-want +got):\n%s", diff)
	}
}
