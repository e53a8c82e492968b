package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/bundled"
	"github.com/tallyman/tallyman/vuln/osv"
)

// snapshotDir is where `db update` keeps snapshots, "" without a cache.
func (a *app) snapshotDir() string {
	if a.cacheDir() == "" {
		return ""
	}
	return filepath.Join(a.cacheDir(), "advisories")
}

// openAdvisories returns how an audit gets its advisories: from --advisories,
// from the current snapshot, or, on a first run with a network, from OSV.
func (a *app) openAdvisories(p *progress) func(context.Context, []string) (*audit.Advisories, error) {
	return func(ctx context.Context, inUse []string) (*audit.Advisories, error) {
		var out *audit.Advisories
		var err error
		switch {
		case a.flags.advisories != "":
			out, err = a.compiledAdvisories(ctx, p)
		case a.past():
			out, err = a.keptAdvisories()
		default:
			out, err = a.currentAdvisories(ctx, inUse, p)
		}
		if err != nil || out.DB == nil {
			return out, err
		}
		if a.flags.verbatim {
			out.DB.WithoutCorrections()
			out.Notes = append(out.Notes, "advisories are as their sources have them: --no-corrections")
		}
		if !a.past() {
			return out, nil
		}
		out.Later, err = a.later(out.DB, inUse)
		return out, err
	}
}

// compiledAdvisories compiles --advisories, or finds it compiled.
func (a *app) compiledAdvisories(ctx context.Context, p *progress) (*audit.Advisories, error) {
	cache := a.cacheDir()
	if cache != "" {
		cache = filepath.Join(cache, "compiled")
	}
	db, note, err := osv.Cached(ctx, a.path(a.flags.advisories), osv.CacheOptions{
		CacheDir: cache, Rehash: a.flags.rehash, Progress: p.advisories,
	})
	if err != nil {
		return nil, fmt.Errorf("--advisories %q: %w", a.flags.advisories, err)
	}
	out := &audit.Advisories{DB: db, Source: filepath.ToSlash(a.flags.advisories)}
	if note != "" {
		out.Notes = []string{note}
	}
	return out, nil
}

// currentAdvisories opens the current snapshot. Ecosystems in use that it does
// not have are fetched, once, unless --offline.
func (a *app) currentAdvisories(ctx context.Context, inUse []string, p *progress) (*audit.Advisories, error) {
	dir := a.snapshotDir()
	if dir == "" {
		return a.bundledAdvisories([]string{"there is no cache directory for advisories: give --cache-dir or --advisories"})
	}
	db, err := osv.OpenCurrent(dir)
	if err != nil && !errors.Is(err, osv.ErrNoSnapshot) {
		return nil, fmt.Errorf("opening the advisory snapshot in %q: %w", dir, err)
	}
	missing, err := missingSources(db, inUse)
	if err != nil {
		return nil, err
	}
	var notes []string
	if len(missing) > 0 && !a.flags.offline && (db == nil || db.Source() == osv.DefaultSource) {
		fetched, err := a.fetch(ctx, dir, "", missing, p)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			notes = append(notes, fmt.Sprintf("fetching advisories for %s: %v", strings.Join(missing, ", "), err))
		} else {
			notes = append(notes, fmt.Sprintf("fetched advisories for %s from %s (%s)", strings.Join(missing, ", "), fetched.Source, size(fetched.Downloaded)))
			if db, err = osv.OpenCurrent(dir); err != nil {
				return nil, err
			}
		}
	}
	if db == nil {
		return a.bundledAdvisories(append(notes, "there are no advisories yet: run 'tallyman db update'"))
	}
	if note := db.Fallback(); note != "" {
		notes = append(notes, note)
	}
	return &audit.Advisories{DB: db, Source: db.Source(), Notes: notes}, nil
}

// bundledAdvisories are those that the program brings along: better than
// nothing, and as old as the program.
func (a *app) bundledAdvisories(notes []string) (*audit.Advisories, error) {
	db, err := bundled.Open()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", bundled.Source, err)
	}
	return &audit.Advisories{DB: db, Source: bundled.Source, Notes: append(notes, "what was looked up stands in "+bundled.Source)}, nil
}

// missingSources are the folders of the bucket that the snapshot lacks: the
// ecosystem without its release, "Debian" for "Debian:12".
func missingSources(db *osv.DB, inUse []string) ([]string, error) {
	var missing []string
	for _, name := range inUse {
		if db != nil {
			has, err := db.Has(name)
			if err != nil {
				return nil, err
			}
			if has {
				continue
			}
		}
		source, _, _ := strings.Cut(name, ":")
		if !slices.Contains(missing, source) {
			missing = append(missing, source)
		}
	}
	return missing, nil
}

func (a *app) fetch(ctx context.Context, dir, from string, ecosystems []string, p *progress) (*osv.Result, error) {
	return osv.Update(ctx, osv.Options{
		Dir: dir, From: from, Ecosystems: ecosystems, Client: a.httpClient(), Progress: p.advisories,
	})
}

// httpClient honours the proxy variables and SSL_CERT_FILE, as Go's default
// transport does, and gives up on a server that says nothing.
func (a *app) httpClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 30 * time.Second
	return &http.Client{Transport: transport}
}

// advisories shows an update's progress: source and size.
func (p *progress) advisories(e osv.Event) {
	switch e.Kind {
	case osv.Downloading:
		total := ""
		if e.Total >= 0 {
			total = " of " + size(e.Total)
		}
		p.step(fmt.Sprintf("downloading %s from %s: %s%s", e.Ecosystem, e.URL, size(e.Bytes), total))
	case osv.Compiling:
		p.step("compiling advisories for " + e.Ecosystem)
	default:
		p.step("writing the advisory snapshot")
	}
}

// isURL reports whether a source of advisories is on a network.
func isURL(source string) bool {
	return strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://")
}

// size is a number of bytes for eyes.
func size(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d kB", (n+1023)>>10)
}
