package vuln

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// world is a small part of the version order, dense enough that every place
// where a specifier or an event can begin or end has a version on either side.
type world struct {
	all    []pep440.Version // sorted
	ends   []pep440.Version // what specifiers, events and known versions name
	order  *order
	source *rand.Rand
}

func newWorld(seed uint64) *world {
	o, err := newOrder(pypi)
	if err != nil {
		panic(err)
	}
	w := &world{order: o, source: rand.New(rand.NewPCG(seed, 7))}
	w.all = append(w.all, pep440.MustParse("0.dev0"), pep440.MustParse("0.5"), pep440.MustParse("1!0"))
	for n := 1; n <= 5; n++ {
		for _, form := range []string{"%d.dev0", "%d.dev1", "%da1", "%drc1", "%drc1+x", "%drc1.post1", "%drc2", "%d", "%d+x", "%d.post0", "%d.post1", "%d.post1+x", "%d.post2", "%d.1"} {
			w.all = append(w.all, pep440.MustParse(fmt.Sprintf(form, n)))
		}
		for _, form := range []string{"%d", "%d", "%d", "%drc1", "%d.post1"} {
			w.ends = append(w.ends, pep440.MustParse(fmt.Sprintf(form, n)))
		}
	}
	slices.SortFunc(w.all, pep440.Version.Compare)
	return w
}

func (w *world) end() string { return w.ends[w.source.IntN(len(w.ends))].String() }

func (w *world) chance(percent int) bool { return w.source.IntN(100) < percent }

// bits says of each version of the world whether it is in a set.
type bits []bool

// specifier returns one to three clauses, and what they admit by asking each
// version alone.
func (w *world) specifier() (pep440.Specifiers, bits) {
	text := ""
	for range 1 + w.source.IntN(3) {
		operator := []string{">=", ">=", "<", "<", "<=", ">", "!=", "==", "~="}[w.source.IntN(9)]
		end := w.end()
		if operator == "~=" {
			end = fmt.Sprintf("%d.0", 1+w.source.IntN(5))
		} else if operator == "==" && w.chance(60) {
			end = fmt.Sprintf("%d.*", 1+w.source.IntN(5))
		}
		text += operator + end + ","
	}
	s, err := pep440.ParseSpecifiers(text)
	if err != nil {
		panic(err)
	}
	in := make(bits, len(w.all))
	for i, v := range w.all {
		in[i] = s.Contains(v, pep440.PrereleasesAllowed)
	}
	return s, in
}

// advisory returns a record and what it affects by judging each version alone.
func (w *world) advisory(id string) (Advisory, bits) {
	a := Advisory{ID: id, Affected: []Affected{{Ecosystem: pypi, Name: "demo"}}}
	entry := &a.Affected[0]
	if w.chance(35) {
		for range 1 + w.source.IntN(3) {
			entry.Versions = append(entry.Versions, w.end())
		}
	}
	if entry.Versions == nil || w.chance(50) {
		r := Range{Type: "ECOSYSTEM"}
		if w.chance(60) {
			r.Events = append(r.Events, Event{Introduced: "0"})
		}
		for range w.source.IntN(4) {
			r.Events = append(r.Events, []Event{{Introduced: w.end()}, {Fixed: w.end()}, {Fixed: w.end()}, {LastAffected: w.end()}}[w.source.IntN(4)])
		}
		if w.chance(5) {
			r.Events = append(r.Events, Event{Limit: w.end()})
		}
		entry.Ranges = append(entry.Ranges, r)
	}
	in := make(bits, len(w.all))
	for i, v := range w.all {
		in[i] = w.order.judgeVersion(version{text: v.String(), pep: v}, &a).outcome == yes
	}
	return a, in
}

type memory []Advisory

func (m memory) Advisories(context.Context, string, string) ([]Advisory, error) { return m, nil }

// trial is one random case.
type trial struct {
	specifiers pep440.Specifiers
	admitted   bits
	records    []Advisory
	affected   []bits
	known      []pep440.Version
	complete   bool
}

