package osv_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/vuln/osv"
)

func noPause(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// TestSecondUpdateFetchesWhatChanged, and nothing when nothing did; either
// way the server's date is today's.
func TestSecondUpdateFetchesWhatChanged(t *testing.T) {
	w := world{"PyPI": {}}
	for i := range 100 {
		id := fmt.Sprintf("PYSEC-%d", i)
		w["PyPI"][id] = recordJSON(id, "PyPI", "p", "2025-01-01T00:00:00Z", "")
	}
	b, dir := newBucket(t, w), t.TempDir()
	first := b.update(t, dir, "PyPI")
	if diff := cmp.Diff([]string{"/PyPI/all.zip"}, b.asked()); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	b.date = "Sat, 02 May 2026 12:00:00 GMT"
	if again := b.update(t, dir, "PyPI"); !again.Unchanged || again.Digest != first.Digest {
		t.Errorf("nothing changed: %+v", again)
	}
	b.date = "Sun, 03 May 2026 12:00:00 GMT"
	if again := b.update(t, dir, "PyPI"); !again.Unchanged || again.Downloaded != 0 {
		t.Errorf("nothing changed, and the list has a tag: %+v", again)
	}
	if diff := cmp.Diff([]string{"/PyPI/modified_id.csv", "/PyPI/modified_id.csv"}, b.asked()); diff != "" {
		t.Errorf("nothing changed (-want +got):\n%s", diff)
	}
	db := openCurrent(t, dir)
	s, err := db.StatusOf("PyPI", now)
	if want := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC); err != nil || !s.Date.Equal(want) {
		t.Errorf("date %v, %v, want %v", s, err, want)
	}
	w = w.clone()
	w["PyPI"]["PYSEC-7"] = recordJSON("PYSEC-7", "PyPI", "q", "2025-01-02T00:00:00Z", "")
	w["PyPI"]["PYSEC-100"] = recordJSON("PYSEC-100", "PyPI", "q", "2025-01-02T00:00:00Z", "")
	delete(w["PyPI"], "PYSEC-3")
	b.set(w)
	b.update(t, dir, "PyPI")
	got := b.asked()
	slices.Sort(got)
	if diff := cmp.Diff([]string{"/PyPI/PYSEC-100.json", "/PyPI/PYSEC-3.json", "/PyPI/PYSEC-7.json", "/PyPI/modified_id.csv"}, got); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if full := b.update(t, t.TempDir(), "PyPI"); openCurrent(t, dir).Digest() != full.Digest {
		t.Error("base plus delta is not the full build")
	}
	if o := openCurrent(t, dir).Origins(); len(o) != 1 || o[0].How != osv.Incremental || o[0].From != b.URL {
		t.Errorf("origins %+v", o)
	}
}

