package osv_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tallyman/tallyman/vuln/osv"
)

// writerEnv makes TestWriterProcess an updater: folder, URL and ecosystems,
// separated by commas.
const writerEnv = "TALLYMAN_TEST_WRITER"

// TestWriterProcess is one process of the tests below.
func TestWriterProcess(t *testing.T) {
	arg := strings.Split(os.Getenv(writerEnv), ",")
	if len(arg) < 3 {
		t.Skip("it runs as a child of other tests")
	}
	o := osv.Options{Dir: arg[0], From: arg[1], Ecosystems: arg[2:], Client: &http.Client{}, Pause: noPause}
	if _, err := osv.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func writer(t *testing.T, dir, from string, ecosystems ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriterProcess$")
	cmd.Env = append(os.Environ(), writerEnv+"="+strings.Join(append([]string{dir, from}, ecosystems...), ","))
	return cmd
}

// folderTime is what time it is by the file system, which may be a server's.
func folderTime(t *testing.T, dir string) time.Time {
	t.Helper()
	path := filepath.Join(dir, "now")
	write(t, path, nil)
	info, err := os.Stat(path)
	if err := errors.Join(err, os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

// TestParallelUpdates of an ecosystem each, in a process each, end with one
// snapshot of all of them, the same as one update of all makes.
func TestParallelUpdates(t *testing.T) {
	w := world{}
	var names []string
	for i := range 8 {
		name := []string{"PyPI", "npm", "Go", "Debian", "Alpine", "crates.io", "Maven", "NuGet"}[i]
		names, w[name] = append(names, name), map[string]string{}
		for n := range 20 {
			id := fmt.Sprintf("X%d-%d", i, n)
			w[name][id] = recordJSON(id, name, "p", "2025-01-01T00:00:00Z", "")
		}
	}
	b, dir := newBucket(t, w), t.TempDir()
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() {
			if out, err := writer(t, dir, b.URL, name).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		})
	}
	all.Wait()
	if got, want := openCurrent(t, dir).Digest(), b.update(t, t.TempDir(), names...).Digest; got != want {
		status, err := openCurrent(t, dir).Status(now)
		t.Errorf("%s, want %s: %+v, %v", got, want, status, err)
	}
}

// TestKilledUpdates: processes that are killed at any moment leave the old
// snapshot or the new one, and what they left behind goes away.
// TALLYMAN_TEST_KILLS says how many.
func TestKilledUpdates(t *testing.T) {
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("TALLYMAN_TEST_KILLS")); err == nil {
		kills = n
	}
	worlds := []world{{"PyPI": {}}, {"PyPI": {}}}
	var digests []string
	b, dir := newBucket(t, nil), t.TempDir()
	for i, w := range worlds {
		for n := range 400 {
			id := fmt.Sprintf("PYSEC-%d", n)
			at := fmt.Sprintf("2025-01-%02dT00:00:00Z", 1+i*(n%2))
			w["PyPI"][id] = recordJSON(id, "PyPI", "p"+strconv.Itoa(n), at, fmt.Sprintf(`,"details":%q`, strings.Repeat(at, 200)))
		}
		b.set(w)
		digests = append(digests, b.update(t, t.TempDir(), "PyPI").Digest)
	}
	b.set(worlds[0])
	var whole time.Duration // of an update that is not killed
	for i := range 3 {
		b.set(worlds[i%2])
		start := time.Now()
		if out, err := writer(t, dir, b.URL, "PyPI").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		whole = time.Since(start)
	}
	r := rand.New(rand.NewPCG(1, 2))
	counts := map[string]int{}
	for i := range kills {
		b.set(worlds[(i+1)%2])
		cmd := writer(t, dir, b.URL, "PyPI")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Int64N(int64(whole))))
		_ = cmd.Process.Kill()
		if cmd.Wait() == nil {
			counts["done before"]++
		}
		db, err := osv.OpenCurrent(dir)
		if err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		at := slices.Index(digests, db.Digest())
		if err := db.Verify(t.Context()); err != nil || at < 0 || db.Fallback() != "" {
			t.Fatalf("kill %d: snapshot %d, %v, %s", i, at, err, db.Fallback())
		}
		counts[[]string{"new", "old"}[(i+1+at)%2]]++
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills of a process of %s: %v; %d files left behind", kills, whole, counts, len(left))
	b.set(worlds[1])
	if res := b.update(t, dir, "PyPI"); res.Digest != digests[1] {
		t.Errorf("the update after: %+v", res)
	}
	dead := folderTime(t, dir).Add(-2 * osv.DefaultGrace)
	for _, path := range left {
		if err := os.Chtimes(path, dead, dead); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if _, err := osv.Prune(t.Context(), dir, 0); err != nil {
		t.Fatal(err)
	}
	if left, err = filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left after pruning: %v, %v", left, err)
	}
}

