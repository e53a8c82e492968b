package osv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultSource is OSV's public bucket.
// https://google.github.io/osv.dev/data/
const DefaultSource = "https://osv-vulnerabilities.storage.googleapis.com"

// Source is where advisories are from.
type Source struct {
	// From is a local folder or an http(s) URL in the layout of OSV's bucket;
	// "" means DefaultSource.
	From string
	// Header is sent with each request to the URL's host, and to no other. It
	// is never shown.
	Header http.Header
}

// Options say what Update compiles, from where and to where.
type Options struct {
	// Dir is the folder of snapshots. It is made if it does not exist.
	Dir string
	// From is the only source when Sources is nil.
	From string
	// Sources are merged: of a record that several have, the one that was
	// modified last is looked up.
	Sources []Source
	// Ecosystems are the ecosystems to take. nil means all that a local
	// folder has; an http source needs them named. Those of the current
	// snapshot that are not named are kept; with nil nothing is kept.
	Ecosystems []string
	// Full fetches everything, also what seems not to have changed.
	Full bool
	// Client is used for an http source, and must then not be nil.
	Client *http.Client
	// Progress is told what happens, nil for nobody. It is called from several
	// goroutines, one at a time, and changes nothing about the result.
	Progress func(Event)
	// Pause waits before another try; nil is by the clock.
	Pause func(context.Context, time.Duration) error
	// Patience is how long a server may send next to nothing; 0 is half a
	// minute.
	Patience time.Duration
}

// Event is a step of an update.
type Event struct {
	Kind EventKind
	// Ecosystem is which.
	Ecosystem string
	// URL is where from, credentials removed; "" for a local source.
	URL string
	// Bytes is how much was downloaded so far, Total how much there is, -1 if
	// the server does not say.
	Bytes, Total int64
}

// EventKind says what happens.
type EventKind string

// The steps.
const (
	Downloading EventKind = "downloading"
	Compiling   EventKind = "compiling"
	Writing     EventKind = "writing"
)

// Result is what Update made.
type Result struct {
	// Path is the snapshot's file.
	Path string
	// Digest is "sha256:...".
	Digest string
	// Source is where it is from, credentials removed.
	Source string
	// Bytes is the snapshot's size, Downloaded what was fetched for it.
	Bytes, Downloaded int64
	// Unchanged is true when the snapshot was current already.
	Unchanged bool
}

