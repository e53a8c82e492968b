package pep440_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom/pep440"
)

func TestSetString(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", "any"},
		{">=3,<5", "[3, 5.dev0)"},
		{">=3,<5a1", "[3, 5a1)"},
		{">2.1", "(2.1.post*, inf)"},
		{">2.1a1", "[2.1a2.dev0, inf)"},
		{">2.1.post1", "[2.1.post2.dev0, inf)"},
		{"<=2.1", "(-inf, 2.1.post0.dev0)"},
		{"!=1.5", "(-inf, 1.5) | [1.5.post0.dev0, inf)"},
		{"==1.9.*", "[1.9.dev0, 1.10.dev0)"},
		{"==1.0.*", "[1.dev0, 1.1.dev0)"},
		{"~=2!1.99", "[2!1.99, 2!2.dev0)"},
		{"==1.0+cu118", "[1+cu118, 1+cu118]"},
		{"!=1.0+a.1.0b", "(-inf, 1+a.1.0b) | (1+a.1.0b, inf)"},
		{"===1.0.0", "[1~3, 1~4)"},
		{"===1", "[1, 1~2)"},
		{"===odd", "none"},
		{"===01", "none"},
		{"<0.dev0", "none"},
		{">1,<1.post1", "none"},
		{"==1,==1.post1", "none"},
		{"<=18446744073709551615.post18446744073709551615", "(-inf, 18446744073709551615.post18446744073709551616.dev0)"},
		{"==1.18446744073709551615.*", "[1.18446744073709551615.dev0, 1.18446744073709551616.dev0)"},
		{"==159.160.255.256", "[159.160.255.256, 159.160.255.256.post0.dev0)"},
		{"==300.70000.*", "[300.70000.dev0, 300.70001.dev0)"},
	} {
		if got := mustSpecifiers(t, tc.in).Set().String(); got != tc.want {
			t.Errorf("the set of %q is %q, want %q", tc.in, got, tc.want)
		}
	}
}

// TestManySegments: arbitrary equality tells spellings apart however long.
func TestManySegments(t *testing.T) {
	var versions []pep440.Version
	for _, n := range []int{1, 158, 159, 160, 161, 300} {
		versions = append(versions, pep440.MustParse("1"+strings.Repeat(".0", n)))
	}
	for _, v := range versions {
		set := mustSpecifiers(t, "==="+v.String()).Set()
		for _, w := range versions {
			if got := set.Contains(w); got != (v == w) {
				t.Errorf("the set of %d segments contains %d segments: %v", len(v.Parts().Release), len(w.Parts().Release), got)
			}
		}
		if !hasWitness(set) {
			t.Errorf("%v has no version", set)
		}
	}
}

// TestOrderSets: the sets of the plain order, as advisories mean it, differ
// from the clauses that look like them.
func TestOrderSets(t *testing.T) {
	v := pep440.MustParse("2.0")
	for _, tc := range []struct {
		name        string
		set         pep440.Set
		in, without string
	}{
		{"AtLeast", pep440.AtLeast(v), "2 2.0.0 2+x 2.post1.dev0 3", "2rc1 2.dev0 1.9"},
		{"Below", pep440.Below(v), "2rc1 2.dev0 1.9 0.dev0", "2 2.0.0 2+x 3"},
		{"AtMost", pep440.AtMost(v), "2 2.0.0 2rc1 0.dev0", "2+x 2.post0.dev0 3"},
		{"Only", pep440.Only(v), "2 2.0 2.0.0.0", "2+x 2rc1 2.0.0.1"},
	} {
		for text := range strings.FieldsSeq(tc.in) {
			if !tc.set.Contains(pep440.MustParse(text)) {
				t.Errorf("%s(%q) = %v is without %q", tc.name, v, tc.set, text)
			}
		}
		for text := range strings.FieldsSeq(tc.without) {
			if tc.set.Contains(pep440.MustParse(text)) {
				t.Errorf("%s(%q) = %v contains %q", tc.name, v, tc.set, text)
			}
		}
	}
	if got := pep440.AtLeast(v).Complement(); !got.Equal(pep440.Below(v)) {
		t.Errorf("not AtLeast is %v, want %v", got, pep440.Below(v))
	}
}