// TestVerdictsAgainstEnumeration holds verdicts and floors against what
// listing every version of a small world gives, for 100,000 random cases.
func TestVerdictsAgainstEnumeration(t *testing.T) {
	w := newWorld(1)
	const pool = 3000
	type spec struct {
		s  pep440.Specifiers
		in bits
	}
	specs := make([]spec, pool)
	type rec struct {
		a  Advisory
		in bits
	}
	recs := make([]rec, pool)
	for i := range pool {
		specs[i].s, specs[i].in = w.specifier()
		recs[i].a, recs[i].in = w.advisory(fmt.Sprintf("PYSEC-1-%d", i))
	}
	seen := map[Verdict]int{}
	floors := 0
	cases := 100_000
	if testing.Short() {
		cases = 5_000
	}
	for n := range cases {
		s := specs[w.source.IntN(pool)]
		if !slices.Contains(s.in, true) {
			continue
		}
		c := trial{specifiers: s.s, admitted: s.in, complete: w.chance(30)}
		used := map[int]bool{}
		for range 1 + w.source.IntN(3) {
			i := w.source.IntN(pool)
			if !used[i] {
				used[i] = true
				c.records, c.affected = append(c.records, recs[i].a), append(c.affected, recs[i].in)
			}
		}
		slices.SortFunc(c.records, func(a, b Advisory) int { return CompareIDs(a.ID, b.ID) })
		c.affected = nil
		for _, a := range c.records {
			var i int
			fmt.Sscanf(a.ID, "PYSEC-1-%d", &i)
			c.affected = append(c.affected, recs[i].in)
		}
		if floor := w.try(t, &c, seen); floor {
			floors++
		}
		if t.Failed() {
			t.Fatalf("case %d", n)
		}
	}
	for _, v := range []Verdict{"", Forced, Current, Unknown, Latent} {
		if seen[v] < cases/100 {
			t.Errorf("verdict %q came up %d times", v, seen[v])
		}
	}
	t.Logf("verdicts %v, %d floors", seen, floors)
}

// try runs one case; it reports whether there was a floor.
func (w *world) try(t *testing.T, c *trial, seen map[Verdict]int) bool {
	doc := &sbom.Document{Components: []sbom.Component{{
		Name: "demo", Ecosystem: pypi, Specifier: c.specifiers.String(), Evidence: sbom.Declared,
		Locations: []sbom.Location{{File: "r.txt", Line: 1}},
	}}}
	opts := Options{}
	if c.complete {
		var texts []string
		for range w.source.IntN(8) {
			texts = append(texts, w.end())
		}
		opts.Known = map[string][]string{"demo": texts}
		c.know(texts)
	} else {
		var texts []string
		for _, a := range c.records {
			texts = append(texts, a.Affected[0].Versions...)
			for _, r := range a.Affected[0].Ranges {
				for _, e := range r.Events {
					for _, v := range []string{e.Introduced, e.Fixed, e.LastAffected} {
						if v != "" && v != "0" {
							texts = append(texts, v)
						}
					}
				}
			}
		}
		if w.chance(30) {
			lock := w.end()
			texts = append(texts, lock)
			doc.Components = append(doc.Components, sbom.Component{Name: "demo", Version: lock, Ecosystem: pypi, Evidence: sbom.Locked})
		}
		c.know(texts)
	}
	res, err := MatchWith(t.Context(), doc, memory(c.records), opts)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Finding{}
	for _, f := range res.Findings {
		if f.Evidence == sbom.Declared {
			got[f.Records[0]] = f
		}
	}
	for i, a := range c.records {
		want := w.verdict(c, i)
		seen[want]++
		if f := got[a.ID]; f.Verdict != want {
			t.Errorf("%s with %+v and others %+v, known %v (complete %t): got %q, want %q",
				c.specifiers, a.Affected, c.records, c.known, c.complete, f.Verdict, want)
		}
	}
	return w.checkFloors(t, c, got)
}

