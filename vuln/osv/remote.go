package osv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tallyman/tallyman/internal/limit"
)

// Bounds on an incremental update. Beyond them everything is fetched.
const (
	// wholeEvery is how old the last whole download may be: a source may
	// change records without changing their dates.
	// https://github.com/google/osv.dev/issues/4486
	wholeEvery = 30 * 24 * time.Hour
	// parallelFetches is how many records are fetched at the same time.
	parallelFetches = 4
	// alwaysFew is a number of changes that is never too many.
	alwaysFew = 64
	// mostPart: no more than the mostPart-th part may change, or go.
	mostPart = 3
)

// group is what an update does about one source of the snapshot.
type group struct {
	name    string
	origins []origin
	// inputs are to be compiled.
	inputs []input
	// drop says which files of the base are not carried over. Without it none
	// is, unless the base is the same.
	drop func(file string) bool
	// same means that the base has all of it already.
	same bool
}

// remote plans what to do about an ecosystem of one site, and downloads what
// it takes. prior is what is known of the last time, nil for nothing; without
// it base is not looked at.
func (s *site) remote(ctx context.Context, name, dir string, base *DB, prior *origin) (*group, error) {
	if prior == nil || prior.Full.IsZero() || s.o.Full {
		return s.whole(ctx, name, dir, nil)
	}
	var list map[string]time.Time
	a, err := s.get(ctx, request{
		url: s.base.JoinPath(name, "modified_id.csv"), since: prior.Index, max: limit.AdvisoryIndexBytes, event: Event{Kind: Downloading, Ecosystem: name},
		body: func(r io.Reader) (err error) { list, err = readIndex(r); return err },
	})
	switch {
	case err != nil:
		return nil, err
	case a.absent():
		return s.whole(ctx, name, dir, prior)
	case a.date.Sub(prior.Full) > wholeEvery:
		return s.whole(ctx, name, dir, nil)
	}
	next := *prior
	next.Date = a.date
	if a.status == http.StatusNotModified {
		return &group{name: name, origins: []origin{next}, same: true}, nil
	}
	next.How, next.Index = Incremental, a.tags
	g, err := s.delta(ctx, delta{name: name, dir: dir, base: base, list: list, next: next})
	if errors.Is(err, errTooMany) {
		return s.whole(ctx, name, dir, nil)
	}
	return g, err
}

// whole downloads the all.zip, unless it is the one of prior.
func (s *site) whole(ctx context.Context, name, dir string, prior *origin) (*group, error) {
	var since validators
	if prior != nil {
		since = prior.Zip
	}
	path, u := filepath.Join(dir, "all.zip"), s.base.JoinPath(name, "all.zip")
	a, err := s.get(ctx, request{
		url: u, since: since, max: limit.AdvisoryZipBytes, event: Event{Kind: Downloading, Ecosystem: name},
		body: func(r io.Reader) error { return saveTo(path, r) },
	})
	switch {
	case err != nil:
		return nil, err
	case a.absent():
		return nil, fmt.Errorf("%s: the server answers %d", publicURL(u), a.status)
	case a.status == http.StatusNotModified:
		next := *prior
		next.Date = a.date
		return &group{name: name, origins: []origin{next}, same: true}, nil
	}
	return &group{
		name: name, inputs: []input{{name: name, zip: path}},
		origins: []origin{{From: publicURL(s.base), Date: a.date, Full: a.date, How: Whole, Zip: a.tags}},
	}, nil
}