func TestSubsetOf(t *testing.T) {
	for _, tc := range []struct {
		sub, super string
		want       bool
	}{
		{"==4.44.1", "<4.44.2", true},
		{">=3,<4", ">=3", true},
		{">=3", ">=3,<4", false},
		{"~=2.2", ">=2.2,==2.*", true},
		{">=2.2,==2.*", "~=2.2", true},
		{">1", "!=1", true},
		{">1", "!=1.post1", true},
		{">=1.post1", ">1", false},
		{"===1.0", "==1", true},
		{"==1", "===1.0", false},
		{">2,<1", "===odd", true},
		{"", "", true},
	} {
		sub, super := mustSpecifiers(t, tc.sub).Set(), mustSpecifiers(t, tc.super).Set()
		if got := sub.SubsetOf(super); got != tc.want {
			t.Errorf("%q is a subset of %q: %v, want %v", tc.sub, tc.super, got, tc.want)
		}
	}
}

func TestManySets(t *testing.T) {
	if !pep440.UnionOf().IsEmpty() || !pep440.IntersectionOf().Equal(pep440.All()) {
		t.Error("the union of nothing is not none, or the intersection of nothing not any")
	}
	// A hostile line of the greatest size that a manifest may have.
	line := strings.Repeat("!=1,!=2,!=3.*,!=1!0,", 50_000)
	set := mustSpecifiers(t, line).Set()
	if got, want := strings.Count(set.String(), "|"), 4; got != want {
		t.Errorf("%v has %d gaps, want %d", set, got, want)
	}
	var b strings.Builder
	for range 100_000 {
		b.WriteString("!=1." + strings.Repeat("9", 1+b.Len()%7) + "+a,")
	}
	if mustSpecifiers(t, b.String()).Set().IsEmpty() {
		t.Error("excluding some versions left none")
	}
}

// TestMillionTriples: A and B together contain v exactly when both do, by the
// clauses and by the sets, for 1,000 pairs and 1,000 versions each.
func TestMillionTriples(t *testing.T) {
	r := rand.New(rand.NewPCG(440, 508))
	versions := make([]pep440.Version, 1000)
	for i := range versions {
		versions[i] = pep440.MustParse(randomVersion(r))
	}
	for range 1000 {
		a, b := randomSpecifiers(r, 3), randomSpecifiers(r, 3)
		setA, setB := a.Set(), b.Set()
		and := a.And(b)
		both, either, not := setA.Intersect(setB), setA.Union(setB), setA.Complement()
		if !and.Set().Equal(both) {
			t.Fatalf("the set of %q is %v, want %v", and, and.Set(), both)
		}
		for _, v := range versions {
			inA := a.Contains(v, pep440.PrereleasesAllowed)
			inB := b.Contains(v, pep440.PrereleasesAllowed)
			switch {
			case and.Contains(v, pep440.PrereleasesAllowed) != (inA && inB):
				t.Fatalf("%q contains %q: %v", and, v, !(inA && inB))
			case setA.Contains(v) != inA:
				t.Fatalf("set %v of %q contains %q: %v", setA, a, v, !inA)
			case both.Contains(v) != (inA && inB):
				t.Fatalf("%v and %v contain %q: %v", setA, setB, v, !(inA && inB))
			case either.Contains(v) != (inA || inB):
				t.Fatalf("%v or %v contain %q: %v", setA, setB, v, !(inA || inB))
			case not.Contains(v) == inA:
				t.Fatalf("not %v contains %q: %v", setA, v, inA)
			}
		}
	}
}