func (c *trial) know(texts []string) {
	for _, text := range texts {
		c.known = append(c.known, pep440.MustParse(text))
	}
	slices.SortFunc(c.known, pep440.Version.Compare)
	c.known = slices.CompactFunc(c.known, pep440.Version.Equal)
}

func (w *world) at(v pep440.Version) int {
	i, _ := slices.BinarySearchFunc(w.all, v, pep440.Version.Compare)
	return i
}

// verdict is the definition of the verdicts, read aloud over the whole world.
func (w *world) verdict(c *trial, record int) Verdict {
	affected := c.affected[record]
	within, some := true, false // S within A; S and A meet
	for i := range w.all {
		within = within && (!c.admitted[i] || affected[i])
		some = some || c.admitted[i] && affected[i]
	}
	if !some {
		return ""
	}
	if within {
		return Forced
	}
	takes := c.specifiers.Filter(c.known, pep440.PrereleasesDefault)
	if len(takes) == 0 {
		return Latent
	}
	every := true
	for _, v := range takes {
		every = every && affected[w.at(v)]
	}
	newest := w.at(takes[len(takes)-1])
	if c.complete && every {
		return Forced
	}
	if !affected[newest] {
		return Latent
	}
	hides := false // an unknown version could be newer and not affected
	for i := newest + 1; i < len(w.all); i++ {
		hides = hides || c.admitted[i] && !affected[i]
	}
	if c.complete || !hides {
		return Current
	}
	for _, r := range c.records[record].Affected[0].Ranges {
		for _, e := range r.Events {
			if e.Fixed == "" {
				continue
			}
			v := pep440.MustParse(e.Fixed)
			if c.admitted[w.at(v)] && (!v.IsPrerelease() || c.specifiers.NamesPrerelease()) {
				return Latent
			}
		}
	}
	return Unknown
}

// checkFloors applies the floor: nothing that it is to cure may be left, and
// no smaller known version does as much.
func (w *world) checkFloors(t *testing.T, c *trial, got map[string]Finding) bool {
	// left reports whether something affected stays when v is the floor.
	left := func(v pep440.Version, record int) bool {
		for i := w.at(v); i < len(w.all); i++ {
			if c.admitted[i] && c.affected[record][i] {
				return true
			}
		}
		return false
	}
	// A floor is free of everything but what all that is admitted has.
	can := func(v pep440.Version) bool {
		for i, a := range c.records {
			if c.affected[i][w.at(v)] && got[a.ID].Verdict != Forced {
				return false
			}
		}
		return c.admitted[w.at(v)] && (!v.IsPrerelease() || c.specifiers.NamesPrerelease())
	}
	var cured []int
	for i, a := range c.records {
		_, found := got[a.ID]
		if found && slices.ContainsFunc(c.known, func(v pep440.Version) bool { return can(v) && !left(v, i) }) {
			cured = append(cured, i)
		} else if f := got[a.ID]; f.Floor != "" {
			t.Errorf("%s, known %v: %s has floor %s and nothing cures it", c.specifiers, c.known, a.ID, f.Floor)
		}
	}
	want := ""
	for _, v := range c.known {
		if can(v) && !slices.ContainsFunc(cured, func(i int) bool { return left(v, i) }) {
			want = v.String()
			break
		}
	}
	for _, f := range got {
		for i, a := range c.records {
			if f.Floor != "" && got[a.ID].Floor == "" && got[a.ID].Verdict != Forced && left(pep440.MustParse(f.Floor), i) && c.affected[i][w.at(pep440.MustParse(f.Floor))] {
				t.Errorf("%s with %+v, known %v: floor %s has %s", c.specifiers, c.records, c.known, f.Floor, a.ID)
			}
		}
	}
	for _, i := range cured {
		if f := got[c.records[i].ID]; f.Floor != want {
			t.Errorf("%s with %+v, known %v: got floor %q, want %q", c.specifiers, c.records, c.known, f.Floor, want)
		}
	}
	return len(cured) > 0
}