func saveTo(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// errTooMany means that so much changed that everything is fetched.
var errTooMany = errors.New("too many changes")

// delta is the difference between a snapshot and a list of what there is.
type delta struct {
	name, dir string
	base      *DB
	list      map[string]time.Time
	next      origin
}

// delta fetches the records that are not as the list has them.
func (s *site) delta(ctx context.Context, d delta) (*group, error) {
	have, err := d.base.contents(ctx, d.name)
	if err != nil {
		return nil, err
	}
	before := readSettled(s.o.Dir, d.next.Settled)
	keep := map[string]bool{}
	settled := map[string]time.Time{}
	var changed []string
	for id, at := range d.list {
		m, there := have[id+jsonSuffix]
		switch {
		case there && m.Equal(at):
			keep[id+jsonSuffix] = true
		case there && before[id].Equal(at):
			keep[id+jsonSuffix], settled[id] = true, at
		default:
			changed = append(changed, id)
		}
	}
	gone := len(have) - len(keep)
	if len(changed) > max(alwaysFew, len(d.list)/mostPart) || gone > max(alwaysFew, len(have)/mostPart) {
		return nil, errTooMany
	}
	if err := s.areGone(ctx, &d, have); err != nil {
		return nil, err
	}
	slices.Sort(changed)
	in, err := s.records(ctx, d, changed, settled)
	if err != nil {
		return nil, err
	}
	d.next.Settled, err = writeSettled(s.o.Dir, settled)
	return &group{
		name: d.name, origins: []origin{d.next}, inputs: []input{*in}, same: gone == 0 && len(changed) == 0,
		drop: func(file string) bool { return !keep[file] },
	}, err
}

// areGone makes sure that what the list no longer has is not there either: a
// list that was cut short, or is older than the all.zip, takes no record away.
// Otherwise it fails with errTooMany, and the all.zip decides.
func (s *site) areGone(ctx context.Context, d *delta, have map[string]time.Time) error {
	asked := 0
	for _, file := range sortedKeys(have) {
		id, ok := strings.CutSuffix(file, jsonSuffix)
		if _, listed := d.list[id]; ok && listed || have[file].IsZero() {
			continue
		}
		if asked++; !ok || !isFileID(id) || asked > alwaysFew {
			return errTooMany
		}
		a, err := s.get(ctx, request{url: s.base.JoinPath(d.name, file), max: 2 * limit.AdvisoryBytes, body: func(io.Reader) error { return nil }})
		if err != nil {
			return err
		}
		if !a.absent() {
			return errTooMany
		}
	}
	return nil
}

// records fetches records by their ids, a few at a time. Those whose own date
// is not the list's, or that will be refused, go to settled, unless the list
// knows of something newer than the server gives.
func (s *site) records(ctx context.Context, d delta, ids []string, settled map[string]time.Time) (*input, error) {
	in := &input{name: d.name, files: make([]string, len(ids)), names: make([]string, len(ids))}
	settles := make([]bool, len(ids))
	var total atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelFetches)
	for i, id := range ids {
		in.files[i], in.names[i] = filepath.Join(d.dir, strconv.Itoa(i)+jsonSuffix), id+jsonSuffix
		group.Go(func() error {
			n, settle, err := s.record(ctx, d, id, in.files[i])
			settles[i] = settle
			if err == nil && total.Add(n) > limit.AdvisoryDeltaBytes {
				err = fmt.Errorf("%w of %d bytes of changed records", limit.ErrTooLarge, int64(limit.AdvisoryDeltaBytes))
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, id := range ids {
		if settles[i] {
			settled[id] = d.list[id]
		}
	}
	return in, nil
}

func (s *site) record(ctx context.Context, d delta, id, path string) (n int64, settle bool, err error) {
	if err := ctx.Err(); err != nil {
		return 0, false, err
	}
	var data bytes.Buffer
	u := s.base.JoinPath(d.name, id+jsonSuffix)
	a, err := s.get(ctx, request{url: u, max: 2 * limit.AdvisoryBytes, body: func(r io.Reader) error {
		data.Reset()
		_, err := io.Copy(&data, r)
		return err
	}})
	if err != nil {
		return 0, false, err
	}
	if a.absent() {
		return 0, false, fmt.Errorf("%s: modified_id.csv lists the record and the server answers %d: try again later, or with --full", publicURL(u), a.status)
	}
	n = int64(data.Len())
	r, err := decodeRecord(data.Bytes())
	switch {
	case err != nil || n > limit.AdvisoryBytes:
		settle = true // it will be refused, as it would be in a zip
	case r.id != id:
		return n, false, fmt.Errorf("%s: it holds the record %.80q", publicURL(u), r.id)
	default:
		settle = r.modified.After(d.list[id]) || r.modified.Equal(d.list[id]) && !r.isOf(d.name)
	}
	return n, settle, os.WriteFile(path, data.Bytes(), 0o600)
}

const settledSuffix = ".settled"

func readSettled(dir, name string) map[string]time.Time {
	if hash := name[:max(0, len(name)-len(settledSuffix))]; !isHash(hash) || name != hash+settledSuffix {
		return nil
	}
	data, err := readBounded(filepath.Join(dir, name), limit.AdvisoryIndexBytes)
	if err != nil || settledName(data) != name {
		return nil // they are fetched once more
	}
	list, err := readIndex(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	return list
}

func settledName(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]) + settledSuffix
}

// writeSettled writes the list under the hash of its contents.
func writeSettled(dir string, list map[string]time.Time) (name string, err error) {
	if len(list) == 0 {
		return "", nil
	}
	data := writeIndex(list)
	return settledName(data), writeFile(dir, settledName(data), data)
}