// TestAlgebra has the laws that make a set what it is, over random sets.
func TestAlgebra(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		a, b := randomSet(r), randomSet(r)
		for _, law := range []struct {
			name      string
			got, want pep440.Set
		}{
			{"not not a", a.Complement().Complement(), a},
			{"a and a", a.Intersect(a), a},
			{"a or a", a.Union(a), a},
			{"a and not a", a.Intersect(a.Complement()), pep440.None()},
			{"a or not a", a.Union(a.Complement()), pep440.All()},
			{"a and b", a.Intersect(b), b.Intersect(a)},
			{"a or b", a.Union(b), b.Union(a)},
			{"De Morgan", a.Union(b).Complement(), a.Complement().Intersect(b.Complement())},
			{"absorption", a.Union(a.Intersect(b)), a},
			{"minus", a.Minus(b).Union(a.Intersect(b)), a},
		} {
			if !law.got.Equal(law.want) {
				t.Fatalf("%s: a = %v, b = %v: got %v, want %v", law.name, a, b, law.got, law.want)
			}
		}
		if a.SubsetOf(b) != a.Union(b).Equal(b) {
			t.Fatalf("%v is a subset of %v: %v, but the union says otherwise", a, b, a.SubsetOf(b))
		}
		if a.Overlaps(b) == a.Intersect(b).IsEmpty() {
			t.Fatalf("%v overlaps %v: %v, but the intersection says otherwise", a, b, a.Overlaps(b))
		}
		if v := pep440.MustParse(randomVersion(r)); a.IsBelow(v) != a.Intersect(pep440.AtLeast(v)).IsEmpty() {
			t.Fatalf("%v is below %v: %v, but the intersection says otherwise", a, v, a.IsBelow(v))
		}
		if !a.Intersect(b).SubsetOf(a) {
			t.Fatalf("%v and %v is no subset of the first", a, b)
		}
	}
}

func randomSet(r *rand.Rand) pep440.Set {
	set := randomSpecifiers(r, 2).Set()
	for range r.IntN(3) {
		other := randomSpecifiers(r, 2).Set()
		switch v := pep440.MustParse(randomVersion(r)); r.IntN(4) {
		case 0:
			set = set.Union(other)
		case 1:
			set = set.Minus(other)
		case 2:
			set = set.Union(pep440.AtMost(v))
		case 3:
			set = set.Minus(pep440.Only(v))
		}
	}
	return set
}

// TestEmptyIsExact: a set that is not empty has a version. The witness is
// built from what the set prints of its lower bounds.
func TestEmptyIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	empty := 0
	for range 20_000 {
		set := randomSet(r)
		if set.IsEmpty() {
			empty++
			continue
		}
		if !hasWitness(set) {
			t.Fatalf("%v is not empty, but no version was found in it", set)
		}
	}
	if empty == 0 {
		t.Error("no random set was empty: the test shows nothing")
	}
}

func hasWitness(set pep440.Set) bool {
	text := set.String()
	if text == "any" {
		return true
	}
	lower, _, _ := strings.Cut(text[1:], ",")
	after := text[0] == '('
	switch version, segments, ok := strings.Cut(lower, "~"); {
	case lower == "-inf":
		return set.Contains(pep440.MustParse("0.dev0"))
	case ok:
		return set.Contains(spelling(version, segments))
	case strings.HasSuffix(lower, ".post*"):
		base := strings.TrimSuffix(lower, ".post*")
		return set.Contains(pep440.MustParse(base + strings.Repeat(".0", 8) + ".1.dev0"))
	case after && strings.Contains(lower, "+"):
		return set.Contains(pep440.MustParse(lower + "." + strings.Repeat("0", 8) + "a"))
	case after:
		return set.Contains(pep440.MustParse(lower + "+" + strings.Repeat("0", 8) + "a"))
	default:
		return set.Contains(pep440.MustParse(lower))
	}
}

// spelling writes version with so many numbers in its release.
func spelling(version, segments string) pep440.Version {
	release := pep440.MustParse(version).Parts().Release
	end := strings.IndexByte(version, '!') + 1 + len(strings.Join(release, "."))
	n, _ := strconv.Atoi(segments)
	return pep440.MustParse(version[:end] + strings.Repeat(".0", n-len(release)) + version[end:])
}

// TestModelOrder compares the keys with the text of PEP 440 for random
// versions, and the order with itself: antisymmetric and transitive.
func TestModelOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	versions := make([]pep440.Version, 400)
	for i := range versions {
		versions[i] = pep440.MustParse(randomVersion(r))
	}
	for _, v := range versions {
		for _, w := range versions {
			got := v.Compare(w)
			if want := compareModel(v.Parts(), w.Parts()); got != want {
				t.Fatalf("%q.Compare(%q) = %d, want %d", v, w, got, want)
			}
			if w.Compare(v) != -got {
				t.Fatalf("%q and %q: %d one way, %d the other", v, w, got, w.Compare(v))
			}
			x := versions[r.IntN(len(versions))]
			if got <= 0 && w.Compare(x) <= 0 && v.Compare(x) > 0 {
				t.Fatalf("%q <= %q <= %q, but the last is before the first", v, w, x)
			}
		}
	}
}