// TestPrune keeps what is current, kept, young, or before the current one, and
// nothing else; a process that reads what is removed goes on.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	made := func(id string) string {
		t.Helper()
		from := folder(t, "PyPI/a.json", recordJSON(id, "PyPI", "a", "2025-01-01T00:00:00Z", ""))
		res, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: from})
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Base(res.Path)
	}
	first := made("PYSEC-1")
	if _, err := osv.KeepCurrent(t.Context(), dir, "", time.Time{}, now, true); err != nil {
		t.Fatal(err)
	}
	second := made("PYSEC-2")
	reader := openCurrent(t, dir)
	third, fourth := made("PYSEC-3"), made("PYSEC-4")
	write(t, filepath.Join(dir, ".snapshot-1"), []byte("of a dead run"))
	write(t, filepath.Join(dir, "mine.txt"), []byte("of the user"))
	if pruned, err := osv.Prune(t.Context(), dir, time.Hour); err != nil || len(pruned.Files) > 0 {
		t.Errorf("all are young: %+v, %v", pruned, err)
	}
	// A run that is alive keeps its temporary files, whatever the grace.
	write(t, filepath.Join(dir, ".download-2", "all.zip"), []byte("of a live run"))
	dead := folderTime(t, dir).Add(-2 * osv.DefaultGrace)
	if err := os.Chtimes(filepath.Join(dir, ".snapshot-1"), dead, dead); err != nil {
		t.Fatal(err)
	}
	pruned, err := osv.Prune(t.Context(), dir, 0)
	if err != nil || !slices.Equal(pruned.Files, []string{".snapshot-1", second}) {
		t.Errorf("pruned %+v, %v, want what is neither %s, %s nor %s", pruned, err, first, third, fourth)
	}
	if list, err := reader.Advisories(t.Context(), "PyPI", "a"); err != nil || len(list) != 1 || list[0].ID != "PYSEC-2" {
		t.Errorf("the reader has %v, %v", list, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "mine.txt")); err != nil {
		t.Error(err)
	}
}

// TestKeptFor: the latest of that day or before.
func TestKeptFor(t *testing.T) {
	dir := t.TempDir()
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	ids := map[string]string{}
	for _, d := range []string{"2025-03-01", "2025-01-01", "2025-02-01"} {
		from := folder(t, "PyPI/a.json", recordJSON("PYSEC-"+d, "PyPI", "a", d+"T12:00:00Z", ""))
		if _, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: from}); err != nil {
			t.Fatal(err)
		}
		if k, err := osv.KeepCurrent(t.Context(), dir, "", time.Time{}, now, true); err != nil || k.Name != d {
			t.Fatalf("%+v, %v", k, err)
		}
		ids[d] = "PYSEC-" + d
	}
	for at, want := range map[string]string{"2025-01-01": "2025-01-01", "2025-01-31": "2025-01-01", "2025-02-01": "2025-02-01", "2026-01-01": "2025-03-01"} {
		path, err := osv.KeptFor(dir, day(at))
		if err != nil {
			t.Fatal(err)
		}
		db, err := osv.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := db.Get(t.Context(), ids[want]); err != nil || a == nil {
			t.Errorf("for %s: %v, %v, want that of %s", at, a, err, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := osv.KeptFor(dir, day("2024-12-31")); !errors.Is(err, osv.ErrNotKept) {
		t.Errorf("before the first: %v", err)
	}
	if _, err := osv.KeepCurrent(t.Context(), dir, "", day("2025-01-31"), now, true); !errors.Is(err, osv.ErrNotKeepable) {
		t.Errorf("as of a day before its data: %v", err)
	}
	if _, err := osv.KeepCurrent(t.Context(), dir, "", now.AddDate(0, 0, 1), now, true); !errors.Is(err, osv.ErrNotKeepable) {
		t.Errorf("as of a day that is still to come: %v", err)
	}
	write(t, filepath.Join(dir, "kept-2025-02-15.json"), []byte(`{"snapshot":"../../etc/passwd","day":"2025-02-15"}`))
	if _, err := osv.KeptFor(dir, day("2025-02-16")); !errors.Is(err, osv.ErrDamaged) {
		t.Errorf("one that leads elsewhere: %v", err)
	}
}