// TestRegionIsEveryVersionJudgedAlone: what an advisory affects as a set is
// what judgeVersion says of each version, also where a part of the record
// cannot be read.
func TestRegionIsEveryVersionJudgedAlone(t *testing.T) {
	w := newWorld(2)
	for n := range 20_000 {
		a, _ := w.advisory("PYSEC-1-1")
		entry := &a.Affected[0]
		for i := range entry.Ranges {
			for j := range entry.Ranges[i].Events {
				if w.chance(10) {
					e := &entry.Ranges[i].Events[j]
					*e = []Event{{Introduced: "banana"}, {Fixed: "banana"}, {LastAffected: "banana"}, {Limit: "banana"}}[w.source.IntN(4)]
				}
			}
		}
		if w.chance(5) {
			a.Affected = append(a.Affected, Affected{})
		}
		r := w.order.regionOf(&a)
		for _, v := range w.all {
			want := w.order.judgeVersion(version{text: v.String(), pep: v}, &a).outcome
			if r.sure.Contains(v) != (want == yes) || r.maybe.Contains(v) != (want != no) {
				t.Fatalf("case %d: %+v at %s: judged alone %d, sure %v, maybe %v", n, a.Affected, v, want, r.sure, r.maybe)
			}
		}
	}
}

// TestPinFloorsAgainstEnumeration: a pin is moved to no version that an
// advisory affects which does not affect the pin, and a finding that has a
// floor is cured by it; when a version is free of all, the least such is it.
func TestPinFloorsAgainstEnumeration(t *testing.T) {
	w := newWorld(3)
	free, partly, none := 0, 0, 0
	for range 20_000 {
		var c trial
		for i := range 1 + w.source.IntN(4) {
			a, in := w.advisory(fmt.Sprintf("PYSEC-1-%d", i))
			c.records, c.affected = append(c.records, a), append(c.affected, in)
		}
		var texts []string
		for range w.source.IntN(8) {
			texts = append(texts, w.end())
		}
		c.know(texts)
		pin := pep440.MustParse(w.end())
		doc := &sbom.Document{Components: []sbom.Component{{Name: "demo", Version: pin.String(), Ecosystem: pypi, Evidence: sbom.Declared}}}
		res, err := MatchWith(t.Context(), doc, memory(c.records), Options{Known: map[string][]string{"demo": texts}})
		if err != nil {
			t.Fatal(err)
		}
		best := ""
		for _, v := range c.known {
			clean := v.Compare(pin) > 0 && (!v.IsPrerelease() || pin.IsPrerelease())
			for i := range c.records {
				clean = clean && !c.affected[i][w.at(v)]
			}
			if clean && (best == "" || !v.IsPrerelease()) {
				best = v.String()
			}
			if clean && !v.IsPrerelease() {
				break // the smallest final release, and else the smallest of all
			}
		}
		floors := map[string]string{}
		for _, f := range res.Findings {
			floors[f.Records[0]] = f.Floor
		}
		for id, floor := range floors {
			switch {
			case best != "" && floor != best:
				t.Fatalf("%s with %+v, known %v: %s has floor %q, want %q", pin, c.records, c.known, id, floor, best)
			case best != "":
				free++
			case floor == "":
				none++
			default:
				partly++
				for i, a := range c.records {
					had := c.affected[i][w.at(pin)]
					if c.affected[i][w.at(pep440.MustParse(floor))] && (!had || floors[a.ID] != "") {
						t.Fatalf("%s with %+v, known %v: floor %s has %s", pin, c.records, c.known, floor, a.ID)
					}
				}
			}
		}
	}
	if free < 1000 || partly < 1000 || none < 1000 {
		t.Errorf("%d floors free of all, %d of some, %d none", free, partly, none)
	}
}
