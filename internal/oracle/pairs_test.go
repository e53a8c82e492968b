package oracle

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/osv-scalibr/semantic"
	"github.com/ossf/osv-schema/bindings/go/osvschema"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// pair is one question: is this package affected at this version, and by what?
type pair struct {
	subject
	// spelled is the name as a lock file would have it.
	spelled string
	version string
}

func (p pair) String() string { return fmt.Sprintf("%s %s %s", p.ecosystem, p.spelled, p.version) }

// sample is how many packages of an ecosystem are asked about, and how many
// pairs of each at most.
type sample struct{ packages, pairs int }

// draw returns the pairs of a sample, the same ones on every run. unread counts
// the versions left out because the reference's order cannot read them: it
// panics on such a version.
func (r *records) draw(s sample) (pairs []pair, unread int) {
	var all []subject
	for sub := range r.of {
		all = append(all, sub)
	}
	slices.SortFunc(all, compareSubjects)
	for _, sub := range r.choose(all, s.packages) {
		names, refused := r.versionsOf(sub)
		unread += refused
		for _, v := range pick(sub, names, s.pairs) {
			pairs = append(pairs, pair{sub, r.spelled[sub], v})
		}
	}
	return pairs, unread
}

// choose takes every package with an odd record, then half of the rest from
// those with the most events, where ranges meet, and half at random.
func (r *records) choose(all []subject, n int) []subject {
	odd, all := r.odd(all)
	n -= len(odd)
	if len(all) <= n {
		return append(odd, all...)
	}
	events := map[subject]int{}
	for _, s := range all {
		for _, v := range r.of[s] {
			for _, a := range entriesOf(v, s) {
				for _, in := range a.GetRanges() {
					events[s] += len(in.GetEvents())
				}
			}
		}
	}
	source := rand.New(rand.NewPCG(4, uint64(len(all))))
	source.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slices.SortStableFunc(all[:len(all)/2], func(a, b subject) int { return events[b] - events[a] })
	out := slices.Concat(odd, all[:n/2], all[len(all)/2:][:n-n/2])
	slices.SortFunc(out, compareSubjects)
	return out
}

// odd parts the packages of which a record says something that few do: nothing
// about versions, several ranges or two events at one version, a limit, a name
// that is not in normal form, or a version of PyPI's that PEP 440 cannot read.
func (r *records) odd(all []subject) (odd, rest []subject) {
	for _, s := range all {
		is := false
		for _, v := range r.of[s] {
			for _, a := range entriesOf(v, s) {
				is = is || isOdd(s, a)
			}
		}
		if is && len(odd) < 80 {
			odd = append(odd, s)
		} else {
			rest = append(rest, s)
		}
	}
	return odd, rest
}

func isOdd(s subject, a *osvschema.Affected) bool {
	if s.ecosystem == "PyPI" && (a.GetPackage().GetName() != s.name || unreadableIn(a)) || len(a.GetRanges()) == 0 && len(a.GetVersions()) == 0 {
		return true
	}
	ranges := 0
	for _, r := range a.GetRanges() {
		if r.GetType() == osvschema.Range_GIT {
			continue
		}
		ranges++
		at := map[string]bool{}
		for _, e := range r.GetEvents() {
			if e.GetLimit() != "" || at[eventVersion(e)] {
				return true
			}
			at[eventVersion(e)] = true
		}
	}
	return ranges > 1
}

// unreadableIn reports whether an event of an entry is no PEP 440 version.
func unreadableIn(a *osvschema.Affected) bool {
	return slices.ContainsFunc(eventsOf(a), func(v string) bool { _, err := pep440.Parse(v); return err != nil })
}

// pick takes n of the versions: those at and around events come first.
func pick(s subject, names *named, n int) []string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.ecosystem + "\x00" + s.name))
	source := rand.New(rand.NewPCG(h.Sum64(), 1))
	seen := map[string]bool{}
	var out []string
	take := func(list []string, most int) {
		list = slices.Clone(list)
		source.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for _, v := range list {
			if most > 0 && len(out) < n && !seen[v] {
				seen[v] = true
				out = append(out, v)
				most--
			}
		}
	}
	take(names.at, n/3)
	take(names.around, n/3)
	take(names.listed, n/5)
	take(names.derived, n)
	take(slices.Concat(names.at, names.around, names.listed), n)
	slices.Sort(out)
	return out
}

