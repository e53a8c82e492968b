package vuln

import (
	"fmt"
	"testing"
)

// FuzzRange holds inRange against what the OSV schema's algorithm gives when
// it is written out over a small set of versions: every event is applied in
// the order of the versions, step by step, and the answer for a version is the
// state at its place.
func FuzzRange(f *testing.F) {
	f.Add([]byte{0, 0, 1, 3}, byte(2))
	f.Add([]byte{0, 0, 2, 3, 0, 4, 1, 6, 3, 5}, byte(5))
	f.Add([]byte{1, 2, 1, 4, 0, 1}, byte(3))
	f.Fuzz(func(t *testing.T, script []byte, at byte) {
		const versions = 8
		text := func(n byte) string { return fmt.Sprintf("1.%d", n%versions) }
		var r Range
		type step struct{ kind, n byte }
		var steps []step
		for i := 0; i+1 < len(script) && i < 16; i += 2 {
			s := step{script[i] % 4, script[i+1] % versions}
			steps = append(steps, s)
			r.Events = append(r.Events, []Event{
				{Introduced: text(s.n)}, {Fixed: text(s.n)}, {LastAffected: text(s.n)}, {Limit: text(s.n)},
			}[s.kind])
		}
		// The oracle walks the versions upwards and never compares two.
		affected, limited, limit := false, false, byte(0)
		where := at % versions
		for n := range byte(versions) {
			if n > where {
				break
			}
			for _, s := range steps {
				switch {
				case s.kind == 0 && s.n == n:
					affected = true
				case s.kind == 1 && s.n == n:
					affected = false
				}
			}
			// "last affected n" ends the range right after n, but only for
			// what lies above it.
			if n < where {
				for _, s := range steps {
					if s.kind == 2 && s.n == n {
						affected = false
					}
				}
			}
		}
		for _, s := range steps {
			if s.kind == 3 {
				limited, limit = true, max(limit, s.n)
			}
		}
		if limited && where >= limit {
			affected = false
		}
		if tied(steps) {
			return // the schema does not say in which order
		}
		o, err := newOrder("PyPI")
		if err != nil {
			t.Fatal(err)
		}
		v, err := o.parse(text(where))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := o.inRange(v, &r); got != answer(affected) {
			t.Errorf("%v at %s: got %d, want %d", r.Events, v.text, got, answer(affected))
		}
	})
}

// tied reports whether a last_affected stands at the version of another event.
func tied[S ~struct{ kind, n byte }](steps []S) bool {
	type step = struct{ kind, n byte }
	for i := range steps {
		for j := range steps {
			a, b := step(steps[i]), step(steps[j])
			if a.kind == 2 && b.kind != 2 && b.kind != 3 && a.n == b.n {
				return true
			}
		}
	}
	return false
}

// FuzzUnreadable: replacing an event's version by one that cannot be read
// never turns a certain answer into the opposite certain answer.
func FuzzUnreadable(f *testing.F) {
	f.Add([]byte{0, 0, 1, 3}, byte(2), byte(1))
	f.Fuzz(func(t *testing.T, script []byte, at, which byte) {
		build := func(blind int) *Range {
			r := &Range{}
			for i := 0; i+1 < len(script) && i < 16; i += 2 {
				v := fmt.Sprintf("1.%d", script[i+1]%8)
				if i/2 == blind {
					v = "not a version"
				}
				r.Events = append(r.Events, []Event{{Introduced: v}, {Fixed: v}, {LastAffected: v}, {Limit: v}}[script[i]%4])
			}
			return r
		}
		if len(script) < 2 {
			return
		}
		o, _ := newOrder("PyPI")
		v, _ := o.parse(fmt.Sprintf("1.%d", at%8))
		known, _ := o.inRange(v, build(-1))
		blind, _ := o.inRange(v, build(int(which)%min(8, len(script)/2)))
		if blind&known == 0 {
			t.Errorf("%v at %s: %d known, %d blind", build(-1).Events, v.text, known, blind)
		}
	})
}

// TestOrdersReadRealVersions: each order that matching uses is there and puts
// a few versions of its ecosystem in order.
func TestOrdersReadRealVersions(t *testing.T) {
	for _, test := range []struct{ ecosystem, low, high string }{
		{"PyPI", "1.0rc1", "1.0"}, {"Debian:12", "1.0~rc1-1", "1.0-1"}, {"Debian:12", "2.0-1", "1:1.0-1"},
		{"Ubuntu:22.04:LTS", "1.0-1ubuntu1", "1.0-1ubuntu1.1"}, {"Alpine:v3.20", "1.2.3-r1", "1.2.3-r10"},
		{"npm", "1.0.0-alpha.2", "1.0.0"}, {"Go", "v1.2.9", "v1.2.10"}, {"AlmaLinux:9", "0:1.0-1.el9", "0:1.0-2.el9"}, {"crates.io", "0.9.0", "0.10.0"},
	} {
		o, err := newOrder(test.ecosystem)
		if err != nil {
			t.Errorf("%s: %v", test.ecosystem, err)
			continue
		}
		low, err1 := o.parse(test.low)
		high, err2 := o.parse(test.high)
		if err1 != nil || err2 != nil || o.compare(low, high) >= 0 || o.compare(high, low) <= 0 {
			t.Errorf("%s: %s is not below %s (%v, %v)", test.ecosystem, test.low, test.high, err1, err2)
		}
	}
}

// FuzzOrder: hostile versions never panic, and order is antisymmetric.
func FuzzOrder(f *testing.F) {
	f.Add("1.0", "1.0rc1")
	f.Add("1:2.0~rc1-1+b1", "v1.0.0-alpha..1")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, eco := range []string{"PyPI", "Debian:12", "Alpine:v3.20", "npm", "AlmaLinux:9", "Maven", "RubyGems", "NuGet", "Packagist"} {
			o, err := newOrder(eco)
			if err != nil {
				t.Fatal(err)
			}
			x, err1 := o.parse(a)
			y, err2 := o.parse(b)
			if err1 == nil && err2 == nil && eco == "PyPI" && o.compare(x, y) != -o.compare(y, x) {
				t.Errorf("%s: %q and %q are not antisymmetric", eco, a, b)
			} else if err1 == nil && err2 == nil {
				_ = o.compare(x, y)
			}
		}
	})
}