// Update brings the current snapshot up to date, or makes the first one. What
// an http source has not changed is not fetched again, and the result is, byte
// for byte, the snapshot that fetching everything would have made.
//
// Whatever fails, the old one stays, and nothing is left half-written: files
// are written under unique temporary names, synced and renamed. Several
// processes may update at the same time: none loses what another one made
// current meanwhile of other ecosystems, and of the same the last one counts.
func Update(ctx context.Context, o Options) (*Result, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	base, err := o.openWhole(ctx)
	if err != nil {
		return nil, err
	}
	if base != nil {
		defer base.Close()
	}
	downloads, err := os.MkdirTemp(o.Dir, ".download-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(downloads)
	groups, bytes, err := o.gather(ctx, downloads, base)
	if err != nil {
		return nil, err
	}
	res, err := o.settle(ctx, base, groups)
	if err != nil {
		return nil, err
	}
	res.Downloaded = bytes
	// What cannot be removed today can be tomorrow.
	_, _ = Prune(ctx, o.Dir, DefaultGrace)
	return res, nil
}

func (o *Options) sources() []Source {
	if o.Sources == nil {
		return []Source{{From: o.From}}
	}
	return o.Sources
}

// member is one source of an ecosystem: inputs of a folder, or a site.
type member struct {
	origin origin
	inputs []input
	site   *site
}

// gather finds out what each source has, and downloads what is new.
func (o *Options) gather(ctx context.Context, dir string, base *DB) (groups []*group, downloaded int64, err error) {
	members := map[string][]member{}
	var bytes atomic.Int64
	var retries atomic.Int32
	retries.Store(maxRetries)
	for _, s := range o.sources() {
		if s.From != "" && !isURL(s.From) {
			err = o.folder(ctx, s.From, members)
		} else {
			err = o.web(s, members, &bytes, &retries)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	if err := o.complete(members); err != nil {
		return nil, 0, err
	}
	for i, name := range sortedKeys(members) {
		below := filepath.Join(dir, strconv.Itoa(i))
		g, err := o.group(ctx, name, below, base, members[name])
		if err != nil && members[name][0].site != nil {
			err = fmt.Errorf("fetching the advisories for %q: %w", name, err)
		}
		if err != nil {
			return nil, bytes.Load(), err
		}
		groups = append(groups, g)
	}
	return groups, bytes.Load(), nil
}

// folder finds what a local folder has.
func (o *Options) folder(ctx context.Context, dir string, members map[string][]member) error {
	wanted := o.Ecosystems
	if len(o.sources()) > 1 {
		wanted = nil // another source may have it
	}
	inputs, err := discover(ctx, dir, wanted)
	if err != nil {
		return err
	}
	for _, in := range inputs {
		if o.Ecosystems != nil && !slices.ContainsFunc(o.Ecosystems, (&source{name: in.name}).accepts) {
			continue
		}
		list := members[in.name]
		if n := len(list); n > 0 && list[n-1].site == nil && list[n-1].origin.From == dir {
			list[n-1].inputs = append(list[n-1].inputs, in)
			continue
		}
		members[in.name] = append(list, member{origin: origin{From: dir, How: Whole}, inputs: []input{in}})
	}
	return nil
}

// web lists what to ask a site for.
func (o *Options) web(s Source, members map[string][]member, bytes *atomic.Int64, retries *atomic.Int32) error {
	if o.Client == nil {
		return errors.New("an http source of advisories needs an HTTP client")
	}
	from := s.From
	if from == "" {
		from = DefaultSource
	}
	base, err := url.Parse(from)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return fmt.Errorf("%q is not a URL to fetch advisories from: there are http and https", publicSource(s.From))
	}
	families := familiesOf(o.Ecosystems)
	if len(families) == 0 {
		return errors.New("an http source of advisories needs the names of the ecosystems, such as PyPI")
	}
	for _, name := range families {
		at := &site{base: base, header: s.Header, o: o, downloaded: bytes, retries: retries}
		members[name] = append(members[name], member{origin: origin{From: publicURL(base)}, site: at})
	}
	return nil
}

// complete fails when no source has an ecosystem that was asked for.
func (o *Options) complete(members map[string][]member) error {
	for _, w := range o.Ecosystems {
		found := false
		for name := range members {
			found = found || (&source{name: name}).accepts(w)
		}
		if !found {
			return fmt.Errorf("no advisories for %q in any of the sources", w)
		}
	}
	return nil
}

// group plans one source of the snapshot. An incremental update needs to know
// of each record where it is from: it is for what a single site has. Of what
// several have everything is fetched.
func (o *Options) group(ctx context.Context, name, dir string, base *DB, members []member) (*group, error) {
	if len(members) == 1 && members[0].site != nil {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
		return members[0].site.remote(ctx, name, dir, base, base.prior(name, members[0].origin.From))
	}
	g := &group{name: name}
	for i, m := range members {
		if m.site == nil {
			g.origins, g.inputs = append(g.origins, m.origin), append(g.inputs, m.inputs...)
			continue
		}
		below := dir + "-" + strconv.Itoa(i)
		if err := os.Mkdir(below, 0o700); err != nil {
			return nil, err
		}
		one, err := m.site.whole(ctx, name, below, nil)
		if err != nil {
			return nil, err
		}
		g.origins, g.inputs = append(g.origins, one.origins...), append(g.inputs, one.inputs...)
	}
	return g, nil
}

// prior is what is known of a source of the snapshot that is from one place
// alone, nil if it is not.
func (db *DB) prior(name, from string) *origin {
	if db == nil {
		return nil
	}
	if o := db.pointer.Origins[name]; len(o) == 1 && o[0].From == from {
		return &o[0]
	}
	return nil
}

// familiesOf drops release suffixes: the bucket has one zip for all releases
// of a distribution.
func familiesOf(ecosystems []string) []string {
	var out []string
	for _, e := range ecosystems {
		name, _, _ := strings.Cut(e, ":")
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// openWhole opens the current snapshot after checking all of it. There is
// nothing to keep of one that is damaged or of another format: it is nil then,
// and whoever needs what it had finds the ecosystem missing.
func (o *Options) openWhole(ctx context.Context) (*DB, error) {
	old, _, err := openCurrent(o.Dir)
	if err == nil {
		if err = old.Verify(ctx); err == nil {
			return old, nil
		}
		_ = old.Close()
	}
	for _, start := range []error{ErrNoSnapshot, ErrDamaged, ErrFormat, fs.ErrNotExist} {
		if errors.Is(err, start) {
			return nil, nil
		}
	}
	return nil, err
}