// named are the versions to ask about for one package.
type named struct {
	// at are those that an event names, around their neighbours in the order
	// among all that any record names, listed those of explicit lists, and
	// derived what is made from an event's.
	at, around, listed, derived []string
}

// versionsOf returns the versions to ask about for a package; refused are the
// ones that the reference cannot read.
func (r *records) versionsOf(s subject) (names *named, refused int) {
	n := &named{}
	for _, v := range r.of[s] {
		for _, a := range entriesOf(v, s) {
			n.listed = append(n.listed, a.GetVersions()...)
			n.at = append(n.at, eventsOf(a)...)
		}
	}
	all := map[string]semantic.Version{}
	readable := func(v string) bool {
		if all[v] == nil {
			w, err := semantic.Parse(v, s.ecosystem)
			if err != nil || v == "" {
				refused++
				return false
			}
			all[v] = w
		}
		return true
	}
	n.at = unique(n.at, readable)
	n.listed = unique(n.listed, readable)
	sorted := slices.Concat(n.at, n.listed)
	slices.SortStableFunc(sorted, func(a, b string) int {
		c, _ := all[a].Compare(all[b])
		return c
	})
	sorted = slices.Compact(sorted)
	for i, v := range sorted {
		if slices.Contains(n.at, v) {
			n.around = append(n.around, sorted[max(0, i-1)], sorted[min(len(sorted)-1, i+1)])
		}
	}
	n.around = unique(n.around, readable)
	for _, v := range n.at {
		n.derived = append(n.derived, derive(s.ecosystem, v)...)
	}
	n.derived = unique(n.derived, readable)
	return n, refused
}

func eventsOf(a *osvschema.Affected) []string {
	var out []string
	for _, r := range a.GetRanges() {
		if r.GetType() == osvschema.Range_GIT {
			continue
		}
		for _, e := range r.GetEvents() {
			out = append(out, eventVersion(e))
		}
	}
	return out
}

func unique(list []string, keep func(string) bool) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(v string) bool { return !keep(v) })
}

// derive makes versions close to v: those that a range's end is most easily
// wrong about.
func derive(ecosystem, v string) []string {
	out := bumps(v)
	switch familyOf(ecosystem) {
	case "PyPI":
		out = append(out, v+".0", v+".0.0", v+"a1", v+"rc1", v+".dev1", v+".post1", v+".post1.dev2", v+"+local.1", v+"rc1+local.1", strings.TrimSuffix(v, ".0"))
		return slices.DeleteFunc(out, func(w string) bool { _, err := pep440.Parse(w); return err != nil })
	case "Debian", "Ubuntu":
		upstream, _, _ := strings.Cut(v, "-")
		out = append(out, v+"~", v+"~rc1", v+"+b1", v+".1", v+"+deb12u1", upstream, epoch(v))
	case "AlmaLinux":
		version, _, _ := strings.Cut(v, "-")
		out = append(out, v+".1", v+"~beta", v+"^git1", version, version+"-0", epoch(v))
	case "Go":
		out = append(out, v+"-rc.1", v+"-0", v+"+incompatible", v+"-0.20200101000000-abcdefabcdef", "v"+v)
	default:
		out = append(out, v+"-rc.1", v+"-0", v+"+build.7", v+"-alpha", v+"-alpha.1")
	}
	return out
}

// epoch adds an epoch, or takes it away.
func epoch(v string) string {
	if _, rest, has := strings.Cut(v, ":"); has {
		return rest
	}
	return "1:" + v
}

var number = regexp.MustCompile(`[0-9]+`)

// bumps adds and takes one from the last number of v and from the last one of
// its first dotted run (its release).
func bumps(v string) []string {
	all := number.FindAllStringIndex(v, -1)
	if len(all) == 0 {
		return nil
	}
	end := 0
	for end+1 < len(all) && strings.Trim(v[all[end][1]:all[end+1][0]], ".:") == "" {
		end++
	}
	var out []string
	for _, at := range [][]int{all[end], all[len(all)-1]} {
		n, err := strconv.Atoi(v[at[0]:at[1]])
		if err != nil {
			continue
		}
		out = append(out, v[:at[0]]+strconv.Itoa(n+1)+v[at[1]:])
		if n > 0 {
			out = append(out, v[:at[0]]+strconv.Itoa(n-1)+v[at[1]:])
		}
	}
	return out
}