// TestUpdateWithoutList asks whether the zip changed.
func TestUpdateWithoutList(t *testing.T) {
	b, dir := newBucket(t, world{"PyPI": {"PYSEC-1": recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", "")}}), t.TempDir()
	b.noList = true
	b.update(t, dir, "PyPI")
	if again := b.update(t, dir, "PyPI"); !again.Unchanged || again.Downloaded != 0 {
		t.Errorf("%+v", again)
	}
	b.set(world{"PyPI": {"PYSEC-2": recordJSON("PYSEC-2", "PyPI", "a", "2025-01-01T00:00:00Z", "")}})
	if again := b.update(t, dir, "PyPI"); again.Unchanged || again.Downloaded == 0 {
		t.Errorf("%+v", again)
	}
}

// TestWholeDownloadOnceAMonth finds what changed without changing its date.
func TestWholeDownloadOnceAMonth(t *testing.T) {
	b, dir := newBucket(t, world{"PyPI": {"PYSEC-1": recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", "")}}), t.TempDir()
	b.update(t, dir, "PyPI")
	b.set(world{"PyPI": {"PYSEC-1": recordJSON("PYSEC-1", "PyPI", "b", "2025-01-01T00:00:00Z", "")}})
	if res := b.update(t, dir, "PyPI"); !res.Unchanged {
		t.Errorf("the same date: %+v", res)
	}
	b.date = "Fri, 05 Jun 2026 12:00:00 GMT"
	if res := b.update(t, dir, "PyPI"); res.Unchanged {
		t.Errorf("a month later: %+v", res)
	}
}

// TestRandomDeltas: whatever comes, goes, changes, is withdrawn, breaks and is
// mended, in whatever steps, the snapshot is the one of a full build.
func TestRandomDeltas(t *testing.T) {
	seed := uint64(20261122)
	r := rand.New(rand.NewPCG(seed, 1))
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	w := world{"PyPI": {}, "npm": {}}
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	b, dir := newBucket(t, w), t.TempDir()
	mutate(r, b, w, &at, 120)
	incremental := 0
	for round := range rounds {
		w = w.clone()
		mutate(r, b, w, &at, []int{0, 1, 3, 10, 40}[r.IntN(5)])
		b.set(w)
		b.asked()
		ecosystems := [][]string{{"PyPI", "npm"}, {"PyPI"}, {"npm"}}[r.IntN(3)]
		if round == 0 {
			ecosystems = []string{"PyPI", "npm"}
		}
		b.update(t, dir, ecosystems...)
		if !slices.ContainsFunc(b.asked(), func(s string) bool { return strings.HasSuffix(s, "all.zip") }) {
			incremental++
		}
		if len(ecosystems) < 2 {
			continue
		}
		if got, want := openCurrent(t, dir).Digest(), b.update(t, t.TempDir(), "PyPI", "npm").Digest; got != want {
			t.Fatalf("seed %d, round %d: %s, a full build is %s", seed, round, got, want)
		}
	}
	t.Logf("%d rounds, %d incremental", rounds, incremental)
	if incremental < rounds/2 {
		t.Errorf("only %d of %d rounds were incremental", incremental, rounds)
	}
}

// mutate makes n changes to w.
func mutate(r *rand.Rand, b *fakeBucket, w world, at *time.Time, n int) {
	for range n {
		*at = at.Add(time.Duration(1+r.IntN(5_000_000)) * time.Microsecond)
		now := at.Format(time.RFC3339Nano)
		id := fmt.Sprintf("GHSA-%d", r.IntN(150))
		sources := [][]string{{"PyPI"}, {"npm"}, {"PyPI", "npm"}}[r.IntN(3)]
		data := recordJSON(id, sources[0], fmt.Sprintf("p%d", r.IntN(20)), now, "")
		if len(sources) == 2 {
			data = strings.Replace(data, `"affected":[`, `"affected":[{"package":{"ecosystem":"npm","name":"q"},"versions":["1"]},`, 1)
		}
		switch r.IntN(8) {
		case 0:
			data = strings.Replace(data, `"affected"`, fmt.Sprintf(`"withdrawn":%q,"affected"`, now), 1)
		case 1:
			data = `{"id":` // nothing that can be read
		case 2:
			data = strings.ReplaceAll(data, `"ecosystem":"`+sources[0], `"ecosystem":"Go`) // another's
		}
		b.mu.Lock()
		b.listed[id] = now
		b.mu.Unlock()
		for _, s := range []string{"PyPI", "npm"} {
			delete(w[s], id)
			if slices.Contains(sources, s) && r.IntN(6) > 0 {
				w[s][id] = data
			}
		}
	}
}

// TestRealDelta goes from June to today on the real PyPI.
func TestRealDelta(t *testing.T) {
	june := recordsOf(t, shared(t, "data/osv-2026-06-15/PyPI/all.zip"))
	today := recordsOf(t, shared(t, "data/osv/PyPI/all.zip"))
	// Today's has malware as well, which is more than a third.
	maps.DeleteFunc(today, func(id, _ string) bool { return strings.HasPrefix(id, "MAL-") })
	// Its records were also written anew, without a new date: no list says so.
	silent := 0
	for id, data := range june {
		if today[id] != data && today[id] != "" && dateOf(t, today[id]).Equal(dateOf(t, data)) {
			today[id] = data
			silent++
		}
	}
	t.Logf("%d records in June, %d today, %d of them differ without another date", len(june), len(today), silent)
	b := newBucket(t, world{"PyPI": june})
	dir := t.TempDir()
	start := time.Now()
	first := b.update(t, dir, "PyPI")
	t.Logf("June, in full: %d bytes in %s", first.Downloaded, time.Since(start))
	for i, step := range steps(june, today) {
		b.set(world{"PyPI": step})
		b.asked()
		start = time.Now()
		res := b.update(t, dir, "PyPI")
		took := time.Since(start)
		asked := b.asked()
		if slices.Contains(asked, "/PyPI/all.zip") {
			t.Errorf("step %d was a whole download", i)
		}
		start = time.Now()
		full := b.update(t, t.TempDir(), "PyPI")
		t.Logf("step %d: %d files, %d bytes in %s; in full %d bytes in %s", i, len(asked), res.Downloaded, took, full.Downloaded, time.Since(start))
		if res.Digest != full.Digest {
			t.Fatalf("step %d: %s, a full build is %s", i, res.Digest, full.Digest)
		}
	}
}

// steps lead from one state to another, a quarter of a bucket at a time, the
// last of them 25 records.
func steps(from, to map[string]string) (out []map[string]string) {
	now := maps.Clone(from)
	var differ []string
	for _, id := range slices.Sorted(maps.Keys(to)) {
		if from[id] != to[id] {
			differ = append(differ, id)
		}
	}
	for len(differ) > 0 {
		n := min(len(differ), len(now)/4)
		if n == len(differ) && n > 25 {
			n -= 25
		}
		now = maps.Clone(now)
		for _, id := range differ[:n] {
			now[id] = to[id]
		}
		if differ = differ[n:]; len(differ) == 0 {
			maps.DeleteFunc(now, func(id, _ string) bool { _, ok := to[id]; return !ok })
		}
		out = append(out, now)
	}
	return out
}

func dateOf(t *testing.T, data string) time.Time {
	t.Helper()
	var r struct{ Modified time.Time }
	if err := json.Unmarshal([]byte(data), &r); err != nil {
		t.Fatal(err)
	}
	return r.Modified
}

func recordsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(f.Name, ".json")] = string(data)
	}
	return out
}

// TestSourcesAreMerged: of a record that two have, the newest is looked up,
// and each has what the other lacks.
func TestSourcesAreMerged(t *testing.T) {
	b := newBucket(t, world{"PyPI": {
		"PYSEC-1": recordJSON("PYSEC-1", "PyPI", "new", "2025-01-02T00:00:00Z", ""),
		"PYSEC-2": recordJSON("PYSEC-2", "PyPI", "old", "2025-01-01T00:00:00Z", ""),
	}})
	ours := folder(t, "PyPI/PYSEC-1.json", recordJSON("PYSEC-1", "PyPI", "old", "2025-01-01T00:00:00Z", ""),
		"PyPI/PYSEC-2.json", recordJSON("PYSEC-2", "PyPI", "new", "2025-01-02T00:00:00Z", ""),
		"PyPI/IN-1.json", recordJSON("IN-1", "PyPI", "new", "2025-01-01T00:00:00Z", ""))
	for _, order := range [][]osv.Source{{{From: b.URL}, {From: ours}}, {{From: ours}, {From: b.URL}}} {
		o := b.options(t.TempDir(), "PyPI")
		o.Sources = order
		if _, err := osv.Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		db := openCurrent(t, o.Dir)
		for name, want := range map[string]int{"new": 3, "old": 0} {
			if list, err := db.Advisories(t.Context(), "PyPI", name); err != nil || len(list) != want {
				t.Errorf("%s: %v, %v, want %d", name, list, err, want)
			}
		}
		if !strings.Contains(db.Source(), b.URL) || !strings.Contains(db.Source(), ours) {
			t.Errorf("source %q", db.Source())
		}
	}
}

// TestCredentialsStayWithTheirHost: a header and a password are sent to the
// host that they are for, to no other that it redirects to, and appear in
// nothing that is shown or written.
func TestCredentialsStayWithTheirHost(t *testing.T) {
	data := mustZip("PYSEC-1.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
	other := bucket(t, map[string]http.HandlerFunc{"/stolen.zip": func(w http.ResponseWriter, r *http.Request) {
		if all := fmt.Sprint(r.Header); strings.Contains(all, "secret") || strings.Contains(all, "c2VjcmV0") || r.Referer() != "" {
			t.Errorf("another host was given %s", all)
		}
		_, _ = w.Write(data)
	}})
	asked := 0
	server := bucket(t, map[string]http.HandlerFunc{"/PyPI/all.zip": func(w http.ResponseWriter, r *http.Request) {
		asked++
		if _, password, _ := r.BasicAuth(); r.Header.Get("X-Token") != "secret" || password != "secret" {
			t.Errorf("its own host was given %v", r.Header)
		}
		http.Redirect(w, r, other.URL+"/stolen.zip", http.StatusFound)
	}})
	dir := t.TempDir()
	var events []osv.Event
	res, err := osv.Update(t.Context(), osv.Options{
		Dir: dir, Client: server.Client(), Ecosystems: []string{"PyPI"}, Progress: func(e osv.Event) { events = append(events, e) },
		Sources: []osv.Source{{From: strings.Replace(server.URL, "http://", "http://user:secret@", 1) + "?key=secret", Header: http.Header{"X-Token": {"secret"}}}},
	})
	if err != nil || asked != 1 {
		t.Fatalf("%v, asked %d times", err, asked)
	}
	db := openCurrent(t, dir)
	pointer, err := os.ReadFile(filepath.Join(dir, "current"))
	if all := fmt.Sprintf("%+v %+v %s %+v %s", res, events, db.Source(), db.Origins(), pointer); err != nil || strings.Contains(all, "secret") {
		t.Errorf("a secret in %s (%v)", all, err)
	}
}

func openCurrent(t testing.TB, dir string) *osv.DB {
	t.Helper()
	db, err := osv.OpenCurrent(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
