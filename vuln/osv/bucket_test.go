package osv_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tallyman/tallyman/vuln/osv"
)

// world is what a bucket holds: source, then id, then record.
type world map[string]map[string]string

func (w world) clone() world {
	out := world{}
	for name, records := range w {
		out[name] = maps.Clone(records)
	}
	return out
}

// fakeBucket serves a world in the layout of OSV's bucket.
type fakeBucket struct {
	*httptest.Server
	mu    sync.Mutex
	world world
	// listed are the times of records that have none themselves.
	listed map[string]string
	// date is the server's, noList and noTags take modified_id.csv and the
	// validators away.
	date           string
	noList, noTags bool
	// unlisted are ids that the bucket has and modified_id.csv has not.
	unlisted map[string]bool
	requests []string
	zips     map[string][]byte
}

func newBucket(t testing.TB, w world) *fakeBucket {
	t.Helper()
	b := &fakeBucket{world: w, listed: map[string]string{}, date: "Fri, 01 May 2026 12:00:00 GMT", zips: map[string][]byte{}}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *fakeBucket) set(w world) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.world, b.zips = w, map[string][]byte{}
}

// asked returns what was asked for since the last call.
func (b *fakeBucket) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.requests
	b.requests = nil
	return out
}

func (b *fakeBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests = append(b.requests, r.URL.Path)
	w.Header().Set("Date", b.date)
	source, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	records, ok := b.world[source]
	if !ok {
		http.NotFound(w, r)
		return
	}
	var data []byte
	switch id := strings.TrimSuffix(name, ".json"); {
	case name == "all.zip":
		data = b.zip(source)
	case name == "modified_id.csv" && !b.noList:
		data = b.list(source)
	case records[id] != "" && id != name:
		data = []byte(records[id])
	default:
		http.NotFound(w, r)
		return
	}
	tag := fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(data)))
	if !b.noTags {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	_, _ = w.Write(data)
}

func (b *fakeBucket) zip(source string) []byte {
	if b.zips[source] == nil {
		var files []string
		for _, id := range slices.Sorted(maps.Keys(b.world[source])) {
			files = append(files, id+".json", b.world[source][id])
		}
		b.zips[source] = mustZip(files...)
	}
	return b.zips[source]
}

// list is the modified_id.csv, newest first.
func (b *fakeBucket) list(source string) []byte {
	var lines []string
	for id, data := range b.world[source] {
		if b.unlisted[id] {
			continue
		}
		var r struct{ Modified string }
		at := b.listed[id]
		if json.Unmarshal([]byte(data), &r) == nil && r.Modified != "" {
			at = r.Modified
		}
		if at == "" {
			at = "2020-01-01T00:00:00Z"
		}
		lines = append(lines, at+","+id+"\n")
	}
	slices.Sort(lines)
	slices.Reverse(lines)
	return []byte(strings.Join(lines, ""))
}

// update brings dir up to date from the bucket.
func (b *fakeBucket) update(t testing.TB, dir string, ecosystems ...string) *osv.Result {
	t.Helper()
	res, err := osv.Update(t.Context(), b.options(dir, ecosystems...))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (b *fakeBucket) options(dir string, ecosystems ...string) osv.Options {
	return osv.Options{Dir: dir, From: b.URL, Ecosystems: ecosystems, Client: b.Client(), Pause: noPause}
}
