package osv

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// world is what a bucket holds: source, then file name, then content.
type world map[string]map[string]string

// build compiles everything.
func (w world) build(tb testing.TB) []byte {
	tb.Helper()
	b := newBuilder(w.sources())
	w.addAll(tb, b, func(_, _ string) bool { return true })
	return written(tb, b)
}

func (w world) sources() []source {
	var out []source
	for name := range w {
		out = append(out, source{name: name})
	}
	return out
}

func (w world) addAll(tb testing.TB, b *builder, wanted func(source, file string) bool) {
	tb.Helper()
	l := &loader{builder: b}
	for s, files := range w { // in whatever order
		for name, data := range files {
			if wanted(s, name) {
				if err := l.addOne(s, name, []byte(data), nil); err != nil {
					tb.Fatal(err)
				}
			}
		}
	}
}

func written(tb testing.TB, b *builder) []byte {
	tb.Helper()
	data, err := b.bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// step builds the world from a snapshot of the one before it, of which it
// reads only what differs.
func (w world) step(tb testing.TB, before world, snapshot []byte) []byte {
	tb.Helper()
	db, err := openBytes(snapshot)
	if err != nil {
		tb.Fatal(err)
	}
	b := newBuilder(w.sources())
	differs := func(source, file string) bool { return before[source][file] != w[source][file] }
	for s := range w {
		if err := db.carry(tb.Context(), b, s, func(file string) bool { return differs(s, file) }); err != nil {
			tb.Fatal(err)
		}
	}
	w.addAll(tb, b, differs)
	return written(tb, b)
}

// randomFile is a record, or something that is refused.
func randomFile(r *rand.Rand, eco string) (name, data string) {
	id := fmt.Sprintf("X-%d", r.IntN(150))
	name = id + ".json"
	switch r.IntN(12) {
	case 0:
		return name, `{"id":"` + id + `"}`
	case 1:
		name = "other-" + name // another file with the id
	}
	pad := make([]byte, r.IntN(3000))
	if r.IntN(20) == 0 {
		pad = make([]byte, 70_000)
	}
	for i := range pad {
		pad[i] = "abcdefghijklmnop"[r.IntN(16)]
	}
	return name, fmt.Sprintf(`{"id":%q, "modified":"2025-01-0%dT00:00:00.5Z", "aliases":["CVE-%d"], "upstream":["CVE-%d"], "details":%q, "database_specific":{"n":%d},
		"affected":[{"package":{"ecosystem":%q,"name":"p%d"},"versions":["1"]}]}`, id, 1+r.IntN(3), r.IntN(9), r.IntN(9), pad, r.IntN(3), eco, r.IntN(9))
}

// TestBasePlusDeltaEqualsFull, byte for byte, on random changes: records that
// change, come and go, refused ones, and one id in several files and sources.
func TestBasePlusDeltaEqualsFull(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sources := []string{"PyPI", "npm", "Go"}
	w := world{}
	for _, s := range sources {
		w[s] = map[string]string{}
		for range 150 {
			name, data := randomFile(r, s)
			w[s][name] = data
		}
	}
	snapshot := w.build(t)
	for round := range 15 {
		next := world{}
		for s, files := range w {
			next[s] = maps.Clone(files)
		}
		for range r.IntN(30) {
			s := sources[r.IntN(3)]
			if name, data := randomFile(r, s); r.IntN(3) == 0 {
				delete(next[s], name)
			} else {
				next[s][name] = data
			}
		}
		snapshot = next.step(t, w, snapshot)
		if full := next.build(t); !bytes.Equal(full, snapshot) {
			t.Fatalf("round %d: base and delta give %s, all at once %s", round, digestOf(snapshot[:blockBytes]), digestOf(full[:blockBytes]))
		}
		w = next
	}
}

// TestCarryAcrossCompilers: what another version of the program compiled is
// compiled again from the originals.
func TestCarryAcrossCompilers(t *testing.T) {
	w := world{"PyPI": {}}
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		name, data := randomFile(r, "PyPI")
		w["PyPI"][name] = data
	}
	want := w.build(t)
	db, err := openBytes(bytes.Clone(want))
	if err != nil {
		t.Fatal(err)
	}
	db.region.head.compiler++
	b := newBuilder(w.sources())
	if err := db.carry(t.Context(), b, "PyPI", nil); err != nil {
		t.Fatal(err)
	}
	if got := written(t, b); !bytes.Equal(want, got) {
		t.Error("compiled from the originals it differs")
	}
}

// TestOriginalsAreKept: each file's content, without its white space.
func TestOriginalsAreKept(t *testing.T) {
	w := world{"PyPI": {
		"X-1.json": `{ "id": "X-1", "modified": "2025-01-02T03:04:05.678Z", "affected": [ {"package": {"ecosystem": "PyPI", "name": "a"}, "versions": ["1"]} ], "other": "\u00e9 <&> é" }`,
		"y.json":   `{"id":"X-1","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"a"}}]}`,
	}}
	db, err := openBytes(w.build(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = db.filesOf(t.Context(), "PyPI", func(f *storedFile) error {
		text, err := db.original(f.number)
		got = append(got, fmt.Sprintf("%s %s %t %s %s", f.id, f.name, f.kept, f.modified.Format(time.RFC3339Nano), text))
		return err
	})
	want := []string{
		`X-1 X-1.json true 2025-01-02T03:04:05.678Z {"id":"X-1","modified":"2025-01-02T03:04:05.678Z","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":["1"]}],"other":"\u00e9 <&> é"}`,
		`X-1 y.json false 2024-01-01T00:00:00Z {"id":"X-1","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"a"}}]}`,
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("files %q, %v", got, err)
	}
}

// TestRealCarry: the PyPI of today on top of the one of June, of which only
// what differs is read, is the PyPI of today.
func TestRealCarry(t *testing.T) {
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(root, "data/osv-2026-06-15")); err != nil {
		t.Skipf("the shared data is absent (set TALLYMAN_SHARED): %v", err)
	}
	june := world{"PyPI": zipFiles(t, filepath.Join(root, "data/osv-2026-06-15/PyPI/all.zip"))}
	today := world{"PyPI": zipFiles(t, filepath.Join(root, "data/osv/PyPI/all.zip"))}
	base := june.build(t)
	start := time.Now()
	full := today.build(t)
	t.Logf("all %d at once: %s", len(today["PyPI"]), time.Since(start))
	start = time.Now()
	if got := today.step(t, june, base); !bytes.Equal(full, got) {
		t.Error("June and what changed since is not today")
	}
	t.Logf("what changed since June: %s", time.Since(start))
	start = time.Now()
	if got := today.step(t, today, full); !bytes.Equal(full, got) {
		t.Error("today and nothing is not today")
	}
	t.Logf("no change: %s", time.Since(start))
}

func zipFiles(t *testing.T, path string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out := map[string]string{}
	for _, f := range z.File {
		data, err := readEntry(f)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = string(data)
	}
	return out
}
