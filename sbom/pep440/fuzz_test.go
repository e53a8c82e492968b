package pep440_test

import (
	"testing"

	"github.com/tallyman/tallyman/sbom/pep440"
)

func FuzzParse(f *testing.F) {
	f.Add("1!2.03.0-ALPHA.1", "1.0-1", "1.0+Ubuntu-1_02.0a")
	f.Add(" v1.0r\n", "1.dev", "99999999999999999999.0")
	f.Add("1.0a--1", "0", "1.0c.post.dev")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		v, errV := pep440.Parse(a)
		w, errW := pep440.Parse(b)
		x, errX := pep440.Parse(c)
		if errV != nil || errW != nil || errX != nil {
			return
		}
		again, err := pep440.Parse(v.String())
		if err != nil || again != v {
			t.Fatalf("%q prints as %q, which is %q, %v", a, v, again, err)
		}
		vw := v.Compare(w)
		if vw != compareModel(v.Parts(), w.Parts()) || vw != -w.Compare(v) || vw == 0 != v.Equal(w) {
			t.Fatalf("%q.Compare(%q) = %d; the other way %d", v, w, vw, w.Compare(v))
		}
		if vw <= 0 && w.Compare(x) <= 0 && v.Compare(x) > 0 {
			t.Fatalf("%q <= %q <= %q, but the last is before the first", v, w, x)
		}
		if v.Public().HasLocal() || v.Public().Compare(v) > 0 || v.Base().IsPrerelease() {
			t.Fatalf("%q has public %q and base %q", v, v.Public(), v.Base())
		}
	})
}

func FuzzSpecifiers(f *testing.F) {
	f.Add(">= 1.0-a1, ==1.4.*, ===odd", "~=2.2.0", "1.4")
	f.Add("!=1!1.0+local,<2.dev1", ">1.0.post1,<=3", "1.0+local")
	f.Add("===1.0.0,===", "==0.*", "0.dev0")
	f.Fuzz(func(t *testing.T, a, b, version string) {
		s, errS := pep440.ParseSpecifiers(a)
		u, errU := pep440.ParseSpecifiers(b)
		v, errV := pep440.Parse(version)
		if errS != nil || errU != nil || errV != nil {
			return
		}
		again, err := pep440.ParseSpecifiers(s.String())
		if err != nil || !again.Equal(s) {
			t.Fatalf("%q prints as %q, which is %q, %v", a, s, again, err)
		}
		inS, inU := s.Contains(v, pep440.PrereleasesAllowed), u.Contains(v, pep440.PrereleasesAllowed)
		setS, setU := s.Set(), u.Set()
		if setS.Contains(v) != inS || setU.Contains(v) != inU {
			t.Fatalf("%q in %q: %v, in its set %v: %v; in %q: %v, in its set %v: %v",
				v, s, inS, setS, setS.Contains(v), u, inU, setU, setU.Contains(v))
		}
		if both := setS.Intersect(setU); both.Contains(v) != (inS && inU) || !both.Equal(s.And(u).Set()) {
			t.Fatalf("%q and %q is %v, with %q: %v", s, u, both, v, both.Contains(v))
		}
		if setS.String() == "" || setS.Complement().Contains(v) == inS {
			t.Fatalf("not %v is %v", setS, setS.Complement())
		}
	})
}
