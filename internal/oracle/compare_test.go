package oracle

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// fewest is how many pairs TestPairs has to compare.
const fewest = 20_000

// samples are how much is asked about each ecosystem of the shared data.
var samples = map[string]sample{"PyPI": {240, 34}, "Go": {200, 20}, "AlmaLinux": {100, 24}, "crates.io": {600, 16}, "Debian": {300, 16}}

// tally counts what was compared.
type tally struct {
	mu sync.Mutex
	// pairs were compared; equal are those for which both give the same ids,
	// and affected those of them with at least one.
	pairs, equal, affected int
	classes                map[*class]int
	unexplained            int
}

// TestPairs compares our answers with the reference's for at least 20,000 pairs
// of the real advisories.
func TestPairs(t *testing.T) {
	data := shared(t, "data/osv")
	total := &tally{classes: map[*class]int{}}
	t.Run("of", func(t *testing.T) {
		for _, eco := range slices.Sorted(maps.Keys(samples)) {
			t.Run(eco, func(t *testing.T) {
				t.Parallel()
				zip := filepath.Join(data, eco, "all.zip")
				r := readZip(t, zip, eco)
				if len(r.undecodable) > 0 {
					t.Errorf("the reference cannot decode %d records: %q", len(r.undecodable), r.undecodable)
				}
				pairs, unread := r.draw(samples[eco])
				t.Logf("%s: %d pairs; %d versions left out that the reference cannot read", eco, len(pairs), unread)
				us := askUs(t, snapshot(t, data, eco), pairs)
				total.compare(t, eco, r, pairs, us, askThem(t, eco, zip, r, pairs))
			})
		}
	})
	t.Logf("oracle: %d pairs compared, %d equal (%d of them affected)", total.pairs, total.equal, total.affected)
	if total.pairs < fewest {
		t.Errorf("compared %d pairs, which is fewer than %d", total.pairs, fewest)
	}
	total.check(t, func(c *class) int { return c.shared })
}

// askThem asks osv-scanner about all pairs, and osv-scalibr's matcher about each
// pair alone, and fails when these two differ. Packages of RPM are read by
// osv-scanner from an image's database only, so osv-scalibr is asked about all
// of those at once.
func askThem(t *testing.T, eco, zip string, r *records, pairs []pair) answers {
	t.Helper()
	began := time.Now()
	if eco == "AlmaLinux" {
		out := askEnricher(t, database(t, map[string]string{eco: r.about(t, zip, pairs)}), pairs)
		t.Logf("%s: osv-scalibr answered in %.1f s", eco, time.Since(began).Seconds())
		return out
	}
	out, _ := askScanner(t, database(t, map[string]string{eco: zip}), pairs)
	t.Logf("%s: osv-scanner answered in %.1f s", eco, time.Since(began).Seconds())
	alone := r.askMatcher(pairs)
	for _, p := range pairs {
		if !slices.Equal(out[p], alone[p]) {
			t.Errorf("%v: osv-scanner says %q, and osv-scalibr of the package's records alone %q", p, out[p], alone[p])
		}
	}
	return out
}

// compare counts.
func (total *tally) compare(t *testing.T, eco string, r *records, pairs []pair, us *ours, them answers) {
	t.Helper()
	total.mu.Lock()
	defer total.mu.Unlock()
	total.pairs += len(pairs)
	equal := 0
	for _, p := range pairs {
		if slices.Equal(us.answers[p], them[p]) {
			equal++
			if len(them[p]) > 0 {
				total.affected++
			}
			continue
		}
		for _, d := range differences(p, r, us, them) {
			total.explain(t, d)
		}
	}
	total.equal += equal
	t.Logf("%s: %d pairs, %d equal, %d affected for the reference, %d for us", eco, len(pairs), equal, len(them), len(us.answers))
}

func differences(p pair, r *records, us *ours, them answers) []difference {
	var out []difference
	for _, id := range us.answers[p] {
		if !them.has(p, id) {
			out = append(out, difference{pair: p, id: id, record: r.byID[id], ours: true, read: us.read(p, id)})
		}
	}
	for _, id := range them[p] {
		if !us.has(p, id) {
			out = append(out, difference{pair: p, id: id, record: r.byID[id], read: us.read(p, id), open: us.open.has(p, id) || us.open.has(p, "")})
		}
	}
	return out
}

// explain counts a difference, and reports one that no class explains.
func (total *tally) explain(t *testing.T, d difference) {
	t.Helper()
	found := d.explain()
	for _, c := range found {
		total.classes[c]++
	}
	if len(found) > 0 {
		return
	}
	who := "the reference alone gives"
	if d.ours {
		who = "we alone give"
	}
	if total.unexplained++; total.unexplained <= 20 {
		t.Errorf("%v: %s %s (left open by us: %t)", d.pair, who, d.id, d.open)
	}
}

// check holds the counts against the table. They are the same on every run with
// the same advisories: another count is another behaviour, of ours or theirs.
func (total *tally) check(t *testing.T, want func(*class) int) {
	t.Helper()
	if total.unexplained > 0 {
		t.Errorf("%d differences are not explained", total.unexplained)
	}
	for i := range classes {
		c := &classes[i]
		if n := total.classes[c]; n != want(c) && !c.moves {
			t.Errorf("class %q has %d differences, and the table says %d", c.name, n, want(c))
		} else if n > 0 {
			t.Log(fmt.Sprintf("%6d %q, right: %s. %s; %s", n, c.name, c.right, c.clause, c.why))
		}
	}
}
