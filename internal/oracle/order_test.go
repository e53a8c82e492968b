package oracle

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/osv-scalibr/semantic"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// most is up to how many versions of a package every pair of them is compared.
// Of more, each is compared with its neighbours in our order and with others at
// random.
const most = 400

// TestPyPIOrder compares our order of PyPI versions, package sbom/pep440, with
// osv-scalibr's package semantic. Every other ecosystem needs no such test:
// there our order is package semantic.
func TestPyPIOrder(t *testing.T) {
	r := readZip(t, filepath.Join(shared(t, "data/osv"), "PyPI", "all.zip"), "PyPI")
	var c orders
	for _, s := range sortedSubjects(r) {
		n, _ := r.versionsOf(s)
		names := unique(slices.Concat(n.at, n.listed), func(string) bool { return true })
		c.compareAll(t, s, names)
	}
	t.Logf("order: %d packages, %d versions, %d pairs compared, %d packages of which not every pair was; %d versions that PEP 440 cannot read have no place in our order",
		c.packages, c.versions, c.pairs, c.sampled, c.unreadable)
	if c.differ > 0 {
		t.Errorf("%d pairs are ordered otherwise", c.differ)
	}
	if c.pairs < 1_000_000 {
		t.Errorf("compared %d pairs only", c.pairs)
	}
}

func sortedSubjects(r *records) []subject {
	var out []subject
	for s := range r.of {
		out = append(out, s)
	}
	slices.SortFunc(out, compareSubjects)
	return out
}

// orders counts what was compared.
type orders struct{ packages, versions, pairs, sampled, unreadable, differ int }

// both is a version as each of us reads it.
type both struct {
	text   string
	ours   pep440.Version
	theirs semantic.Version
}

func (c *orders) compareAll(t *testing.T, s subject, names []string) {
	t.Helper()
	var list []both
	for _, name := range names {
		v, err := pep440.Parse(name)
		if err != nil {
			c.unreadable++
			continue
		}
		list = append(list, both{name, v, semantic.MustParse(name, "PyPI")})
	}
	c.packages++
	c.versions += len(list)
	slices.SortFunc(list, func(a, b both) int {
		if d := a.ours.Compare(b.ours); d != 0 {
			return d
		}
		return strings.Compare(a.text, b.text)
	})
	if len(list) <= most {
		for i, a := range list {
			for _, b := range list[:i] {
				c.compare(t, s, a, b)
			}
		}
		return
	}
	c.sampled++
	source := rand.New(rand.NewPCG(5, uint64(len(list))))
	for i, a := range list {
		c.compare(t, s, a, list[max(0, i-1)])
		for range most / 2 {
			c.compare(t, s, a, list[source.IntN(len(list))])
		}
	}
}

func (c *orders) compare(t *testing.T, s subject, a, b both) {
	t.Helper()
	c.pairs++
	theirs, err := a.theirs.Compare(b.theirs)
	if err != nil {
		t.Fatal(err)
	}
	if ours := a.ours.Compare(b.ours); ours != theirs {
		if c.differ++; c.differ <= 20 {
			t.Errorf("%s: %q against %q: %d for us, %d for them", s.name, a.text, b.text, ours, theirs)
		}
	}
}
