package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/vuln/osv"
)

// now is the time that decisions are made for: the clock's, or with --as-of the
// end of that day.
func (a *app) now() time.Time {
	if a.day.IsZero() {
		return a.env.Now()
	}
	return a.day
}

// past reports whether the audit is of an earlier day than today.
func (a *app) past() bool { return !a.day.IsZero() }

// checkDay reads --as-of. Today is as of now.
func (a *app) checkDay(help string) error {
	a.day = time.Time{}
	if a.flags.asOf == "" {
		return nil
	}
	day, err := time.Parse(time.DateOnly, a.flags.asOf)
	if err != nil {
		return usagef(help, "--as-of %q is not a date such as 2026-01-31", a.flags.asOf)
	}
	today := a.env.Now().UTC().Truncate(24 * time.Hour)
	switch {
	case day.After(today):
		return usagef(help, "--as-of %q is still to come", a.flags.asOf)
	case day.Before(today):
		a.day = day.Add(24*time.Hour - time.Second)
	}
	return nil
}

// later reports whether a snapshot knows more than anybody did on the day.
func (a *app) later(db *osv.DB, inUse []string) (bool, error) {
	for _, ecosystem := range inUse {
		s, err := db.StatusOf(ecosystem, a.env.Now())
		if err != nil {
			return false, err
		}
		if s != nil && s.Date.After(a.day) {
			return true, nil
		}
	}
	return false, nil
}

// keptAdvisories opens the snapshot that was kept for the day, else the current
// one, from which the day is reconstructed. Nothing is fetched: what a source
// says now it did not say then.
func (a *app) keptAdvisories() (*audit.Advisories, error) {
	dir := a.snapshotDir()
	if dir == "" {
		return a.bundledAdvisories([]string{"there is no cache directory for advisories: give --cache-dir or --advisories"})
	}
	kept, err := osv.OpenKept(dir, a.day)
	if err == nil {
		return &audit.Advisories{DB: kept, Source: kept.Source()}, nil
	}
	if !errors.Is(err, osv.ErrNotKept) {
		return nil, fmt.Errorf("opening the advisory snapshot that was kept: %w", err)
	}
	db, err := osv.OpenCurrent(dir)
	if errors.Is(err, osv.ErrNoSnapshot) {
		return a.bundledAdvisories([]string{"there are no advisories yet: run 'tallyman db update'"})
	}
	if err != nil {
		return nil, fmt.Errorf("opening the advisory snapshot in %q: %w", dir, err)
	}
	return &audit.Advisories{DB: db, Source: db.Source()}, nil
}
