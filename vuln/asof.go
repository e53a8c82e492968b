package vuln

import (
	"context"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"
)

// Past is a source as it may have answered on an earlier day, reconstructed
// from what its records say of themselves. It is made for a question, never
// for a permission: what a record said that day, before it was edited, nobody
// can tell, so whoever decides on it has to say that it is reconstructed.
//
// Databases publish old advisories again under new names (PyPA those of 2024 in
// 2026). So a record that was published in a later year than the oldest of its
// ids counts from that year on, on the side of doubt; one that was published in
// the year of its ids counts from its publication.
type Past struct {
	source Source
	at     time.Time
	// edited and later count records, see Reconstructed.
	edited, later atomic.Int64
}

var _ Source = (*Past)(nil)

// AsOf returns source as of an instant.
func AsOf(source Source, at time.Time) *Past { return &Past{source: source, at: at} }

// Advisories implements Source: the advisories that were known, with a
// withdrawal only when it had happened.
func (p *Past) Advisories(ctx context.Context, ecosystem, name string) ([]Advisory, error) {
	list, err := p.source.Advisories(ctx, ecosystem, name)
	if err != nil {
		return nil, err
	}
	out := make([]Advisory, 0, len(list))
	for _, a := range list {
		if !knownAt(&a, p.at) {
			p.later.Add(1)
			continue
		}
		if a.Modified.After(p.at) {
			p.edited.Add(1)
		}
		out = append(out, a)
	}
	return notYetWithdrawn(out, p.at), nil
}

// Reconstructed tells, of the records that were asked for so far and each time
// that they were, how many were left out because they are of later, and how
// many that count were edited since.
func (p *Past) Reconstructed() (later, edited int64) { return p.later.Load(), p.edited.Load() }

// yearOf finds the year in the ids that have one: CVE-2024-1728,
// PYSEC-2026-1409, DEBIAN-CVE-2024-1. Those of GHSA have none.
var yearOf = regexp.MustCompile(`(?:^|-)((?:19|20)[0-9]{2})-[0-9]`)

// knownAt reports whether an advisory may have been known at an instant: its
// record was published, or it was published again in a later year than that of
// its oldest id, which is that of the instant or an earlier one.
func knownAt(a *Advisory, at time.Time) bool {
	if !a.Published.After(at) {
		return true
	}
	oldest := a.Published.UTC().Year()
	for _, list := range [][]string{{a.ID}, a.Aliases, a.Upstream} {
		for _, id := range list {
			if m := yearOf.FindStringSubmatch(id); m != nil {
				year, _ := strconv.Atoi(m[1]) // four digits
				oldest = min(oldest, year)
			}
		}
	}
	return oldest < a.Published.UTC().Year() && oldest <= at.UTC().Year()
}
