package pep440_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// long is a number that fits in no machine word.
var long = strings.Repeat("9", 5000)

func TestParse(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"4.44.1", "4.44.1"},
		{" v1.0 \n", "1.0"},
		{"\f\v1.0\r\t", "1.0"},
		{"1!2.03.0", "1!2.3.0"},
		{"0!1", "1"},
		{"00100!1", "100!1"},
		{"1.0-ALPHA.1", "1.0a1"},
		{"1.0_beta", "1.0b0"},
		{"1.0c2", "1.0rc2"},
		{"1.0preview3", "1.0rc3"},
		{"1.0pre", "1.0rc0"},
		{"1.0-1", "1.0.post1"},
		{"1.0.a-", "1.0a0"},
		{"1.0a--1", "1.0a0.post1"},
		{"1.0-rev.2", "1.0.post2"},
		{"1.0r", "1.0.post0"},
		{"1.0dev", "1.0.dev0"},
		{"1.0a1-post2_DEV003", "1.0a1.post2.dev3"},
		{"1.0+Ubuntu-1_02.0a", "1.0+ubuntu.1.2.0a"},
		{"2.4.0+cu121", "2.4.0+cu121"},
		{"20240101.18446744073709551616", "20240101.18446744073709551616"},
		{"1." + long, "1." + long},
		{"1+000" + long, "1+" + long},
	} {
		v, err := pep440.Parse(tc.in)
		if err != nil || v.String() != tc.want {
			t.Errorf("Parse(%.40q) = %.40q, %v; want %.40q", tc.in, v, err, tc.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", " ", "v", "!1", "1!", "1!.0", ".1", "1.", "1..0", "1.0.x", "latest", "1.0+", "1.0+a..b", "1.0+a-",
		"1.0+ä", "1 .0", "1.0 a1", "1.0alph1", "1.0a1b2", "1.0.dev1.post1", "1.0--1", "1.0.post1.post2",
		"٣.٤", "1.0poſt1", "1.0\x00", "-1", "+1", "1.0.*", "1,2",
	} {
		v, err := pep440.Parse(in)
		if !errors.Is(err, pep440.ErrInvalid) {
			t.Errorf("Parse(%q) = %q, %v; want ErrInvalid", in, v, err)
		}
		if v.IsValid() {
			t.Errorf("Parse(%q) gives the valid version %q beside its error", in, v)
		}
	}
}

// ascending is one line a class of equal versions, in the order of PEP 440.
const ascending = `
0.dev0 0.0.dev0
0
0.1
1.dev0 1.0.DEV
1.dev0+a
1a0.dev1
1a0 1.0.0-alpha
1a0.post0.dev1
1a0.post0
1a1
1b0
1rc0 1.c 1pre
1 1.0 v1.0.0 0!1
1+a
1+a.a
1+a.0
1+b
1+0
1+0.a
1+1
1+1.1 1.0+01.001
1+10
1.post0.dev0
1.post0 1-0
1.post0+x
1.post1
1.post10
1.0.0.1
1.0.1a1
1.0.1
1.1
1.9
1.10
1.159
1.160
1.161
1.255
1.256
1.65536
1.999999999999999998
1.999999999999999999
1.1000000000000000000
1.18446744073709551615
1.18446744073709551616
1.18446744073709551617
1.99999999999999999999
1.100000000000000000000
2
1!0.dev0
1!0
2!0
18446744073709551616!0
`

func TestOrder(t *testing.T) {
	var classes [][]pep440.Version
	for line := range strings.Lines(strings.TrimSpace(ascending)) {
		var class []pep440.Version
		for _, s := range strings.Fields(line) {
			class = append(class, pep440.MustParse(s))
		}
		classes = append(classes, class)
	}
	for i, vs := range classes {
		for j, ws := range classes {
			for _, v := range vs {
				for _, w := range ws {
					want := sign(i - j)
					if got := v.Compare(w); got != want {
						t.Errorf("%q.Compare(%q) = %d, want %d", v, w, got, want)
					}
					if got := compareModel(v.Parts(), w.Parts()); got != want {
						t.Errorf("the model compares %q with %q: %d, want %d", v, w, got, want)
					}
					if got := v.Equal(w); got != (want == 0) {
						t.Errorf("%q.Equal(%q) = %v", v, w, got)
					}
				}
			}
		}
	}
}

func sign(n int) int { return max(-1, min(1, n)) }

func TestZeroVersion(t *testing.T) {
	var zero pep440.Version
	if zero.IsValid() || zero.String() != "" || zero.IsPrerelease() || zero.HasLocal() {
		t.Errorf("the zero Version is something: %q", zero)
	}
	if zero.Public() != zero || zero.Base() != zero {
		t.Error("Public or Base of the zero Version is valid")
	}
	if diff := cmp.Diff(pep440.Parts{}, zero.Parts()); diff != "" {
		t.Errorf("Parts of the zero Version (-want +got):\n%s", diff)
	}
	if got := zero.Compare(pep440.MustParse("0.dev0")); got != -1 {
		t.Errorf("the zero Version compares %d with the least version, want -1", got)
	}
	if (pep440.Specifiers{}).Contains(zero, pep440.PrereleasesAllowed) || pep440.All().Contains(zero) {
		t.Error("the zero Version is contained in something")
	}
	for _, set := range []pep440.Set{pep440.AtLeast(zero), pep440.AtMost(zero), pep440.Below(zero), pep440.Only(zero)} {
		if !set.IsEmpty() {
			t.Errorf("a set made from the zero Version is %v, want none", set)
		}
	}
}

func TestPublicAndBase(t *testing.T) {
	for _, tc := range []struct{ in, public, base string }{
		{"1!2.0a1.post2.dev3+local.4", "1!2.0a1.post2.dev3", "1!2.0"},
		{"1.0.0", "1.0.0", "1.0.0"},
		{"2.4.0+cu121", "2.4.0", "2.4.0"},
	} {
		v := pep440.MustParse(tc.in)
		if diff := cmp.Diff([]string{tc.public, tc.base}, []string{v.Public().String(), v.Base().String()}); diff != "" {
			t.Errorf("%q: public and base (-want +got):\n%s", tc.in, diff)
		}
		if v.Public() != pep440.MustParse(tc.public) {
			t.Errorf("%q.Public() is not == to %q parsed", tc.in, tc.public)
		}
	}
}

func TestKinds(t *testing.T) {
	for _, tc := range []struct {
		in             string
		pre, post, dev bool
	}{
		{"1.0", false, false, false},
		{"1.0+rc1", false, false, false},
		{"1.0rc1", true, false, false},
		{"1.0.post1", false, true, false},
		{"1.0.dev1", true, false, true},
		{"1.0a1.post1.dev1", true, true, true},
	} {
		v := pep440.MustParse(tc.in)
		got := []bool{v.IsPrerelease(), v.IsPostrelease(), v.IsDevrelease()}
		if diff := cmp.Diff([]bool{tc.pre, tc.post, tc.dev}, got); diff != "" {
			t.Errorf("%q: pre, post, dev (-want +got):\n%s", tc.in, diff)
		}
	}
}

func TestVersionText(t *testing.T) {
	var v pep440.Version
	if err := v.UnmarshalText([]byte("1.0-ALPHA1")); err != nil || v.String() != "1.0a1" {
		t.Errorf("UnmarshalText gives %q, %v", v, err)
	}
	if err := v.UnmarshalText([]byte("latest")); !errors.Is(err, pep440.ErrInvalid) || v.String() != "1.0a1" {
		t.Errorf("UnmarshalText of what is no version gives %q, %v", v, err)
	}
	if text, err := v.MarshalText(); err != nil || string(text) != "1.0a1" {
		t.Errorf("MarshalText gives %q, %v", text, err)
	}
	if err := v.UnmarshalText(nil); err != nil || v.IsValid() {
		t.Errorf("UnmarshalText of nothing gives %q, %v", v, err)
	}
}
